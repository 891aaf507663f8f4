"""What can be wrong between a phone, the meter that feeds it, and the tables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from tests.virtual_time.mutations import NONE as NONE_OF_PHONE
from tests.virtual_time.mutations import Mutation as OfPhone
from tests.virtual_time.mutations import later


@dataclass(frozen=True, slots=True)
class Mutation:
    """One defect; without arguments there is none.

    `faults` are those of the virtual meter. Its stored currents are `factor` times what was decoded. `pulses` changes
    what the phone prints of its trains. `feeds` is the seed of the phone that hangs on the meter instead of the one
    that is measured. From `late_from_s` seconds after its start on, the meter's stamps are `late_s` late.
    """

    faults: tuple[str, ...] = ()
    factor: float = 1.0
    phone: OfPhone = field(default=NONE_OF_PHONE)
    pulses: Callable[[bytes], bytes] = lambda said: said
    feeds: int | None = None
    late_s: float = 0.0
    late_from_s: float = 0.0


def edges_later(seconds: float) -> Callable[[bytes], bytes]:
    """The edges that a phone prints of a train, by so much later."""

    def changed(said: bytes) -> bytes:
        return b"\n".join(_edge_later(line, seconds) for line in said.split(b"\n"))

    return changed


def _edge_later(line: bytes, seconds: float) -> bytes:
    return line[:2] + later(seconds)(line[2:]).rstrip() if line[:2] in (b"B ", b"F ") else line


NONE: Final = Mutation()
# About the middle of the repeats.
_MIDDLE_S: Final = 13.0
# By name, so that processes can be told which one is meant.
MUTANTS: Final[Mapping[str, Mutation]] = {
    "none": NONE,
    "5 % of frames dropped": Mutation(faults=("drop=0.05",)),
    "frames of 50 ms lost": Mutation(faults=(f"lost={_MIDDLE_S}:0.05",)),
    "sign flipped": Mutation(factor=-1.0),
    "gain off 10 %": Mutation(factor=1.1),
    "on another phone": Mutation(feeds=7),
    "runner 50 ms late": Mutation(phone=OfPhone(runner=later(0.05))),
    "runner 50 ms early": Mutation(phone=OfPhone(runner=later(-0.05))),
    "edges 50 ms early": Mutation(pulses=edges_later(-0.05)),
    "edges 50 ms late": Mutation(pulses=edges_later(0.05)),
    "echoes 50 ms late": Mutation(phone=OfPhone(echo=later(0.05))),
    "meter 50 ms late": Mutation(late_s=0.05),
    "meter 50 ms late from the middle on": Mutation(late_s=0.05, late_from_s=_MIDDLE_S),
    "meter 50 ms early from the middle on": Mutation(late_s=-0.05, late_from_s=_MIDDLE_S),
}

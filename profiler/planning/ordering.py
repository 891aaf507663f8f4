"""In which order the repeats of several configurations are measured: interleaved, in mirrored rounds, seeded."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Turn(NamedTuple):
    """One repeat of one configuration (its place in the list of them), and its position among all, counted from 0."""

    place: int
    repeat: int
    order: int


def interleaved(repeats: Sequence[int], seed: int = 0) -> list[Turn]:
    """The turns of configurations that are repeated so often each.

    A round has every configuration once. Rounds come in pairs: one in an order drawn from `seed`, then the same
    backwards (ABBA), so that a drift that is linear in time, as of a battery or a room, is the same for all within
    each pair. Each pair is drawn anew, so that no configuration always follows the same other one.
    """
    chosen = random.Random(seed)  # noqa: S311  (an order, no secret)
    turns: list[Turn] = []
    drawn: list[int] = []
    for number in range(max(repeats, default=0)):
        if number % 2:
            drawn.reverse()
        else:
            drawn = list(range(len(repeats)))
            chosen.shuffle(drawn)
        turns += [Turn(place, number, len(turns) + k) for k, place in enumerate(_of(drawn, repeats, number))]
    return turns


def _of(drawn: Sequence[int], repeats: Sequence[int], number: int) -> list[int]:
    return [place for place in drawn if repeats[place] > number]


@dataclass(frozen=True, slots=True)
class Schedule:
    """What a plan says of a run beside its configurations.

    `turns` are the repeats that are to be measured, in order; None: all, interleaved by `seed`. `facts` join the run's
    conditions, `raw` its raw files. With `keep_going` a configuration that the device cannot execute, or that fails,
    is left out and said, and the others go on.
    """

    turns: Sequence[Turn] | None = None
    seed: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)
    raw: Mapping[str, bytes] = field(default_factory=dict)
    keep_going: bool = False

    def turns_of(self, repeats: Sequence[int]) -> Sequence[Turn]:
        """The repeats that are to be measured, of configurations that are repeated so often each."""
        return interleaved(repeats, self.seed) if self.turns is None else self.turns

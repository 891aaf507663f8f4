"""What can go wrong with a meter and its wire, on demand.

Times are seconds since the meter first began to sample. A `Window` is `AT_S` or `AT_S:FOR_S`, without `FOR_S` for good.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Final, Literal, NamedTuple

from edgewatt.profiler.errors import UsageError

Link = Literal["up", "stalled", "silent", "gone"]


class Window(NamedTuple):
    """From `at_s` on, for `for_s`."""

    at_s: float
    for_s: float = math.inf

    def holds(self, t_s: float) -> bool:
        """Whether it does at `t_s`."""
        return self.at_s <= t_s < self.at_s + self.for_s


NEVER: Final = Window(math.inf)


@dataclass(slots=True)
class Faults:
    """All of them; by default nothing is wrong. They may be changed while the meter is in use.

    `drop`, `checksum`, `garbage`, `cut`: the chance of each frame (USB: `drop` of each packet, `cut` as well) to be
    lost, to have a wrong checksum, to follow some bytes that mean nothing, to end early. `lost`: frames that end within
    it are lost. `stall`: the wire stands still, what does not fit the meter's queue is lost. `silent`: the meter says
    nothing. `mute`: from the beginning, whatever it is asked. `disconnect`: it is unplugged. `overcurrent`: it
    switches its output off and flags so. `dac`: its output is so many times what is set, and its DAC's constants are
    out of tolerance. `unsolicited`: it sends a status after a stop. USB only: `short`, the chance of a packet to have
    fewer entries than it could; `dropped`, where the dropped counter begins (seen: 65535); `denied`, no permission.
    """

    drop: float = 0.0
    checksum: float = 0.0
    garbage: float = 0.0
    cut: float = 0.0
    lost: Window = NEVER
    stall: Window = NEVER
    silent: Window = NEVER
    mute: bool = False
    disconnect: Window = NEVER
    overcurrent: float = math.inf
    dac: float = 1.0
    unsolicited: bool = False
    short: float = 0.0
    dropped: int = 0
    denied: bool = False

    def link(self, t_s: float) -> Link:
        """How the wire is at a time; before the first start, t_s is negative infinity."""
        if self.disconnect.holds(t_s):
            return "gone"
        if self.mute or self.silent.holds(t_s):
            return "silent"
        return "stalled" if self.stall.holds(t_s) else "up"

    @property
    def spoil_frames(self) -> bool:
        """Whether frames have to be looked at one by one."""
        chances = (self.drop, self.checksum, self.garbage, self.cut)
        windows = (self.lost, self.stall, self.silent, self.disconnect)
        return self.mute or any(chances) or any(window != NEVER for window in windows)


def fault_names() -> tuple[str, ...]:
    """The names that `faults_of` knows."""
    return tuple(sorted(one.name for one in fields(Faults)))


def faults_of(words: Iterable[str]) -> Faults:
    """Faults from words NAME=VALUE. Raises UsageError."""
    faults = Faults()
    for word in words:
        name, _, text = word.partition("=")
        if name not in fault_names():
            raise UsageError(f"a meter has no fault {name!r}; there are {', '.join(fault_names())}")
        try:
            setattr(faults, name, _value(getattr(faults, name), text))
        except (ValueError, TypeError):
            raise UsageError(f"{word!r}: expected {_EXPECTED[type(getattr(faults, name))]}") from None
    return faults


_EXPECTED: Final = {
    Window: "NAME=AT_S or NAME=AT_S:FOR_S, in seconds from the first start on",
    bool: "NAME=1 or NAME=0",
    int: "a whole number from 0 to 65535",
    float: "a number: a chance from 0 to 1; overcurrent=AT_S; dac=FACTOR",
}


def _value(now: object, text: str) -> object:
    if isinstance(now, Window):
        return Window(*(_number(part) for part in text.split(":")))
    if isinstance(now, bool):
        return {"1": True, "0": False, "": True}[text] if text in ("1", "0", "") else _refuse()
    if isinstance(now, int):
        return int(text) if text.isascii() and text.isdigit() and int(text) < 1 << 16 else _refuse()
    return _number(text)


def _number(text: str) -> float:
    value = float(text)
    return value if 0 <= value < 1e9 else _refuse()


def _refuse() -> float:
    raise ValueError

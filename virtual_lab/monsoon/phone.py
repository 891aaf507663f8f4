"""A virtual phone that hangs on the meter: its timeline, made again from the log that its kernel writes."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from edgewatt.profiler.errors import UsageError
from edgewatt.virtual_lab.monsoon.feeds import AHEAD_S, Constant, Instants, Outlet, Seen, Supplied
from edgewatt.virtual_lab.phone.anatomy import BATTERY
from edgewatt.virtual_lab.phone.body import timeline_of
from edgewatt.virtual_lab.phone.personalities import personality
from edgewatt.virtual_lab.power.load import Change, level

# An edge is in the log some milliseconds after it happened (3 by design, more on a busy machine).
BEHIND_S: Final = 0.05
_HEAD_B: Final = 1 << 16


@dataclass(slots=True)
class OfPhone:
    """The phone whose truth log is at `path` (virtual_lab/phone/truth.py), from any process of this machine.

    The log is read as it grows and the phone is seen `delay_s` late. Once its log is gone, it draws nothing.
    Raises UsageError if that is no log of a phone, OSError.
    """

    path: str
    lead_ohm: float = 0.0
    delay_s: float = BEHIND_S
    ahead_s: float = AHEAD_S
    _read_b: int = field(init=False, default=0, repr=False)
    _rest: bytes = field(init=False, default=b"", repr=False)
    _supplied: Supplied = field(init=False, repr=False)

    def __post_init__(self) -> None:
        with Path(self.path).open("rb") as log:
            first = log.readline(_HEAD_B)
        try:
            head = json.loads(first)
            phone = personality(head["personality"], head["quirks"])
            timeline = timeline_of(phone, int(head["origin_ns"]))
        except (ValueError, KeyError, TypeError) as error:
            raise UsageError(f"{self.path} is no log of a virtual phone: {error!r}") from None
        self._read_b = len(first)
        self._supplied = Supplied(timeline, BATTERY, self.lead_ohm)

    @property
    def late_ns(self) -> int:
        """By how much a change came too late at most; it then counts from a moment later than it did."""
        return self._supplied.timeline.late_ns

    def seen(self, edge_ns: Instants, outlet: Outlet) -> Seen:
        """What the phone draws, as far as its log tells by now."""
        try:
            self._follow()
        except FileNotFoundError:
            return Constant().seen(edge_ns, outlet)
        return self._supplied.seen(np.maximum(edge_ns, self._supplied.timeline.origin_ns), outlet)

    def to_json(self) -> dict[str, Any]:
        """Where its log is."""
        return {
            "phone": {"path": self.path, "lead_ohm": self.lead_ohm, "delay_s": self.delay_s, "ahead_s": self.ahead_s}
        }

    def _follow(self) -> None:
        with Path(self.path).open("rb") as log:
            log.seek(self._read_b)
            news = log.read()
        self._read_b += len(news)
        *lines, self._rest = (self._rest + news).split(b"\n")
        for line in lines:
            if b'"change"' in line:
                kind, name, t_ns, value = json.loads(line)["change"]
                made = level(name, int(t_ns), float(value))
                self._supplied.timeline.record(Change(kind, made.name, made.t_ns, made.value))

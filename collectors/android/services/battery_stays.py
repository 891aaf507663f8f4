"""The stays of a phone on a plug, out of its battery's history."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from edgewatt.collectors.android.services.battery_history import Kind, Moment

STILL_IN: Final = "it was still plugged in when asked"
FROM_BEFORE: Final = "it was plugged in before the log begins"
ENDS: Final[dict[Kind, str]] = {
    "start": "the phone restarted",
    "shutdown": "the phone was switched off",
    "overflow": "the phone lost part of its history",
}


class Anchor(NamedTuple):
    """A clock: its time less that of the history, in milliseconds."""

    offset_ms: int
    is_local: bool


class Seen(NamedTuple):
    """What is known of the battery after a line; None until a line says it."""

    level: int | None = None
    millivolt: int | None = None
    charge_mah: int | None = None

    def then(self, moment: Moment) -> "Seen":
        """With what the line says."""
        said = (moment.level, moment.millivolt, moment.charge_mah)
        return Seen(*(old if new is None else new for old, new in zip(self, said, strict=True)))


@dataclass(slots=True)
class Stay:
    """One plug, from when it was put in; `boot` counts the starts of the phone within the history."""

    boot: int
    t0_ms: int
    t1_ms: int
    plug: str
    screen_ms: int = 0
    seen: list[Seen] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)


def anchors_of(history: Sequence[Moment]) -> list[Anchor | None]:
    """The last time of day of each start: a clock that is set later on was wrong before."""
    anchors: list[Anchor | None] = [None]
    for at, moment in enumerate(history):
        if moment.kind == "start" and at:
            anchors.append(None)
        elif moment.kind == "time" and moment.clock_ms is not None:
            anchors[-1] = Anchor(moment.clock_ms - moment.ms, moment.is_local)
    return anchors


def stays(history: Sequence[Moment]) -> Iterator[Stay]:
    """Every stay in order; one that a restart or a gap in the history cuts is two."""
    follow = _Follow()
    for at, moment in enumerate(history):
        follow.boot += moment.kind == "start" and at > 0
        if (ended := follow.take(moment)) is not None:
            yield ended
    if follow.stay is not None:
        follow.stay.reasons.append(STILL_IN)
        yield follow.stay


@dataclass(slots=True)
class _Follow:
    """The state of the phone at a line. After a start all that is set is told anew, so the screen begins as off."""

    boot: int = 0
    stay: Stay | None = None
    seen: Seen = field(default_factory=Seen)
    is_screen_on: bool = False
    is_first: bool = True

    def take(self, moment: Moment) -> Stay | None:
        """The stay that this line ends."""
        if self.stay is not None:
            self.stay.screen_ms += self.is_screen_on * max(moment.ms - self.stay.t1_ms, 0)
            self.stay.t1_ms = max(moment.ms, self.stay.t1_ms)
        if moment.kind == "state":
            return self._state(moment)
        return None if moment.kind == "time" else self._cut(moment.kind)

    def _cut(self, kind: Kind) -> Stay | None:
        ended, self.stay = self.stay, None
        self.seen, self.is_screen_on, self.is_first = Seen(), False, True
        if ended is not None:
            ended.reasons.append(ENDS[kind])
        return ended

    def _state(self, moment: Moment) -> Stay | None:
        self.seen = self.seen.then(moment)
        if moment.is_screen_on is not None:
            self.is_screen_on = moment.is_screen_on
        if self.stay is not None:
            self.stay.seen.append(self.seen)
        ended = None
        if moment.plug is not None and moment.plug != ("" if self.stay is None else self.stay.plug):
            ended, self.stay = self.stay, None
            if moment.plug:
                from_before = [FROM_BEFORE] if self.is_first else []
                self.stay = Stay(self.boot, moment.ms, moment.ms, moment.plug, seen=[self.seen], reasons=from_before)
        self.is_first = False
        return ended

"""Which slot a sample has: counted from the first one, with the host's clock to say how many are missing.

A break whose length is ambiguous is held back until it is clear: what follows may be late, but never early, so the
least delay of what comes within HOLD_S says how many slots passed. What comes much later than usual is treated as a
break too, with more patience: sixteen frames lost leave no trace in the sequence.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from edgewatt.collectors.monsoon.continuity import Break, Part
from edgewatt.collectors.monsoon.envelope import Envelope

HOLD_S: Final = 0.5
UNSEEN_HOLD_S: Final = 2.0
UNSEEN: Final = "samples lost unseen by the sequence; the host's clock tells how many"
# A step of single slots is taken from the clock only where it is clearly none of its jitter (assumed: 1 ms).
JITTER_NS: Final = 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A part and its first slot, with how many slots were lost before it, give or take `unsure`, and why."""

    first: int
    part: Part
    lost: int = 0
    cause: str = ""
    unsure: int = 0


@dataclass(slots=True)
class _Open:
    """Parts after a break, whose place is not known yet; `least_ns` is the least of receive time minus slots so far."""

    before: Break
    began_ns: int
    parts: list[Part] = field(default_factory=list)
    length: int = 0
    least_ns: int | None = None
    least_at: int = 0

    def seen(self, received_ns: int, slot_ns: int) -> None:
        """What it holds so far was received by then."""
        late_ns = received_ns - (self.length - 1) * slot_ns
        if self.least_ns is None or late_ns < self.least_ns:
            self.least_ns, self.least_at = late_ns, self.length - 1

    def received_ns(self, slot_ns: int) -> int:
        """When the slot `least_at` was received, the least late of them."""
        return (self.least_ns or 0) + self.least_at * slot_ns


class Timeline:
    """Gives parts their slots; slot s lies at `t_ns(s)` of the meter's clock, which the envelope ties to the host's."""

    def __init__(self, slot_ns: int) -> None:
        self.slot_ns = slot_ns
        self.envelope: Envelope | None = None
        self.next = 0
        self._waiting: deque[_Open] = deque()
        self._restarted: str | None = None

    def t_ns(self, slot: int) -> int:
        """The time of a slot on the meter's clock, which begins with the host's time of the first reception."""
        return (0 if self.envelope is None else self.envelope.origin_ns) + slot * self.slot_ns

    def restart(self, cause: str) -> None:
        """What follows was measured after a new start: only the host's clock knows how much later."""
        self._restarted = cause

    def add(self, parts: Iterable[Part], received_ns: int, step: int, unsure: int = 0) -> list[Placed]:
        """Take parts that were received by then, in order; what can be placed now, of these and of earlier ones.

        `step` is what a loss that nothing in the frames tells of is a multiple of, give or take `unsure`, in slots.
        """
        parts = [part for part in parts if len(part)]
        if not parts:
            return self._settle(received_ns)
        if self.envelope is None:
            slots = sum(map(len, parts))
            self.envelope = Envelope(received_ns - (slots - 1) * self.slot_ns, self.slot_ns)
        placed = []
        first = self._first_break(parts, received_ns, Break(0, step, UNSEEN, unsure))
        for part, before in zip(parts, [first, *(part.before for part in parts[1:])], strict=True):
            if before is not None:
                self._waiting.append(_Open(before, received_ns))
            if self._waiting:
                self._waiting[-1].parts.append(part)
                self._waiting[-1].length += len(part)
            else:
                placed.append(self._place(part))
        if self._waiting:
            self._waiting[-1].seen(received_ns, self.slot_ns)
        else:
            self.envelope.add(self.next - 1, received_ns)
        return placed + self._settle(received_ns)

    def flush(self) -> list[Placed]:
        """Nothing more comes: everything is placed by what is known."""
        return self._settle(None)

    def _first_break(self, parts: list[Part], received_ns: int, unseen: Break) -> Break | None:
        before = parts[0].before
        if self._restarted is not None:
            before, self._restarted = Break(0, 1, self._restarted), None
        elif before is None and not self._waiting:
            slots = sum(len(part) + (part.before.lost if part.before else 0) for part in parts)
            if self._late_ns(self.next + slots - 1, received_ns) > unseen.step * self.slot_ns / 2:
                before = unseen
        return before

    def _late_ns(self, slot: int, received_ns: int) -> float:
        """How much later than usual a slot was received."""
        envelope = self.envelope
        if envelope is None or not len(envelope):
            return 0.0
        return received_ns - envelope.origin_ns - slot * self.slot_ns - envelope.least_ns

    def _settle(self, now_ns: int | None) -> list[Placed]:
        placed: list[Placed] = []
        while self._waiting:
            one = self._waiting[0]
            more = self._more()
            hold_s = UNSEEN_HOLD_S if one.before.cause == UNSEEN else HOLD_S
            if more and now_ns is not None and now_ns - one.began_ns < hold_s * 1e9:
                break
            placed += self._close(self._waiting.popleft(), more)
        return placed

    def _more(self) -> int:
        """How many slots beyond those surely lost the host's clock finds missing before the first that waits.

        All that wait speak of it: what is missing between them only makes the later ones later still.
        """
        one, slot, late_ns = self._waiting[0], self.next, float("inf")
        for other in self._waiting:
            slot += other.before.lost
            if other.least_ns is not None:
                late_ns = min(late_ns, self._late_ns(slot + other.least_at, other.received_ns(self.slot_ns)))
            slot += other.length
        if not one.before.step or late_ns == float("inf"):
            return 0
        step_ns = one.before.step * self.slot_ns
        return one.before.step * round(late_ns / step_ns) if late_ns > max(step_ns / 2, JITTER_NS) else 0

    def _close(self, one: _Open, more: int) -> Iterator[Placed]:
        lost = one.before.length(more)
        self.next += lost
        first = self.next
        for at, part in enumerate(one.parts):
            yield self._place(part) if at else self._place(part, lost, one.before)
        if self.envelope is not None and one.least_ns is not None:
            self.envelope.add(first + one.least_at, one.received_ns(self.slot_ns))

    def _place(self, part: Part, lost: int = 0, before: Break | None = None) -> Placed:
        first, self.next = self.next, self.next + len(part)
        if before is None:
            return Placed(first, part)
        unsure = before.unsure if lost or before.cause != UNSEEN else 0
        return Placed(first, part, lost, before.cause, unsure)

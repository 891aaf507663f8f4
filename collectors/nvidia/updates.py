"""Follows a sensor that has a new value every T: when it had one is known to a millisecond or two, with few questions.

A counter that moves every 100 ms and is read every 100 ms says nothing of when it moved, and a window of 200 ms is then
wrong by up to half. So it is asked shortly before a new value is expected, when it is, and shortly after: where two
answers differ, the instant lies between them. That moves the expectation, and where it was wrong the questions go
further apart.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.clock import NS_PER_S, Clock

# The distance of the questions: at least what a sleeping thread is late by (assumed), at most a quarter of the period.
LEAST_NS: Final = 1_000_000
MOST_SHARE: Final = 0.25
# By which the distance shrinks where the value came as expected, and grows where it did not.
SHRINK: Final = 0.9
GROW: Final = 2.0
# How much of a deviation moves the expectation.
GAIN: Final = 0.5
# Two answers further apart than this share of the period leave open which update they show.
WIDEST: Final = 0.9
# Answers up to so many distances apart say more than what was expected.
CLOSE: Final = 3.0
# From so many periods on, their mean is better than what was known before.
SPAN: Final = 10
# How often a tight look asks; a value that comes every 20 ms is then known to 0.5 ms.
STEP_S: Final = 0.0005

Value = int | float | None


@dataclass(frozen=True, slots=True)
class Looked:
    """One answer: the value, and the times around the question."""

    value: Value
    before_ns: int
    after_ns: int


@dataclass(frozen=True, slots=True)
class Update:
    """The value after a round: new since about `t_ns`, for sure not before `low_ns` and not after `high_ns`.

    `seen`: it changed in between. Where the two lie far apart, `t_ns` is when it was expected.
    """

    value: Value
    t_ns: int
    low_ns: int
    high_ns: int
    seen: bool


@dataclass(slots=True)
class Follower:
    """What is expected: a new value at `next_ns`, and one every `period_ns`; asked every `guard_ns` around it.

    `every` counts the new values from one that is looked at to the next (1: none is left out). `ask` tells the value
    (None: not now).
    """

    ask: Callable[[], Value]
    clock: Clock
    period_ns: float
    next_ns: float
    every: int = 1
    guard_ns: float = 3.0 * LEAST_NS
    _asked: int = 0
    _old: Looked | None = None
    _last: Value = None
    _anchor_ns: int | None = None

    @property
    def is_resting(self) -> bool:
        """True between two rounds."""
        return self._asked == 0

    @property
    def due_ns(self) -> int:
        """When it wants to be asked: at -1, 0, 1 of its guard, and where the value is late at 3, 7, 15 of them."""
        return math.ceil(self.next_ns + self.guard_ns * (2.0 ** (self._asked - 1) - 1 if self._asked else -1))

    def look(self) -> Update | None:
        """Ask, as it is due; an Update once a round is over, None while it is not. Raises what `ask` does."""
        if self._asked == 0:
            self._skip_missed(self.clock.now_ns())
            if self.due_ns > self.clock.now_ns():
                return None
        before_ns = self.clock.now_ns()
        now = Looked(self.ask(), before_ns, self.clock.now_ns())
        old, self._asked = self._old, self._asked + 1
        if old is None:
            return self._begin(now)
        if old.value is None and self._is_new(now):
            return self._over(old, now, seen=False)
        if now.value is None or old.value in (None, now.value):
            self._old = old if now.value is None else now
            return None if self.due_ns < self.next_ns + WIDEST * self.period_ns else self._over(old, now, seen=False)
        return self._over(old, now, seen=now.after_ns - old.before_ns <= WIDEST * self.period_ns)

    def _begin(self, now: Looked) -> Update | None:
        """The first answer of a round. That there is a new value already ends it: it came early, or the thread late."""
        late = now.before_ns >= self.next_ns
        if self._is_new(now) or (late and self.every > 1):
            return self._over(now, now, seen=False, off_ns=0.0 if late else -self.guard_ns)
        self._old = now
        return None

    def _is_new(self, now: Looked) -> bool:
        """True if it differs from the round before, and so came since; False where rounds leave values out."""
        return self.every == 1 and self._last is not None and now.value not in (None, self._last)

    def _over(self, old: Looked, now: Looked, *, seen: bool, off_ns: float = 0.0) -> Update:
        """A round is over, between two answers: when the value came, when the next one is, how closely it looks.

        Of answers that lie far apart, as the thread was late, what was expected is the better guess.
        """
        low_ns, high_ns = old.before_ns, now.after_ns
        close = seen and high_ns - low_ns <= CLOSE * self.guard_ns
        if not close:
            self._skip_missed(high_ns)
        middle_ns, least_ns = low_ns + (high_ns - low_ns) // 2, low_ns if seen else 0
        t_ns = middle_ns if close else round(min(max(self.next_ns, least_ns), high_ns))
        if seen:
            off_ns = t_ns - self.next_ns
        if close:
            self._measure(t_ns)
        as_expected = seen and abs(off_ns) <= self.guard_ns
        self.next_ns += (GAIN if as_expected else 1.0) * off_ns + self.period_ns * self.every
        if as_expected or off_ns:
            self.guard_ns *= SHRINK if as_expected else GROW
        took_ns = now.after_ns - now.before_ns
        self.guard_ns = min(max(self.guard_ns, LEAST_NS, 2.0 * took_ns), MOST_SHARE * self.period_ns)
        self._asked, self._old = 0, None
        self._last = self._last if now.value is None else now.value
        return Update(now.value, t_ns, low_ns, high_ns, seen)

    def _measure(self, t_ns: int) -> None:
        """The period as the mean since the first value that was caught."""
        if self._anchor_ns is None:
            self._anchor_ns = t_ns
        since_ns = t_ns - self._anchor_ns
        passed = round(since_ns / self.period_ns)
        if passed >= SPAN:
            self.period_ns = since_ns / passed

    def _skip_missed(self, now_ns: int) -> None:
        """The thread was away: of the values that it missed the last one is what is there now."""
        late_ns = now_ns - self.next_ns
        if late_ns > 0:
            self.next_ns += math.floor(late_ns / self.period_ns) * self.period_ns


@dataclass(frozen=True, slots=True)
class Watched:
    """What a tight look found: answers at `before_ns` to `after_ns`, int64 of shape [n], and where values changed.

    `changes_ns` int64 [k] are the middles between the last old and the first new answer; each is wrong by up to
    `bound_ns` [k].
    """

    asked: int
    seconds: float
    changes_ns: NDArray[np.int64]
    bound_ns: NDArray[np.int64]
    call_s: float

    @property
    def period_s(self) -> float | None:
        """The mean time between two new values; None below three changes.

        A value that comes out the same is no change, and the time between two changes then a multiple of what passes
        between the closest ones.
        """
        if len(self.changes_ns) < 3:
            return None
        between_ns = np.diff(self.changes_ns)
        closest_ns = np.median(between_ns[between_ns <= np.quantile(between_ns, 0.25)])
        passed = np.rint(between_ns / closest_ns)
        return float(between_ns.sum() / max(passed.sum(), 1)) / NS_PER_S


def changes(values: Sequence[Value], before_ns: Sequence[int], after_ns: Sequence[int]) -> Watched:
    """Where the value changed, of answers in order of time; what was not answered is left out."""
    known = [k for k, value in enumerate(values) if value is not None]
    before, after = np.asarray(before_ns, np.int64), np.asarray(after_ns, np.int64)
    at = [(a, b) for a, b in pairwise(known) if values[a] != values[b]]
    low = np.asarray([before[a] for a, _ in at], np.int64)
    high = np.asarray([after[b] for _, b in at], np.int64)
    seconds = float(after[-1] - before[0]) / NS_PER_S if len(after) else 0.0
    call_s = float(np.median(after - before)) / NS_PER_S if len(after) else 0.0
    return Watched(len(values), seconds, low + (high - low) // 2, (high - low) // 2, call_s)


@dataclass(frozen=True, slots=True)
class Answers:
    """Answers of a tight look: rows of values, and the times around each."""

    rows: list[Sequence[Value]] = field(default_factory=list)
    before_ns: list[int] = field(default_factory=list)
    after_ns: list[int] = field(default_factory=list)

    def of(self, column: int) -> Watched:
        """Where one of the values changed."""
        return changes([row[column] for row in self.rows], self.before_ns, self.after_ns)


def watch(
    ask: Callable[[], Sequence[Value]],
    clock: Clock,
    seconds: float,
    *,
    enough: int | None = None,
    until: Callable[[], bool] = lambda: True,
) -> Answers:
    """Ask every STEP_S for `seconds` and on until `until`, or until the first value has changed `enough` times.

    Raises what `ask` does.
    """
    found = Answers()
    end_ns, seen, last = clock.now_ns() + round(seconds * NS_PER_S), 0, None
    while (clock.now_ns() < end_ns or not until()) and (enough is None or seen < enough):
        found.before_ns.append(clock.now_ns())
        found.rows.append(ask())
        found.after_ns.append(clock.now_ns())
        value = found.rows[-1][0]
        seen += value is not None and last is not None and value != last
        last = last if value is None else value
        clock.sleep(STEP_S)
    return found

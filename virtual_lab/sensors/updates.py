"""When a sensor has a new value, and which one a reader finds."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgewatt.virtual_lab.power.columns import Column, in_blocks

Instants = NDArray[np.int64]
Floats = NDArray[np.float64]

# Updates are drawn ahead in lots of this size.
LOT: Final = 256


@dataclass(frozen=True, slots=True)
class Updates:
    """How often a sensor updates, and how badly.

    `period_s` is nominal (second-hand: 10 s for a OnePlus 11's gauge, about 32 ms for a Pixel's rails); the period of
    one sensor differs by `period_sd_rel`, and each update comes up to `jitter_s` early or late. With the chance
    `drop_out` an update cannot be read, until the next. With the chance `stick` the value stays as it is for
    `stuck_updates` updates. The last three and the spread of periods are assumed where they are used.
    """

    period_s: float
    period_sd_rel: float = 0.0
    jitter_s: float = 0.0
    drop_out: float = 0.0
    stick: float = 0.0
    stuck_updates: int = 5

    def __post_init__(self) -> None:
        if self.period_s <= 0 or not 0 <= self.jitter_s <= self.period_s / 4:
            raise ValueError(f"updates every {self.period_s} s cannot come {self.jitter_s} s early or late")


class Schedule:
    """When one chip updates all that it measures. What is in force at t is the last update not after it.

    The first update is before the origin. All is drawn from `rng`, the same for the same updates however they are asked
    for.
    """

    def __init__(self, updates: Updates, origin_ns: int, rng: np.random.Generator) -> None:
        self._updates, self._lock = updates, threading.Lock()
        self._timing, self._dropping, self._sticking = rng.spawn(3)
        self.period_ns = 1e9 * updates.period_s * max(1 + updates.period_sd_rel * self._timing.standard_normal(), 0.5)
        self._first_ns = origin_ns - round(self._timing.uniform(0, self.period_ns / 2)) - round(updates.jitter_s * 1e9)
        self._t_ns, self._source, self._lost = Column(np.int64), Column(np.int64), Column(np.bool_)
        self._stuck_at = -updates.stuck_updates - 1

    def index(self, t_ns: ArrayLike) -> Instants:
        """The number of the last update not after each instant, of any shape; the first one for any before it."""
        with self._lock:
            t_ns = np.asarray(t_ns, np.int64)
            self._draw_until(int(t_ns.max(initial=self._first_ns)))
            index: Instants = in_blocks(self._latest, t_ns)
            return index

    def measured_ns(self, index: Instants) -> Instants:
        """When that was measured which is shown after these updates: at an earlier one where the sensor is stuck."""
        return np.asarray(self._t_ns.rows[self._source.rows[index]])

    def between(self, first: int, end: int) -> tuple[Instants, Instants]:
        """The instants of the updates from `first` to before `end`, and of those before each; the first has none."""
        t_ns = self._t_ns.rows[first:end]
        before_ns = self._t_ns.rows[first - 1 : end - 1] if first else np.concatenate([t_ns[:1], t_ns[:-1]])
        return t_ns, before_ns

    def shown(self, values: Floats, first: int, end: int) -> Floats:
        """Of the `values` of all updates, what a reader finds after those from `first` on; NaN where none can."""
        return np.where(self._lost.rows[first:end], np.nan, values[self._source.rows[first:end]])

    def _latest(self, t_ns: Instants) -> Instants:
        """Updates come at most a quarter of a period early or late, so the right one is a neighbour of the guess."""
        updates_ns = self._t_ns.rows
        guess = np.maximum(((t_ns - self._first_ns) / self.period_ns).astype(np.int64), 0)
        index: Instants = guess - (updates_ns[guess] > t_ns) + (updates_ns[guess + 1] <= t_ns)
        return np.maximum(index, 0)

    def _draw_until(self, t_ns: int) -> None:
        """Draw the updates up to at least two periods after `t_ns`."""
        have, updates = len(self._t_ns), self._updates
        missing = int((t_ns - self._first_ns) / self.period_ns) + 3 - have
        if missing <= 0:
            return
        count = -(-missing // LOT) * LOT
        number = have + np.arange(count)
        early_ns = self._timing.uniform(-1e9, 1e9, count) * updates.jitter_s if updates.jitter_s else 0.0
        self._t_ns.extend(self._first_ns + np.rint(number * self.period_ns + early_ns).astype(np.int64))
        self._lost.extend(
            self._dropping.random(count) < updates.drop_out if updates.drop_out else np.zeros(count, bool)
        )
        if not updates.stick:
            self._source.extend(number)
            return
        begins = (self._sticking.random(count) < updates.stick) & (number > 0)
        since = np.maximum.accumulate(np.where(begins, number, self._stuck_at))
        moving = number - since >= updates.stuck_updates
        last = int(self._source.rows[-1]) if have else 0
        self._stuck_at = int(since[-1])
        self._source.extend(np.maximum.accumulate(np.where(moving, number, last)))


class Held:
    """The values that a sensor holds, one for each update of its chip's schedule.

    `measure(t_ns, before_ns)` is called once for every update, in their order and with `before_ns` the one before,
    and gives their values.
    """

    def __init__(self, schedule: Schedule, measure: Callable[[Instants, Instants], Floats]) -> None:
        self._schedule, self._measure, self._lock = schedule, measure, threading.Lock()
        self._values, self._shown = Column(np.float64), Column(np.float64)

    def shown(self, index: Instants) -> Floats:
        """What a reader finds after these updates; NaN where it cannot be read."""
        with self._lock:
            self._measure_until(int(index.max(initial=-1)))
            return np.asarray(self._shown.rows[index])

    def _measure_until(self, last: int) -> None:
        have = len(self._values)
        if last < have:
            return
        self._values.extend(self._measure(*self._schedule.between(have, last + 1)))
        self._shown.extend(self._schedule.shown(self._values.rows, have, last + 1))

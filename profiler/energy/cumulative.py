"""What was used up to each knot, in pieces that fit a cache: the integral behind the energy of every window."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.batch import Gap
from edgewatt.profiler.energy.flow import Sampling
from edgewatt.profiler.energy.knots import Knots
from edgewatt.profiler.errors import UsageError

S_PER_NS: Final = 1e-9


@dataclass(frozen=True, slots=True)
class Sums:
    """What was summed up to one knot: joules, nanoseconds with samples, knots that were measured.

    `first` and `second` sum their powers above `about_w` (None: not asked for), and the squares of these.
    """

    energy_j: float = 0.0
    covered_ns: int = 0
    updates: int = 0
    about_w: float | None = None
    first: float = 0.0
    second: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """Consecutive knots (shape [n]) and what was summed up to each, from `base` at the first of them.

    `rising` is the energy since the first knot in units of `scale` joules. `known`, `covered_ns` and `updates` are
    None where every stretch counts: known says so of the stretch that ends at a knot, the others are as in Sums.
    It answers for instants from `begin_ns` on and before `end_ns` (None: to the end of time).
    """

    t_ns: NDArray[np.int64]
    power_w: NDArray[np.float64]
    rising: NDArray[np.float64]
    scale: float
    base: Sums
    known: NDArray[np.bool_] | None = None
    covered_ns: NDArray[np.int64] | None = None
    updates: NDArray[np.int64] | None = None
    moments: tuple[NDArray[np.float64], NDArray[np.float64]] | None = None
    begin_ns: int = 0
    end_ns: int | None = 0

    def energy_at(self, k: Any) -> Any:
        """Joules up to knot `k`."""
        return self.base.energy_j + self.scale * self.rising[k]

    def covered_at(self, k: Any) -> Any:
        """Nanoseconds with samples up to knot `k`."""
        since = self.t_ns[k] - self.t_ns[0] if self.covered_ns is None else self.covered_ns[k]
        return self.base.covered_ns + since

    def updates_at(self, k: Any) -> Any:
        """Measured knots up to knot `k`, itself included."""
        return self.base.updates + (k if self.updates is None else self.updates[k])

    def sums_at(self, k: int) -> Sums:
        """Everything up to knot `k`, for the next piece to start from."""
        moments = (0.0, 0.0) if self.moments is None else tuple(float(moment[k]) for moment in self.moments)
        sums = float(self.energy_at(k)), int(self.covered_at(k)), int(self.updates_at(k))
        return Sums(*sums, self.base.about_w, self.base.first + moments[0], self.base.second + moments[1])


def pieces(
    knots: Iterable[Knots], sampling: Sampling, gaps: Sequence[Gap] = (), *, spread: bool = False
) -> Iterator[Piece | None]:
    """The integral over the knots, piece by piece, each instant answered once; with `spread` also the moments.

    One item per block, None for one without a knot, and one at the end: flows of one stream advance together.

    A stretch counts if both its ends were measured, it is no longer than `sampling.gap_ns`, and no recorded gap
    (host's clock) lies in it; a counter bridges both. Raises UsageError if time goes back.
    """
    bounds_ns = _bounds(gaps, sampling)
    carried, sums, unanswered = None, Sums(), 0
    for block in knots:
        if not len(block.t_ns):
            yield None
            continue
        if carried is None:
            joined, sums = block, _start(block, sampling, spread=spread)
        else:
            joined = _join(carried, block)
        answered = max(len(joined.t_ns) - 1 - sampling.reach, unanswered)
        piece = _integrate(joined, sampling, bounds_ns, sums, (unanswered, answered))
        yield piece
        kept = max(answered - sampling.reach - 1, 0)
        carried, sums = Knots(joined.t_ns[kept:], joined.power_w[kept:]), piece.sums_at(kept)
        unanswered = answered - kept
    if carried is not None:
        yield _integrate(carried, sampling, bounds_ns, sums, (unanswered, None))


def _start(block: Knots, sampling: Sampling, *, spread: bool) -> Sums:
    measured = not sampling.steps and bool(np.isfinite(block.power_w[0]))
    if not spread:
        return Sums(updates=int(measured))
    seen = block.power_w[np.isfinite(block.power_w)]
    return Sums(updates=int(measured), about_w=float(seen[0]) if len(seen) else 0.0)


def _join(carried: Knots, block: Knots) -> Knots:
    return Knots(np.concatenate((carried.t_ns, block.t_ns)), np.concatenate((carried.power_w, block.power_w)))


def _integrate(
    knots: Knots, sampling: Sampling, bounds_ns: NDArray[np.int64], base: Sums, answers: tuple[int, int | None]
) -> Piece:
    t_ns, power_w = knots.t_ns, knots.power_w
    begin_ns, end_ns = int(t_ns[answers[0]]), None if answers[1] is None else int(t_ns[answers[1]])
    took_ns = t_ns[1:] - t_ns[:-1]
    if len(took_ns) and took_ns.min() < 0:
        k = int(took_ns.argmin())
        raise UsageError(
            f"a stream's time goes back by {-int(took_ns[k])} ns at t_ns={int(t_ns[k])}, expected stamps in order; the "
            "run was edited or its clock was set: record it again"
        )
    rising = np.empty(len(t_ns))
    rising[0] = 0.0
    with np.errstate(invalid="ignore", over="ignore"):
        step = power_w[1:] * took_ns if sampling.steps else (power_w[1:] + power_w[:-1]) * took_ns
        np.cumsum(step, out=rising[1:])
    scale = S_PER_NS if sampling.steps else S_PER_NS / 2
    whole = bool(np.isfinite(rising[-1])) and (len(took_ns) > 0 or bool(np.isfinite(power_w[0])))
    if whole and not _has_gap(t_ns, took_ns, sampling, bounds_ns):
        moments = _moments(power_w, None, base)
        return Piece(t_ns, power_w, rising, scale, base, moments=moments, begin_ns=begin_ns, end_ns=end_ns)
    known = np.isfinite(step) & ~_in_gap(t_ns, took_ns, sampling, bounds_ns)
    np.cumsum(np.where(known, step, 0.0), out=rising[1:])
    measured = known if sampling.steps else np.isfinite(power_w[1:])
    return Piece(
        t_ns,
        power_w,
        rising,
        scale,
        base,
        np.concatenate(([False], known)),
        _from_zero(np.where(known, took_ns, 0)),
        _from_zero(measured.astype(np.int64)),
        _moments(power_w, measured, base),
        begin_ns,
        end_ns,
    )


def _from_zero(steps: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate((np.zeros(1, steps.dtype), np.cumsum(steps)))


def _moments(
    power_w: NDArray[np.float64], measured: NDArray[np.bool_] | None, base: Sums
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    if base.about_w is None:
        return None
    above = power_w[1:] - base.about_w
    if measured is not None:
        above = np.where(measured, above, 0.0)
    return _from_zero(above), _from_zero(above * above)


def _bounds(gaps: Sequence[Gap], sampling: Sampling) -> NDArray[np.int64]:
    """Start and end of each recorded gap, int64 of shape [n, 2], at the instants that the knots speak of."""
    if sampling.gap_ns is None:
        gaps = ()
    pairs = np.asarray([(gap.t0_ns, gap.t1_ns) for gap in gaps], np.int64).reshape(-1, 2)
    return pairs - sampling.delay_ns


def _has_gap(
    t_ns: NDArray[np.int64], took_ns: NDArray[np.int64], sampling: Sampling, bounds_ns: NDArray[np.int64]
) -> bool:
    too_long = sampling.gap_ns is not None and len(took_ns) > 0 and int(took_ns.max()) > sampling.gap_ns
    return too_long or bool(np.any((bounds_ns[:, 0] < t_ns[-1]) & (bounds_ns[:, 1] > t_ns[0])))


def _in_gap(
    t_ns: NDArray[np.int64], took_ns: NDArray[np.int64], sampling: Sampling, bounds_ns: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Of each stretch between two knots, whether it is too long or a recorded gap lies in it."""
    begin = np.searchsorted(t_ns, bounds_ns[:, 0], "right")
    end = np.searchsorted(t_ns, bounds_ns[:, 1], "left")
    depth = np.zeros(len(t_ns) + 2, np.int64)
    np.add.at(depth, begin, 1)
    np.add.at(depth, np.maximum(end + 1, begin), -1)
    gap = np.cumsum(depth)[1 : len(t_ns)] > 0
    return gap if sampling.gap_ns is None else gap | (took_ns > sampling.gap_ns)

"""The edges of many windows, sorted once, and what each piece of the integral says at them."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.energy.cumulative import S_PER_NS, Piece
from edgewatt.profiler.energy.edges import loss_s
from edgewatt.profiler.energy.flow import Sampling
from edgewatt.profiler.energy.knots import BLOCK


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What was summed up to each of n instants, by name; given away one by one, for the sake of memory.

    `energy_j`, `covered_ns`, `updates` as in Sums, with `first` and `second` where they were asked for. `loss_j` is
    what a window that begins at the instant loses there, and one that ends there gains; `step_j` the step of power
    times the stretch between samples in which it hides.
    """

    order: NDArray[np.int64] | None
    sums: dict[str, NDArray[Any]]

    def take(self, name: str) -> NDArray[Any]:
        """One of them, shape [n], in the order in which the instants were given; it is forgotten here."""
        values = self.sums.pop(name)
        if self.order is None:
            return values
        given = np.empty_like(values)
        given[self.order] = values
        return given


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """Instants in order, shape [n], and what is known of them; filled piece by piece.

    `found.order` are the places of the instants as they were given; None: they were given in order.
    """

    at_ns: NDArray[np.int64]
    found: Found

    @classmethod
    def of(cls, given_ns: NDArray[np.int64], *, spread: bool) -> Self:
        """Edges of which nothing is known yet."""
        n = len(given_ns)
        order = None if n < 2 or bool(np.all(given_ns[1:] >= given_ns[:-1])) else np.argsort(given_ns, kind="stable")
        floats = ("energy_j", "loss_j", "first", "second") if spread else ("energy_j", "loss_j")
        sums: dict[str, NDArray[Any]] = {name: np.zeros(n) for name in floats}
        sums["step_j"] = np.zeros(n, np.float32)  # of an uncertainty, for which seven digits do
        sums["covered_ns"] = np.zeros(n, np.int64)
        sums["updates"] = np.zeros(n, np.int32)
        return cls(given_ns if order is None else given_ns[order], Found(order, sums))

    def ask(self, piece: Piece, sampling: Sampling) -> None:
        """Fill in what a piece answers."""
        begin, end = self._place(piece.begin_ns), len(self.at_ns) if piece.end_ns is None else self._place(piece.end_ns)
        for start in range(begin, end, BLOCK):
            self._fill(slice(start, min(start + BLOCK, end)), piece, sampling)

    def _place(self, t_ns: int) -> int:
        return int(np.searchsorted(self.at_ns, t_ns, "left"))

    def _fill(self, some: slice, piece: Piece, sampling: Sampling) -> None:
        at_ns, t_ns = self.at_ns[some], piece.t_ns
        after = np.searchsorted(t_ns, at_ns, "right")
        before = after - 1
        sums = self.found.sums
        sums["updates"][some] = piece.updates_at(before)
        if piece.moments is not None:
            sums["first"][some] = piece.base.first + piece.moments[0][before]
            sums["second"][some] = piece.base.second + piece.moments[1][before]
        inside = after < len(t_ns)
        if not inside.all():
            sums["energy_j"][some], sums["covered_ns"][some] = piece.energy_at(before), piece.covered_at(before)
            if not inside.any():
                return
            end = some.start + int(np.argmin(inside))
            some, at_ns, after, before = slice(some.start, end), at_ns[inside], after[inside], before[inside]
        self._interpolate(some, at_ns, after, piece, sampling)

    @np.errstate(invalid="ignore", over="ignore")  # what was not measured is blanked below
    def _interpolate(
        self, some: slice, at_ns: NDArray[np.int64], after: NDArray[np.int64], piece: Piece, sampling: Sampling
    ) -> None:
        before = after - 1
        begin_ns = piece.t_ns[before]
        took_ns = (piece.t_ns[after] - begin_ns).astype(np.float64)
        since_ns = at_ns - begin_ns
        phase = since_ns / took_ns
        p0, p1 = piece.power_w[before], piece.power_w[after]
        part_j = since_ns * S_PER_NS
        if sampling.steps:
            part_j *= p1
        else:
            part_j *= p0 + (p1 - p0) * (phase / 2)
        took_ns *= S_PER_NS
        step_w = _step(piece.power_w, p0, p1, after, sampling)
        loss_j = step_w * loss_s(sampling, phase, took_ns)
        step_j = step_w * took_ns
        if not sampling.steps and not sampling.window_s:
            _see_both_sides(piece, before, since_ns == 0, loss_j, step_j)
        if piece.known is not None:
            unknown = ~piece.known[after]
            part_j[unknown], loss_j[unknown], step_j[unknown], since_ns[unknown] = 0.0, 0.0, 0.0, 0
        sums = self.found.sums
        sums["energy_j"][some] = piece.energy_at(before) + part_j
        sums["covered_ns"][some] = piece.covered_at(before) + since_ns
        sums["loss_j"][some], sums["step_j"][some] = loss_j, step_j


def _see_both_sides(
    piece: Piece,
    at: NDArray[np.int64],
    hit: NDArray[np.bool_],
    loss_j: NDArray[np.float64],
    step_j: NDArray[np.float64],
) -> None:
    """Where an edge meets a sample of a point sensor, add the stretch before it: the step may be on either side."""
    hit &= at > 0
    if not hit.any():
        return
    k = at[hit]
    before_j = (piece.power_w[k] - piece.power_w[k - 1]) * (piece.t_ns[k] - piece.t_ns[k - 1]) * S_PER_NS
    before_j[~np.isfinite(before_j) if piece.known is None else ~piece.known[k]] = 0.0
    loss_j[hit] += before_j / 4
    step_j[hit] += before_j


def _step(
    power_w: NDArray[np.float64],
    p0: NDArray[np.float64],
    p1: NDArray[np.float64],
    after: NDArray[np.int64],
    sampling: Sampling,
) -> NDArray[np.float64]:
    """By how much the power rises at an edge: from the last knots that show nothing of it to the first that show all.

    Where there is none, the knots beside the edge take its place: the step is then rather too small.
    """
    if not sampling.reach:
        return p1 - p0
    later = power_w[np.minimum(after + sampling.reach, len(power_w) - 1)]
    earlier = power_w[np.maximum(after - sampling.reach - (0 if sampling.steps else 1), 0)]
    beside = p1 if sampling.steps else p0
    return np.where(np.isfinite(later), later, p1) - np.where(np.isfinite(earlier), earlier, beside)

"""Energy of many windows at once, in one pass over the samples: with its edges, its gaps, and what it rests on."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, tee, zip_longest
from typing import Any, Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgewatt.profiler.batch import Gap
from edgewatt.profiler.channel import Channel
from edgewatt.profiler.energy.cumulative import pieces
from edgewatt.profiler.energy.edges import spread as edge_spread
from edgewatt.profiler.energy.flow import Flow, Sampling, flows_of, sampling_of
from edgewatt.profiler.energy.knots import Samples, knots_of
from edgewatt.profiler.energy.lookup import Edges, Found
from edgewatt.profiler.errors import UsageError

# The sampling interval is the median of so many intervals at the beginning of a stream.
LOOK_AHEAD: Final = 1000


@dataclass(frozen=True, slots=True, eq=False)
class WindowEnergies:
    """What is known of n windows; arrays of shape [n].

    `energy_j` is NaN where too much of the window is without samples, and for a window that does not end after it
    begins. It is what the samples add up to, and additive: E[a, c] = E[a, b] + E[b, c]. So is `edge_loss_j`, what
    interpolating across a step of power at the window's edges loses: the energy is best taken as their sum, with the
    standard uncertainty `u_edge_j`. `u_sampling_j` (None: not asked for) is that of a sensor which sees the power
    only now and then. `updates` are the sensor's distinct updates after the
    begin and up to the end; `coverage` the share of the window with samples. `interval_s` is the larger of sampling
    interval and sensor period, `widths_s` the rectangles by which such a sensor smears a step.
    """

    energy_j: NDArray[np.float64]
    edge_loss_j: NDArray[np.float64]
    u_edge_j: NDArray[np.float64]
    u_sampling_j: NDArray[np.float64] | None
    updates: NDArray[np.int32]
    coverage: NDArray[np.float64]
    duration_s: NDArray[np.float64]
    interval_s: float
    widths_s: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.duration_s)

    def __getitem__(self, chosen: slice | NDArray[np.bool_] | NDArray[np.intp]) -> Self:
        """The chosen windows."""
        return replace(
            self,
            energy_j=self.energy_j[chosen],
            edge_loss_j=self.edge_loss_j[chosen],
            u_edge_j=self.u_edge_j[chosen],
            u_sampling_j=None if self.u_sampling_j is None else self.u_sampling_j[chosen],
            updates=self.updates[chosen],
            coverage=self.coverage[chosen],
            duration_s=self.duration_s[chosen],
        )


def energy_of_windows(
    samples: Iterable[Samples],
    terms: Sequence[Sequence[Channel]],
    t0_ns: ArrayLike,
    t1_ns: ArrayLike,
    *,
    gaps: Sequence[Gap] = (),
    min_coverage: float = 1.0,
    spread: bool = False,
) -> WindowEnergies:
    """The energy of each window [t0, t1], int64 of shape [n] on the host's clock, in any order, nested or overlapping.

    `terms` are a sum of products of channels of the stream that `samples` come from; where one of them is NaN
    nothing is known of the sum. `gaps` are recorded gaps on the host's clock. A window of which a smaller share
    than `min_coverage` has samples is refused; another carries its coverage and is never scaled up. One pass over
    the samples; memory for one chunk and for the windows. Raises UsageError for terms that give no joules, or
    where time goes back.
    """
    begin_ns, end_ns = np.asarray(t0_ns, np.int64), np.asarray(t1_ns, np.int64)
    if begin_ns.ndim != 1 or begin_ns.shape != end_ns.shape:
        raise UsageError(f"windows need as many starts as ends, got shapes {begin_ns.shape} and {end_ns.shape}")
    return _integrals(samples, flows_of(terms), (begin_ns, end_ns), gaps, min_coverage, spread=spread)


def mean_of_windows(samples: Iterable[Samples], column: str, t0_ns: ArrayLike, t1_ns: ArrayLike) -> float:
    """The mean over time of a gauge, in its own unit, over all of the windows; NaN where none has samples."""
    begin_ns, end_ns = np.asarray(t0_ns, np.int64), np.asarray(t1_ns, np.int64)
    found = _integrals(samples, [Flow(((column,),))], (begin_ns, end_ns), (), 0.0, spread=False)
    covered_s = float(np.sum(found.duration_s * found.coverage))
    return float(np.nansum(found.energy_j)) / covered_s if covered_s > 0 else math.nan


def _integrals(
    samples: Iterable[Samples],
    flows: Sequence[Flow],
    windows_ns: tuple[NDArray[np.int64], NDArray[np.int64]],
    gaps: Sequence[Gap],
    min_coverage: float,
    *,
    spread: bool,
) -> WindowEnergies:
    begin_ns, end_ns = windows_ns
    sampled_s, samples = sampling_interval_s(samples)
    parts = [(flow, sampling_of(flow, sampled_s)) for flow in flows]
    found = _pass(samples, parts, gaps, windows_ns, spread=spread)
    return added(
        [
            _windows(begins, ends, sampling, end_ns - begin_ns, min_coverage)
            for (begins, ends), (_, sampling) in zip(found, parts, strict=True)
        ]
    )


def sampling_interval_s(samples: Iterable[Samples]) -> tuple[float, Iterator[Samples]]:
    """The median interval of the first LOOK_AHEAD, in seconds (0: fewer than two samples), and all of the samples."""
    rest = iter(samples)
    first: list[Samples] = []
    while sum(len(chunk.t_ns) for chunk in first) <= LOOK_AHEAD and (chunk := next(rest, None)) is not None:
        first.append(chunk)
    t_ns = np.concatenate([np.empty(0, np.int64), *(chunk.t_ns for chunk in first)])[: LOOK_AHEAD + 1]
    took_ns = np.diff(t_ns)
    took_ns = took_ns[took_ns > 0]
    return (float(np.median(took_ns)) / 1e9 if len(took_ns) else 0.0), chain(_taken(first), rest)


def _taken(chunks: list[Samples]) -> Iterator[Samples]:
    """The chunks in order, each forgotten when the next one is taken."""
    chunks.reverse()
    while chunks:
        yield chunks.pop()


def _pass(
    samples: Iterator[Samples],
    parts: Sequence[tuple[Flow, Sampling]],
    gaps: Sequence[Gap],
    windows_ns: tuple[NDArray[np.int64], NDArray[np.int64]],
    *,
    spread: bool,
) -> list[tuple[Found, Found]]:
    """What each flow says of the begins and ends of the windows: one pass over the samples, all flows side by side."""
    copies = tee(samples, len(parts)) if len(parts) > 1 else (samples,)
    flowing, edges = [], []
    for (flow, sampling), copy in zip(parts, copies, strict=True):
        with_moments = spread and sampling.looks_away
        flowing.append(pieces(knots_of(flow, sampling, copy), sampling, gaps, spread=with_moments))
        edges.append([Edges.of(at_ns, spread=with_moments) for at_ns in windows_ns])
    for together in zip_longest(*flowing):
        for piece, (_, sampling), of_flow in zip(together, parts, edges, strict=True):
            if piece is not None:
                for asked in of_flow:
                    asked.ask(piece, sampling)
    return [(begins.found, ends.found) for begins, ends in edges]


def _windows(
    begins: Found, ends: Found, sampling: Sampling, length_ns: NDArray[np.int64], min_coverage: float
) -> WindowEnergies:
    """What one flow gave, from what was summed up to the edges of the windows."""
    coverage = np.zeros(len(length_ns))
    np.divide(_between(begins, ends, "covered_ns"), length_ns, out=coverage, where=length_ns > 0)
    refused = ~((coverage >= min_coverage) & (coverage > 0))
    energy_j = _between(begins, ends, "energy_j")
    edge_loss_j = -_between(begins, ends, "loss_j")
    u_edge_j = np.hypot(begins.take("step_j"), ends.take("step_j"), dtype=np.float64)
    u_edge_j *= edge_spread(sampling)
    for values in (energy_j, edge_loss_j, u_edge_j):
        values[refused] = np.nan
    updates = np.maximum(_between(begins, ends, "updates"), 0)
    duration_s = length_ns / 1e9
    return WindowEnergies(
        energy_j,
        edge_loss_j,
        u_edge_j,
        _sampling_term(begins, ends, updates, duration_s) if "first" in begins.sums else None,
        updates,
        coverage,
        duration_s,
        sampling.interval_s,
        (sampling.interval_s, sampling.interval_s, sampling.window_s),
    )


def _between(begins: Found, ends: Found, name: str) -> NDArray[Any]:
    difference = ends.take(name)
    difference -= begins.take(name)
    return difference


def _sampling_term(
    begins: Found, ends: Found, updates: NDArray[np.int32], duration_s: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The standard uncertainty s_P T / sqrt(updates) of a mean over readings at random moments; NaN below two."""
    first, second = _between(begins, ends, "first"), _between(begins, ends, "second")
    some = updates >= 2
    n = updates[some]
    variance = np.maximum(second[some] - first[some] ** 2 / n, 0.0) / (n - 1)
    u_j = np.full(len(duration_s), np.nan)
    u_j[some] = np.sqrt(variance / n) * duration_s[some]
    return u_j


def added(parts: Sequence[WindowEnergies]) -> WindowEnergies:
    """The sum of several flows or streams over the same windows; covered only where all of them are."""
    if not parts:
        raise ValueError("no parts to add")
    total, *others = parts
    for part in others:
        slower = max(total, part, key=lambda of: of.interval_s)
        total = WindowEnergies(
            total.energy_j + part.energy_j,
            total.edge_loss_j + part.edge_loss_j,
            np.hypot(total.u_edge_j, part.u_edge_j),
            _in_quadrature(total.u_sampling_j, part.u_sampling_j),
            np.minimum(total.updates, part.updates),
            np.minimum(total.coverage, part.coverage),
            total.duration_s,
            slower.interval_s,
            slower.widths_s,
        )
    return total


def pooled(windows: WindowEnergies, group: ArrayLike, groups: int) -> WindowEnergies:
    """Short windows of the same thing taken together: window i counts in `group[i]`, from 0 to `groups` - 1.

    Energies, losses, updates and durations add up, uncertainties in quadrature (each window meets the sensor at
    another phase); a refused window makes its group NaN. Groups are arrays of shape [groups].
    """
    of = np.asarray(group, np.intp)

    def total(values: NDArray[Any]) -> NDArray[np.float64]:
        return np.bincount(of, values, groups).astype(np.float64)

    duration_s = total(windows.duration_s)
    coverage = np.zeros(groups)
    np.divide(total(windows.coverage * windows.duration_s), duration_s, out=coverage, where=duration_s > 0)
    u_sampling_j = windows.u_sampling_j
    energy_j = total(windows.energy_j)
    energy_j[np.bincount(of, minlength=groups) == 0] = np.nan
    return WindowEnergies(
        energy_j,
        total(windows.edge_loss_j),
        np.sqrt(total(windows.u_edge_j**2)),
        None if u_sampling_j is None else np.sqrt(total(u_sampling_j**2)),
        np.rint(total(windows.updates)).astype(np.int32),
        coverage,
        duration_s,
        windows.interval_s,
        windows.widths_s,
    )


def _in_quadrature(a: NDArray[np.float64] | None, b: NDArray[np.float64] | None) -> NDArray[np.float64] | None:
    if a is None or b is None:
        return b if a is None else a
    return np.hypot(a, b)

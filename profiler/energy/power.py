"""The power that an energy source saw around an instant: the very knots from which its energies are made."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.channel import EnergySource
from edgewatt.profiler.energy.flow import flows_of, sampling_of
from edgewatt.profiler.energy.knots import Samples, knots_of
from edgewatt.profiler.energy.sources import terms_by_stream
from edgewatt.profiler.energy.windows import LOOK_AHEAD, sampling_interval_s
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.synchronising.locate import Power


def power_between(trace: Trace, source: EnergySource, t0_ns: int, t1_ns: int) -> Iterator[Power]:
    """What each flow of the source saw from t0 to t1, int64 ns of the host's clock; one pass over the samples for each.

    Raises UsageError and NotMeasuredError as `energy_of_source` does.
    """
    for stream, terms in terms_by_stream(trace, source).items():
        columns = list(dict.fromkeys(channel.column for term in terms for channel in term))
        for flow in flows_of(terms):
            sampled_s, _ = sampling_interval_s(trace.chunks(stream, columns))
            sampling = sampling_of(flow, sampled_s)
            # Knots lie earlier than their samples, and where values are held, each has to be seen to begin.
            margin_ns = sampling.delay_ns + round(LOOK_AHEAD * sampled_s * 1e9)
            near = _near(trace.chunks(stream, columns), t0_ns - margin_ns, t1_ns + margin_ns)
            knots = list(knots_of(flow, sampling, near))
            t_ns = np.concatenate([np.empty(0, np.int64), *(one.t_ns for one in knots)])
            power_w = np.concatenate([np.empty(0), *(one.power_w for one in knots)])
            yield _means(t_ns, power_w, steps=sampling.steps, window_s=sampling.window_s, gap_ns=sampling.gap_ns)


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    t_ns: NDArray[np.int64]
    columns: dict[str, NDArray[np.float64]]


def _near(chunks: Iterable[Samples], t0_ns: int, t1_ns: int) -> Iterator[Samples]:
    for chunk in chunks:
        first, last = np.searchsorted(chunk.t_ns, [t0_ns, t1_ns])
        if first < last:
            yield _Part(chunk.t_ns[first:last], {name: of[first:last] for name, of in chunk.columns.items()})


def _means(
    t_ns: NDArray[np.int64], power_w: NDArray[np.float64], *, steps: bool, window_s: float, gap_ns: int | None
) -> Power:
    if not steps:
        return Power.points(t_ns, power_w, window_s)
    if len(t_ns) < 2:
        return Power(t_ns[:0], t_ns[:0], power_w[:0])
    begin_ns, end_ns, power_w = t_ns[:-1], t_ns[1:], power_w[1:]
    if gap_ns is None:
        return Power(begin_ns, end_ns, power_w)
    return Power(begin_ns, end_ns, np.where(end_ns - begin_ns > gap_ns, np.nan, power_w))

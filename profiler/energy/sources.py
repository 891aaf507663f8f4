"""Energy of windows of a stored run, from one of its energy sources; and what is known of how that source looks."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgewatt.profiler.batch import Gap
from edgewatt.profiler.channel import Accuracy, Channel, EnergySource
from edgewatt.profiler.clockfit import ClockFit
from edgewatt.profiler.energy.budget import Instrument
from edgewatt.profiler.energy.windows import WindowEnergies, added, energy_of_windows, mean_of_windows
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.trace import Trace

_Terms = list[tuple[Channel, ...]]
_Factors = list[tuple[Channel, Accuracy]]


def energy_of_source(
    trace: Trace,
    source: EnergySource,
    t0_ns: ArrayLike,
    t1_ns: ArrayLike,
    *,
    min_coverage: float = 1.0,
    spread: bool = False,
) -> WindowEnergies:
    """The energy that `source` saw in each window, as `energy_of_windows`; streams of one source are added.

    Raises UsageError if the factors of one product are in two streams, NotMeasuredError if a clock of theirs was
    never compared with the host's.
    """
    parts = [
        energy_of_windows(
            trace.chunks(stream, list(dict.fromkeys(channel.column for term in terms for channel in term))),
            terms,
            t0_ns,
            t1_ns,
            gaps=gaps_on_host_clock(trace, stream),
            min_coverage=min_coverage,
            spread=spread,
        )
        for stream, terms in terms_by_stream(trace, source).items()
    ]
    return added(parts)


def gaps_on_host_clock(trace: Trace, stream: str) -> list[Gap]:
    """The recorded gaps of a stream, as the host's clock would have stamped them."""
    recorded = trace.gaps(stream)
    if not recorded:
        return []
    fit = trace.clock_fit(trace.stored_streams[stream].clock)
    pairs = fit.to_host(np.asarray([(gap.t0_ns, gap.t1_ns) for gap in recorded], np.int64)).tolist()
    return [
        Gap(t0_ns, t1_ns, gap.cause, gap.samples_lost, stream)
        for gap, (t0_ns, t1_ns) in zip(recorded, pairs, strict=True)
    ]


def instrument_of(
    trace: Trace,
    source: EnergySource,
    t0_ns: NDArray[np.int64],
    t1_ns: NDArray[np.int64],
    window_clocks: Sequence[str],
    energies: WindowEnergies,
    bounds_s: tuple[float, ...] | None = None,
) -> Instrument:
    """How `source` looked at the measured windows t0 to t1, which were stamped by `window_clocks`.

    An offset between two clocks counts where windows and samples have different ones, unless `bounds_s` says what is
    known of it. Gains of the factors of a
    product add in quadrature; of several terms the largest gain counts for all and zero points add up, as sensors
    of one chip tend to err together. One factor without a stated accuracy leaves the gain unknown.
    """
    columns = trace.columns
    channels = [[columns[column].channel for column in term] for term in source.terms]
    streams = sorted({columns[column].stream for term in source.terms for column in term})
    if bounds_s is None:
        bounds_s = _bounds_s(
            [trace.clock_fit(trace.stored_streams[stream].clock) for stream in streams],
            [trace.clock_fit(clock) for clock in sorted(set(window_clocks))],
        )
    stated = [_stated(term) for term in channels]
    if None in stated:
        return Instrument(energies.widths_s, bounds_s)
    known = [factors for factors in stated if factors is not None]
    gains = [math.hypot(*(accuracy.gain_rel for _, accuracy in factors)) for factors in known]
    offset_w = sum(_offset_w(trace, factors, (t0_ns, t1_ns), energies) for factors in known)
    return Instrument(energies.widths_s, bounds_s, max(gains), offset_w)


def _stated(term: Sequence[Channel]) -> _Factors | None:
    """The factors of a term with their accuracy; None if one of them has none."""
    factors = [(channel, channel.accuracy) for channel in term if channel.accuracy is not None]
    return factors if len(factors) == len(term) else None


def terms_by_stream(trace: Trace, source: EnergySource) -> Mapping[str, _Terms]:
    """The terms of a source by the stream that holds them. Raises UsageError if one is in two streams, or none is."""
    columns = trace.columns
    found: dict[str, _Terms] = {}
    for term in source.terms:
        streams = {columns[column].stream for column in term}
        if len(streams) != 1:
            raise UsageError(
                f"{trace.path}: source {source.name} multiplies {' and '.join(term)}, which lie in the streams "
                f"{', '.join(sorted(streams))}; only samples taken together can be multiplied"
            )
        found.setdefault(streams.pop(), []).append(tuple(columns[column].channel for column in term))
    if not found:
        raise UsageError(f"{trace.path}: source {source.name} names no columns")
    return found


def _bounds_s(of_streams: Sequence[ClockFit], of_windows: Sequence[ClockFit]) -> tuple[float, ...]:
    """The bounds of the clocks between samples and windows, the widest of each side; none where it is one clock."""
    if {fit.clock for fit in of_streams} == {fit.clock for fit in of_windows}:
        return ()
    widest = (max((fit.bound_ns for fit in side), default=0) for side in (of_streams, of_windows))
    return tuple(bound_ns / 1e9 for bound_ns in widest if bound_ns)


def _offset_w(
    trace: Trace, factors: _Factors, windows_ns: tuple[NDArray[np.int64], NDArray[np.int64]], energies: WindowEnergies
) -> float:
    """Watts by which the zero points of a term's factors can be off together; a counter's cancels in a difference."""
    off = [(channel, accuracy.offset) for channel, accuracy in factors if channel.kind == "gauge" and accuracy.offset]
    if len(factors) == 1:
        return sum(offset for _, offset in off)
    shares = []
    for channel, offset in off:
        chunks = trace.chunks(trace.columns[channel.column].stream, [channel.column])
        mean = mean_of_windows(chunks, channel.column, *windows_ns)
        shares.append(offset / mean if mean else 0.0)
    covered_s = float(np.sum(energies.duration_s * energies.coverage))
    power_w = float(np.nansum(energies.energy_j)) / covered_s if covered_s > 0 else 0.0
    return abs(power_w) * math.hypot(*shares)

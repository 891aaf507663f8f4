"""What a run of gauging holds: the looks at a sensor, the pulses, and what a meter beside it saw."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.analysis.synchronised import source_clock
from edgewatt.profiler.channel import Accuracy, Channel, EnergySource
from edgewatt.profiler.clockfit import ClockFit
from edgewatt.profiler.energy.power import power_between
from edgewatt.profiler.errors import NotMeasuredError, UsageError
from edgewatt.profiler.gauging.found import Floats
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.synchronising.train import Edges
from edgewatt.profiler.units import Quantity
from edgewatt.profiler.window import Window

PREFIX: Final = "gauge/"
RAW: Final = "battery_current_raw.count_n"
_BATTERY: Final = (None, RAW, "battery", "battery.current_a", "battery_current_raw")
_CALIBRATED: Final = (Quantity.CURRENT, Quantity.POWER)


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """A stream's looks: seconds since `origin_ns` of `clock`, and columns, float64 of shape [n] each."""

    origin_ns: int
    clock: str
    t_s: Floats
    columns: dict[str, Floats]


def sensor_columns(trace: Trace, named: str | None = None) -> tuple[str, ...]:
    """The columns whose product is what is calibrated: raw counts and volt of a battery, or a sensor's own.

    `named` is a channel's name or column. Raises NotMeasuredError for a sensor that is not there.
    """
    columns = trace.columns
    if named in _BATTERY and RAW in columns:
        return (RAW, "battery.voltage_v") if "battery.voltage_v" in columns else (RAW,)
    gauges = {
        column: stored.channel
        for column, stored in columns.items()
        if stored.channel.kind == "gauge" and stored.channel.quantity in _CALIBRATED
    }
    fitting = [column for column, channel in gauges.items() if named in (column, channel.name)]
    if named is None or not fitting:
        asked = "current of a battery that can be read" if named is None else f"sensor {named!r}"
        known = ", ".join(gauges) or "none"
        raise NotMeasuredError(
            f"{trace.manifest.device['uri']} has no {asked}: its currents and powers are {known}. {_why(trace)}"
        )
    column = next((c for c in fitting if gauges[c].quantity is Quantity.POWER), fitting[0])
    partner = f"{gauges[column].name}.voltage_v"
    return (column, partner) if gauges[column].quantity is Quantity.CURRENT and partner in columns else (column,)


def _why(trace: Trace) -> str:
    said = [f"{u['what']}: {u['reason']}" for u in trace.manifest.unavailable if "battery" in u["what"]]
    return "; ".join(said[:3])


def looks_of(trace: Trace, columns: Sequence[str]) -> Looks:
    """The looks at columns of one stream, on its own clock. Raises NotMeasuredError where there are none."""
    of_streams = {trace.columns[column].stream for column in columns}
    if len(of_streams) != 1:
        raise UsageError(f"{trace.path}: {' and '.join(columns)} do not come together; they cannot be multiplied")
    (stream,) = of_streams
    chunks = list(trace.chunks(stream, list(columns), host_clock=False))
    t_ns = np.concatenate([np.empty(0, np.int64), *(chunk.t_ns for chunk in chunks)])
    if len(t_ns) < 2:
        raise NotMeasuredError(f"{trace.path}: the sensor was not looked at: {stream} has {len(t_ns)} samples")
    origin_ns = int(t_ns[0])
    values = {c: np.concatenate([chunk.columns[c] for chunk in chunks]).astype(np.float64) for c in columns}
    return Looks(origin_ns, trace.stored_streams[stream].clock, (t_ns - origin_ns) * 1e-9, values)


def pulses_of(trace: Trace, looks: Looks) -> tuple[Floats, Floats]:
    """Begin and end of every pulse that was executed, in seconds on the clock of the looks. Raises NotMeasuredError."""
    trains = sorted(trace.windows(PREFIX), key=lambda window: window.t0_ns)
    edges = [_seconds(trace, window, looks) for window in trains]
    if not edges:
        raise NotMeasuredError(f"{trace.path}: no pulses of load were executed")
    pairs = np.concatenate(edges)
    return pairs[:, 0], pairs[:, 1]


def _seconds(trace: Trace, window: Window, looks: Looks) -> Floats:
    edges = Edges.of([(begin, end) for begin, end in window.attributes["edges_ns"]])
    edges_ns = np.stack([edges.begin_ns, edges.end_ns], 1)
    if window.clock != looks.clock:
        edges_ns = _from_host(trace.clock_fit(looks.clock), trace.clock_fit(window.clock).to_host(edges_ns))
    return np.asarray((edges_ns - looks.origin_ns) * 1e-9)


def _from_host(fit: ClockFit, host_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of the host's clock on another: the inverse of `to_host`, to first order in the drift."""
    guess_ns = host_ns - fit.offset_ns
    return np.asarray(guess_ns - (fit.to_host(guess_ns) - host_ns))


def meter_points(trace: Trace, source: EnergySource, looks: Looks) -> tuple[Floats, Floats, tuple[str, ...]]:
    """What a meter saw, as points in seconds on the clock of the looks and watt; and reasons of the clocks'.

    Raises NotMeasuredError for a meter that does not see the trains: it feeds something else.
    """
    known = source_clock(trace, source)
    if known is not None and known.is_refused:
        raise NotMeasuredError(
            f"the meter {source.name} does not see the pulses of load on {trace.manifest.device['uri']}: it feeds "
            f"something else, or a battery or charger feeds the device past it ({'; '.join(known.reasons)})"
        )
    tied = known is not None and known.found is not None and known.clock == looks.clock
    fit = known.found.fit if known is not None and known.found is not None and tied else trace.clock_fit(looks.clock)
    origin_ns = int(fit.to_host(np.asarray([looks.origin_ns], np.int64))[0])
    span_ns = round(float(looks.t_s[-1]) * 1e9)
    powers = list(power_between(trace, source, origin_ns - 60 * 10**9, origin_ns + span_ns + 60 * 10**9))
    if len(powers) != 1 or len(powers[0].power_w) < 2:
        raise NotMeasuredError(f"{trace.path}: {source.name} gave {len(powers)} flows of power, expected one")
    middle_ns = powers[0].begin_ns + (powers[0].end_ns - powers[0].begin_ns) // 2
    there = np.isfinite(powers[0].power_w)
    # Per second of the meter's clock the device's runs by (1 - drift); what is left of it is far below a lag's u.
    host_s = (middle_ns[there] - origin_ns) * 1e-9
    reasons = () if known is None else known.reasons
    return np.asarray(host_s / (1 + fit.drift)), powers[0].power_w[there], reasons


def accuracy_of_source(trace: Trace, source: EnergySource, power_w: float) -> Accuracy | None:
    """What is stated of a source's power around `power_w`: the factors' gains together; None where one states none."""
    if len(source.terms) != 1:
        return None
    channels: list[Channel] = [trace.columns[column].channel for column in source.terms[0]]
    stated = [channel.accuracy for channel in channels if channel.accuracy is not None]
    if len(stated) != len(channels):
        return None
    gain = float(np.hypot.reduce([accuracy.gain_rel for accuracy in stated]))
    basis = "; ".join(dict.fromkeys(accuracy.basis for accuracy in stated))
    if len(channels) == 1:
        return Accuracy(gain, stated[0].offset, basis)
    means = {c.column: float(np.nanmean(trace.series(c.column).to_numpy()[1])) for c in channels} if power_w else {}
    offsets = [abs(power_w / means[c.column]) * a.offset for c, a in zip(channels, stated, strict=True) if means]
    return Accuracy(gain, float(np.hypot.reduce(offsets)) if offsets else 0.0, basis)

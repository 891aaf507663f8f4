"""What a run of gauging says of a sensor: by itself, or against the meter beside it."""

from dataclasses import dataclass

import numpy as np

from edgewatt.profiler.channel import Accuracy, EnergySource
from edgewatt.profiler.errors import NotMeasuredError
from edgewatt.profiler.gauging.against import GAIN, Line, line_of
from edgewatt.profiler.gauging.found import Floats, Undecided
from edgewatt.profiler.gauging.gauged import Gauged, gauged, limits_for, readings_of
from edgewatt.profiler.gauging.meaning import UNITS, Meaning
from edgewatt.profiler.gauging.updates import Updates, updates_of
from edgewatt.profiler.running.gauging_read import (
    RAW,
    Looks,
    accuracy_of_source,
    looks_of,
    meter_points,
    pulses_of,
    sensor_columns,
)
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.units import Quantity

# Where the joules of a phone's gauge are taken: a meter there sees all of them and nothing else.
_SAME_AS_GAUGE = ("battery_bypass", "battery_series")
# Two clocks that were compared by trains or echoes lie closer together.
_CLOCKS_S = 0.1


@dataclass(frozen=True, slots=True)
class Alone:
    """A gauge by itself: its column, what was found of its counts, and how."""

    column: str
    gauged: Gauged
    how: str


@dataclass(frozen=True, slots=True)
class Against:
    """A sensor (its columns) against a meter (a source's name), in watt; `volt` is the mean voltage then.

    `meaning` is what raw counts mean, None of a sensor in SI. `accuracy` is what is stated of the meter.
    """

    columns: tuple[str, ...]
    meter: str
    boundary: str
    line: Line | Undecided
    meaning: Meaning | Undecided | None
    volt: float | None
    accuracy: Accuracy | None
    reasons: tuple[str, ...]
    how: str


def judge_alone(trace: Trace, sensor: str | None = None) -> Alone:
    """What pulses of load show of a gauge. Raises NotMeasuredError without looks at it."""
    columns = sensor_columns(trace, sensor)
    looks = looks_of(trace, columns[:1])
    begin_s, end_s = pulses_of(trace, looks)
    found = gauged(looks.t_s, looks.columns[columns[0]], begin_s, end_s)
    how = f"{len(begin_s)} pulses of load on one core, {found.looks} looks"
    return Alone(columns[0], found, how)


def judge_against(trace: Trace, sensor: str | None = None, stated: Accuracy | None = None) -> Against:
    """The line of a sensor against the meter beside it. Raises NotMeasuredError where they do not see the same."""
    columns = sensor_columns(trace, sensor)
    source = _meter_of(trace, columns)
    looks = looks_of(trace, columns)
    meter_s, meter_w, reasons = meter_points(trace, source, looks)
    accuracy = stated or accuracy_of_source(trace, source, float(np.mean(meter_w)))
    updates = updates_of(looks.t_s, looks.columns[columns[0]])
    line, meaning, volt = _line(updates, looks, columns, (meter_s, meter_w), accuracy)
    values = line.values if isinstance(line, Line) else 0
    how = f"{values} values against {source.name} at {source.boundary}"
    if accuracy is not None:
        how += f", whose gain is uncertain by {accuracy.gain_rel:.2%} ({accuracy.basis})"
    return Against(columns, source.name, source.boundary, line, meaning, volt, accuracy, reasons, how)


def _line(
    updates: Updates | Undecided,
    looks: Looks,
    columns: tuple[str, ...],
    meter: tuple[Floats, Floats],
    accuracy: Accuracy | None,
) -> tuple[Line | Undecided, Meaning | Undecided | None, float | None]:
    if isinstance(updates, Undecided):
        return updates, updates if columns[0] == RAW else None, None
    values, volt = updates.value, None
    if len(columns) == 2:
        volts = updates.held(looks.columns[columns[1]])
        volt = float(np.nanmean(volts))
        values = values * np.where(np.isfinite(volts), volts, volt)
    scale = 1.0
    if columns[0] == RAW:
        # In watt per count it is tiny or huge: the unit and the sign are those that make it about the meter's.
        told = _scale(updates, values, meter, accuracy)
        if isinstance(told, Undecided):
            return told, told, volt
        scale = told
    line = line_of(readings_of(updates, values * scale), *meter, limits_for(updates, -_CLOCKS_S), accuracy)
    meaning = None
    if columns[0] == RAW:
        unit = next(name for name, of in UNITS.items() if of == abs(scale))
        meaning = Meaning(unit, abs(scale), 1 if scale > 0 else -1)
    elif isinstance(line, Line) and not GAIN[0] <= line.gain.value <= GAIN[1]:
        line = Undecided(f"its gain against the meter is {line.gain.value:.3g}: the two do not measure the same thing")
    return line, meaning, volt


def _scale(
    updates: Updates, values: Floats, meter: tuple[Floats, Floats], accuracy: Accuracy | None
) -> float | Undecided:
    """Ampere per count with the sign that makes it positive out of the battery, by the meter."""
    rough = line_of(readings_of(updates, values), *meter, limits_for(updates, -_CLOCKS_S), accuracy)
    if isinstance(rough, Undecided):
        return rough
    per_count = rough.gain.value
    fitting = [scale for scale in UNITS.values() if GAIN[0] <= abs(per_count) * scale <= GAIN[1]]
    if len(fitting) != 1:
        return Undecided(f"it counts {per_count:.3g} V A where the meter sees 1 W, which is neither A, mA nor uA")
    return fitting[0] if per_count > 0 else -fitting[0]


def _meter_of(trace: Trace, columns: tuple[str, ...]) -> EnergySource:
    """The one source of the meter beside the sensor, at a boundary where both see the same. Raises NotMeasuredError."""
    stream = trace.columns[columns[0]].stream
    own = stream.partition("-")[0]
    others = [
        source
        for source in trace.sources
        if all(trace.columns[c].stream.partition("-")[0] != own for term in source.terms for c in term)
    ]
    if not others:
        raise NotMeasuredError(f"{trace.path}: no meter beside {', '.join(columns)} gives energy")
    boundary = _boundary_of(trace, columns)
    fitting = [source for source in others if source.boundary in boundary]
    if not fitting:
        seen = ", ".join(f"{source.name} at {source.boundary}" for source in others)
        raise NotMeasuredError(
            f"{columns[0]} is taken at {boundary[0]} and the meter {seen}: what flows through one does not all flow "
            f"through the other, so that no gain follows. Expected a meter at {' or '.join(boundary)}"
        )
    return fitting[0]


def _boundary_of(trace: Trace, columns: tuple[str, ...]) -> tuple[str, ...]:
    """At which boundaries a meter sees what the sensor does."""
    stated = [trace.columns[column].channel.boundary for column in columns]
    if columns[0] == RAW or "gauge" in stated:
        return _SAME_AS_GAUGE
    known = next((boundary for boundary in stated if boundary is not None), None)
    if known is None or trace.columns[columns[0]].channel.quantity not in (Quantity.POWER, Quantity.CURRENT):
        raise NotMeasuredError(
            f"{trace.path}: nobody says where {columns[0]} is taken, so that no meter can be like it"
        )
    return (known,)

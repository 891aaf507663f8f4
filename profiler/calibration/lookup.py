"""Looking up what a calibration holds. Outside of what was measured it raises: nothing is extrapolated in silence.

Between two measured points a value is interpolated linearly, and says so; so are the ends of its interval, which then
does not hold how far the truth bends between the two.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from edgewatt.profiler.calibration.calibration import Calibration
from edgewatt.profiler.calibration.possible import interval_column
from edgewatt.profiler.errors import UsageError

Row = Mapping[str, Any]

# Of two points a value between them has the weaker word; what is simulated stays simulated.
_WEAKER: Final = ("measured", "published", "assumed", "simulated")
# Steps of a governor are told in kHz; the same step may be written with other digits.
_SAME: Final = 1e-6


class OutOfRangeError(UsageError):
    """What was asked for is outside of what a calibration holds; the message says the range that it may be used in."""


@dataclass(frozen=True, slots=True)
class Known:
    """A value in the unit of its column, its interval at 95 % (None where there is none), and where it is from.

    `how` is `exact`, or in words how it came from the rows that were measured.
    """

    value: float
    low: float | None
    high: float | None
    basis: str
    how: str = "exact"


def power_at(
    calibration: Calibration,
    unit: str,
    frequency_hz: float,
    column: str = "busy_w",
    *,
    interpolate: bool = True,
    **equal: Any,
) -> Known:
    """A power of a unit at a step, or between two steps. `equal`: what else rows have to be, as device_id.

    Raises OutOfRangeError naming the steps that were measured; UsageError where rows of several devices, energy sources
    or temperatures would fit.
    """
    what = f"{column} of {unit}"
    rows = _alike(what, calibration.rows("power", unit=unit, **equal), column, "frequency_hz")
    return _at(what, rows, column, "frequency_hz", frequency_hz, _hertz, interpolate=interpolate)


def step_time_at(
    calibration: Calibration,
    model: str,
    batch: float,
    column: str = "step_s",
    *,
    interpolate: bool = True,
    **equal: Any,
) -> Known:
    """Time (or `energy_j`, ...) of a training step at a batch, or between two measured batches; raises as power_at.

    Time is far from linear in the batch as a whole (facts: S15), which is why only neighbours are joined.
    """
    what = f"{column} of training {model}"
    rows = _alike(what, calibration.rows("training_step", model=model, **equal), column, "batch")
    return _at(what, rows, column, "batch", batch, _plain, interpolate=interpolate)


def inference_at(calibration: Calibration, column: str = "latency_s", **equal: Any) -> Known:
    """A value of the one row of `inference` that is `equal`. Raises OutOfRangeError for none, UsageError for more."""
    what = f"{column} of " + ", ".join(f"{key} {value}" for key, value in equal.items())
    rows = [row for row in calibration.rows("inference") if row[column] is not None]
    found = [row for row in rows if all(row[key] == value for key, value in equal.items())]
    if not found:
        near = max(
            ({key: row[key] for key in equal} for row in rows), key=lambda row: _shared(row, equal), default=None
        )
        raise OutOfRangeError(f"{what} was not measured; nearest is {_said(near) if near else 'nothing'}")
    return _known(_only(what, found, column), column)


def radio_at(calibration: Calibration, interface: str, rssi_dbm: float, column: str, **equal: Any) -> Known:
    """A power, rate or round trip at a signal strength: of the bin that holds it, else of the log-linear fit.

    Raises OutOfRangeError naming the bins and the fit's range; UsageError where several rows would fit.
    """
    what = f"{column} of {interface}"
    rows = [row for row in calibration.rows("radio", interface=interface, **equal) if row[column] is not None]
    bins = [row for row in rows if row["rssi_low_dbm"] is not None and row["rssi_high_dbm"] is not None]
    within = _alike(what, [row for row in bins if _holds(row, rssi_dbm)], column, "rssi_low_dbm")
    if within:
        return _known(min(within, key=lambda row: abs(_middle(row) - rssi_dbm)), column)
    fit = _radio_fit(calibration, interface, column, equal)
    if fit is not None and fit["ln_slope"]["valid_low"] <= rssi_dbm <= fit["ln_slope"]["valid_high"]:
        return _on_line(fit, rssi_dbm)
    if len(rows) == 1 and not bins:
        return replace(_known(rows[0], column), how="whatever the signal: its source does not say at which")
    seen = ", ".join(f"{row['rssi_low_dbm']:g} to {row['rssi_high_dbm']:g}" for row in bins) or "none"
    line = "no fit" if fit is None else f"a fit from {_range(fit['ln_slope'])}"
    raise OutOfRangeError(f"{what} at {rssi_dbm:g} dBm was not measured: bins are {seen} dBm, and {line}")


_FITS: Final = {
    "send_w": "radio_send",
    "receive_w": "radio_receive",
    "send_b_per_s": "radio_send_rate",
    "receive_b_per_s": "radio_receive_rate",
}


def _radio_fit(
    calibration: Calibration, interface: str, column: str, equal: Mapping[str, Any]
) -> dict[str, Row] | None:
    if column not in _FITS:
        return None
    keys = ("device_id",) if column.endswith("_b_per_s") else ("device_id", "energy_source")
    same = {key: value for key, value in equal.items() if key in keys}
    rows = calibration.rows("fits", fit=_FITS[column], of=interface, **same)
    terms: dict[str, Row] = {row["term"]: row for row in rows}
    if len(terms) != len(rows):
        raise UsageError(f"{column} of {interface}: several fits are there; say which by device_id or energy_source")
    return terms if {"ln_level", "ln_slope", "pivot"} <= terms.keys() else None


def _on_line(fit: Mapping[str, Row], rssi_dbm: float) -> Known:
    """At its pivot level and slope are independent, so that their half widths add in squares."""
    level, slope, pivot = fit["ln_level"], fit["ln_slope"], fit["pivot"]["value"]
    away = rssi_dbm - pivot
    centre = level["value"] + slope["value"] * away
    halves = [_half(level), _half(slope)]
    how = f"a log-linear fit from {_range(slope)}"
    if halves[0] is None or halves[1] is None:
        return Known(math.exp(centre), None, None, slope["basis"], how)
    half = math.hypot(halves[0], halves[1] * away)
    return Known(math.exp(centre), math.exp(centre - half), math.exp(centre + half), slope["basis"], how)


def _half(term: Row) -> float | None:
    return None if term["low"] is None or term["high"] is None else (term["high"] - term["low"]) / 2


def _range(term: Row) -> str:
    return f"{term['valid_low']:g} to {term['valid_high']:g} dBm"


def _holds(row: Row, rssi_dbm: float) -> bool:
    return bool(row["rssi_low_dbm"] <= rssi_dbm <= row["rssi_high_dbm"])


def _middle(row: Row) -> float:
    return float(row["rssi_low_dbm"] + row["rssi_high_dbm"]) / 2


# What tells rows of one table apart that are not of the same thing.
_APART: Final = ("device_id", "interface", "energy_source", "target", "precision", "threads", "temperature_c")
_SAME_LINE: Final = ("device_id", "energy_source", "target", "precision", "threads", "runtime", "co_cpu_ratio")
_EQUAL: Final = "nothing: they are equal"
_OF_NETWORKS: Final = (*_APART, "model", "runtime", "batch", "frequency_hz", "co_cpu_ratio", "co_memory_ratio")


def _alike(what: str, rows: Iterable[Row], column: str, over: str) -> list[Row]:
    """The rows with a value, one per place. Raises UsageError where two of a place are of different things."""
    found: dict[Any, list[Row]] = {}
    for row in rows:
        if row[column] is not None and row[over] is not None:
            found.setdefault(row[over], []).append(row)
    return [_only(f"{what} at {over} {place:g}", here, column, over) for place, here in found.items()]


def _only(what: str, rows: Sequence[Row], column: str, over: str = "") -> Row:
    """The row, or one of several that say the same: a time that two meters saw. Raises UsageError if they differ."""
    if len({(row[column], row["basis"]) for row in rows}) > 1:
        apart = _APART if over in ("frequency_hz", "rssi_low_dbm") else _OF_NETWORKS
        raise UsageError(f"{what}: {len(rows)} rows fit; say which by {_difference(rows, apart)}")
    return rows[0]


def _difference(rows: Sequence[Row], apart: Sequence[str]) -> str:
    """In what the rows differ, each with the values that there are."""
    values = {key: sorted({str(row[key]) for row in rows}) for key in apart if key in rows[0]}
    return "; ".join(f"{key}: {', '.join(of)}" for key, of in values.items() if len(of) > 1) or _EQUAL


def _at(
    what: str,
    rows: Sequence[Row],
    column: str,
    over: str,
    place: float,
    written: Callable[[float], str],
    *,
    interpolate: bool,
) -> Known:
    ordered = sorted(rows, key=lambda row: float(row[over]))
    for row in ordered:
        if abs(row[over] - place) <= _SAME * abs(place):
            return _known(row, column)
    below = [row for row in ordered if row[over] < place]
    above = [row for row in ordered if row[over] > place]
    if not (below and above and interpolate):
        seen = ", ".join(written(row[over]) for row in ordered) or "nothing"
        raise OutOfRangeError(f"{what} at {written(place)} was not measured; measured is {seen}")
    first, second = below[-1], above[0]
    if (differ := _difference([first, second], _SAME_LINE)) != _EQUAL:
        raise UsageError(f"{what} at {written(place)}: its neighbours are of different things; say which by {differ}")
    share = (place - first[over]) / (second[over] - first[over])
    ends = [_between(first, second, interval_column(column, end), share) for end in ("low", "high")]
    basis = max(first["basis"], second["basis"], key=_WEAKER.index)
    how = f"linear between {written(first[over])} and {written(second[over])}"
    value = _between(first, second, column, share)
    assert value is not None  # noqa: S101  (rows have one)
    return Known(value, ends[0], ends[1], basis, how)


def _between(first: Row, second: Row, column: str, share: float) -> float | None:
    a, b = first.get(column), second.get(column)
    return None if a is None or b is None else float(a + share * (b - a))


def _known(row: Row, column: str) -> Known:
    low, high = (row.get(interval_column(column, end)) for end in ("low", "high"))
    return Known(float(row[column]), low, high, row["basis"])


def _shared(row: Row, equal: Mapping[str, Any]) -> int:
    return sum(row[key] == value for key, value in equal.items())


def _said(row: Row) -> str:
    return ", ".join(f"{key} {value}" for key, value in row.items())


def _hertz(value: float) -> str:
    return f"{value / 1e6:g} MHz"


def _plain(value: float) -> str:
    return f"{value:g}"

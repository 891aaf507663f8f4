"""What was measured of a phone's gauge, as the facts that its own profile holds; files/battery.py uses them."""

from collections.abc import Mapping
from typing import Final

from edgewatt.device_profiles.loader import Fact
from edgewatt.profiler.gauging.against import Line
from edgewatt.profiler.gauging.found import Found
from edgewatt.profiler.gauging.gauged import Gauged
from edgewatt.profiler.gauging.meaning import Meaning

UNIT: Final = "battery_current_unit"
POSITIVE: Final = "battery_current_positive"
PERIOD: Final = "battery_update_period_s"
LAG: Final = "battery_lag_s"
WINDOW: Final = "battery_window_s"
RESOLUTION: Final = "battery_current_resolution_a"
GAIN: Final = "battery_gain_ratio"
ZERO: Final = "battery_zero_a"


def facts_of_gauge(gauged: Gauged, how: str, basis: str, date: str) -> Mapping[str, Fact]:
    """The decided properties; without unit and sign there are none."""
    if not isinstance(gauged.meaning, Meaning):
        return {}
    source = f"edgewatt calibrate sensor, {date}: {how}"
    facts = _meaning(gauged.meaning, source, basis, date)
    for key, found in ((PERIOD, gauged.period), (LAG, gauged.lag), (WINDOW, gauged.window)):
        if isinstance(found, Found):
            facts[key] = _number(found, source, basis, date)
    if isinstance(gauged.resolution, Found):
        facts[RESOLUTION] = _number(gauged.resolution.times(gauged.meaning.scale), source, basis, date)
    return facts


def facts_of_line(
    line: Line, meaning: Meaning | None, volt: float | None, how: str, basis: str, date: str
) -> Mapping[str, Fact]:
    """Gain and zero with all that they may be wrong by; none where nobody states the meter's own gain.

    The zero is that of the current at the voltage of the calibration: the line is one of powers.
    """
    if meaning is None or volt is None or not volt > 0 or line.gain_true is None or line.zero_true is None:
        return {}
    source = (
        f"edgewatt calibrate sensor, {date}: {how}; from {line.low:.3g} to {line.high:.3g} W at {volt:.2f} V; residual "
        f"{line.residual:.2g} W, covariance of gain and zero {line.covariance / volt:.2g} A"
    )
    return {
        **_meaning(meaning, source, basis, date),
        GAIN: _number(line.gain_true, source, basis, date),
        ZERO: _number(line.zero_true.times(1 / volt), source, basis, date),
    }


def _meaning(meaning: Meaning, source: str, basis: str, date: str) -> dict[str, Fact]:
    return {
        UNIT: Fact(meaning.unit, source, None, basis, date),
        POSITIVE: Fact(meaning.positive, source, None, basis, date),
    }


def _number(found: Found, source: str, basis: str, date: str) -> Fact:
    return Fact(float(found.value), source, float(found.u), basis, date)

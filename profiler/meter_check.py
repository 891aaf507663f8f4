"""What a meter says of a resistor that is known, or of nothing at all: its gain, its offset, its noise, its rate.

With a resistor R the current has to be V / R, V being what the meter itself measures: what is found is the gain of its
current as far as its voltage is right. With nothing connected the current has to be 0.
"""

import math
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.channel import Accuracy
from edgewatt.profiler.errors import DeviceError, NotMeasuredError
from edgewatt.profiler.statistics import LEVEL, interval_of_mean, t_quantile

Floats = NDArray[np.float64]
Verdict = Literal["within", "outside", "unknown"]

# As many independent blocks as for idling (energy/idle.py), for the same reason.
BLOCKS: Final = 20
LEAST_ROWS: Final = 2 * BLOCKS
# Less is no voltage to compare a current with; a larger difference is another wiring, not a gain (assumed).
LEAST_V: Final = 0.05
MOST_GAIN: Final = 0.5

_UPPER: Final = (1 + LEVEL) / 2
_NORMAL: Final = t_quantile(_UPPER, math.inf)


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean, its standard uncertainty from BLOCKS blocks with `df` degrees of freedom, and the spread of values."""

    mean: float
    u: float
    df: float
    noise: float


@dataclass(frozen=True, slots=True)
class Deviation:
    """How far off it is (a gain as a ratio, an offset in ampere), at 95 % between `low` and `high`.

    `stated` is what the instrument's own statement allows at 95 %, None where nobody stated anything. `follows` is the
    standard uncertainty that a profile of this meter could state after this check: the deviation and its uncertainty.
    """

    value: float
    low: float
    high: float
    stated: float | None
    follows: float
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Looked:
    """What a meter gave: float64 of shape [n] each; `ampere` is watt / volt where it gives no current.

    The accuracies are those stated of its voltage and its current (None: nobody did).
    """

    volt: Floats | None
    ampere: Floats
    of_volt: Accuracy | None = None
    of_ampere: Accuracy | None = None


@dataclass(frozen=True, slots=True)
class OfResistor:
    """A check with a resistor; `tolerance` is its own as a ratio, taken as the limits of a rectangle."""

    ohm: float
    tolerance: float
    volt: Mean
    ampere: Mean
    watt: Mean
    expected_a: float
    expected_w: float
    gain: Deviation


@dataclass(frozen=True, slots=True)
class OfNothing:
    """A check with nothing connected; power and voltage where the meter gives them."""

    volt: Mean | None
    ampere: Mean
    watt: Mean | None
    offset: Deviation


def check_resistor(looked: Looked, ohm: float, tolerance: float) -> OfResistor:
    """What a resistor shows. Raises NotMeasuredError without voltage or samples, DeviceError for another wiring."""
    if looked.volt is None:
        raise NotMeasuredError("a resistor says nothing of a meter that does not give the voltage at it as well")
    volt, ampere = mean_of(looked.volt), mean_of(looked.ampere)
    if abs(volt.mean) < LEAST_V:
        raise DeviceError(
            f"{volt.mean:.3f} V at the resistor: the output is off, or something else than a resistor hangs there"
        )
    expected_a = volt.mean / ohm
    gain = ampere.mean / expected_a - 1
    if abs(gain) > MOST_GAIN:
        raise DeviceError(
            f"{ampere.mean:.4g} A flow where {volt.mean:.4g} V on {ohm:g} ohm make {expected_a:.4g} A: look whether "
            "the resistor is connected to this channel, and whether that is its resistance"
        )
    ratio = mean_of(looked.ampere * (ohm / volt.mean) - (looked.volt / volt.mean - 1))
    stated = _stated(looked.of_ampere, ampere.mean)
    of_volt = _stated(looked.of_volt, volt.mean)
    both = None if stated is None else math.hypot(stated, of_volt or 0.0)
    return OfResistor(
        ohm,
        tolerance,
        volt,
        ampere,
        mean_of(looked.volt * looked.ampere),
        expected_a,
        float(np.mean(looked.volt**2)) / ohm,
        _deviation(gain, ratio, tolerance / math.sqrt(3), both),
    )


def check_nothing(looked: Looked) -> OfNothing:
    """What is measured with nothing connected. Raises NotMeasuredError without samples."""
    ampere = mean_of(looked.ampere)
    stated = None if looked.of_ampere is None else looked.of_ampere.offset
    volt = None if looked.volt is None else mean_of(looked.volt)
    watt = None if looked.volt is None else mean_of(looked.volt * looked.ampere)
    return OfNothing(volt, ampere, watt, _deviation(ampere.mean, ampere, 0.0, stated))


def mean_of(values: Floats) -> Mean:
    """The mean of values in order of time (shape [n]). Raises NotMeasuredError for fewer than LEAST_ROWS."""
    values = values[np.isfinite(values)]
    if len(values) < LEAST_ROWS:
        raise NotMeasuredError(f"{len(values)} samples came, at least {LEAST_ROWS} are needed; look for longer")
    blocks = values[: len(values) // BLOCKS * BLOCKS].reshape(BLOCKS, -1).mean(axis=1)
    spread = interval_of_mean(blocks)
    assert spread is not None  # noqa: S101  (BLOCKS values)
    assert spread.std is not None  # noqa: S101
    return Mean(float(values.mean()), spread.std / math.sqrt(BLOCKS), BLOCKS - 1, float(values.std(ddof=1)))


def _stated(accuracy: Accuracy | None, value: float) -> float | None:
    """A stated standard uncertainty relative to a value."""
    return None if accuracy is None else math.hypot(accuracy.gain_rel, accuracy.offset / abs(value) if value else 0.0)


def _deviation(value: float, seen: Mean, u_known: float, stated: float | None) -> Deviation:
    """From the spread of what was seen, what is known of the resistor, and what is stated: standard uncertainties.

    What is known is not widened by how few blocks there were (energy/budget.py).
    """
    half = math.hypot(t_quantile(_UPPER, seen.df) * seen.u, _NORMAL * u_known)
    allowed = None if stated is None else _NORMAL * stated
    verdict: Verdict = "unknown"
    if allowed is not None:
        verdict = "within" if abs(value) <= math.hypot(allowed, half) else "outside"
    return Deviation(value, value - half, value + half, allowed, math.hypot(value, seen.u, u_known), verdict)

"""What the counts of a gauge mean: its unit by what a load can draw, its sign by which way a load moves it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from edgewatt.profiler.gauging.found import Found, Undecided

UNITS: Final[Mapping[str, float]] = {"A": 1.0, "mA": 1e-3, "uA": 1e-6}
# What one core that is busy draws from a battery of 3 to 9 V above idle: 20 mW (a small core at its lowest clock) to
# 10 W. Assumed, generously: published figures of phones' cores lie between 0.05 W and 5 W. The two lie less than a
# thousandfold apart, so that no number fits two units.
STEP_A: Final = (0.004, 3.3)
# No phone's battery gives more (assumed: the fastest chargers and loads stay below it).
HIGHEST_A: Final = 20.0


@dataclass(frozen=True, slots=True)
class Meaning:
    """The unit of a count, ampere per count, and the sign of the number while the phone drains its battery."""

    unit: str
    scale: float
    sign: int

    @property
    def positive(self) -> str:
        """What a positive number says, in the words of a device profile's battery_current_positive."""
        return "discharging" if self.sign > 0 else "charging"


def meaning_of(step: Found, level: float) -> Meaning | Undecided:
    """What the counts mean by which a load moved them (`step`), above a usual number `level`."""
    size = abs(step.value)
    if step.low <= 0.0 <= step.high:
        return Undecided("the load moved it by no more than chance does")
    fitting = [unit for unit, scale in UNITS.items() if STEP_A[0] <= size * scale <= STEP_A[1]]
    low, high = (f"{a:g} A" for a in STEP_A)
    if len(fitting) != 1:
        return Undecided(
            f"the load moved it by {size:.4g}, which is neither as A, nor as mA, nor as uA what one busy core draws "
            f"({low} to {high}, assumed)"
        )
    unit = fitting[0]
    if abs(level) * UNITS[unit] > HIGHEST_A:
        return Undecided(f"the load's step means {unit}, and as {unit} it reads {level:.4g}, more than any phone draws")
    return Meaning(unit, UNITS[unit], 1 if step.value > 0 else -1)

"""How much worse a quantity may become: 5 % of latency and energy, 1 % of memory, or what the user says."""

import math
from collections.abc import Mapping
from typing import Final

from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import shown

# measurement.md, "Comparing, and the gate".
DEFAULTS: Final[Mapping[str, float]] = {"latency_s": 0.05, "energy_gross_j": 0.05, "memory_peak_b": 0.01}
_SHORT: Final = {
    "latency": "latency_s",
    "energy": "energy_gross_j",
    "energy_j": "energy_gross_j",
    "memory": "memory_peak_b",
}


def quantity_of(name: str) -> str:
    """The column called so, or called so for short. Raises UsageError."""
    full = _SHORT.get(name, name)
    if full not in DEFAULTS:
        raise UsageError(f"tolerance of {shown(name)}: known are latency, energy and memory")
    return full


def share_of(value: object) -> float:
    """A share from 0 on: 0.05, "0.05" or "5%". Raises UsageError."""
    try:
        text = str(value).strip()
        share = float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        share = math.nan
    if isinstance(value, bool) or not 0 <= share < 10:
        raise UsageError(f"tolerance {shown(value)}: expected a share such as 0.05, or 5%; 0 for none")
    return share


def given(tolerances: Mapping[str, object]) -> dict[str, float]:
    """Tolerances as somebody wrote them, by column. Raises UsageError."""
    return {quantity_of(name): share_of(value) for name, value in tolerances.items()}


def tolerances_of(said: Mapping[str, object] | None) -> dict[str, float]:
    """The tolerance of every quantity, those that were `said` in place of the usual ones. Raises UsageError."""
    return {**DEFAULTS, **given(said or {})}


def parse_tolerances(text: str) -> dict[str, float]:
    """`energy=3%,latency=0.02`, or one share for all. Raises UsageError."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if len(parts) == 1 and "=" not in parts[0]:
        return dict.fromkeys(DEFAULTS, share_of(parts[0]))
    pairs = [part.partition("=") for part in parts]
    if not parts or any(not sign for _, sign, _ in pairs):
        raise UsageError(f"tolerance {shown(text)}: expected 5%, or energy=3%,latency=2%,memory=1%")
    return {quantity_of(name.strip()): share_of(value) for name, _, value in pairs}

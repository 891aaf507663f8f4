"""What heat does to a phone: from the rows of long loads where there are any, else assumed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from edgewatt.models.scheduling.constants import Constants, Draw
from edgewatt.models.scheduling.phone import Unit, weakest
from edgewatt.models.scheduling.rows import Row, Rows

# A processor that is too hot runs at no less than this share of its speed, where no load showed what it sustains.
_SLOWEST: Final = 0.2
# Fewer kelvin above the trip point, or a smaller loss of speed, tell no slope.
_LEAST_KELVIN: Final = 0.5


@dataclass(frozen=True, slots=True)
class Heat:
    """`law`: trip_c, slowdown_per_k, reference_c, leakage_per_k, least speed. `course`: K/W, seconds, degrees around.

    Without a measured course (0 K/W) temperature is what a scenario draws.
    """

    law: tuple[float, float, float, float, float]
    course: tuple[float, float, float]
    notes: tuple[str, ...]
    basis: str


def heat_of(rows: Rows, units: Sequence[Unit], constants: Constants, draw: Draw) -> Heat:
    """The heat of a phone: a load that went on shows how warm it gets, and when and by how much it slows."""
    trip_c, slowdown, reference_c, leakage = (
        draw.constant(constants, f"heat.{name}")
        for name in ("trip_c", "slowdown_per_k", "reference_c", "leakage_per_k")
    )
    row = _longest(rows)
    if row is None:
        return Heat((trip_c, slowdown, reference_c, leakage, _SLOWEST), (0.0, 1.0, 0.0), (), "assumed")
    least, notes = _SLOWEST, []
    sustained = row["sustained_ratio"]
    if row["trip_c"] is not None:
        trip_c, slowdown = float(row["trip_c"]), _slope(rows, row, slowdown)
        ends = ("sustained_low_ratio", "sustained_high_ratio")
        least = min(draw.row(f"thermal.{rows.device_id}.sustained", row, "sustained_ratio", ends, 0.0), 1.0)
    elif sustained is not None and (warmest := _warmest(rows, row)) is not None:
        trip_c = max(trip_c, warmest)
        notes.append(f"heat: it did not slow up to {warmest:.0f} C; beyond {trip_c:.0f} C assumed")
    watts = next((unit.power_w[-1] for unit in units if unit.kind == "cpu"), np.nan)
    if row["leakage_w_per_k"] is not None and np.isfinite(watts) and watts > 0:
        leakage = max(float(row["leakage_w_per_k"]), 0.0) / float(watts)
        reference_c = next((float(r["temperature_c"]) for r in rows.of("power") if r["temperature_c"]), reference_c)
    course = (0.0, 1.0, 0.0)
    if row["resistance_k_per_w"] is not None and row["time_constant_s"] and row["ambient_c"] is not None:
        name, ends = f"thermal.{rows.device_id}", ("{}_low_{}", "{}_high_{}")
        resistance, constant = (
            draw.row(f"{name}.{of}", row, f"{of}_{unit}", (ends[0].format(of, unit), ends[1].format(of, unit)), 0.0)
            for of, unit in (("resistance", "k_per_w"), ("time_constant", "s"))
        )
        course = (resistance, constant, float(row["ambient_c"]))
        notes.append(f"heat: temperature is that of {row['channel']}, which follows the watts of what is chosen")
    return Heat((trip_c, slowdown, reference_c, leakage, least), course, tuple(notes), weakest(row["basis"]))


def _longest(rows: Rows) -> Row | None:
    """Of several loads the one that was looked at most often, of a processor."""
    mine = [r for r in rows.of("thermal") if (r["unit"] or "").startswith("cpu")]
    return max(mine, key=lambda r: (r["resistance_k_per_w"] is not None, r["observations_n"] or 0), default=None)


def _curve(rows: Rows, row: Row) -> list[Row]:
    return [
        r for r in rows.of("throttling")
        if r["unit"] == row["unit"] and r["cores_n"] == row["cores_n"] and r["temperature_c"] is not None
        and r["speed_ratio"] is not None
    ]  # fmt: skip


def _slope(rows: Rows, row: Row, assumed: float) -> float:
    """By how much speed falls per kelvin above the trip point: least squares through full speed there."""
    above = np.array([r["temperature_c"] - row["trip_c"] for r in _curve(rows, row)])
    lost = np.array([1.0 - r["speed_ratio"] for r in _curve(rows, row)])
    hot = above > _LEAST_KELVIN
    return max(float(above[hot] @ lost[hot] / (above[hot] @ above[hot])), 0.0) if hot.any() else assumed


def _warmest(rows: Rows, row: Row) -> float | None:
    return max((float(r["temperature_c"]) for r in _curve(rows, row)), default=None)

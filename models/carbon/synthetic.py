"""Hourly intensities that are made up, and say so: for tests and demonstrations, never for a real place."""

from collections.abc import Mapping
from typing import Final
from zlib import crc32

import numpy as np

from edgewatt.models.carbon.constants import number, tables_of
from edgewatt.models.carbon.grid import Array, Grid, Label, Steps
from edgewatt.profiler.errors import UsageError

SHAPES: Final = ("solar", "wind", "coal")
DAYS_LIMIT: Final = 3660
_HOUR_S: Final = 3600.0
# An hour of wind is so much like the hour before.
_WIND_KEEPS: Final = 0.95


def synthetic_grid(zones: Mapping[str, str], start_s: float, days: int, seed: int) -> Grid:
    """Hourly zones of a shape each, `solar`, `wind` or `coal`, from `start_s` for so many days; the same for a seed.

    The sun is highest at 12:00 UTC in every zone. Raises UsageError for another shape, or too many days.
    """
    if unknown := [shape for shape in zones.values() if shape not in SHAPES]:
        raise UsageError(f"synthetic zone of the shape {unknown[0]!r}: expected one of {', '.join(SHAPES)}")
    if not 1 <= days <= DAYS_LIMIT:
        raise UsageError(f"{days} synthetic days: expected 1 to {DAYS_LIMIT}")
    t0_s = np.asarray(start_s + _HOUR_S * np.arange(days * 24), np.float64)
    t1_s = np.asarray(t0_s + _HOUR_S, np.float64)
    label = Label(
        kind="average",
        scope="lifecycle",
        source=f"synthetic, seed {seed}: of no real place",
        licence="none needed",
        spread_ratio=0.0,
        spread_source="made up, so exactly what it is",
        is_synthetic=True,
    )
    return Grid(label, {zone: Steps(t0_s, t1_s, _hours(shape, zone, t0_s, seed)) for zone, shape in zones.items()})


def _hours(shape: str, zone: str, t0_s: Array, seed: int) -> Array:
    of = {name: found.value for name, found in tables_of("grid")[f"synthetic_{shape}"].items()}
    hour = (t0_s % 86400) / _HOUR_S
    sun = np.clip(np.cos((hour - 12) / 12 * np.pi), 0, None)
    evening = np.exp(-(((hour - 19) / 2) ** 2))
    gusts = np.random.default_rng([seed, crc32(zone.encode())]).normal(0, 1, len(t0_s))
    wind = np.empty(len(t0_s))
    level = 0.0
    for k, gust in enumerate(gusts):
        level = _WIND_KEEPS * level + np.sqrt(1 - _WIND_KEEPS**2) * gust
        wind[k] = level
    relative = 1 - of["day"] * sun + of["evening"] * evening + of["wind"] * np.clip(wind, -2, 2)
    mean = number("grid", "synthetic_mean", shape, "shape")
    return np.asarray(mean * np.clip(relative, 0.05, None), np.float64)

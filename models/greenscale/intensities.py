"""The carbon intensity of each place for every hour of a period: synthetic, of a user's file, or a yearly average."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.carbon.charging import Habit, Session
from edgewatt.models.carbon.grid import Grid, utc
from edgewatt.models.carbon.synthetic import synthetic_grid
from edgewatt.models.greenscale.constants import SHAPES
from edgewatt.models.greenscale.scenarios import Scenario
from edgewatt.models.scheduling.constants import Constants, Draw
from edgewatt.profiler.errors import UsageError

HOUR_S: Final = 3600.0
DAY_S: Final = 86400.0
YEAR_DAYS: Final = 365
# 2026-01-01, of the made-up year; before it the phone was charged, after it the last task may wait.
_START_S: Final = 1767225600.0
_BEFORE_DAYS: Final = 2
_AFTER_H: Final = 24


@dataclass(frozen=True, slots=True)
class Hours:
    """kg/J by hour of the period, and a day more: of what is in the phone's battery, of home, of the cloud."""

    phone: NDArray[np.float64]
    home: NDArray[np.float64]
    cloud: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Period:
    """Whole days on a grid, from `start_s`. `zones`: of home and cloud; None where scenarios say them (synthetic).

    `sessions`: a log of charges, in place of the scenarios' habits: their energy by hour of the day.
    """

    grid: Grid
    start_s: float
    days: int
    utc_offset_h: float = 0.0
    zones: tuple[str, str] | None = None
    sessions: Sequence[Session] = ()
    _kept: dict[Any, NDArray[np.float64]] = field(default_factory=dict)

    @property
    def hours_n(self) -> int:
        """How many hours there are to ask for tasks in."""
        return 24 * self.days

    def local_hour(self) -> NDArray[np.float64]:
        """The hour of the day where the phone is, by hour of the period and a day more."""
        if "local" not in self._kept:
            hours = np.arange(self.hours_n + _AFTER_H, dtype=np.float64)
            self._kept["local"] = (hours + self.start_s / HOUR_S + self.utc_offset_h) % 24
        return self._kept["local"]

    def awake(self, start_h: float, end_h: float, *, day: bool = False) -> NDArray[np.intp]:
        """The hours of the period, or of its first day, that lie between two of the local clock."""
        local = self.local_hour()[: 24 if day else self.hours_n]
        return np.flatnonzero((local >= start_h) & (local < end_h))

    def of(self, scenario: Scenario, constants: Constants, draw: Draw) -> Hours:
        """The intensities of a scenario. Raises UsageError for a gap."""
        home, cloud = self.zones or (scenario.home, scenario.cloud)
        factors = [1.0 if self.zones else draw.constant(constants, f"grid.{zone}") for zone in (home, cloud)]
        green = scenario.green_ratio * constants["green.kg_per_j"]
        return Hours(
            factors[0] * self._charged(home, scenario.charge_h),
            factors[0] * self._hourly(home),
            (1 - scenario.green_ratio) * factors[1] * self._hourly(cloud) + green,
        )

    def _times(self) -> NDArray[np.float64]:
        return np.asarray(self.start_s + HOUR_S * np.arange(self.hours_n + _AFTER_H), np.float64)

    def _hourly(self, zone: str) -> NDArray[np.float64]:
        if zone not in self._kept:
            self._kept[zone] = self.grid.intensity(zone, self._times())
        return self._kept[zone]

    def _charged(self, zone: str, charge_h: tuple[float, float]) -> NDArray[np.float64]:
        key = (zone, charge_h)
        if key not in self._kept:
            habit = Habit(*charge_h, self.utc_offset_h)
            self._kept[key] = self._logged(zone) if self.sessions else habit.intensity(self.grid, zone, self._times())
        return self._kept[key]

    def _logged(self, zone: str) -> NDArray[np.float64]:
        """Of the day before each hour, weighted by when the log has the phone charge."""
        weights = by_hour(self.sessions)
        day_s = np.floor(self._times() / DAY_S) * DAY_S - DAY_S
        return np.asarray(sum(w * self.grid.intensity(zone, day_s + h * HOUR_S) for h, w in enumerate(weights) if w))


def by_hour(sessions: Sequence[Session]) -> NDArray[np.float64]:
    """The share of the energy that came in each hour of the day, UTC, [24]. Raises UsageError for none."""
    found = np.zeros(24)
    for one in sessions:
        edges = np.arange(np.floor(one.t0_s / HOUR_S), np.ceil(one.t1_s / HOUR_S) + 1) * HOUR_S
        inside = np.diff(np.clip(edges, one.t0_s, one.t1_s))
        np.add.at(found, (edges[:-1] / HOUR_S % 24).astype(int), one.energy_in_j * inside / (one.t1_s - one.t0_s))
    if not found.sum() > 0:
        raise UsageError("the charges of the calibration brought no energy: when the phone was charged is not known")
    return np.asarray(found / found.sum())


def synthetic_period(seed: int, sessions: Sequence[Session] = ()) -> Period:
    """A made-up year; the scenarios say who is in which zone."""
    start_s = _START_S - _BEFORE_DAYS * DAY_S
    grid = synthetic_grid({shape: shape for shape in SHAPES}, start_s, YEAR_DAYS + _BEFORE_DAYS + 2, seed)
    return Period(grid, _START_S, YEAR_DAYS, sessions=sessions)


def period_of(grid: Grid, home: str, cloud: str, utc_offset_h: float, sessions: Sequence[Session] = ()) -> Period:
    """As many whole days as both zones have, at most a year; a yearly average has the made-up year's.

    Raises UsageError for fewer than one, with what is needed.
    """
    zones = (grid.zone(home), grid.zone(cloud))
    every = [grid.steps(zone) for zone in zones]
    first, last = max(float(s.t0_s[0]) for s in every), min(float(s.t1_s[-1]) for s in every)
    if np.isinf(first):
        return Period(grid, _START_S, YEAR_DAYS, utc_offset_h, zones, sessions)
    start_s = np.ceil(first / DAY_S) * DAY_S + _BEFORE_DAYS * DAY_S
    days = int((last - start_s) // DAY_S) - 1
    if days < 1:
        raise UsageError(
            f"{' and '.join(dict.fromkeys(zones))} have intensities together from {utc(first)} to {utc(last)}: a "
            f"simulation needs {_BEFORE_DAYS} whole days before its own, for the charging, and one after it"
        )
    return Period(grid, float(start_s), min(days, YEAR_DAYS), utc_offset_h, zones, sessions)

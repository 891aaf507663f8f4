"""A scheduler's tasks: what each would take everywhere, what is known of it beforehand, and what can be chosen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.greenscale.intensities import Hours, Period
from edgewatt.models.greenscale.machines import Machines, machines_of
from edgewatt.models.greenscale.scenarios import Scenario, moments_of
from edgewatt.models.greenscale.tasks import App, apps_of
from edgewatt.models.greenscale.world import PLACES, Costs, costs
from edgewatt.models.scheduling.constants import Constants, Draw
from edgewatt.models.scheduling.rows import Rows

Reals = NDArray[np.float64]
# A learner begins at once, or in the hour in which the grid of the place is greenest: each of three places.
ACTIONS_N: Final = 2 * len(PLACES)
SEEN: Final = (
    *(f"ln intensity of {of}, now" for of in PLACES), *(f"ln intensity of {of}, greenest" for of in PLACES),
    "signal", "co-runner", "load",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """What a world is built of: a phone in a calibration, applications of its `frames`, the intensities."""

    rows: Rows
    constants: Constants
    named: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Extent:
    """The first day only, instead of all of the period; one application only."""

    day: bool = False
    app: str | None = None


WHOLE: Final = Extent()


@dataclass(frozen=True)
class Built:
    """One draw of the world: machines and tasks; `period` has the intensities."""

    asked: Asked
    draw: Draw
    period: Period

    @cached_property
    def machines(self) -> Machines:
        """Phone, networks, servers."""
        return machines_of(self.asked.rows, self.asked.constants, self.draw)

    @cached_property
    def apps(self) -> list[App]:
        """What is to be done."""
        return apps_of(self.asked.rows, self.asked.constants, self.draw, self.machines.idle_w, self.asked.named)

    @cached_property
    def _hours(self) -> dict[str, Hours]:
        return {}

    def hours(self, scenario: Scenario) -> Hours:
        """The intensities of a scenario."""
        if scenario.name not in self._hours:
            self._hours[scenario.name] = self.period.of(scenario, self.asked.constants, self.draw)
        return self._hours[scenario.name]


@dataclass(frozen=True, slots=True)
class Faced:
    """`n` tasks of one kind in one scenario.

    `costs`: as they come out; `expected`: without noise; `seen` [n, 9]: what a learner is told; `choices` [n, 6]: its
    actions, as places x slots; `actions_n`: how many of them differ (3 where nothing can wait).
    """

    app: App
    costs: Costs
    expected: Costs
    seen: Reals
    choices: NDArray[np.intp]

    @property
    def actions_n(self) -> int:
        """The first half of the actions begins at once."""
        return ACTIONS_N if self.app.slots_n > 1 else len(PLACES)


def faced(
    built: Built, scenario: Scenario, app: App, count: int, rng: np.random.Generator, *, day: bool = False
) -> Faced:
    """`count` tasks at random times of the period, or of its first day, while people are awake."""
    constants, local = built.asked.constants, built.period.local_hour()
    asked_for = built.period.awake(constants["use.start_h"], constants["use.end_h"], day=day)
    moments = moments_of(scenario, constants, rng.choice(asked_for, count), app.slots_n, local, rng)
    hours = built.hours(scenario)
    when = moments.hour[:, None] + np.arange(app.slots_n)
    grids = np.stack([hours.phone[when], hours.home[when], hours.cloud[when]], axis=1)
    greenest = grids.argmin(axis=2)
    at = np.arange(len(PLACES)) * app.slots_n
    known = (moments.signal_dbm[:, :1], moments.co_cpu[:, :1], moments.load[:, :1])
    seen = np.concatenate(
        [np.log(np.maximum(grids[:, :, 0], 1e-12)), np.log(np.maximum(grids.min(axis=2), 1e-12)), *known], axis=1
    )
    return Faced(
        app, costs(app, scenario, built.machines, hours, moments),
        costs(app, scenario, built.machines, hours, moments.expected()), seen,
        np.concatenate([np.broadcast_to(at, greenest.shape), at + greenest], axis=1),
    )  # fmt: skip


def all_faced(
    built: Built, scenario: Scenario, each_n: int, seed: Sequence[int], extent: Extent = WHOLE
) -> list[Faced]:
    """The same for every kind of task of `extent`; one by itself has the same tasks as among all."""
    return [
        faced(built, scenario, app, each_n, np.random.default_rng([*seed, k]), day=extent.day)
        for k, app in enumerate(built.apps)
        if extent.app in (None, app.name)
    ]

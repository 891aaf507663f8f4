"""Scenarios, each in one thing other than the base, and what is around a phone in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.scheduling.constants import Constants
from edgewatt.profiler.errors import UsageError

Reals = NDArray[np.float64]
BASE: Final = "base"
REDUCED, FULL = "reduced", "full"
GROUPS: Final = (REDUCED, FULL, "tuning", "test")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """`home`, `cloud`: zones; `charge_h`: hours of the phone's charging; `embodied`: parts, phone-lca or none."""

    name: str
    home: str
    cloud: str
    charge_h: tuple[float, float]
    green_ratio: float
    embodied: str
    network: str
    signal_dbm: tuple[float, float]
    co_cpu_ratio: tuple[float, float]
    load_ratio: tuple[float, float]
    share: float


def scenario_names(constants: Constants, asked: str = FULL) -> list[str]:
    """Those of a group, or the one that is asked for. Raises UsageError."""
    groups = {group: list(constants.scenarios[group]) for group in ("tuning", "test")}
    every = [*groups["tuning"], *groups["test"]]
    found = {**groups, REDUCED: every, FULL: every, **{name: [name] for name in every}}
    if asked not in found:
        raise UsageError(f"scenario {asked!r}: expected {', '.join(GROUPS)} or one of {', '.join(every)}")
    return found[asked]


def scenario_of(constants: Constants, name: str) -> Scenario:
    """A scenario, with what it has from the base."""
    of: dict[str, Any] = {**constants.scenarios[BASE], **constants.scenarios[name]}
    normal = {key: (of[key]["mean"], of[key]["sd"]) for key in ("signal_dbm", "co_cpu_ratio", "load_ratio")}
    return Scenario(**{**of, **normal, "name": name, "charge_h": tuple(of["charge_h"])})


def apart_from_grids(constants: Constants, names: Sequence[str]) -> list[str]:
    """The scenarios that have the base's grids: the others mean nothing where the grids are given."""
    return _as_base(constants, names, ("home", "cloud"))


def apart_from_charging(constants: Constants, names: Sequence[str]) -> list[str]:
    """The scenarios that have the base's habit of charging."""
    return _as_base(constants, names, ("charge_h",))


def _as_base(constants: Constants, names: Sequence[str], keys: Sequence[str]) -> list[str]:
    base = scenario_of(constants, BASE)
    return [
        name for name in names if all(getattr(scenario_of(constants, name), key) == getattr(base, key) for key in keys)
    ]


@dataclass(frozen=True, slots=True)
class Moments:
    """`n` tasks and the hours in which each may begin: `hour` [n] of the period, the rest [n, slots].

    `noise` [n, slots, 2] is standard normal: of the phone, of the network; 0 for what is expected.
    """

    hour: NDArray[np.intp]
    signal_dbm: Reals
    co_cpu: Reals
    load: Reals
    noise: Reals

    def expected(self) -> "Moments":
        """The same without noise: what a scheduler can know."""
        return Moments(self.hour, self.signal_dbm, self.co_cpu, self.load, np.zeros_like(self.noise))


def moments_of(
    scenario: Scenario,
    constants: Constants,
    hours: NDArray[np.intp],
    slots_n: int,
    local_hour: Reals,
    rng: np.random.Generator,
) -> Moments:
    """Drawn for tasks that are asked for in `hours` of the period; `local_hour`: of the day, by hour of the period."""
    shape = (len(hours), slots_n)

    def normal(of: tuple[float, float]) -> Reals:
        return of[0] + of[1] * rng.standard_normal(shape)

    signal = np.clip(normal(scenario.signal_dbm), constants["radio.lowest_dbm"], constants["radio.highest_dbm"])
    evening = np.exp(-(((local_hour[hours[:, None] + np.arange(slots_n)] - 20) / 3) ** 2))
    load = normal(scenario.load_ratio) + constants["load.evening"] * evening
    return Moments(
        hours, signal, np.clip(normal(scenario.co_cpu_ratio), 0, 1),
        np.clip(load, constants["load.least"], constants["load.most"]), rng.standard_normal((*shape, 2)),
    )  # fmt: skip

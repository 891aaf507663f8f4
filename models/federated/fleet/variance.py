"""What is around the devices from round to round: drawn, or replayed; and who answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from edgewatt.models.federated.fleet.behaviour import Behaviour
from edgewatt.models.federated.fleet.traces import Trace
from edgewatt.models.federated.round import Flags, Floats, Ints
from edgewatt.models.scheduling.constants import Constants, no_such
from edgewatt.profiler.errors import UsageError

_NOTHING: Final = {"mean": 0.0, "sd": 0.0}
_STEADY: Final = {"mean": 1.0, "sd": 0.0}
# Streams of a seed, one for each thing that is drawn: the same users have co-runners with and without a steady network.
_CO_RUNNERS, _RATES, _PLACES = 1, 2, 3


@dataclass(frozen=True, slots=True, eq=False)
class Variance:
    """Of N devices. A scenario's means and deviations, relative rates over a device's good one.

    `traces`, where there are any, take the place of what is drawn; `behaviour`, where there is one, says who answers.
    Both go on by `period_s` from round to round, each device from a place of its own.
    """

    seed: int
    devices_n: int
    share_ratio: float
    co_cpu: tuple[float, float]
    co_memory: tuple[float, float]
    rate: tuple[float, float]
    period_s: float
    traces: tuple[Trace, ...] = ()
    behaviour: Behaviour | None = None

    def around(self, number: int, good_b_per_s: Floats, lowest_ratio: Floats) -> tuple[Floats, Floats, Floats]:
        """Shares of CPU and memory, and bytes per second up, in round `number`, (N,) each.

        No rate is drawn below `lowest_ratio` (N,) of the good one; one that is replayed may be 0.
        """
        if number < 0:
            raise UsageError(f"round {number}: expected 0 or more")
        if self.traces:
            return self._replayed(number, good_b_per_s)
        cpu, memory = np.zeros((2, self.devices_n))
        if self.share_ratio:
            rng = np.random.default_rng([self.seed, _CO_RUNNERS, number])
            beside = np.flatnonzero(rng.random(self.devices_n) < self.share_ratio)
            for of, (mean, sd) in ((cpu, self.co_cpu), (memory, self.co_memory)):
                of[beside] = np.clip(mean + sd * rng.standard_normal(len(beside)), 0.0, 1.0)
        mean, sd = self.rate
        if not sd:
            return cpu, memory, good_b_per_s * mean
        rng = np.random.default_rng([self.seed, _RATES, number])
        return (
            cpu,
            memory,
            good_b_per_s * np.maximum(mean + sd * rng.standard_normal(self.devices_n), lowest_ratio),
        )

    def answers(self, number: int) -> Flags:
        """Who is there in round `number`, (N,): everybody where nothing is known."""
        if self.behaviour is None:
            return np.ones(self.devices_n, np.bool_)
        return self.behaviour.active(number * self.period_s)[np.arange(self.devices_n) % self.behaviour.clients_n]

    def _replayed(self, number: int, good_b_per_s: Floats) -> tuple[Floats, Floats, Floats]:
        which, offset = self._places()
        cpu, memory, rate = np.empty(self.devices_n), np.empty(self.devices_n), np.empty(self.devices_n)
        for k, trace in enumerate(self.traces):
            of = which == k
            at = trace.places(offset[of] * trace.span_s + number * self.period_s)
            cpu[of], memory[of] = trace.co_cpu_ratio[at], trace.co_memory_ratio[at]
            rate[of] = np.where(np.isnan(trace.up_b_per_s[at]), good_b_per_s[of], trace.up_b_per_s[at])
        return cpu, memory, rate

    def _places(self) -> tuple[Ints, Floats]:
        """Which trace each device follows, and from which part of it."""
        rng = np.random.default_rng([self.seed, _PLACES])
        return rng.integers(len(self.traces), size=self.devices_n), rng.random(self.devices_n)


def variance_of(constants: Constants, scenario: str, seed: int, devices_n: int) -> Variance:
    """The variance of a scenario of testbed.toml. Raises UsageError for one that is not there."""
    known = scenarios_of(constants)
    if scenario not in known:
        raise no_such("scenario", scenario, known)
    of: Mapping[str, Any] = constants.scenarios[scenario]

    def pair(column: str, other: Mapping[str, float]) -> tuple[float, float]:
        said = of.get(column, other)
        return float(said["mean"]), float(said["sd"])

    return Variance(
        seed=seed,
        devices_n=devices_n,
        share_ratio=float(of.get("share_ratio", 0.0)),
        co_cpu=pair("co_cpu_ratio", _NOTHING),
        co_memory=pair("co_memory_ratio", _NOTHING),
        rate=pair("rate_ratio", _STEADY),
        period_s=float(constants["trace.period_s"]),
    )


def scenarios_of(constants: Constants, which: Sequence[str] = ("tuning", "test")) -> list[str]:
    """The scenarios to tune on and to test on, or one of the two."""
    return [name for part in which for name in constants.scenarios[part]]

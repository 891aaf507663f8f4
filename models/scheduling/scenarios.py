"""What is around the phone in each of AutoScale's scenarios, drawn anew for every inference."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.scheduling.constants import Constants
from edgewatt.models.scheduling.world import Conditions

NOTHING = {"mean": 0.0, "sd": 0.0}


def names(constants: Constants, which: str = "all") -> list[str]:
    """The scenarios to `tuning` on, to `test` on, or all of them."""
    if which in ("tuning", "test"):
        return list(constants.scenarios[which])
    return sorted(
        [*constants.scenarios["tuning"], *constants.scenarios["test"]], key=lambda name: (name[0] != "S", name)
    )


def drawn(constants: Constants, scenario: str, count: int, rng: np.random.Generator) -> Conditions:
    """`count` inferences of a scenario, one after the other."""
    of = constants.scenarios[scenario]
    if (then := of.get("then")) is None:
        return _drawn(constants, of, count, rng)
    return joined([
        _drawn(constants, of, count // 2, rng),
        _drawn(constants, constants.scenarios[then], count - count // 2, rng),
    ])  # fmt: skip


def expected(constants: Constants, scenario: str) -> Conditions:
    """The middle of a scenario (of its first half), one inference."""
    of = constants.scenarios[scenario]
    return Conditions(*(np.array([float(part["mean"])]) for part in _parts(constants, of)))


def joined(parts: Sequence[Conditions]) -> Conditions:
    """Conditions one after the other."""
    columns = ("co_cpu", "co_memory", "wlan_dbm", "p2p_dbm", "temperature_c")
    return Conditions(*(np.concatenate([getattr(part, column) for part in parts]) for column in columns))


def _drawn(constants: Constants, of: Mapping[str, Any], count: int, rng: np.random.Generator) -> Conditions:
    co_cpu, co_memory, wlan, p2p, warm = (_normal(part, count, rng) for part in _parts(constants, of))
    lowest, highest = constants["radio.lowest_dbm"], constants["radio.highest_dbm"]
    return Conditions(
        np.clip(co_cpu, 0, 1), np.clip(co_memory, 0, 1), np.clip(wlan, lowest, highest),
        np.clip(p2p, lowest, highest), warm,
    )  # fmt: skip


def _parts(constants: Constants, of: Mapping[str, Any]) -> tuple[Mapping[str, float], ...]:
    """Mean and deviation of each column of Conditions."""
    every = constants.scenarios
    signals = [of.get(f"{radio}_dbm") or every[f"{of.get(radio, 'strong')}_dbm"] for radio in ("wlan", "p2p")]
    return of.get("co_cpu_ratio", NOTHING), of.get("co_memory_ratio", NOTHING), *signals, every["temperature_c"]


def _normal(part: Mapping[str, float], count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    return part["mean"] + part["sd"] * rng.standard_normal(count)

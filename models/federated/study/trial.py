"""One method in one case with one seed: what is asked, and what came of it by round."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np

from edgewatt.models.federated.engines.loop import Run
from edgewatt.models.federated.round import TIERS, Fleet, Floats
from edgewatt.models.federated.study.cases import Case
from edgewatt.models.shelf import key_of

_BY_ROUND: Final = ("accuracy_percent", "round_s", "local_j", "global_j", "tiers", "rewards")


@dataclass(frozen=True, slots=True)
class Asked:
    """A trial. `draw`: number of a joint draw of all unconfirmed constants, None as stated; `tuned`: by name."""

    method: str
    case: Case
    seed: int
    rounds_n: int
    draw: int | None = None
    tuned: tuple[tuple[str, float], ...] = ()

    @property
    def key(self) -> str:
        """A name for a file."""
        return key_of(asdict(self))

    def __str__(self) -> str:
        return f"{self.method}, {self.case}, seed {self.seed}"


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """What came of it.

    By round, (rounds,): accuracy, seconds, joules of the participants (computing and sending) and of all devices,
    rewards of a policy that has some; `tiers` (rounds, 3): participants of each tier. `causes`: joules of all rounds by
    cause; `targets`: how often a tier had trained on a processor; `batch`, `epochs`: the means of each tier (NaN for
    none); `trouble`: how often an update was missing, and why.
    """

    accuracy_percent: Floats
    round_s: Floats
    local_j: Floats
    global_j: Floats
    tiers: Floats
    rewards: Floats
    causes: Mapping[str, float]
    targets: Mapping[str, int]
    batch: Floats
    epochs: Floats
    trouble: Mapping[str, int] = field(default_factory=dict)
    basis: str = ""

    def to_json(self) -> dict[str, Any]:
        """To be read by `trial_from`."""
        return {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name in self.__slots__
            if (value := getattr(self, name)) is not None
        }

    @property
    def shares(self) -> Floats:
        """Of all participants, the share of each tier in percent, (3,)."""
        return np.asarray(100 * self.tiers.sum(axis=0) / max(self.tiers.sum(), 1))


def trial_from(of: Mapping[str, Any]) -> Trial:
    """What `to_json` gave. Raises ValueError, KeyError or TypeError for anything else."""
    arrays = {name: np.array(of[name], np.float64) for name in (*_BY_ROUND, "batch", "epochs")}
    return Trial(
        **arrays, causes=dict(of["causes"]), targets=dict(of["targets"]), trouble=dict(of["trouble"]), basis=of["basis"]
    )


def trial_of(run: Run, fleet: Fleet, rewards: Floats, basis: str) -> Trial:
    """What a run came to."""
    tier_of = np.array([kind.tier for kind in fleet.kinds])[fleet.kind_of]
    outcomes = [of.outcome for of in run.rounds]
    tiers = np.array([np.bincount(tier_of[of.choice.devices], minlength=len(TIERS)) for of in run.rounds], np.float64)
    targets: dict[str, int] = {}
    trouble: dict[str, int] = {}
    for of in run.rounds:
        for device, place in zip(of.choice.devices.tolist(), of.choice.target.tolist(), strict=True):
            kind = fleet.kinds[fleet.kind_of[device]]
            name = f"{TIERS[kind.tier]} {kind.targets[place].name}"
            targets[name] = targets.get(name, 0) + 1
        for why in of.outcome.trouble.values():
            trouble[why] = trouble.get(why, 0) + 1
    chosen = np.concatenate([tier_of[of.choice.devices] for of in run.rounds])
    batch, epochs = (
        _means(chosen, np.concatenate([getattr(of.choice, name) for of in run.rounds])) for name in ("batch", "epochs")
    )
    return Trial(
        np.array([of.accuracy_percent for of in outcomes]),
        np.array([of.round_s for of in outcomes]),
        np.array([of.joules.sum() for of in outcomes]),
        np.array([of.fleet_j for of in outcomes]),
        tiers,
        rewards,
        run.ledger.by_cause(),
        targets,
        batch,
        epochs,
        trouble,
        basis,
    )


def _means(tier: Any, values: Any) -> Floats:
    return np.array([values[tier == t].mean() if (tier == t).any() else np.nan for t in range(len(TIERS))])

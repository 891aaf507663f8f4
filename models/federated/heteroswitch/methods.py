"""HeteroSwitch and what it is compared with: what a device does, and how its weights are taken."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from edgewatt.models.federated.heteroswitch.switching import ALWAYS, NEVER, SWITCHED, When
from edgewatt.models.federated.learning import methods as learning
from edgewatt.models.scheduling.constants import Constants, Draw

_GAMMA_LIMIT: Final = 0.99


@dataclass(frozen=True, slots=True)
class Method:
    """`diversify`, `average`: when pictures are changed, and when the mean of weights is uploaded.

    `learnt_by`: what models/federated/learning calls the rest of it.
    """

    name: str
    diversify: When = NEVER
    average: When = NEVER
    learnt_by: str = learning.FEDAVG


FEDAVG: Final = Method("FedAvg")
HETEROSWITCH: Final = Method("HeteroSwitch", SWITCHED, SWITCHED)
ALWAYS_ON: Final = Method("always on", ALWAYS, ALWAYS)
METHODS: Final = (
    FEDAVG,
    Method("q-FedAvg", learnt_by=learning.Q_FEDAVG),
    Method("FedProx", learnt_by=learning.FEDPROX),
    Method("Scaffold", learnt_by=learning.SCAFFOLD),
    ALWAYS_ON,
    Method("always diversified", diversify=ALWAYS),
    Method("always averaged", average=ALWAYS),
    HETEROSWITCH,
)


@dataclass(frozen=True, slots=True)
class Setup:
    """What a run is done with: the constants of a draw, and K and R of a scenario."""

    rate: float
    batch: int
    epochs: int
    ema: float
    wb_spread: float
    gamma_spread: float
    q: float
    mu: float
    server_rate: float
    participants: int
    rounds: int
    measured_rounds: int


def setup_of(constants: Constants, draw: Draw, scenario: str) -> Setup:
    """Cut to where it has a meaning: L_EMA's factor to 1, gamma's spread below 1."""

    def of(name: str) -> float:
        return draw.constant(constants, name)

    sizes = constants.scenarios[scenario]
    return Setup(
        rate=of("training.learning_rate"),
        batch=max(round(of("training.batch_n")), 1),
        epochs=max(round(of("training.epochs_n")), 1),
        ema=float(np.clip(of("method.ema_ratio"), 0, 1)),
        wb_spread=of("method.wb_spread"),
        gamma_spread=min(of("method.gamma_spread"), _GAMMA_LIMIT),
        q=of("baselines.q"),
        mu=of("baselines.mu"),
        server_rate=of("baselines.scaffold_rate"),
        participants=sizes["participants_n"],
        rounds=sizes["rounds_n"],
        measured_rounds=sizes["measured_rounds_n"],
    )

"""Baselines that predict joules and seconds of every choice by regression, instead of learning from rewards.

The paper compares with linear regression, SVR, KNN and Bayesian optimisation; how it trains them could not be read.
Here the first three see as many inferences as the agent does, each of a random choice; Bayesian optimisation says
itself what it wants to see (optimisation.py). All choose what they predict to be best (extra `scheduling`).
"""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.scheduling.autoscale import Lessons
from edgewatt.models.scheduling.executing import Chooses
from edgewatt.models.scheduling.world import Conditions, World
from edgewatt.profiler.errors import UsageError

LINEAR, SVR, KNN, BAYESIAN = "linear_regression", "svr", "knn", "bayesian_optimisation"
KINDS: Final = (LINEAR, SVR, KNN, BAYESIAN)
# ln(joules) and ln(seconds) [n, 2] of choices for networks in conditions.
Predicts = Callable[[NDArray[np.intp], NDArray[np.intp], Conditions], NDArray[np.float64]]
# SVR takes time that rises with the square of what it sees.
_SVR_LIMIT: Final = 500


def refuse_without_scikit_learn() -> None:
    """Raise UsageError where the extra is not installed."""
    if find_spec("sklearn") is None:
        raise UsageError("predictors need scikit-learn: pip install 'edgewatt[scheduling]'")


def predictor(kind: str, world: World, lessons: Lessons, seed: int) -> Chooses:
    """Trained on the lessons of one environment [T, 1]; the returned function chooses for networks and conditions.

    Raises UsageError without scikit-learn.
    """
    refuse_without_scikit_learn()
    if kind == BAYESIAN:
        from edgewatt.models.scheduling.optimisation import bayesian  # noqa: PLC0415  (which imports this)

        return bayesian(world, lessons, seed)
    from sklearn.linear_model import LinearRegression  # noqa: PLC0415  (an extra)
    from sklearn.multioutput import MultiOutputRegressor  # noqa: PLC0415
    from sklearn.neighbors import KNeighborsRegressor  # noqa: PLC0415
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415
    from sklearn.svm import SVR as SupportVectors  # noqa: PLC0415, N811

    made: Mapping[str, Callable[[], Any]] = {
        LINEAR: LinearRegression,
        SVR: lambda: MultiOutputRegressor(SupportVectors()),
        KNN: lambda: KNeighborsRegressor(n_neighbors=5),
    }
    rng = np.random.default_rng([seed, 4])
    network, around = lessons.network[:, 0], lessons.around[:, 0]
    if kind == SVR and len(network) > _SVR_LIMIT:
        some = rng.permutation(len(network))[:_SVR_LIMIT]
        network, around = network[some], around[some]
    able = [np.flatnonzero(of) for of in world.valid]
    action = np.array([rng.choice(able[m]) for m in network])
    outcome = world.outcome(0, network, action, around, rng.standard_normal(len(network)))
    model = make_pipeline(StandardScaler(), made[kind]())
    model.fit(shown_to(world, network, action, around), np.log(np.stack([outcome.energy_j, outcome.latency_s], axis=1)))
    return chooser(world, lambda network, action, around: model.predict(shown_to(world, network, action, around)))


def chooser(world: World, predict: Predicts) -> Chooses:
    """Chooses the least predicted joules of what is accurate and predicted to be in time, else of what is accurate."""

    def choose(network: NDArray[np.intp], around: Conditions) -> NDArray[np.intp]:
        energy = np.full((len(network), len(world.actions)), np.inf)
        late = np.full(energy.shape, True)
        for a in range(len(world.actions)):
            which = np.full(len(network), a)
            said = np.exp(np.clip(predict(network, which, around), -50, 50))
            energy[:, a], late[:, a] = said[:, 0], said[:, 1] >= world.qos_s[network]
        usable = world.valid[network] & (world.accuracy[network] >= world.required[network][:, None])
        in_time = usable & ~late
        among = np.where(np.asarray(in_time.any(axis=1))[:, None], in_time, usable)
        return np.asarray(np.where(among, energy, np.inf).argmin(axis=1))

    return choose


def shown_to(
    world: World, network: NDArray[np.intp], action: NDArray[np.intp], around: Conditions
) -> NDArray[np.float64]:
    """What a decision knows: the network's size, the conditions, the target (one of each), and its frequency."""
    names = list(dict.fromkeys(of.target for of in world.actions))
    target = np.array([names.index(of.target) for of in world.actions])
    hz = np.array([of.frequency_hz or 0.0 for of in world.actions])
    sizes = np.array([[w.macs_n, w.sent_b, w.conv_n, w.rc_n] for w in world.workloads])
    shown = np.log1p(sizes)[network]
    seen = np.stack([around.co_cpu, around.co_memory, around.wlan_dbm, around.p2p_dbm, hz[action]], axis=1)
    return np.concatenate([shown, seen, np.eye(len(names))[target[action]]], axis=1)

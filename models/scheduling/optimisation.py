"""Bayesian optimisation as a baseline: a Gaussian process says which choice is worth an inference.

Needs scikit-learn (extra `scheduling`).
"""

import warnings
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.scheduling.autoscale import Lessons
from edgewatt.models.scheduling.executing import Chooses
from edgewatt.models.scheduling.predictors import chooser, shown_to
from edgewatt.models.scheduling.world import Conditions, World

# A Gaussian process takes time that rises with the cube of what it has seen. The first are random choices; its kernel
# is fitted anew now and then.
_RUNS: Final = 300
_RANDOM: Final = 60
_EVERY: Final = 60


def bayesian(world: World, lessons: Lessons, seed: int) -> Chooses:
    """Of 300 lessons of one environment [T, 1]: after 60 random choices each that with the lowest bound of its joules.

    The bound is one standard deviation below what is expected, among choices that are in time by the same bound. The
    returned function chooses by what is expected at the end.
    """
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415  (an extra)

    rng = np.random.default_rng([seed, 7])
    runs_n = min(_RUNS, len(lessons.network))
    network, around = lessons.network[:runs_n, 0], lessons.around[:runs_n, 0]
    noise = rng.standard_normal(runs_n)
    every = np.arange(len(world.actions))
    shown = np.stack([shown_to(world, np.full(len(every), m), every, _each(around[k], len(every)))
                      for k, m in enumerate(network)])  # fmt: skip
    centre, scale = shown.mean(axis=(0, 1)), shown.std(axis=(0, 1))
    scale = np.where(scale > 0, scale, 1.0)
    shown = (shown - centre) / scale
    taken, seen = np.empty(runs_n, dtype=np.intp), np.empty((runs_n, 2))
    model: Any = None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a kernel at the end of its bounds is good enough
        for k, m in enumerate(network):
            able = np.flatnonzero(world.valid[m])
            if k >= _RANDOM:
                model = _fitted(shown[np.arange(k), taken[:k]], seen[:k], model, search=(k - _RANDOM) % _EVERY == 0)
                mean, sd = model.predict(shown[k][able], return_std=True)
                low = mean - sd
                in_time = low[:, 1] < np.log(world.qos_s[m])
                among = in_time if in_time.any() else np.full(len(able), True)
                taken[k] = able[np.where(among, low[:, 0], np.inf).argmin()]
            else:
                taken[k] = rng.choice(able)
            outcome = world.outcome(0, m, taken[k], around[k], noise[k])
            seen[k] = np.log(float(outcome.energy_j)), np.log(float(outcome.latency_s))
        model = _fitted(shown[np.arange(runs_n), taken], seen, model, search=model is None)

    def predict(network: NDArray[np.intp], action: NDArray[np.intp], around: Conditions) -> NDArray[np.float64]:
        return np.asarray(model.predict((shown_to(world, network, action, around) - centre) / scale))

    return chooser(world, predict)


def _each(around: Conditions, count: int) -> Conditions:
    return Conditions(*(np.full(count, float(getattr(around, name))) for name in Conditions.__slots__))


def _fitted(shown: NDArray[np.float64], seen: NDArray[np.float64], before: Any, *, search: bool) -> Any:
    """A process over all that was seen; its kernel is that of `before` unless it is searched for anew."""
    from sklearn.gaussian_process import GaussianProcessRegressor  # noqa: PLC0415  (an extra)
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel  # noqa: PLC0415

    kernel = ConstantKernel(1.0) * Matern(np.full(shown.shape[1], 2.0), nu=2.5) + WhiteKernel(0.01)
    if before is not None:
        kernel = before.kernel_
    optimizer = "fmin_l_bfgs_b" if search else None
    return GaussianProcessRegressor(kernel, normalize_y=True, optimizer=optimizer, random_state=0).fit(shown, seen)

"""Our agent: a contextual bandit that begins with what the calibration says, and how sure that is, instead of nothing.

Of each target it keeps a Bayesian linear regression of ln(seconds) and one of ln(joules), relative to the calibration's
world (bandit_prior.py). After an inference the coefficients of its target are updated (Kalman's equations, the noise
known):
    K = S f / (f' S f + n);  w <- w + K (ln(y / stated y) - f' w);  S <- S - K f' S
It takes the least joules of all that is accurate, and late with a probability of at most `late`; while it learns joules
and seconds count as `width` standard deviations better than expected, so that it tries what may be better. Without such
a choice it takes what is expected in time, without one of these what is accurate, as the oracle does.
"""

from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.scheduling.autoscale import Course, Lessons
from edgewatt.models.scheduling.bandit_prior import ENERGY, FEATURES, LATENCY, STEP, Prior, features, of_networks
from edgewatt.models.scheduling.executing import Chooses
from edgewatt.models.scheduling.world import Conditions, Outcome, World

Reals = NDArray[np.float64]
Indices = NDArray[np.intp]
# So many numbers are predicted at once.
_AT_ONCE: Final = 200_000


@dataclass(frozen=True, slots=True)
class Trust:
    """`late`: the probability of a missed deadline that is accepted; `width`: standard deviations of optimism.

    `floor`: standard deviation of a coefficient beside what the calibration's intervals say of it; not tuned.

    The values were chosen with the budget that AutoScale's got: tuning.py.
    """

    late: float = 0.25
    width: float = 1.0
    floor: float = 0.05


@dataclass(frozen=True, slots=True)
class Beliefs:
    """Of E agents: coefficients `mean` [2, E, G, D] and their `covariance` [2, E, G, D, D]; 2: seconds, joules."""

    prior: Prior
    trust: Trust
    mean: Reals
    covariance: Reals

    def chooses(self, e: int = 0) -> Chooses:
        """What agent `e` chooses without exploring."""

        def choose(network: Indices, around: Conditions) -> Indices:
            size = max(_AT_ONCE // len(self.prior.group), 1)
            parts = [slice(k, k + size) for k in range(0, len(network), size)]
            picked = [
                _pick(
                    self, np.full(len(network[of]), e), network[of], _foreseen(self.prior, network[of], around[of]), 0
                )
                for of in parts
            ]
            return np.concatenate(picked)

        return choose


@dataclass(frozen=True, slots=True)
class _Foreseen:
    """`stated` [2, ..., A] ln(seconds) and ln(joules), `noise` [2, ..., A] its deviation.

    `shown` [..., G, 6]: the features of each target at its highest step, and 1 for the network's offset.
    """

    stated: Reals
    noise: Reals
    shown: Reals

    def __getitem__(self, t: int) -> "_Foreseen":
        return _Foreseen(self.stated[:, t], self.noise[:, t], self.shown[t])


def begin(prior: Prior, agents_n: int, trust: Trust) -> Beliefs:
    """Agents that know the calibration and nothing else."""
    width = prior.covariance.shape[-1]
    one = prior.covariance + trust.floor**2 * np.eye(width)
    shape = (2, agents_n, *prior.covariance.shape[1:])
    mean = np.zeros(shape[:-1])
    return Beliefs(prior, trust, mean, np.broadcast_to(one[:, None], shape).copy())


def learn_bandit(
    prior: Prior, world: World, lessons: Lessons, trust: Trust, seed: int, *, course: Course | None = None
) -> Beliefs:
    """Agents after the lessons, one per environment of `world`; the same lessons and noise as AutoScale's by seed."""
    steps_n, agents_n = lessons.network.shape
    beliefs, e = begin(prior, agents_n, trust), np.arange(agents_n)
    rng = np.random.default_rng([seed, 2])
    rng.random((2, steps_n, agents_n))
    noise = rng.standard_normal((steps_n, agents_n))
    size = 1 if world.warms else max(_AT_ONCE // (agents_n * len(world.actions)), 1)
    warm_c = world.temperature_c(e, world.idle_w)
    for first in range(0, steps_n, size):
        steps = slice(first, first + size)
        around = lessons.around[steps]
        if world.warms:
            around = replace(around, temperature_c=warm_c[None])
        foreseen = _foreseen(prior, lessons.network[steps], around)
        for k, t in enumerate(range(first, min(first + size, steps_n))):
            m = lessons.network[t]
            now = foreseen[k]
            a = _pick(beliefs, e, m, now, trust.width)
            outcome = world.outcome(e, m, a, around[k], noise[t])
            if course is not None:
                course.chosen[t], course.greedy[t] = a, _pick(beliefs, e, m, now, 0)
            if world.warms:
                warm_c, _ = world.warmer(e, m, warm_c, outcome)
            _update(beliefs, m, a, now, _logs(outcome))
    return beliefs


def _foreseen(prior: Prior, network: Indices, around: Conditions) -> _Foreseen:
    """What the stated world says of every choice for networks [...] in conditions [...]."""
    wide = Conditions(*(getattr(around, name)[..., None] for name in Conditions.__slots__))
    action, world = np.arange(len(prior.group)), prior.world
    m = network[..., None]
    stated = _logs(world.outcome(0, m, action, wide))
    # On the phone all of an inference's time has the noise, elsewhere a part.
    noise = np.broadcast_to(world.spread[0, m, action], stated.shape).copy()
    far = np.flatnonzero(world.is_remote)
    noise[..., far] = _logs(world.outcome(0, m, far, wide, 1.0)) - stated[..., far]
    shown = features(world, prior.heads, wide, np.zeros(len(prior.group)))
    shown = np.concatenate([shown, np.ones((*shown.shape[:-1], 1))], axis=-1)
    return _Foreseen(stated, noise, shown)


def _logs(outcome: Outcome) -> Reals:
    """[2, ...]: ln(seconds) and ln(joules)."""
    return np.log(np.stack([outcome.latency_s, outcome.energy_j]))


def _pick(beliefs: Beliefs, e: Indices, m: Indices, now: _Foreseen, width: float) -> Indices:
    """The choice of agents `e` for networks `m` [N]; `width` 0: as it is expected, else with optimism."""
    prior, trust = beliefs.prior, beliefs.trust
    world, group = prior.world, prior.group
    mean, spread = _predicted(beliefs, e, m, now.shown)
    # Of the mean: that of a log-normal is above its median by half its variance.
    energy = now.stated[ENERGY] + mean[ENERGY] + now.noise[ENERGY] ** 2 / 2 - width * spread[ENERGY]
    latency = now.stated[LATENCY] + mean[LATENCY]
    noise_sd = np.sqrt(now.noise[LATENCY] ** 2 + prior.misfit[LATENCY, group])
    reserve = NormalDist().inv_cdf(1 - trust.late)
    late = latency - width * spread[LATENCY] + reserve * noise_sd
    if not width:
        late = latency + reserve * np.hypot(noise_sd, spread[LATENCY])
    limit = np.log(world.qos_s[m])[:, None]
    able = world.valid[m]
    accurate = able & (world.accuracy[m] >= world.required[m][:, None])
    accurate = np.where(np.asarray(accurate.any(axis=1))[:, None], accurate, able)
    among = accurate
    for good in (latency + now.noise[LATENCY] ** 2 / 2 < limit, late < limit):
        fitting = accurate & good
        among = np.where(np.asarray(fitting.any(axis=1))[:, None], fitting, among)
    return np.asarray(np.where(among, energy, np.inf).argmin(axis=1))


def _predicted(beliefs: Beliefs, e: Indices, m: Indices, shown: Reals) -> tuple[Reals, Reals]:
    """[2, N, A]: what every choice is expected to be off the stated world, and the standard deviation of that."""
    group, places = beliefs.prior.group, of_networks(m)
    mean = np.moveaxis(beliefs.mean[:, e[:, None], :, places], 2, 0)  # [2, N, 6, G]
    row, column = places[:, :, None], places[:, None, :]
    covariance = np.moveaxis(beliefs.covariance[:, e[:, None, None], :, row, column], 3, 0)  # [2, N, 6, 6, G]
    # Choices of one target differ in one feature only, their step, so that most is computed per target.
    step = beliefs.prior.step
    across = np.einsum("cnjkg,ngk->cnjg", covariance, shown)
    alike = np.einsum("cnjg,ngj->cng", across, shown)
    variance = alike[..., group] + step * (2 * across[:, :, STEP, group] + step * covariance[:, :, STEP, STEP, group])
    expected = np.einsum("cnjg,ngj->cng", mean, shown)[..., group] + step * mean[:, :, STEP, group]
    return expected, np.sqrt(np.maximum(variance, 0.0))


def _update(beliefs: Beliefs, m: Indices, a: Indices, now: _Foreseen, seen: Reals) -> None:
    """What agents learn from one inference each; `seen` [2, E] is ln(seconds) and ln(joules)."""
    e = np.arange(len(m))
    g = beliefs.prior.group[a]
    shown = np.zeros((len(m), beliefs.mean.shape[-1]))
    shown[:, : len(FEATURES)] = now.shown[e, g, :-1]
    shown[:, STEP] = beliefs.prior.step[a]
    shown[e, len(FEATURES) + m] = 1.0
    covariance, mean = beliefs.covariance[:, e, g], beliefs.mean[:, e, g]
    across = np.einsum("cejk,ek->cej", covariance, shown)
    noise = now.noise[:, e, a] ** 2 + beliefs.prior.misfit[:, g]
    gain = across / (np.einsum("cej,ej->ce", across, shown) + noise + 1e-12)[..., None]
    off = seen - now.stated[:, e, a] - np.einsum("cej,ej->ce", mean, shown)
    beliefs.mean[:, e, g] = mean + gain * off[..., None]
    beliefs.covariance[:, e, g] = covariance - gain[..., :, None] * across[..., None, :]

"""What a calibration says before anything is executed, as a prior: how far its worlds may be off the stated one.

Of each target (`cpu fp32`, `cloud gpu fp32`, ...) ln(seconds) and ln(joules) of an inference are, relative to the
world as stated, linear in FEATURES and in an offset of the network:
    ln(y / stated y) = w . features + offset[network] + noise
The intervals of measured rows, and +-30 % of what is not confirmed, are drawn as worlds (Draw); the coefficients of
each drawn world by least squares are draws of w, and their covariance is the prior's.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.scheduling.building import Asked, build, drawn_worlds
from edgewatt.models.scheduling.signal import P2P
from edgewatt.models.scheduling.world import PHONE, Conditions, World, stacked

Reals = NDArray[np.float64]
FEATURES: Final = ("one", "co_cpu", "co_memory", "signal", "step")
STEP: Final = FEATURES.index("step")
# Draws of worlds for the prior have seeds that no trial has; so many tell a covariance of some 15 numbers.
_DRAWS_FROM: Final = 9000
DRAWS: Final = 60
# Conditions that a world is looked at in, and steps of a processor.
_CONDITIONS: Final = 24
_STEPS: Final = 6
_DB: Final = 20.0
LATENCY, ENERGY = 0, 1


@dataclass(frozen=True, slots=True)
class Prior:
    """`world`: as stated. `group` [A]: the number of an action's target; `heads` [G]: one of each.

    `covariance` [2, G, D, D] of the coefficients, of seconds and of joules; D: FEATURES, then the networks. `misfit`
    [2, G]: variance that the features do not hold. `step` [A]: ln of the frequency over the highest.
    """

    world: World
    group: NDArray[np.intp]
    heads: NDArray[np.intp]
    covariance: Reals
    misfit: Reals
    step: Reals


def prior_of(asked: Asked, *, draws: int = DRAWS) -> Prior:
    """The prior that a calibration gives."""
    world = build(asked)
    worlds = stacked(drawn_worlds(asked, _DRAWS_FROM, draws))
    targets = list(dict.fromkeys(action.target for action in world.actions))
    group = np.array([targets.index(action.target) for action in world.actions])
    heads = np.array([int(np.flatnonzero(group == g)[0]) for g in range(len(targets))])
    networks_n, width = len(world.workloads), len(FEATURES) + len(world.workloads)
    covariance, misfit = np.zeros((2, len(targets), width, width)), np.zeros((2, len(targets)))
    step = _steps(world)
    around = _looked_at(world)
    for g in range(len(targets)):
        mine = np.flatnonzero(group == g)
        some = mine[np.unique(np.linspace(0, len(mine) - 1, _STEPS).astype(np.intp))]
        able = np.argwhere(world.valid[:, some])
        if not len(able):
            continue
        network, action = np.repeat(able[:, 0], _CONDITIONS), np.repeat(some[able[:, 1]], _CONDITIONS)
        where = around[np.tile(np.arange(_CONDITIONS), len(able))]
        shown = np.concatenate(
            [features(world, action, where, step), np.eye(networks_n)[network]], axis=1
        )  # [points, D]
        off = _off(worlds, world, network, action, where)
        fitted = np.linalg.lstsq(shown, off.reshape(2 * draws, -1).T, rcond=1e-9)[0]
        rest = off.reshape(2 * draws, -1).T - shown @ fitted
        for kind, of in enumerate(np.split(fitted, 2, axis=1)):
            covariance[kind, g] = of @ of.T / draws
        misfit[:, g] = np.mean(rest.reshape(-1, 2, draws) ** 2, axis=(0, 2))
    return Prior(world, group, heads, covariance, misfit, step)


def features(world: World, action: NDArray[np.intp], around: Conditions, step: Reals) -> Reals:
    """FEATURES of choices in conditions; `action` and conditions broadcast, features come last."""
    dbm = np.where(world.radio[action] == P2P, around.p2p_dbm, around.wlan_dbm)
    signal = np.where(world.is_remote[action], (dbm - _middle_dbm(world)) / _DB, 0.0)
    beside = (around.co_cpu, around.co_memory)
    columns = np.broadcast_arrays(np.ones(signal.shape), *beside, signal, step[action])
    return np.stack(columns, axis=-1)


def _off(worlds: World, world: World, network: NDArray[np.intp], action: NDArray[np.intp], around: Conditions) -> Reals:
    """[2, draws, points]: how far drawn worlds are off the stated one, in ln(seconds) and ln(joules)."""
    stated = world.outcome(0, network, action, around)
    drawn = worlds.outcome(np.arange(worlds.environments_n)[:, None], network, action, around)
    return np.stack([
        np.log(drawn.latency_s) - np.log(stated.latency_s), np.log(drawn.energy_j) - np.log(stated.energy_j)
    ])  # fmt: skip


def _looked_at(world: World) -> Conditions:
    """Conditions all over what a world holds, always the same."""
    rng = np.random.default_rng(1)
    highest_dbm = world.lowest_dbm + world.signal.shape[-1] - 1
    shares = [rng.uniform(0, 1, _CONDITIONS) * (rng.uniform(0, 1, _CONDITIONS) < 0.7) for _ in range(2)]
    signals = [rng.uniform(world.lowest_dbm, highest_dbm, _CONDITIONS) for _ in range(2)]
    return Conditions(shares[0], shares[1], signals[0], signals[1], np.full(_CONDITIONS, float(world.heat[0, 2])))


def _steps(world: World) -> Reals:
    """Ln of an action's frequency over the highest of its target; 0 where there are no steps."""
    highest: dict[str, float] = {}
    for action in world.actions:
        highest[action.target] = max(highest.get(action.target, 0.0), action.frequency_hz or 0.0)
    return np.array([
        np.log(a.frequency_hz / highest[a.target]) if a.place == PHONE and a.frequency_hz else 0.0
        for a in world.actions
    ])  # fmt: skip


def _middle_dbm(world: World) -> float:
    return float(world.lowest_dbm + (world.signal.shape[-1] - 1) / 2)


def of_networks(networks: NDArray[np.intp]) -> NDArray[np.intp]:
    """[E, 6]: the places of the coefficients that a network's inference is made of."""
    plain = np.broadcast_to(np.arange(len(FEATURES)), (len(networks), len(FEATURES)))
    return np.concatenate([plain, len(FEATURES) + networks[:, None]], axis=1)

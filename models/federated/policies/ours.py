"""Our policy: most progress per joule that the whole fleet takes, waiting devices included.

It knows what a calibration states (seconds and joules of a step by kind of device, target and batch, and what a
co-runner does to them; watts of idling), what AutoFL sees too (kinds, samples, the share of classes, this round's
conditions), and what came back (seconds, joules, losses). From these it expects what any device takes in any way
(ours_costs.py), and how far that brings the model (ours_progress.py); and plans participants, targets, B, E and the
length of the round together (ours_plan.py). K follows from the plan. B and E are of the sets that FedGPO chooses from.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.federated.policies.fixed import Grid, grid_of, without_room
from edgewatt.models.federated.policies.ours_costs import Beliefs, Table, begin, sending, steps_of, table_of
from edgewatt.models.federated.policies.ours_plan import NOBODY, Terms, Ways, planned
from edgewatt.models.federated.policies.ours_progress import Memory, Pace, memory_of, pace_of
from edgewatt.models.federated.policies.picking import plain, random_of
from edgewatt.models.federated.policies.saving import Arrays, with_words, words_from
from edgewatt.models.federated.round import Choice, Flags, Fleet, Floats, Ints, Job, Outcome, Seen
from edgewatt.profiler.errors import UsageError

NAME: Final = "ours"
# Of a large fleet, so many devices are thought of: the first by what they are worth per joule, the rest at random.
_PROMISING: Final = 192
_OTHERS: Final = 64


@dataclass(frozen=True, slots=True)
class Taste:
    """What may be tuned: the first two, with the nine tries that the published agents get.

    `spread`: with so many average participants half of a round's progress is lost to the noise of few, at first.
    `fading`: how much less a device is worth that has just taken part.
    The others were set by hand while it was made, in some 45 short runs of the tuning cases: in all ours had more than
    nine tries in all. `rise`: the power of the fall of the loss with which the spread grows (0 if the noise shrank as
    the loss does, 1 if it stayed). `depth`: how many times longer a device's steps serve the global model than its own
    loss falls. `overhead`: what a round costs beside its devices, as a part of one with the job's settings, so that
    there are not endlessly many rounds of one step. `patience`, left alone: how much a second of everybody's idling
    counts (above 1: time is worth more than its joules).
    """

    spread: float = 2.0
    fading: float = 0.9
    rise: float = 0.5
    depth: float = 2.0
    overhead: float = 0.05
    patience: float = 1.0


@dataclass(slots=True, eq=False)
class Ours:
    """A policy of round.py. `table`: of the calibration (table_of).

    `unfit` (N, B): batches that had no room; `level` (2,): mean loss before the first round and before the last ones.
    """

    table: Table
    taste: Taste = field(default_factory=Taste)
    seed: int = 0
    grid: Grid = field(default_factory=grid_of)
    name: str = NAME
    beliefs: Beliefs = field(init=False)
    pace: Pace = field(init=False)
    memory: Memory = field(init=False)
    unfit: Flags = field(init=False)
    level: Floats = field(default_factory=lambda: np.full(2, np.nan))
    _rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng([self.seed, 15])
        self.beliefs, self.pace = begin(self.table), pace_of(self.table.batches)
        self.memory, self.unfit = memory_of(0), np.zeros((0, len(self.table.batches)), dtype=np.bool_)

    def choose(self, seen: Seen) -> Choice:
        """Who brings most per joule, and how; the job's settings on random devices where nothing can be planned."""
        self._meet(len(seen.kind_of))
        able = np.flatnonzero(seen.conditions.available)
        weights = self.memory.weights(seen, self.taste.fading)
        devices = self._thought_of(seen, able, weights)
        plan = NOBODY
        if len(devices):
            plan = planned(self._ways(seen, devices, weights[devices]), self._terms(seen, devices))
        if not len(plan.who):
            return plain(random_of(able, seen.job.participants, self._rng), seen.job)
        order = np.argsort(devices[plan.who])
        chosen = devices[plan.who[order]]
        b, e = np.divmod(plan.way[order], len(self.grid.epochs))
        target = self.table.kept[seen.kind_of[chosen], plan.target[order]]
        return Choice(chosen, target, self.table.batches[b], np.array(self.grid.epochs, dtype=np.int64)[e])

    def learn(self, seen: Seen, choice: Choice, outcome: Outcome) -> None:
        """Costs, pace and worth of data from the replies; batches that did not fit are not asked for again."""
        self._meet(len(seen.kind_of))
        self.beliefs.learn(self.table, seen, choice, outcome)
        self.pace.learn(seen, choice, outcome)
        self.memory.learn(seen, choice, outcome)
        if (loss := _mean(outcome.loss_before[outcome.replied])) > 0:
            first, last = self.level if np.isfinite(self.level).all() else (loss, loss)
            self.level = np.array([first, (last * loss) ** 0.5])
        too_large = without_room(outcome)
        self.unfit[choice.devices[too_large]] |= self.table.batches >= choice.batch[too_large][:, None]

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """All that it learnt."""
        arrays = {
            "cost_mean": self.beliefs.mean,
            "cost_covariance": self.beliefs.covariance,
            "pace_mean": self.pace.mean,
            "pace_covariance": self.pace.covariance,
            "last": self.memory.last,
            "loss": self.memory.loss,
            "missed": self.memory.missed,
            "unfit": self.unfit,
            "level": self.level,
        }
        return with_words({name: of.copy() for name, of in arrays.items()}, self._rng, name=self.name)

    def from_arrays(self, arrays: Arrays) -> None:
        """Become what was saved. Raises UsageError for another policy's, or another calibration's."""
        words_from(arrays, self._rng, self.name)
        if arrays["cost_mean"].shape != self.beliefs.mean.shape or arrays["pace_mean"].shape != self.pace.mean.shape:
            raise UsageError(
                f"to resume policy {self.name!r}: expected beliefs of shape {self.beliefs.mean.shape}, as this "
                f"calibration's kinds ask for, saw {arrays['cost_mean'].shape}; use the calibration of the first run"
            )
        self.beliefs = Beliefs(arrays["cost_mean"].copy(), arrays["cost_covariance"].copy())
        self.pace = Pace(self.table.batches, arrays["pace_mean"].copy(), arrays["pace_covariance"].copy())
        self.memory = Memory(*(arrays[name].copy() for name in ("last", "loss", "missed")))
        self.unfit, self.level = arrays["unfit"].copy(), arrays["level"].copy()

    def _meet(self, devices_n: int) -> None:
        if len(self.memory.last) != devices_n:
            self.memory = memory_of(devices_n)
            self.unfit = np.zeros((devices_n, len(self.table.batches)), dtype=np.bool_)

    def _ways(self, seen: Seen, devices: Ints, weight: Floats) -> Ways:
        """Every kept target, and every pair of batch and epochs, of these devices."""
        step = self.beliefs.per_step(self.table, seen, devices)
        step[:, np.broadcast_to(self.unfit[devices][:, None], step.shape[1:])] = np.inf
        epochs = np.array(self.grid.epochs, dtype=np.int64)
        steps_n = steps_of(seen.samples_n[devices][:, None, None], self.table.batches[:, None], epochs)
        progress = 1.0 - np.exp(-steps_n / (self.taste.depth * self.pace.steps()[:, None]))
        sent = np.stack(sending(seen, devices))[..., None, None, None]
        taken = (step[..., None] * steps_n[:, None] + sent).reshape(2, len(devices), step.shape[2], -1)
        return Ways(taken[0], taken[1], progress.reshape(len(devices), -1), weight)

    def _terms(self, seen: Seen, devices: Ints) -> Terms:
        """What holds for every plan. The base is a part of what the job's settings would take on such devices."""
        seconds, joules = self.beliefs.plain(self.table, seen, devices)
        idle_w, usual_n = self.taste.patience * self.table.idle_w, seen.job.participants
        base_j = self.taste.overhead * (usual_n * _mean(joules) + idle_w * _mean(seconds))
        fallen = float(np.fmax(self.level[0] / self.level[1], 1.0))
        spread = self.taste.spread * fallen**self.taste.rise
        return Terms(idle_w, base_j, spread, max(usual_n, self.grid.participants[-1]))

    def _thought_of(self, seen: Seen, able: Ints, weights: Floats) -> Ints:
        """All devices of a small fleet; of a large one the promising, by the job's settings, and some others."""
        if len(able) <= _PROMISING + _OTHERS:
            return able
        seconds, joules = self.beliefs.plain(self.table, seen, able)
        share_w = self.taste.patience * self.table.idle_w / max(seen.job.participants, 1)
        worth = weights[able] / (joules + share_w * seconds)
        front = np.argpartition(-worth, _PROMISING)[:_PROMISING]
        rest = np.delete(able, front)
        return np.sort(np.concatenate((able[front], random_of(rest, _OTHERS, self._rng))))


def ours_of(fleet: Fleet, job: Job, taste: Taste | None = None, seed: int = 0) -> Ours:
    """Our policy for a fleet, whose calibration it asks once: `costs` under nominal conditions, and `idle_w`."""
    grid = grid_of()
    return Ours(table_of(fleet, job, grid.batch), taste or Taste(), seed, grid)


def _mean(of: Floats) -> float:
    finite = of[np.isfinite(of)]
    return float(finite.mean()) if len(finite) else 0.0

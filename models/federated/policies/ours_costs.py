"""What a device will take, as our policy sees it: the calibration's step times and joules, corrected by what came back.

Of a device of kind G on target A with batch B, E epochs and n samples:
    steps = E ceil(n / B)
    ln(seconds of a step) = ln(stated [G, A, B]) + w . (1, co_cpu, co_memory)       ln(joules of a step) alike
Sending takes update / bandwidth, at the watts of the signal. The coefficients w, one vector for each kind of device and
of processor, begin with what the calibration says of co-runners. Each reply updates them by the equations of a Kalman
filter with known noise, as in scheduling/bandit.py.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from edgewatt.models.federated.round import Choice, Conditions, Fleet, Floats, Ints, Job, Outcome, Seen

PROCESSORS: Final = ("cpu", "gpu", "npu")
# Assumed, of ln(seconds) and ln(joules): standard deviation of a reply, of a kind's offset, of a co-runner's slope; and
# how far from what was expected a reply may be to count in full.
_NOISE: Final = 0.15
_OFFSET: Final = 0.2
_SLOPE: Final = 0.4
_FAR: Final = 1.5
# The calibration is asked for this many samples, divisible by every batch, and for this share of a co-runner.
_SAMPLES: Final = 960
# So many targets of each processor are thought of.
_WAYS: Final = 4
_CO: Final = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Stated costs of a job: seconds and joules of a step without co-runner, (G, A, B); infinite where there is none.

    `processor` (G, A): index into PROCESSORS; `kept` (G, W): the targets that are worth a thought; `slopes`
    (2, G, P, 2): of ln(seconds) and ln(joules) over the ratios of CPU and of memory that co-runners take; `batches`
    (B,); `idle_w`: of all devices together.
    """

    batches: Ints
    step_s: Floats
    step_j: Floats
    processor: Ints
    kept: Ints
    slopes: Floats
    idle_w: float


def table_of(fleet: Fleet, job: Job, batches: tuple[int, ...]) -> Table:
    """What the calibration behind `fleet` states: `costs` of one device of each kind, without and with a co-runner.

    Nothing is asked of any round's conditions.
    """
    processor = np.zeros((len(fleet.kinds), max(len(kind.targets) for kind in fleet.kinds)), dtype=np.int64)
    for g, kind in enumerate(fleet.kinds):
        for a, target in enumerate(kind.targets):
            processor[g, a] = PROCESSORS.index(target.kind) if target.kind in PROCESSORS else 0
    plain, cpu, memory = (_asked(fleet, job, batches, co) for co in ((0.0, 0.0), (_CO, 0.0), (0.0, _CO)))
    slopes = np.zeros((2, len(fleet.kinds), len(PROCESSORS), 2))
    with np.errstate(invalid="ignore"):
        rise = np.stack([np.log(of / plain) / _CO for of in (cpu, memory)], axis=-1)
    for p in range(len(PROCESSORS)):
        for g in range(len(fleet.kinds)):
            of = rise[:, g, processor[g] == p].reshape(2, -1, 2)
            known = np.isfinite(of).all(axis=(0, 2))
            slopes[:, g, p] = of[:, known].mean(axis=1) if known.any() else 0.0
    kept = np.stack([_kept(plain[0, g], plain[1, g], processor[g]) for g in range(len(fleet.kinds))])
    kept = kept[:, : max(len(np.unique(of)) for of in kept)]
    batch, idle_w = np.array(batches, dtype=np.int64), float(fleet.idle_w().sum())
    return Table(batch, plain[0], plain[1], processor, kept, slopes, idle_w)


def _kept(step_s: Floats, step_j: Floats, processor: Ints) -> Ints:
    """Of a kind's targets: for each processor some of those that no other one beats in both time and joules, (W,).

    Judged by the largest batch that fits; with fewer than W the first is repeated.
    """
    kept: list[int] = []
    for p in range(len(PROCESSORS)):
        of = np.flatnonzero((processor == p) & np.isfinite(step_s).any(axis=1))
        if not len(of):
            continue
        b = int(np.flatnonzero(np.isfinite(step_s[of]).any(axis=0))[-1])
        s, j = step_s[of, b], step_j[of, b]
        beaten = ((s[:, None] >= s) & (j[:, None] >= j) & ((s[:, None] > s) | (j[:, None] > j))).any(axis=1)
        best = of[~beaten][np.argsort(s[~beaten], kind="stable")]
        kept += best[np.unique(np.linspace(0, len(best) - 1, _WAYS).round().astype(np.int64))].tolist()
    first = kept[0] if kept else 0
    return np.array(kept + [first] * (_WAYS * len(PROCESSORS) - len(kept)), dtype=np.int64)


def _asked(fleet: Fleet, job: Job, batches: tuple[int, ...], co: tuple[float, float]) -> Floats:
    """Seconds and joules of a step under one co-runner, (2, G, A, B)."""
    devices_n, kinds = len(fleet.kind_of), fleet.kinds
    present, first = np.unique(fleet.kind_of, return_index=True)
    around = Conditions(
        np.full(devices_n, co[0]),
        np.full(devices_n, co[1]),
        np.full(devices_n, 1e7),
        np.ones(devices_n, dtype=np.bool_),
        np.ones(devices_n),
    )
    samples_n = np.full(devices_n, _SAMPLES, dtype=np.int64)
    targets_n = max(len(kind.targets) for kind in kinds)
    taken = np.full((2, len(kinds), targets_n, len(batches)), np.inf)
    for a in range(targets_n):
        have = np.array([len(kinds[g].targets) > a for g in present])
        if not have.any():
            continue
        one = np.ones(int(have.sum()), dtype=np.int64)
        for b, batch in enumerate(batches):
            choice = Choice(first[have].astype(np.int64), a * one, batch * one, one)
            costs = fleet.costs(job, choice, samples_n, around)
            for into, of in zip(taken, (costs.compute_s, costs.compute_j), strict=True):
                into[present[have], a, b] = np.where(costs.fits, of * batch / _SAMPLES, np.inf)
    return taken


@dataclass(frozen=True, slots=True, eq=False)
class Beliefs:
    """Coefficients `mean` (2, G, P, 3) and their `covariance` (2, G, P, 3, 3); changed in place by `learn`."""

    mean: Floats
    covariance: Floats

    def per_step(self, table: Table, seen: Seen, devices: Ints) -> Floats:
        """Expected seconds and joules of a step of these devices on the kept targets, (2, M, W, B)."""
        kind = seen.kind_of[devices]
        ratio = np.exp(np.einsum("cmpf,mf->cmp", self.mean[:, kind], _features(seen.conditions, devices)))
        rows = np.arange(len(devices))[:, None]
        kept, g = table.kept[kind], kind[:, None]
        stated = np.stack([table.step_s[g, kept], table.step_j[g, kept]])
        expected: Floats = stated * ratio[:, rows, table.processor[g, kept]][..., None]
        return expected

    def plain(self, table: Table, seen: Seen, devices: Ints) -> Floats:
        """Expected seconds and joules of the job's B and E on the first kept target, with sending, (2, M)."""
        job, kind, around = seen.job, seen.kind_of[devices], seen.conditions
        b = int(np.abs(table.batches - job.batch).argmin())
        rows, first = np.arange(len(table.kept)), table.kept[:, 0]
        own, of_cpu, of_memory = np.moveaxis(self.mean[:, rows, table.processor[rows, first]], -1, 0)
        own = own + np.log([table.step_s[rows, first, b], table.step_j[rows, first, b]])
        steps_n = steps_of(seen.samples_n[devices], np.int64(table.batches[b]), np.int64(job.epochs))
        co_cpu, co_memory = around.co_cpu_ratio[devices], around.co_memory_ratio[devices]
        sent = sending(seen, devices)
        taken = [
            steps_n * np.exp(own[c][kind] + of_cpu[c][kind] * co_cpu + of_memory[c][kind] * co_memory) + sent[c]
            for c in range(2)
        ]
        return np.stack(taken)

    def learn(self, table: Table, seen: Seen, choice: Choice, outcome: Outcome) -> None:
        """From each reply: what is left of its seconds and joules without sending, against what was stated."""
        devices, kind = choice.devices, seen.kind_of[choice.devices]
        b = np.searchsorted(table.batches, choice.batch).clip(0, len(table.batches) - 1)
        steps_n = steps_of(seen.samples_n[devices], choice.batch, choice.epochs)
        send_s, send_j = sending(seen, devices)
        taken = np.stack([outcome.seconds - send_s, outcome.joules - send_j])
        stated = np.stack([table.step_s[kind, choice.target, b], table.step_j[kind, choice.target, b]]) * steps_n
        with np.errstate(invalid="ignore", divide="ignore"):
            seen_ln = np.log(taken / stated)
        shown = _features(seen.conditions, devices)
        for k in np.flatnonzero(outcome.replied & np.isfinite(seen_ln).all(axis=0)):
            where = kind[k], table.processor[kind[k], choice.target[k]]
            for c in range(2):
                mean, covariance, f = self.mean[c][where], self.covariance[c][where], shown[k]
                gain = covariance @ f / (f @ covariance @ f + _NOISE**2)
                mean += gain * np.clip(seen_ln[c, k] - f @ mean, -_FAR, _FAR)
                covariance -= np.outer(gain, f @ covariance)


def begin(table: Table) -> Beliefs:
    """What the calibration says, and how far it may be off."""
    groups = table.slopes.shape[:3]
    mean = np.concatenate([np.zeros((*groups, 1)), table.slopes], axis=-1)
    covariance = np.broadcast_to(np.diag([_OFFSET**2, _SLOPE**2, _SLOPE**2]), (*groups, 3, 3)).copy()
    return Beliefs(mean, covariance)


def steps_of(samples_n: Ints, batch: Ints | np.int64, epochs: Ints | np.int64) -> Ints:
    """Steps of gradient descent: E ceil(n / B)."""
    steps: Ints = epochs * -(-samples_n // batch)
    return steps


def sending(seen: Seen, devices: Ints) -> tuple[Floats, Floats]:
    """Seconds and joules of sending an update, (K,) each; infinite seconds without bandwidth."""
    with np.errstate(divide="ignore"):
        seconds = seen.job.update_b / seen.conditions.up_b_per_s[devices]
    return seconds, seconds * seen.conditions.send_w[devices]


def _features(around: Conditions, devices: Ints) -> Floats:
    return np.stack(
        [np.ones(len(devices)), around.co_cpu_ratio[devices], around.co_memory_ratio[devices]],
        axis=-1,
    )

"""N devices as arrays: what is around them in a round, and what a choice takes.

Equations (AutoFL, facts 1.5 and 2), for a participant with n samples, batch B and E epochs, c and m the co-runner's
shares of CPU and memory:
    t_comp = E ceil(n / B) step(target, min(B, n)) (1 + k_c c + k_m m)
    E_comp = (P_busy + P_idle) t_comp
    t_TX = bytes of the update / rate up,  E_comm = (P_TX(signal) + P_idle) t_TX
Only what is sent up is billed, as in the paper. Busy and sending watts are above idle in a calibration; together they
are what the paper's meter saw. What a co-runner itself takes is not charged.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from edgewatt.models.federated.fleet.behaviour import Behaviour
from edgewatt.models.federated.fleet.physics import Physics
from edgewatt.models.federated.fleet.steps import BATCH_LIMIT, StepTable, joined, step_table
from edgewatt.models.federated.fleet.traces import Trace
from edgewatt.models.federated.fleet.variance import Variance
from edgewatt.models.federated.round import Choice, Conditions, Costs, Floats, Ints, Job, Kind
from edgewatt.models.scheduling.constants import Constants, Draw
from edgewatt.profiler.errors import UsageError


@dataclass(frozen=True, slots=True, eq=False)
class CalibratedFleet:
    """A round.Fleet that a calibration describes; devices are numbered kind by kind, from the high tier on.

    `physics`: of each kind. (N,): `kind_of`; `slower_ratio`, a device's seconds over those of its kind; `good_b_per_s`,
    its rate up at a good signal. `basis`: the weakest word of what it is made from. `notes`: what is assumed.
    """

    physics: tuple[Physics, ...]
    kind_of: Ints
    slower_ratio: Floats
    good_b_per_s: Floats
    variance: Variance
    constants: Constants
    draw: Draw
    basis: str
    notes: tuple[str, ...]
    kinds: tuple[Kind, ...] = field(init=False)
    _first: Ints = field(init=False)
    _tables: dict[tuple[str, bool], StepTable] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kinds = tuple(Kind(of.name, of.tier, of.targets) for of in self.physics)
        object.__setattr__(self, "kinds", kinds)
        object.__setattr__(self, "_first", np.cumsum([0, *(len(kind.targets) for kind in kinds)])[:-1])

    def conditions(self, number: int) -> Conditions:
        """What is around the devices in round `number`; `send_w` are watts of all of the device while it sends.

        Who has no network in a trace does not answer; what it would take is of the weakest signal known.
        """
        lowest = np.array([of.radio.lowest_ratio for of in self.physics])[self.kind_of]
        cpu, memory, up = self.variance.around(number, self.good_b_per_s, lowest)
        there = up > 0
        up = np.where(there, up, lowest * self.good_b_per_s)
        ratio = up / self.good_b_per_s
        send_w = np.empty(len(self.kind_of))
        for k, of in enumerate(self.physics):
            mine = self.kind_of == k
            send_w[mine] = of.radio.send_w(ratio[mine]) + of.idle_w
        return Conditions(cpu, memory, up, there & self.variance.answers(number), send_w)

    def costs(self, job: Job, choice: Choice, samples_n: Ints, conditions: Conditions) -> Costs:
        """Seconds and joules of each participant; `samples_n` (N,). A device without samples computes nothing.

        Raises UsageError for a model that nothing is known of, and for a target or batch that is not there.
        """
        table = self._table(job)
        devices, batch = choice.devices, choice.batch
        kind, row = self.kind_of[devices], self._row(choice)
        samples = samples_n[devices]
        steps_n = choice.epochs * -(-samples // batch)
        of_cpu, of_memory = self._beside(row)
        longer = 1 + of_cpu * conditions.co_cpu_ratio[devices] + of_memory * conditions.co_memory_ratio[devices]
        at = np.clip(samples, 1, batch)
        times = steps_n * longer * self.slower_ratio[devices]
        send_s = job.update_b / conditions.up_b_per_s[devices]
        needs_b = table.memory_b[kind, batch] + table.updates_n[kind] * job.update_b
        free_b = np.array([of.free_b for of in self.physics])[kind] * (1 - conditions.co_memory_ratio[devices])
        fits = needs_b <= free_b
        return Costs(
            np.where(fits, times * table.step_s[row, at], 0.0),
            np.where(fits, send_s, 0.0),
            np.where(fits, times * table.step_j[row, at], 0.0),
            np.where(fits, send_s * conditions.send_w[devices], 0.0),
            fits,
        )

    def idle_w(self) -> Floats:
        """Watts of each device that is awake and does nothing, (N,)."""
        return np.array([of.idle_w for of in self.physics])[self.kind_of]

    def replaying(self, *traces: Trace) -> "CalibratedFleet":
        """The same devices, each with what is around it from one of these traces instead of drawn."""
        if not traces:
            raise UsageError("no trace to replay; expected one at least")
        return replace(self, variance=replace(self.variance, traces=traces))

    def behaving(self, behaviour: Behaviour) -> "CalibratedFleet":
        """The same devices, who answer when a client of a trace is active: device n as client n modulo their number."""
        return replace(self, variance=replace(self.variance, behaviour=behaviour))

    def _row(self, choice: Choice) -> Ints:
        """The row of each participant's target in tables of all kinds' targets."""
        kind = self.kind_of[choice.devices]
        targets_n = np.array([len(of.targets) for of in self.kinds])[kind]
        if (bad := np.flatnonzero((choice.target < 0) | (choice.target >= targets_n))).size:
            k = bad[0]
            raise UsageError(
                f"target {choice.target[k]} of device {choice.devices[k]}: {self.kinds[kind[k]].name} has "
                f"{targets_n[k]}, numbered from 0"
            )
        for what, of, most in (("batch", choice.batch, BATCH_LIMIT), ("epochs", choice.epochs, None)):
            if (bad := np.flatnonzero((of < 1) | (of > (most or np.inf)))).size:
                expected = f"1 to {most}" if most else "1 or more"
                raise UsageError(f"{what} {of[bad[0]]} of device {choice.devices[bad[0]]}: expected {expected}")
        return np.asarray(self._first[kind] + choice.target)

    def _beside(self, row: Ints) -> tuple[Floats, Floats]:
        cpu, memory = (np.concatenate([getattr(p, of) for p in self.physics]) for of in ("of_cpu", "of_memory"))
        return cpu[row], memory[row]

    def _table(self, job: Job) -> StepTable:
        """The steps of a model on the targets of all kinds, kind after kind; memory by kind."""
        key = (job.model, job.rc_n > 0)
        if key not in self._tables:
            made = [step_table(of, job.model, self.constants, self.draw, recurrent=job.rc_n > 0) for of in self.physics]
            self._tables[key] = joined(made)
        return self._tables[key]

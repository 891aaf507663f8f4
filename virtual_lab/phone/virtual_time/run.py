"""One profile run of one virtual phone, in virtual time."""

from collections.abc import Sequence

import numpy as np

from edgewatt.virtual_lab.clocks import Suspension
from edgewatt.virtual_lab.phone.personalities import personality
from edgewatt.virtual_lab.phone.personality import Personality
from edgewatt.virtual_lab.phone.truth import MEASURE, Phase
from edgewatt.virtual_lab.phone.virtual_time import nuisance, pulses
from edgewatt.virtual_lab.phone.virtual_time.plan import NS, Plan, drawn_times
from edgewatt.virtual_lab.phone.virtual_time.telling import (
    CLOCKS,
    DEVICE,
    GOING_ON,
    ORIGIN_NS,
    PULSES,
    TIMES,
    TOOL,
    Telling,
)
from edgewatt.virtual_lab.phone.virtual_time.tool import Tool
from edgewatt.virtual_lab.phone.virtual_time.work import Scripted, work
from edgewatt.virtual_lab.power.domains import Device
from edgewatt.virtual_lab.power.load import suspension


class VirtualRun(Telling):
    """A run of `plan` on a phone of that personality, all of it drawn from the seed. Raises UsageError.

    A `device` is taken as it is instead of one that is drawn. `beside` is what works beside the network (work.py).
    `alone`: no other program wakes up now and then.
    """

    def __init__(
        self,
        name: str | Personality,
        seed: int,
        plan: Plan | None = None,
        quirks: Sequence[str] = (),
        *,
        device: Device | None = None,
        beside: Sequence[tuple[int, str, float]] = (),
        alone: bool = False,
    ) -> None:
        self.plan, self.seed = plan or Plan(), seed
        phone = self.phone = personality(name, quirks) if isinstance(name, str) else name
        self._tool = Tool.of(phone, self.plan)
        asleep = _asleep(phone.suspend_after_s, phone.suspend_s)
        self.times = drawn_times(self.plan, ORIGIN_NS, self._rng(TIMES), asleep)
        self.begin_ns, self.sampled_ns, self.idle_ns = self.times.begin_ns, self.times.sampled_ns, self.times.idle_ns
        self.clocks = nuisance.clocks_of(phone, self.times, self._rng(CLOCKS), asleep)
        self.timeline = nuisance.timeline_of(phone, ORIGIN_NS, self._rng(DEVICE), device)
        self.body = Scripted(phone, self.clocks, self.timeline)
        nuisance.going_on(self.body, self.times, self._rng(GOING_ON), alone=alone)
        if asleep is not None:
            self.timeline.record(suspension(asleep.t0_ns, asleep.t1_ns))
        work(self.body, self.times, self.plan, self._tool.handed, beside)
        self._equip()

    @property
    def looks_ns(self) -> tuple[tuple[int, int], ...]:
        """By repeat, when the host looks whether the phone slept: before and after."""
        return tuple(repeat.look_ns for repeat in self.times.repeats)

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The truth of the measured phase of each repeat."""
        measured = [repeat.measured for repeat in self.times.repeats]
        return tuple(Phase(MEASURE, *phase.span_ns, len(phase.begin_ns)) for phase in measured)

    def runner(self, repeat: int, token: str) -> bytes:
        """What the runner's script prints of one process."""
        return self._tool.stamped(self.times.repeats[repeat], token, self.clocks, self._rng(TOOL, repeat))

    def pulses(self, train: int, token: str) -> bytes:
        """What the script of a train prints: 0 is that before the repeats, 1 that after them."""
        core = self.phone.clusters[-1].cpus[-1]
        return pulses.printed(self.times.trains[train], token, core, self.clocks, self._rng(PULSES, train))

    def energies(self, source: str) -> list[float]:
        """Exact joules of each measured phase at a source: `battery`, `cpu`, a domain or a rail. Raises KeyError."""
        spans_ns = np.array([(phase.t0_ns, phase.t1_ns) for phase in self.phases]).reshape(-1, 2)
        energies_j: list[float] = self.timeline.energy_j(spans_ns[:, 0], spans_ns[:, 1], source).tolist()
        return energies_j


def _asleep(after_s: float, lasts_s: float) -> Suspension | None:
    t0_ns = ORIGIN_NS + round(after_s * NS)
    return Suspension(t0_ns, t0_ns + round(lasts_s * NS)) if after_s > 0 else None

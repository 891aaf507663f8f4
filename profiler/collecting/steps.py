"""A step of the calibration suite as data: what it executes, in which order, how long, or why it cannot be."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from edgewatt.profiler.channel import Unavailable
from edgewatt.profiler.collecting.load import Load

CPU, MEMORY, RADIO, OFFLOAD, THERMAL = "cpu", "memory", "radio", "offload", "thermal"
CO_RUNNER, INFERENCE, TRAINING, INTERACTIVE = "co_runner", "inference", "training", "interactive"
STEPS: Final = (CPU, MEMORY, RADIO, OFFLOAD, THERMAL, CO_RUNNER, INFERENCE, TRAINING, INTERACTIVE)

# What a device needs around a load: its connections and stamps, LEAD_S of a shell, a condition set (assumed).
AROUND_S: Final = 1.5


@dataclass(frozen=True, slots=True)
class Asked:
    """One window of a step: its load, and what is set for it alone.

    `unit` is the cluster that is loaded (None: several, or none), `cores_n` how many of its processors. `pin` is the
    value of the condition `frequency` for it ("": left free), and `frequency_hz` the step that this stands for.
    `more` are further attributes of the window.
    """

    load: Load
    unit: str | None = None
    cores_n: int = 0
    frequency_hz: float | None = None
    pin: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)

    @property
    def conditions(self) -> Mapping[str, str]:
        """What has to be set for it."""
        return {"frequency": self.pin} if self.pin else {}

    @property
    def label(self) -> str:
        """It in a few words."""
        load = self.load
        what = {"cpu": f"{self.cores_n} of {self.unit or 'all'} busy", "memory": f"{self.cores_n} copying"}
        duty = "" if load.duty_ratio == 1 or load.kind not in what else f" {load.duty_ratio:.0%} of the time"
        sizes = f" {load.sent_b:,} B there, {load.received_b:,} B back" if load.kind == "exchange" else ""
        at = "" if self.frequency_hz is None else f" at {self.frequency_hz / 1e6:,.0f} MHz"
        return f"{what.get(load.kind, load.kind)}{duty}{sizes}{at}"

    def attributes(self) -> dict[str, Any]:
        """What was asked for, as plain JSON for the window."""
        asked = {"unit": self.unit, "cores_n": self.cores_n, "frequency_hz": self.frequency_hz, **self.more}
        return {**self.load.attributes(), **asked}


@dataclass(frozen=True, slots=True)
class Until:
    """A step that goes on until its device is steady: windows of `load` for at most `limit_s`, then idle ones.

    Steady is `steady_k` or less of warming within `steady_s`.
    """

    hot: Asked
    cool: Asked
    limit_s: float
    steady_s: float = 120.0
    steady_k: float = 0.5


@dataclass(frozen=True, slots=True)
class Executed:
    """A network, or a command, whose repeats are a step: how it differs from others of its kind.

    `co_load` runs beside each repeat; its shares are in the run's conditions.
    """

    model: str = ""
    targets: tuple[str, ...] = ("cpu",)
    threads: tuple[int, ...] = (1,)
    batches: tuple[int, ...] = (1,)
    frequencies_hz: tuple[float, ...] = ()
    co_load: Load | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One run of the suite, in the folder `name`. Exactly one of `windows`, `until` and `executed` says what it does.

    `kind` is one of STEPS. `unavailable` says why it cannot be done here, and `remarks` what of it is less than it
    might be. `facts` join the run's conditions, `conditions` are set for all of it.
    """

    name: str
    kind: str
    windows: tuple[Asked, ...] = ()
    until: Until | None = None
    executed: Executed | None = None
    unavailable: Unavailable | None = None
    remarks: tuple[Unavailable, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    conditions: Mapping[str, str] = field(default_factory=dict)
    expected_s: float = 0.0

    def measured(self, settles_s: float = 0.0) -> float:
        """About how long its windows take, in seconds."""
        if self.until is not None:
            return 2 * self.until.limit_s
        loads_s = sum(one.load.seconds + settles_s + AROUND_S for one in self.windows)
        return loads_s or self.expected_s


def lasting(windows: Sequence[Asked], extra_s: float) -> list[Asked]:
    """The windows, each so much longer."""
    return [replace(one, load=replace(one.load, seconds=one.load.seconds + extra_s)) for one in windows]


def interleaved(windows: Sequence[Asked], idle: Asked, *, rounds: int, every: int, seed: int) -> tuple[Asked, ...]:
    """Each window once a round, an idle one before them, after every few, and at the end.

    Rounds come in pairs, an order drawn from `seed` and the same backwards (ABBA), as in planning/ordering.py: what
    drifts linearly is the same for all within a pair.
    """
    chosen = random.Random(seed)  # noqa: S311  (an order, no secret)
    order: list[Asked] = []
    drawn = list(windows)
    for number in range(rounds):
        if number % 2:
            drawn.reverse()
        else:
            chosen.shuffle(drawn)
        order += drawn
    found = [idle]
    for at in range(0, len(order), every):
        found += [*order[at : at + every], idle]
    return tuple(found)

"""What a training cost, step by step and between the changes of what trains."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby
from statistics import fmean
from typing import Any

from edgewatt.collectors.runtimes.training_cost.counting import Counted
from edgewatt.collectors.runtimes.training_cost.layers import Trains
from edgewatt.profiler.clock import NS_PER_S


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the optimizer, from its first forward pass on; stamps are CLOCK_MONOTONIC, devices awaited at both.

    `counts` are of the step in which this shape was counted, by forward passes where these differ; that step itself is
    slow (`is_counted`) and in no mean. `kind`: the shape of its input and what trained, by number. Memory: at its peak,
    and the mean of three readings (begin, after the first forward pass, end). `hooks_s`: what this meter took of it.
    None: not known, which `Cost.reasons` explains.
    """

    t0_ns: int
    t1_ns: int
    is_counted: bool
    trains: Trains
    counts: Counted | None
    memory_peak_b: int | None
    memory_mean_b: float | None
    optimizer_b: int
    hooks_s: float
    kind: int = 0

    @property
    def seconds(self) -> float:
        """How long it took."""
        return (self.t1_ns - self.t0_ns) / NS_PER_S

    def row(self) -> dict[str, Any]:
        """As one flat row."""
        counts = self.counts
        return {
            "step_s": self.seconds,
            "is_counted": self.is_counted,
            "forward_flop": None if counts is None else counts.forward_flop,
            "backward_flop": None if counts is None else counts.backward_flop,
            "saved_b": None if counts is None else counts.saved_b,
            "memory_peak_b": self.memory_peak_b,
            "memory_mean_b": self.memory_mean_b,
            "optimizer_b": self.optimizer_b,
            **asdict(self.trains),
            "hooks_s": self.hooks_s,
        }


@dataclass(frozen=True, slots=True)
class Interval:
    """Steps between two changes of what trains, of one shape of input: their means, the peak being the highest."""

    first: int
    steps_n: int
    step_s: float | None
    trains: Trains
    counts: Counted | None
    memory_peak_b: int | None
    memory_mean_b: float | None
    optimizer_b: int

    def attributes(self) -> dict[str, int | float]:
        """What the trace keeps of it, under a calibration's names where it has one; what is not known is left out."""
        counts, trains = self.counts, self.trains
        told: dict[str, int | float | None] = {
            "steps_n": self.steps_n,
            "step_s": self.step_s,
            "forward_flop": None if counts is None else counts.forward_flop,
            "backward_flop": None if counts is None else counts.backward_flop,
            "activation_b": None if counts is None else counts.saved_b,
            "memory_peak_b": self.memory_peak_b,
            "memory_mean_b": None if self.memory_mean_b is None else round(self.memory_mean_b),
            "optimizer_b": self.optimizer_b,
            "trainable_n": trains.trainable_n,
            "frozen_n": trains.frozen_layers_n,
            "frozen_prefix_n": trains.frozen_prefix_n,
            "layers_n": trains.layers_n,
        }
        return {key: value for key, value in told.items() if value is not None}

    @property
    def flop(self) -> int | None:
        """Of one step, both passes."""
        return None if self.counts is None else self.counts.forward_flop + self.counts.backward_flop


@dataclass(slots=True)
class Cost:
    """What was found so far; `memory` says what its bytes are: `allocated` on CUDA, `resident` elsewhere."""

    memory: str
    steps: list[Step] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def note(self, reason: str) -> None:
        """Why something is not known, or means something else than it seems; once."""
        if reason not in self.reasons:
            self.reasons.append(reason)

    @property
    def overhead(self) -> float | None:
        """The share of the steps' time that the meter took, the steps that it counted in left out."""
        timed = [step for step in self.steps if not step.is_counted]
        return sum(step.hooks_s for step in timed) / sum(step.seconds for step in timed) if timed else None

    def intervals(self) -> list[Interval]:
        """One after the other."""
        return list(intervals_of(self.steps))

    def rows(self) -> list[dict[str, Any]]:
        """A flat row for each step: `pandas.DataFrame(cost.rows())`."""
        return [{"step": k, **step.row()} for k, step in enumerate(self.steps)]

    def __str__(self) -> str:
        lines = [_line(interval, self.memory) for interval in self.intervals()]
        if (overhead := self.overhead) is not None:
            lines.append(f"the meter took {overhead:.2%} of the steps' time")
        return "\n".join([*lines, *self.reasons])


def intervals_of(steps: Sequence[Step]) -> Iterator[Interval]:
    """The stretches in which the same trained on the same shape of input."""
    at = 0
    for (trains, _), alike in groupby(steps, lambda step: (step.trains, step.kind)):
        every = list(alike)
        timed = [step.seconds for step in every if not step.is_counted]
        counts = [step.counts for step in every if step.counts and not step.is_counted]
        counts = counts or [step.counts for step in every if step.counts]
        peaks = [step.memory_peak_b for step in every if step.memory_peak_b is not None]
        means = [step.memory_mean_b for step in every if step.memory_mean_b is not None]
        yield Interval(
            first=at,
            steps_n=len(every),
            step_s=fmean(timed) if timed else None,
            trains=trains,
            counts=_mean(counts) if counts else None,
            memory_peak_b=max(peaks, default=None),
            memory_mean_b=fmean(means) if means else None,
            optimizer_b=every[-1].optimizer_b,
        )
        at += len(every)


def _mean(counts: Sequence[Counted]) -> Counted:
    """Of steps of one shape: the same, unless they had unlike numbers of forward passes."""
    if len(set(counts)) == 1:
        return counts[0]
    forward_flop, backward_flop = (
        round(fmean(of)) for of in zip(*((one.forward_flop, one.backward_flop) for one in counts), strict=True)
    )
    return Counted(forward_flop, backward_flop, max(one.saved_b for one in counts))


def _line(interval: Interval, memory: str) -> str:
    trains, counts, n = interval.trains, interval.counts, interval.steps_n
    of = f"steps {interval.first} to {interval.first + n - 1}"
    time = "only counted" if interval.step_s is None else f"{interval.step_s * 1e3:.4g} ms"
    layers = (
        ""
        if trains.layers_n is None
        else f", {trains.frozen_prefix_n} of {trains.layers_n} layers frozen from the input"
    )
    work = ""
    if counts is not None:
        gflop = f"{counts.forward_flop / 1e9:.4g} + {counts.backward_flop / 1e9:.4g} GFLOP"
        work = f", {gflop}, {counts.saved_b / 1e6:.4g} MB kept"
    peak = "" if interval.memory_peak_b is None else f", {interval.memory_peak_b / 1e6:.4g} MB {memory} at most"
    return f"{of}: {time}{work}{peak}, {trains.trainable_n:,} parameters train{layers}"

"""The seams: what a run needs of an instrument, a place to execute, and something to execute."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.batch import Batch, End, Gap
from edgewatt.profiler.channel import Opened
from edgewatt.profiler.clock import Clock
from edgewatt.profiler.clockfit import ClockFit, Echo
from edgewatt.profiler.window import Window

# The reason code of an instrument that is not there any more when a run ends.
AWAY: Final = "meter_away"


class Collector(Protocol):
    """One instrument. The run calls `open` once, `read` in a thread of its own until the end, then `close`, always."""

    def open(self, clock: Clock) -> Opened:
        """The channels, and what cannot be measured. Raises DeviceError if nothing can."""
        ...

    def read(self, timeout_s: float) -> Batch | Gap | End:
        """What came within the timeout; an empty Batch is "nothing yet". A failing source gives a Gap, not an error."""
        ...

    def close(self) -> None:
        """Undo `open`; called after the last `read` returned; prompt and idempotent."""
        ...


@runtime_checkable
class Draining(Protocol):
    """A collector that holds samples back while it measures, such as a log on the device, and gives them at the end."""

    def drain(self) -> Iterator[Batch | Gap]:
        """What it held back; called once, after the last `read` and before `close`. Raises DeviceError."""
        ...


@dataclass(frozen=True, slots=True)
class Learnt:
    """What an instrument knows of itself beyond its opening.

    `fits` tie clocks of its own to the host's; `facts` join those of its Opened; `reasons` mark the run.
    """

    fits: tuple[ClockFit, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()


@runtime_checkable
class Learning(Protocol):
    """A collector that learns while it measures, such as how its own clock runs against the host's."""

    def learnt(self) -> Learnt:
        """What it knows by now; asked after `open`, so that a crash loses no time base, and once after `close`."""
        ...


@dataclass(frozen=True, slots=True)
class Completed:
    """A command that ended: its exit code, and what it printed."""

    returncode: int
    stdout: bytes
    stderr: bytes


class Target(Protocol):
    """Where things are executed: the host, a phone, a board."""

    def run(self, argv: Sequence[str], *, timeout_s: float) -> Completed:
        """Execute without a shell. Raises DeviceError on a timeout or a lost connection."""
        ...

    def push(self, local: Path, remote: str) -> None:
        """Copy a file there. Raises DeviceError."""
        ...

    def pull(self, remote: str, local: Path) -> None:
        """Copy a file back. Raises DeviceError."""
        ...

    def probe_clock(self, clock: Clock) -> Echo:
        """Ask once for the device's time."""
        ...

    def facts(self) -> Mapping[str, Any]:
        """The conditions a measurement depends on, as plain JSON; a key that cannot be read is None."""
        ...

    def apply(self, condition: str, value: str) -> None:
        """Set a condition and verify it. Raises DeviceError where it cannot be."""
        ...

    def undo(self, condition: str) -> None:
        """Put back what `apply` found, verified."""
        ...


@dataclass(frozen=True, slots=True)
class WorkloadRequest:
    """What the user asked to have executed. `frequency_hz` None: not pinned. `options` are the runtime's own.

    `note` is told what takes long before the first repeat, such as pushing files.
    """

    model: Path
    target: str = "cpu"
    threads: int = 1
    batch: int = 1
    runtime: str | None = None
    frequency_hz: float | None = None
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    note: Callable[[str], None] | None = None


class Operator(NamedTuple):
    """One operator of a network; `latency_s` per inference, with its `basis` (measured, group, allocated), if known."""

    op: str
    name: str
    latency_s: float | None = None
    basis: str | None = None


@dataclass(frozen=True, slots=True)
class WorkloadFacts:
    """What will be executed, as found before the first repeat.

    `input_sha256` is over the input data; `task` is "training" where steps of training are executed; `operators` are in
    order of execution; plain (operator, name) where no latency of them is known. What nobody said is None.
    """

    model: str
    model_sha256: str
    runtime: str
    runtime_version: str
    target_asked: str | None
    precision: str | None
    threads: int | None
    batch: int | None
    frequency_hz: float | None = None
    input_sha256: str | None = None
    task: str | None = None
    operators: Sequence[Operator | tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class RepeatRequest:
    """One repeat: at least `seconds` and `iterations` (either may be 0), after warming up until steady or the limit.

    A warm-up takes at least `warmup_least_s`, within its limit: until a slow sensor shows the load and nothing else.
    `order` is its position in the interleaving of all repeats; it belongs in the attributes of its measured window.
    """

    repeat: int
    config_id: str
    seconds: float
    iterations: int
    warmup_limit_s: float
    order: int = 0
    warmup_least_s: float = 0.0


@dataclass(frozen=True, slots=True)
class RepeatFacts:
    """What a repeat told.

    `steady` False: it was still getting faster or slower when the warm-up limit came; None where the runtime does not
    let that be seen. `latency_s` only where the runtime reveals no iterations, with `latency_stat` "mean".
    """

    iterations: int
    target_used: str
    steady: bool | None
    init_s: float | None = None
    first_s: float | None = None
    memory_peak_b: int | None = None
    latency_s: float | None = None
    latency_stat: str = "median"
    reasons: tuple[str, ...] = ()


class Sink(Protocol):
    """Where a workload puts what it learns while it runs; everything given is on disk within a second."""

    def window(self, window: Window) -> None:
        """A window that has ended."""
        ...

    def iterations(self, repeat: int, t0_ns: NDArray[np.int64], t1_ns: NDArray[np.int64]) -> None:
        """Start and end of further iterations of a repeat, int64 of the host's clock, each of shape [n]."""
        ...

    def raw(self, name: str, content: bytes) -> None:
        """Append what a tool printed to `raw/<name>`."""
        ...


class Workload(Protocol):
    """What is executed, and the windows in which it ran."""

    def open(self, clock: Clock) -> WorkloadFacts:
        """Look at what is to be executed. Raises UsageError for a bad model, DeviceError if it cannot run here."""
        ...

    def repeat(self, request: RepeatRequest, sink: Sink) -> RepeatFacts:
        """Execute one independent repeat in a fresh process; report `warmup` and `measure/<repeat>` to the sink."""
        ...

    def close(self) -> None:
        """Remove what `open` left on the device; idempotent."""
        ...


class BeginSink(Protocol):
    """What a run takes before its first sample; the RunWriter is one."""

    def update(self, **fields: Any) -> None:
        """Replace fields of the manifest."""
        ...

    def operators(self, config_id: str, operators: Sequence[Operator | tuple[str, str]]) -> None:
        """The operators of a configuration, in order of execution."""
        ...


class RepeatSink(Sink, Protocol):
    """A sink that is told whose iterations follow; the Recording is one."""

    def begin(self, config_id: str) -> None:
        """Iterations given from now on belong to this configuration."""
        ...


class Recorded(Protocol):
    """What was executed when a stored run was recorded, to be put into a new run in the same form."""

    def restore(self, sink: BeginSink) -> None:
        """Put back what was known before the first repeat: conditions, configurations, operators, clocks, meter."""
        ...

    def replay(self, sink: RepeatSink) -> None:
        """Put every window, iteration and raw text into the sink. Raises UsageError for a damaged run."""
        ...

"""Running a model as a profile run does, with a sink that keeps what it is given."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from edgewatt.collectors.runtimes.litert import LitertWorkload
from edgewatt.profiler.clock import HostClock
from edgewatt.profiler.protocols import RepeatFacts, RepeatRequest, WorkloadFacts, WorkloadRequest
from edgewatt.profiler.window import Window


@dataclass
class ListSink:
    """Keeps everything; `then` is called with the `workers` of this process each time iterations arrive."""

    then: Callable[[list[psutil.Process]], object] = len
    windows: list[Window] = field(default_factory=list)
    stamps: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = field(default_factory=list)
    raws: dict[str, bytes] = field(default_factory=dict)

    def window(self, window: Window) -> None:
        self.windows.append(window)

    def iterations(self, repeat: int, t0_ns: NDArray[np.int64], t1_ns: NDArray[np.int64]) -> None:
        assert repeat == 0
        self.stamps.append((t0_ns, t1_ns))
        self.then(workers())

    def raw(self, name: str, content: bytes) -> None:
        self.raws[name] = self.raws.get(name, b"") + content

    @property
    def t0_ns(self) -> NDArray[np.int64]:
        return np.concatenate([t0_ns for t0_ns, _ in self.stamps])

    @property
    def t1_ns(self) -> NDArray[np.int64]:
        return np.concatenate([t1_ns for _, t1_ns in self.stamps])


def workers() -> list[psutil.Process]:
    """What WorkerProcess has started here, also if it ended and was not reaped; not the phones of other tests."""
    return [child for child in psutil.Process().children() if _is_worker(child)]


def _is_worker(child: psutil.Process) -> bool:
    try:
        words = child.cmdline()
    except psutil.ZombieProcess:
        return True
    return not words or any(word.endswith("_worker") for word in words)  # one that is ending has no words


def no_child_is_left() -> bool:
    """Has every worker of this process ended and been reaped?"""
    return not workers()


def repeat(seconds: float = 0.0, iterations: int = 3, warmup_limit_s: float = 0.0) -> RepeatRequest:
    """A request for a short repeat without warm-up."""
    return RepeatRequest(0, "c0ffee", seconds, iterations, warmup_limit_s, order=4)


def look(model: Path, **request: Any) -> WorkloadFacts:
    """What `open` tells of a model."""
    return LitertWorkload(WorkloadRequest(model, **request)).open(HostClock())


def execute(
    model: Path, asked: RepeatRequest | None = None, **request: Any
) -> tuple[WorkloadFacts, RepeatFacts, ListSink]:
    """One look and one repeat."""
    workload, sink = LitertWorkload(WorkloadRequest(model, **request)), ListSink()
    facts = workload.open(HostClock())
    found = workload.repeat(asked or repeat(), sink)
    workload.close()
    return facts, found, sink

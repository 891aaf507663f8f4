"""A virtual Monsoon recorded live by `edgewatt record`, beside a program that computes, and what that took."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from edgewatt.profiler.storage.trace import Trace
from edgewatt.virtual_lab.monsoon.setup import Told
from tests.shell import EDGEWATT

CURRENT_A = 0.75
SLOT_NS = 200_000
CLOSE_S = 120.0
COMPUTES = "import numpy as np\na = np.random.default_rng(0).random((256, 256))\nwhile True: a = a @ a % 1.0"


@dataclass(frozen=True, slots=True)
class Used:
    """What the recording and its capture used: `share` of one core while they recorded, and their memory in bytes.

    `memory_b` is of every look, the first once everything was loaded. It grows until the buffers have their size.
    """

    share: float
    memory_b: tuple[int, ...]

    @property
    def grown_b(self) -> int:
        """How much they had grown at the end since the middle."""
        return self.memory_b[-1] - self.memory_b[len(self.memory_b) // 2]


@dataclass(frozen=True, slots=True)
class Count:
    """The slots between the first and the last stored row.

    `of_ours` as they are stamped; `by_meter` as long as that took by the meter's own period, from the host's times.
    `began_s`: the first row after the meter's start.
    """

    rows: int
    of_ours: int
    by_meter: float
    began_s: float
    gaps: int
    lost: int


@contextmanager
def lab(*words: str) -> Iterator[dict[str, Any]]:
    """`edgewatt lab monsoon` in a process of its own: what it said."""
    with subprocess.Popen(
        [EDGEWATT, "lab", "monsoon", "--exact", *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def uri_of(said: dict[str, Any], options: str = "") -> str:
    """The meter that a lab said, as a device."""
    path = str(said["monsoon"])
    if path.startswith("usb:"):
        return f"monsoon:?backend=lab@{path.removeprefix('usb:')}&boundary=battery_bypass{options}"
    return f"monsoon:{path}?boundary=battery_bypass{options}"


def record(uri: str, run: Path, seconds: float, look_s: float) -> Used:
    """Record it with the command, and look at it meanwhile. Fails if the command does."""
    process = subprocess.Popen([EDGEWATT, "record", "-d", uri, "--seconds", str(seconds), "-o", run])
    ours = psutil.Process(process.pid)
    try:
        while not (run / "run.json").exists():
            assert process.poll() is None
            time.sleep(0.1)
        time.sleep(look_s)  # everything is loaded, and a first second of samples stored
        began_s, began_cpu_s, memory_b = time.monotonic(), _cpu_s(ours), [_memory_b(ours)]
        end_s = began_s + seconds - 3 * look_s
        while time.monotonic() < end_s:
            time.sleep(look_s)
            memory_b.append(_memory_b(ours))
        share = (_cpu_s(ours) - began_cpu_s) / (time.monotonic() - began_s)
        assert process.wait(CLOSE_S + 3 * look_s) == 0  # what is left of the recording, and closing it
    finally:
        process.kill()
        process.wait()
    return Used(share, tuple(memory_b))


@contextmanager
def computing() -> Iterator[None]:
    """A program that computes on the last core, and on no other."""
    core = max(os.sched_getaffinity(0))
    with subprocess.Popen(
        [sys.executable, "-c", COMPUTES],
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    ) as process:
        try:
            psutil.Process(process.pid).cpu_affinity([core])
            yield
        finally:
            process.kill()


def count(run: Path, log: Path) -> Count:
    """What was stored, against what the meter says of itself."""
    trace, told = Trace.open(run), Told(log)
    instrument = trace.manifest.device["instruments"]["monsoon"]
    chunks = [chunk.t_ns for chunk in trace.chunks("monsoon", ["main.current_a"], host_clock=False)]
    first_ns, last_ns = int(chunks[0][0]), int(chunks[-1][-1])
    fit = next(trace.clock_fit(name) for name in trace.manifest.clocks if name.startswith("monsoon."))
    began_ns, ended_ns = fit.to_host(np.array([first_ns, last_ns])).tolist()
    start = [one for one in told.log if one.what == "start"][-1]
    return Count(
        rows=sum(map(len, chunks)),
        of_ours=(last_ns - first_ns) // SLOT_NS + 1,
        by_meter=(ended_ns - began_ns) / start.value + 1,
        began_s=(began_ns - start.t_ns) * 1e-9,
        gaps=len(trace.gaps()),
        lost=instrument["lost"],
    )


def _cpu_s(process: psutil.Process) -> float:
    total_s = 0.0
    for one in (process, *process.children(recursive=True)):
        times = one.cpu_times()
        total_s += times.user + times.system
    return total_s


def _memory_b(process: psutil.Process) -> int:
    return sum(one.memory_info().rss for one in (process, *process.children(recursive=True)))

"""Pulses of load on one core of this machine: a child process that is pinned, computes and sleeps in turn."""

import json
import os
import subprocess
import sys
from typing import Any, Final

from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.synchronising.train import Edges, Train, length_s

# Between a stamp and the load that it stands for lies a look at the clock; assumed.
BOUND_NS: Final = 50_000
# What an interpreter may take to start and end.
_BESIDE_S: Final = 20.0

# Its own program: the interpreter alone starts fast, and nothing else runs on the core.
_PROGRAM: Final = """\
import json, os, sys, time
core, train = json.loads(sys.argv[1])
os.sched_setaffinity(0, {core})
edges, now = [], time.monotonic_ns
time.sleep(0.3)
for busy_ns, pause_ns in train:
    begin = end = now()
    while end - begin < busy_ns:
        end = now()
    edges.append((begin, end))
    time.sleep(pause_ns / 1e9)
print(json.dumps(edges))
"""


def pulses(train: Train) -> Edges:
    """Execute a train and say when, on CLOCK_MONOTONIC. Raises DeviceError if that is not possible here."""
    if not hasattr(os, "sched_setaffinity"):
        raise DeviceError("pulses need a process that is pinned to one core, which this system does not offer")
    asked_ns = [(round(busy_s * 1e9), round(pause_s * 1e9)) for busy_s, pause_s in train]
    core = max(os.sched_getaffinity(0))
    argv = [sys.executable, "-I", "-S", "-c", _PROGRAM, json.dumps([core, asked_ns])]
    try:
        done = subprocess.run(argv, capture_output=True, timeout=length_s(train) + _BESIDE_S, check=False)
    except subprocess.TimeoutExpired:
        raise DeviceError(f"pulses on core {core} have not ended {_BESIDE_S:g} s after they should have") from None
    except OSError as error:
        raise DeviceError(f"pulses on core {core} cannot be started: {error}") from None
    try:
        told: Any = json.loads(done.stdout)
        return Edges.of([(int(begin), int(end)) for begin, end in told], BOUND_NS)
    except (ValueError, TypeError):
        said = (done.stderr or done.stdout)[-200:].decode(errors="replace").strip()
        raise DeviceError(f"pulses on core {core} failed: {said}") from None

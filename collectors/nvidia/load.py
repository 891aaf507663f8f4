"""Pulses of load on a GPU: memory copied by torch, where that is installed, in a process of its own."""

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.synchronising.train import Edges, Pulses, Train, length_s

PROGRAM: Final = Path(__file__).parent / "load_program.py"
# Between a stamp and the load that it stands for lies the launch of a kernel; assumed.
BOUND_NS: Final = 1_000_000
# What importing torch and starting CUDA may take.
_BESIDE_S: Final = 120.0


def pulses_on(uuid: str) -> Pulses | None:
    """What executes pulses on this GPU; None without torch."""
    if find_spec("torch") is None:
        return None
    return lambda train: _pulses(uuid, train)


def _pulses(uuid: str, train: Train) -> Edges:
    """Execute a train and say when, on CLOCK_MONOTONIC. Raises DeviceError if that is not possible here."""
    argv = [sys.executable, str(PROGRAM), json.dumps([uuid, list(train)])]
    try:
        done = subprocess.run(argv, capture_output=True, timeout=length_s(train) + _BESIDE_S, check=False)
    except subprocess.TimeoutExpired:
        raise DeviceError(f"pulses on {uuid} have not ended {_BESIDE_S:g} s after they should have") from None
    except OSError as error:
        raise DeviceError(f"pulses on {uuid} cannot be started: {error}") from None
    try:
        told: Any = json.loads(done.stdout.splitlines()[-1])
        return Edges.of([(int(begin), int(end)) for begin, end in told["edges_ns"]], BOUND_NS)
    except (ValueError, TypeError, KeyError, IndexError):
        said = (done.stderr or done.stdout)[-300:].decode(errors="replace").strip()
        raise DeviceError(f"pulses on {uuid} failed: {said}") from None

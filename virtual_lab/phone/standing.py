"""Processes of the lab that stand beside it: a JSON on their input begins them; a further line, or its end, ends them.

An end without that line means that the lab itself was killed.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from typing import Any, Final

from edgewatt.profiler.errors import DeviceError

READY: Final = "ready"
_END_S: Final = 10.0
_NICE: Final = -10


class Standing:
    """One of them, working. Raises DeviceError if it ends before it is ready."""

    def __init__(self, module: str, config: dict[str, Any]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("pipes were asked for")
        self._input, self._output = self._process.stdin, self._process.stdout
        self._input.write(json.dumps(config) + "\n")
        self._input.flush()
        if self._output.readline() != f"{READY}\n":
            self.end()
            raise DeviceError(f"{module} ended with code {self._process.returncode} before it was ready")

    def end(self) -> None:
        """Tell it to end; where that does not help, kill it."""
        with contextlib.suppress(BrokenPipeError):
            self._input.write("\n")
            self._input.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._output.close()


def become_punctual(priority: int) -> None:
    """Go before ordinary processes, where the system lets this one; and leave the end to whoever started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))
    except OSError:
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, 0, _NICE)

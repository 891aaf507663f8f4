"""`edgewatt record` on a virtual Monsoon as a person runs it, and what is left of it afterwards."""

import contextlib
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from edgewatt.profiler.storage.trace import Trace
from edgewatt.virtual_lab.monsoon.serve import MonsoonLab
from tests.shell import EDGEWATT

WAIT_S = 60.0
OFF, ON, AUTO = 0, 1, 2
MARK = "EDGEWATT_TEST_RUN"


@dataclass(frozen=True, slots=True)
class Ended:
    """A command that ended: its exit code, and what it said."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The one line that it said of what is wrong."""
        lines = [line for line in self.err.splitlines() if line.startswith("edgewatt ")]
        assert len(lines) == 1, self.err
        return lines[0]


def uri(lab: MonsoonLab, *options: str, link: bool = False) -> str:
    """The meter as a device; `link`: by the name that stays good when it is plugged in again."""
    if "usb" in Path(lab.path).name:
        return "&".join([f"monsoon:?backend=lab@{lab.path}", "boundary=battery_bypass", *options])
    return "&".join([f"monsoon:{lab.link if link else lab.path}?boundary=battery_bypass", *options])


@contextmanager
def recording(device: str, run: Path, seconds: float = 60, **more: str) -> Iterator[subprocess.Popen[str]]:
    """`edgewatt record` that goes on, whose processes all carry a mark; none of them is left."""
    words = [str(EDGEWATT), "record", "-d", device, "--seconds", str(seconds), "-o", str(run)]
    with subprocess.Popen(
        words, env={**os.environ, **more, MARK: str(run)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()
    wait_until(lambda: not marked(run))


def ended(process: subprocess.Popen[str]) -> Ended:
    """How it ended by itself, or by what was sent to it."""
    out, err = process.communicate(timeout=WAIT_S)
    assert "Traceback" not in out + err, err
    return Ended(process.returncode, out, err)


def record(device: str, run: Path, seconds: float = 1, **more: str) -> Ended:
    """`edgewatt record`, from its beginning to its end."""
    with recording(device, run, seconds, **more) as process:
        return ended(process)


def measures(run: Path) -> Callable[[], bool]:
    """Whether samples are being stored already."""
    stream = run / "streams" / "monsoon.arrows"
    return lambda: stream.exists() and stream.stat().st_size > 4096


def wait_until(happened: Callable[[], bool]) -> None:
    """Until it does, which it does soon."""
    deadline_s = time.monotonic() + WAIT_S
    while not happened():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def marked(run: Path) -> list[psutil.Process]:
    """The processes that a recording consists of."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == str(run) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def reasons(run: Path) -> Sequence[str]:
    """The reason codes of a run, by their names."""
    return [str(reason).partition(":")[0] for reason in Trace.open(run).manifest.quality_reasons]


def manifest(run: Path) -> dict[str, Any]:
    """The run's manifest as it lies on the disk."""
    found: dict[str, Any] = json.loads((run / "run.json").read_text())
    return found

"""edgewatt as a user starts it beside a phone of tests/adbd: what it said, and what the phone holds afterwards."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.adbd.running import PeerPhone
from tests.stub_runner import stub_runner

# What a profile takes here, in seconds.
BRIEF = ("--repeats", "2", "--seconds", "2", "--idle", "1", "--warmup", "0.3")
# The phone works while the runner measures.
AT_WORK = "--env=AWAKE=(sleep $s; echo 0 >/data/phone/load) & echo 1 >/data/phone/load"
GONE_S = 60.0
# Its own high-water mark: the kernel's account of a child begins with its parent's.
PROGRAM = r"""
import os, re, sys
from edgewatt.cli import main
try:
    code = main()
finally:
    with open("/proc/self/status") as status:
        os.write(int(os.environ["PEAK_FD"]), re.search(r"VmHWM:\s+(\d+)", status.read())[1].encode())
sys.exit(code)
"""


@dataclass
class Command:
    """A verb that executes; `errors` is what it has written to standard error so far."""

    process: subprocess.Popen[bytes]
    peak: int  # where it writes the memory that it took at most, in KiB
    errors: list[str] = field(default_factory=list)
    output: bytes = b""
    peak_b: int = 0
    _threads: list[threading.Thread] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._threads = [threading.Thread(target=self._hear), threading.Thread(target=self._take)]
        for thread in self._threads:
            thread.start()

    def _hear(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as lines:
            self.errors.extend(line.decode().rstrip("\n") for line in lines)

    def _take(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as output:
            self.output = output.read()

    def reaches(self, phase: str) -> None:
        """Wait until it says so."""
        until(lambda: any(phase in line for line in self.errors) or self.process.poll() is not None)
        assert any(phase in line for line in self.errors), self.errors

    def ends(self) -> int:
        """Its exit code; `peak_b` is the memory that it took at most."""
        for thread in self._threads:
            thread.join()
        self.process.wait()
        self.peak_b = int(os.read(self.peak, 32) or b"0") * 1024
        os.close(self.peak)
        assert not any("Traceback" in line for line in self.errors), self.errors
        return self.process.returncode

    def fails(self, code: int) -> str:
        """Its one line, the last that it wrote."""
        assert self.ends() == code, self.errors
        (line,) = [line for line in self.errors if line.startswith("edgewatt ")]
        assert line == self.errors[-1]
        return line

    def json(self) -> Any:
        """The one object that it printed."""
        return json.loads(self.output)


def started(*words: str | Path, environment: Mapping[str, str] | None = None) -> Command:
    """A verb, running."""
    peak, told = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        pass_fds=[told],
        env={**os.environ, **(environment or {}), "PEAK_FD": str(told)},
    )
    os.close(told)
    return Command(process, peak)


def profiling(
    uri: str, run: Path, *words: str | Path, environment: Mapping[str, str] | None = None, **runner: Path
) -> Command:
    """`edgewatt profile` of the small network, with the stub as its runner unless another is given."""
    path = runner.get("runner") or stub_runner(run.parent)
    return started("profile", "@tiny", "-d", uri, "-o", run, "--runner", path, *BRIEF, *words, environment=environment)


def until(true: Callable[[], object], within_s: float = GONE_S) -> None:
    """Wait for what has to come true."""
    end_s = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end_s, "it did not happen"
        time.sleep(0.05)


def left_on(peer: PeerPhone) -> list[str]:
    """Files in its /data/local/tmp, and processes that are not the phone's own."""
    others = [words for words in peer.processes().values() if "tests.adbd" not in words and "/adbd" not in words]
    return peer.files() + others

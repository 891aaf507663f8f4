"""This machine as a target: programs run here, files are copied here, its clock is the host's own."""

import os
import selectors
import shlex
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NoReturn

from edgewatt.collectors.host.facts import host_facts
from edgewatt.collectors.host.places import HERE, Places
from edgewatt.profiler.clock import NS_PER_S, Clock, HostClock
from edgewatt.profiler.clockfit import Echo
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.protocols import Completed

# What a program may print: more than any tool does that we run, less than fills a small board's memory.
OUTPUT_LIMIT_B: Final = 64 << 20
_CHUNK_B: Final = 1 << 16
# How soon the end of a program is seen whose child keeps its output open.
_LOOK_S: Final = 0.05


class LocalTarget:
    """The host. Conditions can be read but not set."""

    def __init__(self, places: Places = HERE, *, clock: Clock | None = None) -> None:
        self._places, self._clock = places, clock or HostClock()

    def run(self, argv: Sequence[str], *, timeout_s: float) -> Completed:
        """Execute without a shell and without input.

        Raises DeviceError if the program cannot be started, prints over OUTPUT_LIMIT_B bytes, or is not done within
        `timeout_s`; it and what it started (its process group) are then killed.
        """
        if not argv or any("\0" in part for part in argv):
            raise UsageError(f"cannot run {list(argv)!r}: expected a program and its arguments, without NUL")
        try:
            process = subprocess.Popen(
                list(argv),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise DeviceError(f"cannot run {argv[0]!r} on this host: {error.strerror or error}") from None
        try:
            stdout, stderr = _outputs(process, argv, timeout_s)
        except BaseException:
            _kill(process)
            raise
        finally:
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()
        return Completed(process.returncode, stdout, stderr)

    def push(self, local: Path, remote: str) -> None:
        """Copy a file. Raises DeviceError."""
        _copy(local, Path(remote))

    def pull(self, remote: str, local: Path) -> None:
        """Copy a file. Raises DeviceError."""
        _copy(Path(remote), local)

    def probe_clock(self, clock: Clock) -> Echo:
        """This machine's monotonic time between two looks at `clock`."""
        asked_ns = clock.now_ns()
        device_ns = self._clock.now_ns()
        return Echo(asked_ns, device_ns, clock.now_ns())

    def facts(self) -> Mapping[str, Any]:
        """The conditions of this host, as plain JSON."""
        return host_facts(self._places)

    def apply(self, condition: str, value: str) -> None:
        """Raise DeviceError: a target that sets conditions says so itself (collectors/host/target.py)."""
        _refuse(f"set {condition!r} to {value!r}")

    def undo(self, condition: str) -> None:
        """Raise DeviceError: no condition was set."""
        _refuse(f"put back {condition!r}")


def _refuse(what: str) -> NoReturn:
    raise DeviceError(
        f"cannot {what}: nothing is set by way of this device. Name the one that executes (-d host, and this one "
        "with -m), or set it yourself before the run; the run records what it finds"
    )


def _outputs(process: subprocess.Popen[bytes], argv: Sequence[str], timeout_s: float) -> tuple[bytes, bytes]:
    """What the program printed until it ended. Raises DeviceError on too much of it, or after `timeout_s`.

    A child that outlives the program and keeps its output open is not waited for.
    """
    clock = HostClock()
    end_s = clock.now_ns() / NS_PER_S + timeout_s
    printed = {pipe: bytearray() for pipe in (process.stdout, process.stderr) if pipe is not None}
    with selectors.DefaultSelector() as selector:
        for pipe, text in printed.items():
            selector.register(pipe, selectors.EVENT_READ, text)
        while selector.get_map():
            ended = process.poll() is not None
            ready = selector.select(0 if ended else _LOOK_S)
            if ended and not ready:
                break
            for key, _ in ready:
                chunk = os.read(key.fd, _CHUNK_B)
                key.data.extend(chunk)
                if not chunk:
                    selector.unregister(key.fileobj)
            if sum(map(len, printed.values())) > OUTPUT_LIMIT_B:
                raise DeviceError(f"{_shown(argv)} printed more than {OUTPUT_LIMIT_B >> 20} MiB and was killed")
            if clock.now_ns() / NS_PER_S > end_s:
                raise _too_long(argv, timeout_s)
    try:
        process.wait(max(end_s - clock.now_ns() / NS_PER_S, 0.0))
    except subprocess.TimeoutExpired:
        raise _too_long(argv, timeout_s) from None
    stdout, stderr = printed.values()
    return bytes(stdout), bytes(stderr)


def _too_long(argv: Sequence[str], timeout_s: float) -> DeviceError:
    return DeviceError(f"{_shown(argv)} was not done within {timeout_s:g} s; it and what it started were killed")


def _shown(argv: Sequence[str]) -> str:
    text = shlex.join(argv)
    return text if len(text) <= 200 else f"{text[:197]}..."


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill the program and what it started, as far as that stayed in its group."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _copy(source: Path, target: Path) -> None:
    """Copy a file with its permissions; the target is there whole or not at all."""
    part: Path | None = None
    try:
        if target.exists() and source.samefile(target):
            return
        handle, name = tempfile.mkstemp(prefix=f".{target.name[:64]}.", dir=target.parent)
        os.close(handle)
        part = Path(name)
        shutil.copy(source, part)
        part.replace(target)
    except (OSError, ValueError) as error:
        if part is not None:
            part.unlink(missing_ok=True)
        raise DeviceError(
            f"cannot copy {source} to {target}: {error}; expected a file, and a folder to put it in"
        ) from None

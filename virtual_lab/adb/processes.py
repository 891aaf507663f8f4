"""The processes that a device runs for its clients: each in a session of its own, none left when the device goes.

A client that leaves hangs up: SIGHUP to the group, as adbd does and as the kernel does for a terminal. Who ignores it
(`nohup`) or left the group (`setsid`) runs on, as on a phone, until the device itself is switched off: then whatever
carries the device's mark in its environment is killed.
"""

import contextlib
import fcntl
import os
import signal
import socket
import struct
import subprocess
import termios
import threading
import time
import tty
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edgewatt.virtual_lab.adb.launch import Launch

MARK: Final = "EDGEWATT_VIRTUAL_ADBD"
# A session leader without a terminal that opens one gets it as its controlling terminal (tty(4)); the program itself
# would be handed it open, so a shell opens it first.
_ON_TERMINAL: Final = ("/bin/sh", "-c", 'exec 0<>"$0" 1>&0 2>&0 && exec "$@"')
_SWEEP_S: Final = 5.0


@dataclass(slots=True)
class Running:
    """A process and this side of its descriptors: `errors` is None where output and errors are one."""

    process: subprocess.Popen[bytes]
    io: int
    errors: int | None
    terminal: bool

    def send_eof(self) -> None:
        """No more input: half of the socket is closed; on a terminal it is the end-of-file character."""
        with contextlib.suppress(OSError):
            if self.terminal:
                os.write(self.io, b"\x04")
            else:
                with socket.socket(fileno=os.dup(self.io)) as end:
                    end.shutdown(socket.SHUT_WR)

    def resize(self, rows: int, columns: int) -> None:
        """The client's window has another size."""
        if self.terminal:
            with contextlib.suppress(OSError):
                fcntl.ioctl(self.io, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def close(self) -> None:
        """Let go of the descriptors, once."""
        for descriptor in (self.io, self.errors):
            if descriptor is not None and descriptor >= 0:
                os.close(descriptor)
        self.io, self.errors = -1, None


class Processes:
    """All that one device started."""

    def __init__(self) -> None:
        self._mark = uuid.uuid4().hex
        self._lock = threading.Lock()
        self._left: list[subprocess.Popen[bytes]] = []
        self._off = False

    def start(self, launch: Launch, *, terminal: bool, raw: bool) -> Running:
        """Start it on a terminal of its own, `raw` or cooked, or on a pair of sockets. Raises OSError, ValueError."""
        with self._lock:
            if self._off:
                raise ProcessLookupError("the device is switched off")
            self._left = [process for process in self._left if process.poll() is None]
            return self._on_terminal(launch, raw) if terminal else self._on_sockets(launch)

    def hang_up(self, running: Running) -> None:
        """The client is gone: SIGHUP to the group, unless the leader was waited for already."""
        process = running.process
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGHUP)
        running.close()
        with self._lock:
            self._left.append(process)

    def close(self) -> None:
        """Kill whatever this device started and is still there."""
        with self._lock:
            self._off = True
            end_s = time.monotonic() + _SWEEP_S
            while (marked := _marked(f"{MARK}={self._mark}".encode())) and time.monotonic() < end_s:
                for pid in marked:
                    with contextlib.suppress(ProcessLookupError, PermissionError):
                        os.kill(pid, signal.SIGKILL)
                for process in self._left:
                    process.poll()
            for process in self._left:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_SWEEP_S)
            self._left.clear()

    def _on_sockets(self, launch: Launch) -> Running:
        ours, theirs = socket.socketpair()
        our_errors, their_errors = socket.socketpair()
        with theirs, their_errors, ours, our_errors:
            process = self._popen(launch, launch.argv, theirs.fileno(), their_errors.fileno())
            return Running(process, ours.detach(), our_errors.detach(), terminal=False)

    def _on_terminal(self, launch: Launch, raw: bool) -> Running:  # noqa: FBT001
        ours, theirs = os.openpty()
        try:
            if raw:
                tty.setraw(theirs)
            argv = (*_ON_TERMINAL, os.ttyname(theirs), *launch.argv)
            process = self._popen(launch, argv, theirs, theirs)
        except BaseException:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        return Running(process, ours, None, terminal=True)

    def _popen(self, launch: Launch, argv: Sequence[str], io: int, errors: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            argv,
            stdin=io,
            stdout=io,
            stderr=errors,
            env={**launch.environment, MARK: self._mark},
            cwd=launch.cwd,
            start_new_session=True,
        )


def _marked(mark: bytes) -> list[int]:
    """The processes, zombies aside, that were started with this in their environment."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with contextlib.suppress(OSError):
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
    return found

"""Who holds a meter: one run at a time, told apart from what a crash left behind."""

import fcntl
import hashlib
import os
from dataclasses import dataclass
from typing import Final, Self

from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.state import state_folder

_ROOM: Final = "locks"
_PID_DIGITS: Final = 10


@dataclass
class Hold:
    """What this process holds; use it as a context manager, or `release` it. It ends with the process in any case."""

    what: str
    _fd: int | None

    def release(self) -> None:
        """Let others have it; idempotent."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def fileno(self) -> int:
        """The lock's descriptor: a child that inherits it keeps the hold for as long as it lives. -1 once released."""
        return -1 if self._fd is None else self._fd

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def hold(what: str) -> Hold:
    """Hold `what` ("serial port /dev/ttyUSB0"), known to every process of this user. Raises DeviceError if taken.

    The lock is the kernel's, on a file that stays: it goes with its process, however that ends.
    """
    path = state_folder(_ROOM) / hashlib.sha256(what.encode(errors="surrogateescape")).hexdigest()[:16]
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise DeviceError(f"{what} cannot be locked: {path}: {error.strerror}") from None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = _holder(fd)
        os.close(fd)
        raise DeviceError(f"{what} is in use by {holder}; wait for it or stop it") from None
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    return Hold(what, fd)


def _holder(fd: int) -> str:
    text = os.pread(fd, _PID_DIGITS, 0).strip()
    if not text.isdigit():
        return "another process"
    return "this very run, which names it twice" if int(text) == os.getpid() else f"process {int(text)}"

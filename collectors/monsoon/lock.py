"""One process per meter: a lock of our own, and for a serial port the one that other tools honour.

AOSP's and Mobly's monsoon.py take `fcntl.lockf` on `/tmp/monsoon.<uname sysname>.<tty basename>`.
"""

import fcntl
import os
import struct
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.holding import Hold, hold

FOLDER: Final = Path("/tmp")  # noqa: S108  (where the others look)
# struct flock of Linux on 64-bit machines: type, whence, start, length, pid.
_FLOCK: Final = struct.Struct("hhqqi4x")


@dataclass
class Lock:
    """A meter that is ours until `release`, or until this process ends."""

    _ours: Hold
    _shared: int | None = None

    def fileno(self) -> int:
        """For the capture process: while it has this descriptor too, the meter stays taken, even if we are killed."""
        return self._ours.fileno()

    def release(self) -> None:
        """Let others have it; idempotent."""
        if self._shared is not None:
            os.close(self._shared)
            self._shared = None
        self._ours.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()


def lock_port(path: str) -> Lock:
    """Take a serial port. Raises DeviceError in one line if somebody has it."""
    ours = hold(f"Monsoon on {path}")
    name = f"monsoon.{os.uname().sysname}.{os.path.basename(path)}"  # noqa: PTH119  (what the others do)
    try:
        return Lock(ours, _shared(FOLDER / name, path))
    except BaseException:
        ours.release()
        raise


def lock_usb(name: str) -> Lock:
    """Take a meter on USB by a name of its own. Raises DeviceError in one line if somebody has it."""
    return Lock(hold(f"Monsoon on {name}"))


def _shared(lock: Path, path: str) -> int:
    try:
        fd = _opened(lock)
    except OSError as error:
        raise DeviceError(
            f"{path}: its lock file {lock} cannot be opened ({error.strerror}); it belongs to whoever used the meter "
            "last: ask them to remove it, or remove it if nobody uses the meter"
        ) from None
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = _holder(fd)
        os.close(fd)
        raise DeviceError(f"{path}: in use by {holder} (it holds {lock}); wait for it or stop it") from None
    return fd


def _opened(lock: Path) -> int:
    """An existing file is opened without O_CREAT: in a sticky folder Linux refuses that for another user's file."""
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    with suppress(FileNotFoundError):
        return os.open(lock, flags)
    return os.open(lock, flags | os.O_CREAT, 0o666)


def _holder(fd: int) -> str:
    with suppress(OSError, struct.error):
        asked = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
        kind, _, _, _, pid = _FLOCK.unpack(fcntl.fcntl(fd, fcntl.F_GETLK, asked))
        if kind != fcntl.F_UNLCK and pid > 0:
            return f"process {pid}"
    return "another process"

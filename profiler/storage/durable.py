"""Files that survive a crash: appended whole or not at all, or replaced atomically; what is said of a full disk."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from edgewatt.profiler.errors import UsageError

TEMPORARY: Final = ".tmp"  # the ending of a file that is still being written; nobody reads it
_NO_LOCKS: Final = frozenset({errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EINVAL})


class AppendFile:
    """A file that grows by whole pieces: a piece that could not be written entirely is taken back."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        self._size = os.fstat(self._fd).st_size
        self._dirty = False

    def append(self, piece: bytes | bytearray | memoryview) -> None:
        """Add the piece at the end. Raises OSError, with the file as it was before."""
        left = memoryview(piece).cast("B")
        size = self._size + len(left)
        try:
            while left:
                left = left[os.write(self._fd, left) :]
        except BaseException:
            with suppress(OSError):
                os.ftruncate(self._fd, self._size)
            raise
        self._size, self._dirty = size, True

    def sync(self) -> None:
        """Return when everything is on the disk. Raises OSError."""
        if self._dirty:
            os.fdatasync(self._fd)
            self._dirty = False

    def close(self) -> None:
        """Give the file back; idempotent."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def sync_folder(folder: Path) -> None:
    """Return when the folder's entries are on the disk. Raises OSError."""
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def sync_file(path: Path) -> None:
    """Return when the file's content is on the disk. Raises OSError."""
    _sync(path, os.O_RDONLY)


def _sync(path: Path, flags: int) -> None:
    fd = os.open(path, flags)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def rename_durably(temporary: Path, path: Path) -> None:
    """Put a finished file in its place: whoever looks sees the old one or the new one, now and after a crash."""
    sync_file(temporary)
    temporary.replace(path)
    sync_folder(path.parent)


def replace_file(path: Path, content: bytes) -> None:
    """Write `content` to `path` atomically. Raises OSError, with the old file as it was."""
    temporary = path.with_name(path.name + TEMPORARY)
    try:
        temporary.write_bytes(content)
        rename_durably(temporary, path)
    except OSError:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


@contextmanager
def writing(path: Path, run: Path) -> Iterator[None]:
    """Turn a failure of the disk while `path` is written into a UsageError that says what is kept."""
    try:
        yield
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise UsageError(
            f"cannot write {error.filename or path}: {why}. What was recorded until then is kept: make room, then "
            f"`edgewatt process {run}` opens it"
        ) from error


def lock_run(run: Path) -> int:
    """A descriptor that keeps other writers out of the run until it is closed, or its process has gone.

    Where the file system knows no locks it protects from nothing, and recording goes on. Raises UsageError if another
    process is writing the run, OSError if the folder cannot be opened.
    """
    fd = os.open(run, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise UsageError(f"{run} is being recorded by another process at this moment; wait for it or stop it") from None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            os.close(fd)
            raise
    return fd

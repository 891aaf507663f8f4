"""The files of the board that edgewatt runs on: a first look, and one that is read again and again.

A file is opened once and read from its beginning with os.pread, which asks its driver anew. Never text IO: a zone that
is gated answers EAGAIN, which Python's text layer turns into a TypeError.
"""

import glob
import os
from itertools import islice
from pathlib import Path
from typing import Final

from edgewatt.collectors.android.files.nodes import Seen
from edgewatt.collectors.generic.sysfs import read_bytes, why
from edgewatt.collectors.jetson import finding
from edgewatt.collectors.jetson.look import Roots

FILES_LIMIT: Final = 4000
PAGE: Final = 4096
# Where only the first line counts.
FIRST_LIMIT: Final = 256
TEXT_LIMIT: Final = 1 << 16
MISSING: Final = "not there"


def look_below(roots: Roots) -> dict[str, Seen]:
    """What the files of the board at `roots` say, by path."""
    paths = dict.fromkeys(path for pattern in finding.patterns(roots) for path in _matching(pattern))
    return {path: _seen(path) for path in islice(paths, FILES_LIMIT)}


def _matching(pattern: str) -> list[str]:
    """The paths that a pattern stands for; before its first `*`, nothing in it is one."""
    place, _, rest = pattern.partition("*")
    if not rest:
        return [pattern]
    place, _, name = place.rpartition("/")
    return [f"{place}/{found}" for found in glob.glob(f"{name}*{rest}", root_dir=place)]  # noqa: PTH207


def _seen(path: str) -> Seen:
    try:
        return Seen(path, read_bytes(Path(path), TEXT_LIMIT).decode(errors="replace"))
    except FileNotFoundError:
        return Seen(path, None, MISSING)
    except (OSError, ValueError) as error:
        return Seen(path, None, why(error) if isinstance(error, OSError) else "its name is none")


class OpenFile:
    """One file that is read many times."""

    def __init__(self, path: str, limit: int) -> None:
        self._path, self._limit = path, limit
        self._fd: int | None = None
        self._stays = False

    def read(self) -> str:
        """What it says now. Raises OSError (BlockingIOError while it is gated)."""
        if self._fd is None:
            self._fd = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            self._stays = _is_of_kernel(os.fstat(self._fd))
        elif not self._stays and not os.fstat(self._fd).st_nlink:  # somebody put another in its place
            self.close()
            return self.read()
        try:
            return os.pread(self._fd, self._limit, 0).decode("ascii", "replace")
        except BlockingIOError:
            raise
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Let go of it; it is opened again when it is read."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def _is_of_kernel(state: os.stat_result) -> bool:
    """True for a file of sysfs or procfs, which nobody replaces: it holds no blocks, and has a page or nothing."""
    return state.st_blocks == 0 and state.st_size in (0, PAGE)

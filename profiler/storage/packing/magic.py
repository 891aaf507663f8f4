"""Whether a file is a packed run, by its first bytes."""

import os
import stat
from pathlib import Path
from typing import Final

_MAGIC: Final = (b"PK\x03\x04", b"PK\x05\x06")


def is_packed(path: str | Path) -> bool:
    """True of a file that begins as a zip does. Never raises."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return False
    try:
        return stat.S_ISREG(os.fstat(fd).st_mode) and os.read(fd, 4) in _MAGIC
    except OSError:
        return False
    finally:
        os.close(fd)

"""Whether a file is a zip, by its first bytes, and what opening one that is damaged raises."""

import os
import stat
import zipfile
import zlib
from pathlib import Path
from typing import Final

# NotImplementedError of a compression that this Python has not, RuntimeError of one that is encrypted.
DAMAGE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OverflowError,
)
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

"""Whether a meter is one of the lab's: by who holds the other end of its line, never by what it says of itself.

A real meter is a device of its own (ttyACM, USB). A lab's is a pseudo-terminal whose master a process of the lab holds,
or a backend of pyusb that the lab brings; both can be seen on Linux, and no real meter can look like either.
"""

import os
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final

from edgewatt.collectors.monsoon.addresses import BACKENDS, Address

LAB: Final = "edgewatt.virtual_lab"
PROC: Final = Path("/proc")
# Linux, admin-guide/devices.txt: the slaves of Unix98 pseudo-terminals have these majors, 256 each.
_SLAVES: Final = range(136, 144)
_MINORS: Final = 256
_MOST_B: Final = 1 << 16


def is_simulated(address: Address, backend: Any = None) -> bool:
    """True for a meter of the lab. False where that cannot be seen, as without /proc."""
    if backend is not None:
        return type(backend).__module__.startswith(LAB)
    if address.backend is not None:
        name = address.backend.partition("@")[0]
        return any(point.name == name and point.value.startswith(LAB) for point in entry_points(group=BACKENDS))
    return address.path is not None and any(_is_lab(words) for words in _holders(address.path))


def _is_lab(words: list[bytes]) -> bool:
    """True for `python -m edgewatt.virtual_lab...`."""
    at = words.index(b"-m") + 1 if b"-m" in words else len(words)
    return at < len(words) and (words[at] + b".").startswith(f"{LAB}.".encode())


def _holders(path: str, proc: Path = PROC) -> list[list[bytes]]:
    """The command lines of processes that hold the master of this pseudo-terminal; none for any other device."""
    try:
        device = Path(path).stat()
    except OSError:
        return []
    major, minor = os.major(device.st_rdev), os.minor(device.st_rdev)
    if major not in _SLAVES:
        return []
    index, found = (major - _SLAVES.start) * _MINORS + minor, []
    for process in proc.glob("[0-9]*"):
        try:
            if (process / "root/dev/pts").stat().st_dev == device.st_dev and _holds(process, index):
                with (process / "cmdline").open("rb") as file:
                    found.append(file.read(_MOST_B).split(b"\0"))
        except OSError:
            continue  # it has ended, or belongs to somebody else
    return found


def _holds(process: Path, index: int) -> bool:
    """True if it has the master of the pseudo-terminal with that number open."""
    wanted = f"tty-index:\t{index}\n".encode()
    for link in (process / "fd").iterdir():
        try:
            if link.readlink().name == "ptmx" and wanted in (process / "fdinfo" / link.name).read_bytes():
                return True
        except OSError:
            continue
    return False

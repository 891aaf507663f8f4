"""What `doctor --fix` does by itself: only what is harmless.

Harmless is what puts back what killed runs left on devices, what starts a program that the user started before (the adb
server), and what narrows a permission of the user's own (a private key that others can read). It installs nothing,
loads nothing into a kernel, opens nothing to others, wakes nothing, and never asks for root. All else is left to the
user, as commands.
"""

import os
import shutil
import stat
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from edgewatt.collectors.transports import adb_server
from edgewatt.profiler.errors import EdgewattError
from edgewatt.reports.escape import printable

# The devices that the adb server reaches.
_SERVED: Final = "adb:"
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Fixed:
    """Something harmless: `what` it is, and `problem`: why it could not be done (None: it was)."""

    what: str
    problem: str | None = None

    def as_json(self) -> dict[str, Any]:
        """It as plain JSON."""
        return asdict(self)


def fix(
    device: str | None = None, home: Path | None = None, start: Callable[[], object] = adb_server.devices
) -> list[Fixed]:
    """Do what is harmless and what `device` (None: everything at hand) needs; what was done, or could not be."""
    by_server = device is None or device.startswith(_SERVED)
    return [*(_server(start) if by_server else ()), *_keys(Path.home() if home is None else home)]


def as_text(done: Sequence[Fixed], left: Sequence[dict[str, str]]) -> list[str]:
    """One text for what was done and one for what is left to the user."""
    texts = []
    if done:
        lines = [f"  {printable(f.what)}{': done' if f.problem is None else f': not done: {f.problem}'}" for f in done]
        texts.append("\n".join(["fixed", *lines]))
    if left:
        lines = [f"  {printable(one['device'])}: {printable(one['what'])}: {printable(one['fix'])}" for one in left]
        texts.append("\n".join(["left to you", *lines]))
    return texts


def _server(start: Callable[[], object]) -> Iterator[Fixed]:
    """The adb server, where the user has adb and it is not running."""
    try:
        if shutil.which("adb") is None or adb_server.is_running():
            return
        start()
    except (EdgewattError, OSError) as error:
        yield Fixed("the adb server was not running", printable(str(error)))
    else:
        yield Fixed("the adb server was not running: it was started")


def _keys(home: Path) -> Iterator[Fixed]:
    """The user's own private key for adb, where others can read it."""
    key = home / ".android" / "adbkey"
    try:
        fd = os.open(key, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return
    try:
        seen = os.fstat(fd)
        if not stat.S_ISREG(seen.st_mode) or seen.st_uid != os.geteuid() or not seen.st_mode & _OTHERS:
            return
        what = f"{key} could be read by others (mode {stat.S_IMODE(seen.st_mode):04o}): now only by you"
        os.fchmod(fd, stat.S_IMODE(seen.st_mode) & ~_OTHERS)
    except OSError as error:
        yield Fixed(f"{key} can be read by others", error.strerror or str(error))
    else:
        yield Fixed(what)
    finally:
        os.close(fd)

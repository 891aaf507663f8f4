"""A Linux system whose settings are read and written, wherever it is; and this one."""

import glob
import os
import shlex
import shutil
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final, Protocol

from edgewatt.collectors.android.files.look import clean
from edgewatt.collectors.android.files.nodes import Seen
from edgewatt.collectors.generic.sysfs import read_bytes, why
from edgewatt.collectors.host.places import Places
from edgewatt.collectors.transports.local import LocalTarget
from edgewatt.profiler.errors import DeviceError

FILES_LIMIT: Final = 20_000
TEXT_LIMIT: Final = 1 << 16
EXECUTE_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Write:
    """A value, which was checked, for a file; "{sysfs}" in the path stands for the system's own."""

    path: str
    value: str


@dataclass(frozen=True, slots=True)
class Execute:
    """A program of the system with its arguments, which is for root."""

    argv: tuple[str, ...]


Step = Write | Execute


class System(Protocol):
    """One system. `where` is what messages call it."""

    where: str

    def read(self, patterns: Iterable[str]) -> dict[str, Seen]:
        """What the files say that match patterns (with {sysfs}, {root} and `*`), by path. Raises DeviceError."""
        ...

    def at(self, pattern: str) -> str:
        """A pattern of files as a path of this system."""
        ...

    def find(self, program: str) -> str | None:
        """A program of the system; None if it is not installed."""
        ...

    def ask(self, argv: Sequence[str]) -> str | None:
        """What a program of the system prints; None if it fails. Raises DeviceError if the system does not answer."""
        ...

    def lacking(self, steps: Sequence[Step]) -> str | None:
        """Why these steps may not be taken; None if they may. Nothing is changed."""
        ...

    def take(self, steps: Sequence[Step]) -> str:
        """Take them in their order, to the last whatever fails, and give the first complaint, or "".

        Raises DeviceError if the system does not answer.
        """
        ...

    def monotonic_s(self) -> float:
        """A clock that goes on while the system is waited for."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class Here:
    """This machine, below `places`. Its programs are those in PATH, or those below a root that is not its own."""

    def __init__(self, places: Places, where: str = "host") -> None:
        self._places = places
        self.where = where
        self._target = LocalTarget(places)

    def read(self, patterns: Iterable[str]) -> dict[str, Seen]:
        """See System."""
        paths = dict.fromkeys(path for pattern in patterns for path in self._matching(pattern))
        return {path: _seen(path) for path in islice(paths, FILES_LIMIT)}

    def at(self, pattern: str) -> str:
        """See System."""
        root = str(self._places.root).rstrip("/")
        return pattern.replace("{sysfs}", str(self._places.sysfs)).replace("{root}", root)

    def find(self, program: str) -> str | None:
        """See System."""
        if self._places.root == Path("/"):
            return shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin:/usr/bin:/bin")
        folders = os.pathsep.join(str(self._places.root / name) for name in ("usr/sbin", "usr/bin", "sbin", "bin"))
        return shutil.which(program, path=folders)

    def ask(self, argv: Sequence[str]) -> str | None:
        """See System."""
        try:
            done = self._target.run(argv, timeout_s=EXECUTE_S)
        except DeviceError:
            return None
        return done.stdout.decode(errors="replace")[:TEXT_LIMIT] if done.returncode == 0 else None

    def lacking(self, steps: Sequence[Step]) -> str | None:
        """See System."""
        for step in steps:
            if isinstance(step, Write):
                path = self.at(step.path)
                if not os.access(path, os.W_OK, effective_ids=True):
                    denied = "is not there" if not Path(path).exists() else "may not be written by this user"
                    return f"{path} {denied}"
            elif os.geteuid() != 0 and self._places.root == Path("/"):
                return f"{step.argv[0]} is for root"
        return None

    def take(self, steps: Sequence[Step]) -> str:
        """See System."""
        complaints = [self._write(step) if isinstance(step, Write) else self._execute(step) for step in steps]
        return next(filter(None, complaints), "")

    def monotonic_s(self) -> float:
        """See System."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """See System."""
        time.sleep(seconds)

    def _write(self, step: Write) -> str:
        path = self.at(step.path)
        try:
            file = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                written = os.write(file, f"{step.value}\n".encode("ascii"))
                with suppress(OSError):  # the kernel's files have no length
                    os.ftruncate(file, written)
            finally:
                os.close(file)
        except OSError as error:
            return f"{path}: {why(error)}"
        return ""

    def _execute(self, step: Execute) -> str:
        try:
            done = self._target.run(step.argv, timeout_s=EXECUTE_S)
        except DeviceError as error:
            return str(error)
        said = clean((done.stderr or done.stdout).decode(errors="replace"))
        return "" if done.returncode == 0 else f"{shlex.join(step.argv)} ended with {done.returncode}: {said}"

    def _matching(self, pattern: str) -> list[str]:
        place = self.at(pattern)
        root, _, rest = pattern.partition("*")
        if not rest:
            return [place]
        base = self.at(root).rpartition("/")[0]
        tail = place[len(base) + 1 :]
        return [f"{base}/{name}" for name in sorted(glob.glob(tail, root_dir=base))]  # noqa: PTH207


def _seen(path: str) -> Seen:
    try:
        return Seen(path, read_bytes(Path(path), TEXT_LIMIT).decode(errors="replace").strip("\n"))
    except (OSError, ValueError) as error:
        return Seen(path, None, why(error) if isinstance(error, OSError) else "its name is none")

"""The files of a run on the phone: put there, verified, put there again if a guard removed them, and removed."""

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

from edgewatt.collectors.android.files.look import clean
from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.transports.link import Sent
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.identity import sha256_of_file
from edgewatt.profiler.units import format_si

# What a run needs beside its files: the log of a detached runner is bounded to 4 MiB (runner_script.py).
_ROOM_B: Final = 16 << 20
# Files are read once to be verified; assumed: the slowest phone reads 10 MB/s.
_READ_B_PER_S: Final = 10e6
_FOLDER: Final = "work"
_STEP: Final = 0.1
_NAME_LIMIT_B: Final = 255
_SHA256: Final = re.compile(rb"([0-9a-f]{64}) ")


@dataclass(frozen=True, slots=True)
class Placed:
    """A file of this machine, the name that it gets on the phone, and its mode there."""

    local: Path
    name: str
    mode: int = 0o644


def under_its_own_name(local: Path, taken: Sequence[str]) -> Placed:
    """A file that keeps its name, as a library has to, and whether it can be executed.

    Raises UsageError if the name is taken, is no text, or is too long. Spaces, quotes and newlines are fine: no shell
    ever sees a name unquoted.
    """
    name = local.name
    try:
        fits = len(name.encode()) <= _NAME_LIMIT_B
    except UnicodeEncodeError:
        fits = False
    if not fits:
        raise UsageError(f"cannot push {name!r} to the phone under this name: it is no text, or too long; rename it")
    if name in taken:
        raise UsageError(f"cannot push {str(local)!r}: the phone gets another file {name!r} beside it; rename it")
    return Placed(local, name, 0o755 if local.stat().st_mode & 0o100 else 0o644)


class Workplaces:
    """The folders in use on one phone, by what is in them."""

    def __init__(self) -> None:
        self._names: dict[tuple[Placed, ...], str] = {}
        self._users: dict[tuple[Placed, ...], int] = {}

    def __contains__(self, files: object) -> bool:
        return files in self._users

    @property
    def files(self) -> list[tuple[Placed, ...]]:
        """What is in each of them."""
        return list(self._users)

    def name_of(self, files: tuple[Placed, ...]) -> str:
        """The name of the folder with these files; no other files have it."""
        taken = self._names.values()
        free = (name for n in count(1) if (name := _FOLDER if n == 1 else f"{_FOLDER}-{n}") not in taken)
        return self._names.setdefault(files, next(free))

    def hold(self, files: tuple[Placed, ...]) -> None:
        """One more uses it."""
        self._users[files] = self._users.get(files, 0) + 1

    def let_go(self, files: tuple[Placed, ...]) -> bool:
        """One less uses it; True if nobody does any more, and the folder is to go."""
        left = self._users.pop(files, 1) - 1
        if left:
            self._users[files] = left
        else:
            self._names.pop(files, None)
        return not left


class Workplace:
    """A folder with `files`, inside the folder of the phone's guard. `note` is told how far pushing is.

    Several may be in use at once, as by the configurations of a plan; those with the same files share one folder.
    """

    def __init__(self, phone: Phone, files: Sequence[Placed], note: Callable[[str], None]) -> None:
        self._phone, self._files, self._note = phone, tuple(files), note
        self._filled = False

    @property
    def control(self) -> str:
        """The guard's folder: for files of ours that no file of the user's may meet."""
        return self._phone.guard.folder

    @property
    def folder(self) -> str:
        """Where the files are: `work`, or `work-<n>` beside others."""
        return f"{self.control}/{self._phone.workplaces.name_of(self._files)}"

    @property
    def filled(self) -> bool:
        """Whether files were put there and not removed by us."""
        return self._filled

    def fill(self) -> bool:
        """Put every file there, unless all of them are there already; whether anything had to be done.

        Raises DeviceError if the phone is full, or has something else afterwards; LinkLost.
        """
        known = self._filled or self._files in self._phone.workplaces
        if known and self._phone.sh(f"[ -e {self._whole} ]").returncode == 0:
            self._hold()
            return False
        sizes_b = [placed.local.stat().st_size for placed in self._files]
        made = self._phone.sh(f"mkdir -p {shlex.quote(self.folder)}")
        if made.returncode != 0:
            raise DeviceError(f"{self._phone.uri}: cannot make {self.folder}: {_text(made.stderr)}")
        self._check_room(sum(sizes_b))
        for placed, size_b in zip(self._files, sizes_b, strict=True):
            self._phone.link.push(
                placed.local, f"{self.folder}/{placed.name}", mode=placed.mode, sent=self._telling(placed, size_b)
            )
        self._verify(sizes_b)
        self._phone.sh(f": >{self._whole}")
        self._hold()
        return True

    def clear(self) -> None:
        """Remove the files, verified, unless another one uses them. Raises DeviceError with what stays."""
        if not self._filled:
            return
        folder, whole = shlex.quote(self.folder), self._whole
        if not self._phone.workplaces.let_go(self._files):
            self._filled = False
            return
        done = self._phone.sh(f"rm -rf {folder} {whole}; [ ! -e {folder} ]", timeout_s=60.0)
        if done.returncode != 0:
            raise DeviceError(f"{self._phone.uri}: {folder} stays on the phone: {_text(done.stderr)}")
        self._filled = False

    def _hold(self) -> None:
        if not self._filled:
            self._phone.workplaces.hold(self._files)
        self._filled = True

    @property
    def _whole(self) -> str:
        """A mark that the files are complete, quoted."""
        return shlex.quote(f"{self.folder}.whole")

    def _telling(self, placed: Placed, size_b: int) -> Sent:
        told = 0.0
        shown = f"pushing {clean(placed.name)} ({format_si(size_b, 'B')})"
        self._note(shown)

        def tell(sent_b: int, all_b: int) -> None:
            nonlocal told
            share = sent_b / all_b if all_b else 1.0
            if share >= told + _STEP:
                told = share
                self._note(f"{shown}: {share:.0%}")

        return tell

    def _check_room(self, needed_b: int) -> None:
        """Raise DeviceError if the phone says that it has less space; go on if it does not say."""
        words = self._phone.sh(f"stat -f -c '%a %S' {shlex.quote(self.folder)}").stdout.split()
        if len(words) != 2 or not all(word.isdigit() and len(word) < 20 for word in words):
            return
        free_b = int(words[0]) * int(words[1])
        if free_b < needed_b + _ROOM_B:
            raise DeviceError(
                f"{self._phone.uri}: no space left for the files of this run: they take {format_si(needed_b, 'B')} and "
                f"{format_si(_ROOM_B, 'B')} more, and {self._phone.tmp} has {format_si(free_b, 'B')}; free some"
            )

    def _verify(self, sizes_b: Sequence[int]) -> None:
        """Compare what is there: by SHA-256 where the phone can, else by size."""
        names = " ".join(shlex.quote(f"./{placed.name}") for placed in self._files)
        command = (
            f"cd {shlex.quote(self.folder)} && look='wc -c'; command -v sha256sum >/dev/null && look=sha256sum; "
            f'for f in {names}; do $look <"$f"; done'
        )
        done = self._phone.sh(command, timeout_s=30.0 + sum(sizes_b) / _READ_B_PER_S)
        seen = done.stdout.splitlines()
        for placed, size_b, line in zip(self._files, sizes_b, [*seen, *[b""] * len(self._files)], strict=False):
            sha256 = _SHA256.match(line)
            same = sha256[1].decode() == sha256_of_file(placed.local) if sha256 else line.strip() == b"%d" % size_b
            if not same:
                raise DeviceError(
                    f"{self._phone.uri}: {clean(placed.name)} is not on the phone as it was sent (seen: "
                    f"{_text(line)!r}, {_text(done.stderr)}); is its storage full or failing?"
                )


def _text(said: bytes) -> str:
    return " ".join(said[:300].decode(errors="replace").split())

"""What has to be put back on a device, noted where a kill -9 cannot reach it: one small file per change.

A note is on the disk before its change is made, and goes once what it says has been put back and verified. What is
still there tells the next one to open the device what it was like before. `$XDG_STATE_HOME/edgewatt/undo/`.
"""

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

from edgewatt.profiler.errors import EdgewattError, UsageError
from edgewatt.profiler.state import state_folder
from edgewatt.profiler.storage.checked import Rule, checked
from edgewatt.profiler.storage.durable import replace_file, sync_folder

ROOM: Final = "undo"
SUFFIX: Final = ".json"
SIZE_LIMIT_B: Final = 16 << 10
LENGTH_LIMIT: Final = 256
# A folder with more notes than that is none that this program filled.
MOST_NOTES: Final = 1000

_WORD: Final = Rule(
    f"a printable text of 1 to {LENGTH_LIMIT} characters",
    lambda v: isinstance(v, str) and 0 < len(v) <= LENGTH_LIMIT and v.isprintable(),
)
_PID: Final = Rule("a process number", lambda v: isinstance(v, int) and not isinstance(v, bool) and 0 < v < 1 << 31)
_KEYS: Final = {
    "family": _WORD,
    "device_id": _WORD,
    "what": _WORD,
    "original": _WORD,
    "uri": _WORD,
    "pid": _PID,
    "created": _WORD,
}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class Note:
    """Of a device of a family (an URI's scheme), `what` was changed from `original`; `uri` is how it was reached."""

    family: str
    device_id: str
    what: str
    original: str
    uri: str
    pid: int = field(default_factory=os.getpid)
    created: str = field(default_factory=_now)

    @property
    def path(self) -> Path:
        """Where it is kept: one file for each thing that can be changed, so that the first original wins."""
        key = f"{self.family}\0{self.device_id}\0{self.what}".encode(errors="replace")
        return state_folder(ROOM) / f"{hashlib.sha256(key).hexdigest()[:24]}{SUFFIX}"

    @classmethod
    def from_json(cls, data: Any, where: str) -> Self:
        """The note in `data`. Raises ValueError naming the key that is wrong."""
        return cls(**checked(data, where, _KEYS))


def keep(note: Note) -> Note:
    """The note that is on the disk from now on: this one, or an older one of the same thing, whose original is older.

    Raises UsageError if it cannot be written: what cannot be noted must not be changed.
    """
    known = _read(note.path)
    if known is not None:
        return known
    try:
        replace_file(note.path, json.dumps(asdict(note), indent=1).encode())
    except OSError as error:
        raise UsageError(f"cannot note how to undo {note.what} in {note.path}: {error.strerror or error}") from None
    return note


def find(family: str, device_id: str, what: str) -> Note | None:
    """The note of this thing, if there is one."""
    return _read(Note(family, device_id, what, "?", "?").path)


def forget(note: Note) -> None:
    """What it says has been put back. Idempotent."""
    with suppress(OSError):
        note.path.unlink(missing_ok=True)
        sync_folder(note.path.parent)


def notes(family: str | None = None) -> list[Note]:
    """Every readable note, of a family or of all, the oldest first. Other files in the folder are left alone."""
    try:
        paths = sorted(state_folder(ROOM).glob(f"*{SUFFIX}"))[:MOST_NOTES]
    except OSError:
        return []
    found = [note for path in paths if (note := _read(path)) is not None and note.path == path]
    return sorted((n for n in found if family in (None, n.family)), key=lambda note: note.created)


def undo(family: str, put_back: Callable[[Note], None]) -> list[tuple[Note, str | None]]:
    """Put back what is noted of a family: each note with why it could not be, or None and it is forgotten.

    `put_back` verifies what it does; it raises EdgewattError where it cannot.
    """
    done: list[tuple[Note, str | None]] = []
    for note in notes(family):
        try:
            put_back(note)
        except EdgewattError as error:
            done.append((note, str(error)))
            continue
        forget(note)
        done.append((note, None))
    return done


def _read(path: Path) -> Note | None:
    """The note in a file; None if it is none, whatever it is instead."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        raw = os.read(fd, SIZE_LIMIT_B + 1)
        return Note.from_json(json.loads(raw), str(path)) if len(raw) <= SIZE_LIMIT_B else None
    except (OSError, ValueError, RecursionError):
        return None
    finally:
        os.close(fd)

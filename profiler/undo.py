"""What has to be put back on a device, noted where a kill -9 cannot reach it: one small file per change.

A note is on the disk before its change is made, and goes once what it says has been put back and verified. What is
still there tells the next one to open the device what it was like before. `$XDG_STATE_HOME/edgewatt/undo/`.
"""

import hashlib
import json
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

from edgewatt.profiler.errors import DeviceError, EdgewattError, UsageError
from edgewatt.profiler.state import state_folder
from edgewatt.profiler.storage.checked import Rule, checked
from edgewatt.profiler.storage.durable import replace_file, sync_folder

ROOM: Final = "undo"
SUFFIX: Final = ".json"
SIZE_LIMIT_B: Final = 16 << 10
LENGTH_LIMIT: Final = 256
# What there was may be a value for each of many processors.
ORIGINAL_LIMIT: Final = 12 << 10
# The clock that processes are stamped by is another one, in steps of 10 ms; assumed.
_STARTED_S: Final = 2.0
# A folder with more notes than that is none that this program filled.
MOST_NOTES: Final = 1000


def _text(limit: int) -> Rule:
    return Rule(
        f"a printable text of 1 to {limit} characters",
        lambda v: isinstance(v, str) and 0 < len(v) <= limit and v.isprintable(),
    )


_WORD: Final = _text(LENGTH_LIMIT)
_PID: Final = Rule("a process number", lambda v: isinstance(v, int) and not isinstance(v, bool) and 0 < v < 1 << 31)
_KEYS: Final = {
    "family": _WORD,
    "device_id": _WORD,
    "what": _WORD,
    "original": _text(ORIGINAL_LIMIT),
    "uri": _WORD,
    "pid": _PID,
    "created": _WORD,
}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


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

    @property
    def is_in_use(self) -> bool:
        """Whether the process that made the change is still there, and will undo it itself.

        A process that began after the note was made only has its number.
        """
        import psutil  # noqa: PLC0415  (every device is opened by way of this module, and few have a note)

        try:
            process = psutil.Process(self.pid)
            if process.status() == psutil.STATUS_ZOMBIE:
                return False
            return bool(process.create_time() <= datetime.fromisoformat(self.created).timestamp() + _STARTED_S)
        except (psutil.Error, ValueError, OverflowError):
            return False

    @classmethod
    def from_json(cls, data: Any, where: str) -> Self:
        """The note in `data`. Raises ValueError naming the key that is wrong."""
        return cls(**checked(data, where, _KEYS))


def keep(note: Note) -> Note:
    """The note that is on the disk from now on, read back: this one, with an older one's original if there is one.

    A change that a process left which is gone is taken over: who calls this puts back what there was before that one.
    Raises DeviceError where that process is still there, UsageError if the note cannot be written: what cannot be noted
    must not be changed.
    """
    known = _read(note.path)
    if known is not None and known.pid != note.pid:
        if known.is_in_use:
            raise DeviceError(
                f"{note.what} of {note.device_id} was changed by process {known.pid}, which is still there and puts it "
                "back when it ends; wait for it"
            )
        note = replace(note, original=known.original)
    elif known is not None:
        return known
    try:
        replace_file(note.path, json.dumps(asdict(note), indent=1).encode())
    except OSError as error:
        raise UsageError(f"cannot note how to undo {note.what} in {note.path}: {error.strerror or error}") from None
    if _read(note.path) != note:
        forget(note)
        raise UsageError(
            f"cannot note how to undo {note.what} in {note.path}: what was written there does not read back as it was; "
            "nothing was changed"
        )
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
    """Put back what is noted of a family, the last first: each note with why it could not be, or None: it is forgotten.

    `put_back` verifies what it does; it raises EdgewattError where it cannot. What a process changed that is still
    there is left to it.
    """
    done: list[tuple[Note, str | None]] = []
    for note in reversed(notes(family)):
        if note.pid != os.getpid() and note.is_in_use:
            continue
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

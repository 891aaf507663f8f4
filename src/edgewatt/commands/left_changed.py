"""What runs that were killed left changed on devices: what `doctor` says of it, and what `doctor --fix` puts back."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final

from edgewatt.profiler import bench_devices, undo
from edgewatt.profiler.device import Family, families
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.undo import Note
from edgewatt.reports.escape import printable

FIX: Final = "edgewatt doctor --fix"


@dataclass(frozen=True, slots=True)
class Left:
    """Something that was left changed. `done`: it was put back just now; `problem`: why it could not be."""

    note: Note
    done: bool = False
    problem: str | None = None

    @property
    def what(self) -> str:
        """It in a few words."""
        return f"{self.note.what} of {self.note.device_id}"

    @property
    def is_in_use(self) -> bool:
        """Whether who changed it is still there, and will put it back itself."""
        return self.note.is_in_use

    def as_json(self) -> dict[str, Any]:
        """It as plain JSON."""
        more = {"done": self.done, "problem": self.problem, "in_use": self.is_in_use, "fix": FIX}
        return {**asdict(self.note), **more}


def listed() -> list[Left]:
    """Everything that is noted; nothing is touched."""
    return [Left(note) for note in undo.notes()]


def put_back() -> list[Left]:
    """Everything that is noted, and what became of putting it back; what is in use is left to who uses it."""
    before = undo.notes()
    done = [one for family in sorted({note.family for note in before}) for one in undo.undo(family, _how(family))]
    tried = [note for note, _ in done]
    return [
        *(Left(note, problem is None, problem) for note, problem in done),
        *(Left(note) for note in before if note not in tried),
    ]


def as_text(left: Sequence[Left]) -> list[str]:
    """One text of a line each, or none."""
    if not left:
        return []
    return ["\n".join(["changed by runs, and not put back by them", *(f"  {_line(one)}" for one in left)])]


def _line(one: Left) -> str:
    note = one.note
    was = f"{printable(one.what)} was {printable(note.original)}"
    if one.done:
        return f"{was}: put back"
    if one.problem is not None:
        forget = f"to forget it, remove {printable(str(note.path))}"
        return f"{was}: not put back: {printable(one.problem)}; {forget}"
    if one.is_in_use:
        return f"{was}; process {note.pid}, which is still there, puts it back when it ends"
    return f"{was}, changed {printable(note.created)} by process {note.pid}; put it back with: {FIX}"


def _how(family: str) -> Callable[[Note], None]:
    """What puts back a note of that family."""
    if family == bench_devices.FAMILY:
        return bench_devices.put_back
    point = families().get(family)
    loaded: Family | None = None if point is None else point.load()
    if loaded is None or loaded.put_back is None:
        return partial(_nobody, family)
    return loaded.put_back


def _nobody(family: str, _: Note) -> None:
    raise DeviceError(f"nothing that is installed puts back what was changed on {family!r}")

"""What of the calibration suite was collected already, and where a step goes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from edgewatt.profiler.analysis.process import process
from edgewatt.profiler.collecting.steps import Step
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.running.collect import KEY, facts_of
from edgewatt.profiler.storage.checked import OBJECT
from edgewatt.profiler.storage.trace import Trace

COMPLETE, RECORDING = "complete", "recording"
PARTS_LIMIT: Final = 100


def folder_for(folder: Path, step: Step, device_id: str, meters: Sequence[str] = ()) -> tuple[Path, bool]:
    """The run of a step that is complete, and True; else a folder for it that is free, and False.

    A run that was interrupted stays, and one that crashed is closed; the step is begun anew in `<step>.2`. Raises
    UsageError for a run of another device, of other meters, that was asked to be otherwise, or that is being recorded
    at this moment: what was begun is only continued as it was.
    """
    asked = facts_of(step)[KEY]
    for number in range(1, PARTS_LIMIT):
        path = folder / (step.name if number == 1 else f"{step.name}.{number}")
        if not path.exists() or (path.is_dir() and not any(path.iterdir())):
            return path, False
        manifest = Trace.open(path).manifest
        said: Any = manifest.conditions.get(KEY)
        of_meters = tuple(manifest.meter or ())
        if not OBJECT.holds(said) or said.get("sha256") != asked["sha256"]:
            raise _another(path, "step, or one with other options")
        if manifest.device.get("device_id") != device_id:
            raise _another(path, "device")
        if set(of_meters) != set(meters):
            raise _another(path, f"choice of meters ({', '.join(of_meters) or 'none'})")
        if manifest.status == COMPLETE:
            return path, True
        if manifest.status == RECORDING:
            process(path)
    raise UsageError(f"{folder / step.name} was interrupted {PARTS_LIMIT} times; choose another folder with -o")


def _another(path: Path, what: str) -> UsageError:
    return UsageError(
        f"{path} exists already and is of another {what}: what was begun is only continued as it was; choose a new "
        "folder with -o, or a new --place"
    )

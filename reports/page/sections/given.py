"""What a report is given beside runs, each known by what it is: a calibration, a simulation."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal

from edgewatt.profiler.calibration.calibration import read_calibration
from edgewatt.profiler.calibration.head import FILE_NAME as CALIBRATION
from edgewatt.profiler.storage.packing.magic import is_packed
from edgewatt.reports.page.section import Section
from edgewatt.reports.page.sections import calibrations, simulations
from edgewatt.reports.page.sections.simulations import is_simulation, read_simulation

Kind = Literal["run", "calibration", "simulation"]

# A name stands in the directory at the end of a zip, which is as long as its names; ours are few.
_DIRECTORY_B: Final = 1 << 16


def kind_of(path: str | Path) -> Kind:
    """What lies at `path`, by the files in it; "run" for whatever else, which is then told what is wrong with it."""
    path = Path(path)
    try:
        if is_simulation(path):
            return "simulation"
        holds = _holds_calibration(path) if path.is_file() else (path / CALIBRATION).is_file()
    except (OSError, ValueError):
        return "run"
    return "calibration" if holds else "run"


def sections_of(paths: Sequence[str]) -> list[Section]:
    """A section of each calibration, then of each simulation, among the paths. Raises UsageError."""
    kinds = [(path, kind_of(path)) for path in paths]
    of_calibrations = [path for path, kind in kinds if kind == "calibration"]
    of_simulations = [path for path, kind in kinds if kind == "simulation"]
    return [
        *(
            calibrations.section(read_calibration(path), calibrations.label_of(path), k)
            for k, path in enumerate(of_calibrations)
        ),
        *(simulations.section(read_simulation(path), k) for k, path in enumerate(of_simulations)),
    ]


def _holds_calibration(path: Path) -> bool:
    """True for a zip with the head of a calibration in it; what else is in it is looked at by who reads it."""
    if not is_packed(path):
        return False
    with path.open("rb") as file:
        file.seek(-min(path.stat().st_size, _DIRECTORY_B), 2)
        return CALIBRATION.encode() in file.read()

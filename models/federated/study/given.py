"""What all trials of a study share: the calibration, the workload, and the engine."""

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from edgewatt import __version__
from edgewatt.models.federated.learning.data import fingerprint
from edgewatt.models.federated.learning.workloads import WORKLOADS
from edgewatt.models.federated.study.cases import AUTOFL, FEDGPO, STUDY, study_constants
from edgewatt.models.scheduling.constants import FOLDER, constants_of
from edgewatt.profiler.calibration.calibration import Calibration

TESTBED: Final = "../federated/testbed"
LEARNING: Final = "../federated/learning"
ENGINES: Final = (LOOP := "loop", "flower")
DIGITS: Final = "digits"


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """`data`: the user's folder, for a workload that needs one; `trains` False: accuracy stands still."""

    calibration: Calibration
    workload: str = DIGITS
    data: Path | None = None
    engine: str = LOOP
    trains: bool = True

    def words(self) -> str:
        """All that decides what a trial comes to, beside what is asked of it: for telling kept trials apart.

        Raises UsageError for data that are none.
        """
        files = {name: tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8")) for name in _CONSTANTS}
        known: dict[str, Any] = {
            "tables": {name: self.calibration.rows(name) for name in sorted(self.calibration.tables)},
            "constants": files,
            "workload": [self.workload, *self._of_data()],
            "engine": [self.engine, self.trains],
            "version": __version__,
        }
        return json.dumps(known, sort_keys=True, default=str)

    def _of_data(self) -> list[str]:
        """What the folder holds, wherever it is; other files in it are another study."""
        if self.data is None or self.workload not in WORKLOADS:
            return [str(self.data)]
        return fingerprint(WORKLOADS[self.workload].data(self.data))


def stands_for(workload: str) -> list[str]:
    """What is billed in place of what is trained, in a sentence; nothing for a workload that stands for itself."""
    if workload != DIGITS:
        return []
    each, stood = (study_constants()[f"data.{name}"] for name in ("each_n", "stands_for_n"))
    sent = constants_of(TESTBED)["models.cnn.update_b"]
    said = (
        f"{each} digits on each device stand for {stood} of MNIST: computing takes {stood / each:g} times the seconds "
        f"and joules of what is trained; and the network for the paper's, of which {sent / 1e6:.2f} MB are sent"
    )
    return [said]


_CONSTANTS: Final = (STUDY, AUTOFL, FEDGPO, TESTBED, LEARNING)

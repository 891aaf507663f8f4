"""A run as JSON, and which study it is of: what is done of a long study is not done again."""

import json
import tomllib
from typing import Any, Final

import numpy as np

from edgewatt import __version__
from edgewatt.models.federated.heteroswitch.trial import Trial
from edgewatt.models.federated.learning.data import Data, fingerprint
from edgewatt.models.scheduling.constants import FOLDER
from edgewatt.profiler.calibration.calibration import Calibration

_ARRAYS: Final = "of_types"


def words(scenario: str, data: Data, calibration: Calibration | None) -> str:
    """All that decides what a run comes to, beside which run it is."""
    tables = {} if calibration is None else {name: calibration.rows(name) for name in sorted(calibration.tables)}
    constants = tomllib.loads((FOLDER / "../federated/heteroswitch.toml").read_text("utf-8"))
    return json.dumps([scenario, fingerprint(data), tables, constants, __version__], sort_keys=True, default=str)


def as_json(trial: Trial) -> dict[str, Any]:
    """To be read by `trial_found`."""
    return {
        "method": trial.method, "seed": trial.seed, "left_out": trial.left_out, "types": trial.types,
        _ARRAYS: trial.of_types.tolist(), "curve": trial.curve, "log": trial.log,
    }  # fmt: skip


def trial_found(of: Any) -> Trial | None:
    """What `as_json` gave; None for anything else, which is then trained anew."""
    try:
        return Trial(
            of["method"], of["seed"], of["left_out"], tuple(of["types"]), np.array(of[_ARRAYS], np.float64),
            tuple((int(number), float(mean)) for number, mean in of["curve"]), tuple(of["log"]),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError):
        return None

"""Cases of a study: a setting of B, E and K in a scenario of fleet and data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from edgewatt.models.scheduling.constants import Constants, constants_of, no_such

STUDY: Final = "../federated/study"
AUTOFL: Final = "../federated/autofl"
FEDGPO: Final = "../federated/fedgpo"
REDUCED, FULL, TUNING, TEST = "reduced", "full", "tuning", "test"
SETTINGS: Final = ("S1", "S2", "S3", "S4")
# What a scenario by itself is tried in, unless another is asked for: the setting of most of AutoFL's figures.
USUAL: Final = "S3"


@dataclass(frozen=True, slots=True, order=True)
class Case:
    """A setting of AutoFL's table 5 and a scenario of study.toml."""

    setting: str
    scenario: str

    def __str__(self) -> str:
        return f"{self.setting} {self.scenario}"


@dataclass(frozen=True, slots=True)
class Scenario:
    """Which scenario of the fleet, and how many percent of its devices hold data that is not IID."""

    fleet: str
    non_iid_percent: float


def study_constants() -> Constants:
    """Those of study.toml."""
    return constants_of(STUDY)


def scenario_of(name: str) -> Scenario:
    """A scenario by its name. Raises UsageError."""
    known: Mapping[str, Any] = study_constants().scenarios["of"]
    if name not in known:
        raise no_such("scenario", name, [REDUCED, FULL, TUNING, TEST, *known])
    return Scenario(known[name]["fleet"], float(known[name]["non_iid_percent"]))


def tuned_of(method: str) -> tuple[tuple[str, float], ...]:
    """What nine tries on the tuning cases chose for an agent (tuning.py); nothing for what is not tuned."""
    chosen: Mapping[str, float] = study_constants().scenarios["tuned"].get(method, {})
    return tuple(chosen.items())


def cases_of(asked: str, setting: str | None = None) -> list[Case]:
    """`reduced`, `full` (every setting in every scenario), `tuning`, `test`, or one scenario. Raises UsageError.

    `setting` puts all of them into this one.
    """
    scenarios = study_constants().scenarios
    if setting is not None and setting not in SETTINGS:
        raise no_such("setting", setting, list(SETTINGS))
    if asked == FULL:
        found = [Case(each, name) for each in SETTINGS for name in scenarios["of"]]
    elif asked in scenarios["cases"]:
        found = [Case(*pair) for pair in scenarios["cases"][asked]]
    else:
        scenario_of(asked)
        found = [Case(USUAL, asked)]
    return list(dict.fromkeys(Case(setting or of.setting, of.scenario) for of in found))


def setting_of(name: str) -> tuple[int, int, int]:
    """B, E and K of a setting."""
    constants = constants_of(AUTOFL)
    batch, epochs, participants = (
        int(constants[f"settings.{name}.{what}"]) for what in ("batch", "epochs", "participants")
    )
    return batch, epochs, participants

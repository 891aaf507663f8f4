"""Which configurations of a run are parts of which network, as the run's conditions say it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from edgewatt.profiler.storage.checked import WHOLE

# The condition that a run of a network and its parts has.
CONDITION: Final = "operator_designs"
# As many as a manifest can name; no network of this many operators is cut.
_LIMIT: Final = 100_000


@dataclass(frozen=True, slots=True)
class Stretch:
    """A model that runs the operators from `first` to `last` of a network once each, both included."""

    model_sha256: str
    first: int
    last: int


def facts_of(whole: Stretch, parts: Sequence[Stretch]) -> dict[str, Any]:
    """What the conditions of a run hold: the network first."""
    return {"models": [[one.model_sha256, one.first, one.last] for one in (whole, *parts)]}


def stretches_of(conditions: Mapping[str, Any]) -> list[Stretch]:
    """The network and its parts, the network first; none where the conditions do not say, or say nothing sound."""
    told = conditions.get(CONDITION)
    models = told.get("models") if isinstance(told, Mapping) else None
    found = [_stretch(one) for one in models] if isinstance(models, list) else []
    sound = [one for one in found if one is not None]
    if len(sound) < len(found) or not sound or sound[0].first != 0:
        return []
    return sound if all(one.last <= sound[0].last for one in sound) else []


def _stretch(told: Any) -> Stretch | None:
    if not (isinstance(told, list) and len(told) == 3 and isinstance(told[0], str)):
        return None
    sha256, first, last = told
    if not (WHOLE.holds(first) and WHOLE.holds(last) and 0 <= first <= last < _LIMIT):
        return None
    return Stretch(sha256, first, last)

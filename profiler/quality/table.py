"""The table of all reason codes, and what it says of a reason as a run holds it."""

from collections.abc import Iterable, Mapping
from typing import Final

from edgewatt.profiler.quality import of_energy, of_loads, of_meters, of_runs, of_workloads
from edgewatt.profiler.quality.reason import GOOD, MARKED, VOID, Quality, Reason, Weight

# Before what was found by analysing, where the manifest holds it beside what was found while recording.
FOUND: Final = "results:"
UNKNOWN_MEANING: Final = "This edgewatt does not know that code; it is kept as the run holds it."

ROOMS: Final = {
    "The run": of_runs.CODES,
    "Energy": of_energy.CODES,
    "What was executed": of_workloads.CODES,
    "Loads of a calibration": of_loads.CODES,
    "Meters and sensors": of_meters.CODES,
}
REASONS: Final[Mapping[str, Reason]] = {one.code: one for codes in ROOMS.values() for one in codes}


def code_of(reason: str) -> str:
    """The code of a reason as a run or a table holds it.

    >>> code_of("results:not_set:wakelock")
    'not_set'
    """
    return reason.removeprefix(FOUND).partition(":")[0].strip()


def reason_of(reason: str) -> Reason:
    """What the table says of it; of a code that it does not hold, that it is unknown."""
    code = code_of(reason)
    return REASONS.get(code) or Reason(code, MARKED, UNKNOWN_MEANING, "A newer edgewatt may know it.")


def weight_of(reason: str) -> Weight:
    """How much it weighs; an unknown one marks."""
    return reason_of(reason).weight


def quality_of(reasons: Iterable[str]) -> Quality:
    """The word for rows with these reasons: `void`, `marked` or `good`. A note makes nothing worse."""
    weights = {weight_of(reason) for reason in reasons}
    return VOID if VOID in weights else MARKED if MARKED in weights else GOOD


def refuses_energy(reason: str) -> bool:
    """True for a reason for which a row has no joules."""
    return reason_of(reason).refuses_energy


def in_words(reason: str, *, advice: bool = True) -> str:
    """The reason as it stands in the run, then what it means, and what to do.

    >>> in_words("no_length", advice=False)
    'no_length: The measured window does not end after it begins.'
    """
    shown = reason.removeprefix(FOUND)
    if (known := REASONS.get(code_of(reason))) is None:
        return f"{shown} (a code that this edgewatt does not know)"
    words = f"{shown}: {known.meaning}"
    return f"{words} {known.advice}" if advice else words

"""What a reason code is."""

from dataclasses import dataclass
from typing import Final, Literal

Weight = Literal["void", "marked", "note"]
Quality = Literal["void", "marked", "good"]

# Nothing of a repeat (or of a run) counts; it counts, and whoever reads it should know; it is said and changes nothing.
VOID: Final = "void"
MARKED: Final = "marked"
NOTE: Final = "note"
# Of rows against which nothing speaks.
GOOD: Final = "good"


@dataclass(frozen=True, slots=True)
class Reason:
    """One code. A run holds it alone or with a detail behind a colon: `gaps`, `not_set:wakelock`.

    `meaning` and `advice` are a sentence each. `refuses_energy`: rows that have it are without joules.
    """

    code: str
    weight: Weight
    meaning: str
    advice: str
    refuses_energy: bool = False

"""What a format makes: the consumer's object, and what there is to say of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from edgewatt.profiler.calibration.calibration import Calibration
from edgewatt.profiler.errors import UsageError
from edgewatt.reports.formats.chosen import Chosen
from edgewatt.reports.formats.kernels import KernelRow
from edgewatt.reports.formats.measured import Measured

MS_PER_S: Final = 1e3
MJ_PER_J: Final = 1e3
# FedScale and Oort say kbps, and mean 1,000 bit (their bandwidths are MobiPerf's).
KBPS_PER_B_PER_S: Final = 8e-3


@dataclass(frozen=True, slots=True)
class Given:
    """What there is to export: the chosen rows, the calibrations that they may be of, and what else was said.

    `kernels` are of operators within networks, for the formats that have such; `left_out` are those that are none.
    """

    rows: Sequence[Measured]
    calibrations: Sequence[Calibration]
    chosen: Chosen
    kernels: Sequence[KernelRow] = ()
    left_out: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Made:
    """`content` is plain JSON; `pickled` what the consumer's own pickle holds where it differs (tuples, whole numbers).

    `left_out` names what could not be filled, each a sentence.
    """

    content: Any
    left_out: Sequence[str] = ()
    pickled: Any = None
    simulated: bool = False


Make = Callable[[Given], Made]


def refuse_nothing(content: Any, to: str, left_out: Sequence[str], needs: str) -> None:
    """Raise UsageError if there is nothing to write, saying what it needs and what was left out."""
    if not content:
        why = "; ".join(left_out[:5]) or "there are no rows"
        raise UsageError(f"--to {to}: nothing to write: {why}. It needs {needs}")

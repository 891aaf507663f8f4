"""What a known benchmark tool says of itself at its end."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

NUMBER: Final = r"[0-9]{1,18}(?:\.[0-9]{1,18})?(?:e[-+]?[0-9]{1,3})?"
_NUMBER: Final = re.compile(NUMBER)
COUNT_LIMIT: Final = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Summary:
    """A measured phase of `seconds`, in which `iterations` were executed, ending at `ended_ns` of the host's clock.

    What a tool does not say is None. `figures` are its other numbers in SI units, by the names they are stored under.
    """

    iterations: int
    seconds: float
    ended_ns: int
    latency_s: float
    latency_stat: str
    warmup_s: float | None = None
    warmup_iterations: int | None = None
    init_s: float | None = None
    first_s: float | None = None
    memory_peak_b: int | None = None
    version: str | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()


class Listener(Protocol):
    """Hears the lines of a tool."""

    def hear(self, line: bytes, t_ns: int) -> None:
        """Take a line without its end, which arrived at `t_ns`. Never raises."""
        ...

    def summary(self) -> Summary | str:
        """What it summed up, or the reason why that is not known."""
        ...


def number(text: str | None) -> float | None:
    """A finite number from 0 on; None for anything else.

    >>> number("12.5"), number("nan"), number("1e999")
    (12.5, None, None)
    """
    if text is None or _NUMBER.fullmatch(text) is None:
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def whole(value: float | None) -> int | None:
    """A count that a run can hold; None for anything else."""
    return None if value is None or not 0 < value <= COUNT_LIMIT else round(value)

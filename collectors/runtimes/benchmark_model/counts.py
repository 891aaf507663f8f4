"""The `count=... avg=... std=...` lines of benchmark_model: a summary of the iterations of one phase, in us.

Written by tsl/util/stats_calculator.h: `count=0`; `count=N curr=X` for one iteration, followed by `(all same)` for
more; else first, curr, min, max, avg and std. Newer builds add p5, median and p95 to any of them.
"""

import re
from dataclasses import dataclass
from typing import Final

from edgewatt.collectors.runtimes.benchmark_model.lines import number

COUNT: Final = "count="
# From us to s.
US: Final = -6
_ALL_SAME: Final = "(all same)"
_FIELD: Final = re.compile(r"(count|first|curr|min|max|avg|std|p5|median|p95)=(\S{1,40})")


@dataclass(frozen=True, slots=True)
class Count:
    """`n` iterations of one phase, in s. What the tool did not print is None; nothing is estimated from the rest."""

    n: int
    first_s: float | None = None
    curr_s: float | None = None
    min_s: float | None = None
    max_s: float | None = None
    avg_s: float | None = None
    std_s: float | None = None
    p5_s: float | None = None
    median_s: float | None = None
    p95_s: float | None = None


def parse_count(text: str) -> Count | None:
    """The summary in a line without its prefixes; None if it is none, or not a whole one."""
    shown = _fields(text)
    n = number(shown.pop("count", None))
    found = {name: number(value, US) for name, value in shown.items()}
    s = {name: value for name, value in found.items() if value is not None}
    if n is None or n != int(n) or len(s) != len(found):
        return None
    if n == 0:
        return Count(0)
    return _equal(int(n), s) if n == 1 or _ALL_SAME in text else _spread(int(n), s)


def _fields(text: str) -> dict[str, str]:
    """The fields by name; empty if the line holds anything else."""
    shown: dict[str, str] = {}
    for word in text.replace(_ALL_SAME, " ").split() if text.startswith(COUNT) else ():
        field = _FIELD.fullmatch(word)
        if field is None or field[1] in shown:
            return {}
        shown[field[1]] = field[2]
    return shown


def _equal(n: int, s: dict[str, float]) -> Count | None:
    """One iteration, or several that took equally long: each of the figures is that of any."""
    if "curr" not in s:
        return None
    each = s["curr"]
    return Count(n, each, each, each, each, each, 0.0 if n > 1 else None, s.get("p5"), s.get("median"), s.get("p95"))


def _spread(n: int, s: dict[str, float]) -> Count | None:
    if "avg" not in s or not s.get("min", 0.0) <= s.get("max", float("inf")):
        return None
    return Count(n, **{f"{name}_s": value for name, value in s.items()})

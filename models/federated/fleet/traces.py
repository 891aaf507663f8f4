"""Traces of what is around a device: co-runners and bandwidth over time, from CSV, replayed round after round."""

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from edgewatt.models.federated.round import Floats, Ints
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import shown

SIZE_LIMIT: Final = 64 << 20
COLUMNS: Final = ("t_s", "co_cpu_ratio", "co_memory_ratio", "up_b_per_s")
_EXPECTED: Final = f"CSV with the columns {', '.join(COLUMNS)}"


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """A device's surroundings, (n,) each, `t_s` rising from 0. A row holds until the next one; then it begins again.

    `up_b_per_s` is NaN where a trace does not say it: the device's own rate then holds.
    """

    t_s: Floats
    co_cpu_ratio: Floats
    co_memory_ratio: Floats
    up_b_per_s: Floats

    @property
    def span_s(self) -> float:
        """Until it begins again: the last row holds as long as the mean of the others."""
        last = float(self.t_s[-1])
        return last + (last / (len(self.t_s) - 1) if len(self.t_s) > 1 else 1.0)

    def places(self, time_s: Floats) -> Ints:
        """The rows that hold at these times."""
        return np.asarray(np.searchsorted(self.t_s, np.mod(time_s, self.span_s), side="right") - 1, np.int64)


def read_trace(path: str | Path) -> Trace:
    """The trace in a CSV file. Raises UsageError naming line, column, what was seen and what was expected."""
    try:
        with Path(path).open("rb") as file:
            raw = file.read(SIZE_LIMIT + 1)
    except (OSError, ValueError) as error:
        raise UsageError(f"trace {path}: cannot be read ({error}); expected {_EXPECTED}") from None
    return trace_from(raw, f"trace {path}")


def trace_from(raw: bytes, where: str) -> Trace:
    """The trace in these bytes; `where` is what errors call it. Raises UsageError."""
    if len(raw) > SIZE_LIMIT:
        raise UsageError(f"{where}: over {SIZE_LIMIT} bytes; expected a shorter trace")
    try:
        text = raw.decode("utf-8-sig")
        lines = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except (ValueError, csv.Error) as error:
        raise UsageError(f"{where}: no text of CSV ({error}); expected {_EXPECTED}") from None
    head = [name.strip() for name in lines[0]] if lines else []
    if missing := [name for name in COLUMNS if name not in head]:
        raise UsageError(f"{where}: has no column {', '.join(missing)}; expected {_EXPECTED}")
    rows = [(number, line) for number, line in enumerate(lines[1:], 2) if line]
    if not rows:
        raise UsageError(f"{where}: has no rows; expected {_EXPECTED}")
    values = np.array([[_value(where, number, line, head, name) for name in COLUMNS] for number, line in rows])
    t_s = values[:, 0] - values[0, 0]
    if (back := np.flatnonzero(np.diff(t_s) <= 0)).size:
        raise UsageError(f"{where}, line {rows[back[0] + 1][0]}: t_s does not rise; expected times in order")
    return Trace(t_s, values[:, 1], values[:, 2], values[:, 3])


def _value(where: str, number: int, line: list[str], head: list[str], name: str) -> float:
    place = head.index(name)
    said = line[place].strip() if place < len(line) else ""
    if not said and name == "up_b_per_s":
        return math.nan
    try:
        value = float(said)
    except ValueError:
        value = math.nan
    high = 1.0 if name.endswith("_ratio") else 1e12
    if name == "up_b_per_s" and 0 < value < 1:
        # An update would take more seconds and joules than there are numbers.
        raise UsageError(f"{where}, line {number}: {name} is {shown(said)}, expected 0 (no network) or 1 at least")
    if not (math.isfinite(value) and (name == "t_s" or 0 <= value <= high) and abs(value) <= 1e12):
        expected = "a finite time" if name == "t_s" else f"a number from 0 to {high:g}"
        raise UsageError(f"{where}, line {number}: {name} is {shown(said)}, expected {expected}")
    return value

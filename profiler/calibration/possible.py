"""What a number in a calibration can be at all: a row in another unit, a sign turned round, a NaN are found by it.

The bounds are wide and assumed: no processor core takes 100 W, no network needs a day. What lies within them may still
be wrong; what lies outside is in another unit (mW, ms, kHz, percent), or damaged.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Bounds:
    """The least and the most that is possible, both included; `hint`: what a number outside may be."""

    least: float
    most: float
    hint: str = ""

    def __str__(self) -> str:
        """What is expected, in words."""
        return f"a number from {self.least:g} to {self.most:g}{f' ({self.hint})' if self.hint else ''}"


_ANYTHING: Final = Bounds(-math.inf, math.inf)
# By the end of a column's name; the longest that fits is taken.
_BY_UNIT: Final[Mapping[str, Bounds]] = {
    "_w": Bounds(0, 1e5, "is it in mW?"),
    "_s": Bounds(0, 86_400, "is it in ms?"),
    "_j": Bounds(0, 1e8, "is it in mJ?"),
    "_hz": Bounds(1e6, 1e11, "is it in kHz or MHz?"),
    "_b": Bounds(0, 1e15),
    "_n": Bounds(0, 1e15),
    "_kg": Bounds(0, 1e6, "is it in g?"),
    "_c": Bounds(-60, 250, "is it in thousandths?"),
    "_dbm": Bounds(-160, 20, "is it a level, or percent?"),
    "_ratio": Bounds(0, 1, "is it in percent?"),
    "_b_per_s": Bounds(0, 1e12, "is it in bit/s?"),
    "_flop_per_s": Bounds(0, 1e18),
    "_k_per_w": Bounds(0, 1e4),
    "_w_per_k": Bounds(-1e3, 1e3),
    "_j_per_bit": Bounds(0, 1e-2, "is it per byte, or in kWh per GB?"),
}
_DIFFERENCE: Final = Bounds(-100, 100, "is it in mW?")
_CORE_W: Final = Bounds(0, 100, "no core takes as much; is it in mW?")
_BESIDE: Final = Bounds(0, 1e3)
# Where a column is narrower or wider than its unit: (table, column without _low or _high).
_BY_COLUMN: Final[Mapping[tuple[str, str], Bounds]] = {
    ("power", "on_w"): Bounds(-1e3, 1e3, "is it in mW?"),
    ("power", "idle_w"): Bounds(-1e3, 1e5, "is it in mW?"),
    ("radio", "send_w"): Bounds(0, 50, "no radio takes as much; is it in mW?"),
    ("radio", "receive_w"): Bounds(0, 50, "no radio takes as much; is it in mW?"),
    ("radio", "radio_idle_w"): Bounds(-50, 50, "no radio takes as much; is it in mW?"),
    ("radio", "tail_w"): Bounds(0, 50, "no radio takes as much; is it in mW?"),
    ("co_runner", "slowdown_ratio"): _BESIDE,
    ("co_runner", "power_w"): Bounds(-1e5, 1e5),
    ("thermal", "sustained_ratio"): Bounds(0, 2),
    ("throttling", "speed_ratio"): Bounds(0, 2),
    ("throttling", "t_s"): Bounds(0, 1e7),
    ("thermal", "time_constant_s"): Bounds(0, 1e7),
    ("charge", "t0_s"): Bounds(0, 1e11),
    ("charge", "t1_s"): Bounds(0, 1e11),
    ("frames", "rate_hz"): Bounds(0, 1e4),
    ("frames", "refresh_hz"): Bounds(0, 1e4),
    ("isp", "gain_r_ratio"): _BESIDE,
    ("isp", "gain_g_ratio"): _BESIDE,
    ("isp", "gain_b_ratio"): _BESIDE,
    ("isp", "gamma_ratio"): _BESIDE,
    ("isp", "residual_ratio"): _BESIDE,
    ("isp", "valid_high_ratio"): _BESIDE,
    ("devices", "power_ratio"): _BESIDE,
    ("components", "pue_ratio"): Bounds(1, 10, "a share of overhead? 1.09, not 0.09"),
    ("components", "lifetime_s"): Bounds(0, 1e10),
    ("inference", "busy_ratio"): _BESIDE,
    **{(table, what): Bounds(0, 1e6) for table in ("inference", "training_step") for what in ("threads", "batch")},
}
_CORE: Final = re.compile(r"cpu[0-9]+")


def bounds_of(table: str, column: str, unit: str | None = None) -> Bounds:
    """What a number of this column can be; in `power`, for this `unit`. The ends of an interval may be below zero."""
    if table == "fits" and not column.endswith("_n"):
        return _ANYTHING
    plain = plain_column(column)
    found = _BY_COLUMN.get((table, plain)) or _BY_UNIT.get(unit_of(plain), _ANYTHING)
    if table == "power" and plain in ("busy_w", "idle_w") and unit is not None and _CORE.fullmatch(unit):
        found = _CORE_W if plain == "busy_w" else _DIFFERENCE
    return Bounds(-math.inf, found.most, found.hint) if plain != column and found.least == 0 else found


def unit_of(column: str) -> str:
    """The end of a column's name that is its unit, `_w` or `_b_per_s`; blank where it has none."""
    return max((unit for unit in _BY_UNIT if f"_{column}".endswith(unit)), key=len, default="")


def plain_column(column: str) -> str:
    """The column that this is an end of the interval of: `busy_w` of `busy_low_w`; else itself."""
    unit = unit_of(column)
    stem = f"_{column}".removesuffix(unit)[1:]
    if not unit or stem.startswith(("rssi_", "valid_")):
        return column
    return f"{stem.removesuffix('_low').removesuffix('_high')}{unit}"


def interval_column(column: str, end: str) -> str:
    """The column of an interval's `end`, low or high: `busy_low_w` of `busy_w`, `send_low_b_per_s`."""
    unit = unit_of(column)
    return f"{column.removesuffix(unit)}_{end}{unit}"

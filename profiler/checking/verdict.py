"""What a check says of one row, and why."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from edgewatt.profiler.checking.testing import ALPHA, p_above, rejected, repeats_needed, upper_width
from edgewatt.profiler.comparing.compare import Row, Status

Word = Literal["regression", "improvement", "equivalent", "not_worse", "cannot_tell", "not_comparable", "not_measured"]
PASSED: Final = frozenset({"improvement", "equivalent", "not_worse"})
# Peak memory is counted in pages: where repeats agree it is known to a page of 4096 bytes (Linux on x86 and, mostly,
# on ARM), a rectangle.
PAGE_B: Final = 4096
# A row that would need more repeats is not told how many.
_MANY: Final = 500
# Repeats that spread by more than that are no measurement yet (pyperf's `check` warns from 10 % on).
_RESTLESS: Final = 0.1
_WORDS: Final[Mapping[Status, Word]] = {
    "not_comparable": "not_comparable",
    "not_measured": "not_measured",
    "invalid": "not_measured",
    "gone": "not_measured",
    "new": "cannot_tell",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """A row of a comparison, judged: `low` and `high` are one-sided bounds of its ratio new / old, usually at 95.5 %.

    `p_worse` is the one-sided p of a ratio above 1; that of one below it is the rest to 1. `because` is a sentence,
    also of a row that passes. `repeats_needed`: about how many a side would decide it; None where that is not known.
    """

    row: Row
    word: Word
    tolerance: float
    because: str
    low: float | None = None
    high: float | None = None
    p_worse: float | None = None
    repeats_needed: int | None = None

    @property
    def passes(self) -> bool:
        """True for a row that is shown not to be worse than its tolerance."""
        return self.word in PASSED


@dataclass(frozen=True, slots=True)
class _Tested:
    """A row that was compared: its ratio's logarithm, what it is uncertain by (with degrees of freedom), and its p."""

    log: float
    repeats: tuple[float, float | None]
    sessions: tuple[float, float]
    p_worse: float


@dataclass(frozen=True, slots=True)
class Levels:
    """What counts as significant: which of the p of one check are, and at which one-sided level a row passes."""

    rejected: Callable[[Sequence[float]], list[bool]] = rejected
    bound: float = ALPHA


def judge(rows: Sequence[Row], tolerances: Sequence[float], levels: Levels | None = None) -> list[Verdict]:
    """The verdict of each row, given its tolerance: significance of all rows together, passing row by row."""
    levels = levels or Levels()
    tested = [_tested(row) for row in rows]
    found = [one for one in tested if isinstance(one, _Tested)]
    worse = iter(levels.rejected([one.p_worse for one in found]))
    better = iter(levels.rejected([1 - one.p_worse for one in found]))
    return [
        _decided(row, one, tolerance, levels.bound, is_worse=next(worse), is_better=next(better))
        if isinstance(one, _Tested)
        else Verdict(row, _WORDS.get(row.status, "cannot_tell"), tolerance, one)
        for row, one, tolerance in zip(rows, tested, tolerances, strict=True)
    ]


def _tested(row: Row) -> _Tested | str:
    """The row's test, or the sentence that says why there is none."""
    if row.status == "new":
        return "it is new: the baseline does not have it, so nothing says what it should be (--save writes it there)"
    if row.status != "compared" or row.ratio is None:
        return row.reason or row.status.replace("_", " ")
    if row.u_repeats is None:
        return f"{row.reason}; measure at least two repeats, better five"
    repeats = row.u_repeats, row.dof
    if 0.0 in (row.spread_old, row.spread_new):
        if row.quantity != "memory_peak_b":
            side = "both sides" if row.spread_old == row.spread_new else f"the {_frozen(row)} side"
            return (
                f"all repeats on {side} are exactly equal, which no clock and no meter gives: copied values, or a "
                "reading that stands still"
            )
        repeats = math.hypot(row.u_repeats, _of_a_page(row)), row.dof or math.inf
    sessions = row.u_sessions or 0.0, row.dof_sessions or math.inf
    log = math.log(row.ratio)
    p = p_above(log, repeats, sessions)
    return "the ratio has no spread" if p is None else _Tested(log, repeats, sessions, p)


def _frozen(row: Row) -> str:
    return "old" if row.spread_old == 0.0 else "new"


def _of_a_page(row: Row) -> float:
    return math.hypot(*(PAGE_B / math.sqrt(12) / value for value in (row.old, row.new) if value))


def _decided(row: Row, tested: _Tested, tolerance: float, level: float, *, is_worse: bool, is_better: bool) -> Verdict:
    width = upper_width(level, tested.repeats, tested.sessions)
    room = math.log1p(tolerance)
    low, high = tested.log - width, tested.log + width
    needed, allowed = None, f"{100 * tolerance:.3g} %"
    word: Word = "cannot_tell"
    if is_worse and tested.log > room:
        word, because = (
            "regression",
            f"worse by {_percent(tested.log)}, more than the {allowed} allowed and than chance",
        )
    elif is_better and tested.log < -room:
        word, because = "improvement", f"better by {_percent(tested.log)}, more than {allowed} and than chance"
    elif high < room:
        word, because = ("equivalent", "the same") if low > -room else ("not_worse", "not worse")
        because = f"{because} within {allowed}"
    else:
        needed = _needed(row, tested, room)
        because = _unclear(row, tested, (low, high), tolerance, needed)
    return Verdict(row, word, tolerance, because, math.exp(low), math.exp(high), tested.p_worse, needed)


def _needed(row: Row, tested: _Tested, room: float) -> int | None:
    n = round(math.sqrt(row.n_old * row.n_new))
    distance = room - tested.log if tested.log < room else tested.log
    found = repeats_needed(tested.repeats[0], tested.sessions[0], tested.repeats[1] or math.inf, n, distance)
    return None if found is None or found > _MANY else max(found, n + 1)


def _unclear(row: Row, tested: _Tested, bounds: tuple[float, float], tolerance: float, needed: int | None) -> str:
    low, high = (100 * math.expm1(bound) for bound in bounds)
    what = f"between {low:+.2g} % and {high:+.2g} %, with {100 * tolerance:.3g} % allowed"
    if needed is not None:
        return f"{what}: about {needed} repeats a side would decide it"
    if tested.sessions[0] > 0:
        return f"{what}: sessions differ too much to tell; measure both sides in one (check --plan)"
    if (spread := max(row.spread_old or 0.0, row.spread_new or 0.0)) > _RESTLESS:
        return f"{what}: repeats spread by {100 * spread:.2g} %; make the device quieter first (edgewatt doctor)"
    return f"{what}: the change is so close to what is allowed that no number of repeats decides it soon"


def _percent(log: float) -> str:
    """How far from 1, in percent, or as a factor where that is easier to read."""
    share = abs(math.expm1(log))
    return f"{100 * share:.2g} %" if share < 1 else f"a factor of {math.exp(abs(log)):.3g}"

"""The coverage of calibrations as a page of Markdown."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from tests.virtual_suite.cases import Case
from tests.virtual_suite.trials import Outcome, Trial
from tests.virtual_time.scores import Share

_NOTE: Final = 100
_HEAD: Final = """\
# Coverage in virtual time: calibrations

SIMULATED. {seeds} seeds of {personality}, from {first} on, each another phone: watts of each cluster and the share of
them that the first core wakes, leakage, cooling, throttling, the radio's laws, a slowdown beside co-runners, and a
meter with a gain of its own. Each is a whole suite as `calibrate --collect --short` plans it ({seconds:g} s a window,
radio at {signals} dBm), from the virtual phone's bytes through parsers, clock fits and storage to `calibration_of`.
Written by `python -m tests.virtual_suite`.

- *coverage*: how often the 95 % interval of a constant holds {truth}, and the 95 % interval of
  that share;
- *half-width*: the median, relative to the truth; *bias*, *RMS*: of the values, relative to the truth;
- *none*: how often a row gave no value, *open*: a value without an interval.

Pooled over all constants of all seeds: {pooled}. By constant: {by_constant}.

| constant | coverage | half-width | bias | RMS | open | none |
|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Line:
    """The trials of one constant, summed up; NaN without a value."""

    constant: str
    coverage: Share
    half_width: float
    bias: float
    rms: float
    open: int
    none: int


def line(constant: str, trials: Sequence[Trial]) -> Line:
    """Of the trials of one constant. What is measured against a truth of 0 has no relative errors."""
    held = [trial.is_held for trial in trials if trial.is_held is not None]
    apart = [t for t in trials if t.truth and t.value is not None]
    errors = [(t.value or 0.0) / t.truth - 1 for t in apart]
    widths = [(t.interval[1] - t.interval[0]) / 2 / abs(t.truth) for t in apart if t.interval is not None]
    n = len(errors)
    return Line(
        constant,
        Share(sum(held), len(held)),
        median(widths) if widths else math.nan,
        math.fsum(errors) / n if n else math.nan,
        math.sqrt(math.fsum(e * e for e in errors) / n) if n else math.nan,
        sum(t.value is not None and t.interval is None for t in trials),
        sum(t.value is None for t in trials),
    )


def lines(outcomes: Iterable[Outcome]) -> list[Line]:
    """One of each constant, in the order in which they came."""
    found: dict[str, list[Trial]] = {}
    for outcome in outcomes:
        for trial in outcome.trials:
            found.setdefault(trial.constant, []).append(trial)
    return [line(constant, trials) for constant, trials in found.items()]


def pooled(outcomes: Iterable[Outcome]) -> Share:
    """Over all constants of all seeds."""
    held = [t.is_held for outcome in outcomes for t in outcome.trials if t.is_held is not None]
    return Share(sum(held), len(held))


def page(outcomes: Sequence[Outcome], case: Case, first: int, *, seen: bool = False) -> Iterator[str]:
    """The page."""
    rows = lines(outcomes)
    within = [one for one in rows if one.coverage.of and 0.9 <= one.coverage.value <= 0.99]
    judged = [one for one in rows if one.coverage.of]
    yield _HEAD.format(
        seeds=len(outcomes),
        personality=case.personality,
        first=first,
        truth="the truth as the meter sees it" if seen else "the plain truth, the meter's gain being stated",
        seconds=case.seconds,
        signals=", ".join(f"{dbm:g}" for dbm in case.signals_dbm),
        pooled=_share(pooled(outcomes)),
        by_constant=f"{len(within)} of {len(judged)} lie between 90 and 99 %",
    )
    for one in rows:
        yield (
            f"| {one.constant} | {_share(one.coverage)} | {_percent(one.half_width)} | {_percent(one.bias, sign=True)} "
            f"| {_percent(one.rms)} | {one.open} | {one.none} |\n"
        )
    notes = Counter(_kind(note) for outcome in outcomes for note in outcome.notes)
    count = len(outcomes)
    yield (
        f"\n{1e3 * sum(o.recorded_s for o in outcomes) / count:.0f} ms of processor time to record a suite, "
        f"{1e3 * sum(o.fitted_s for o in outcomes) / count:.0f} ms to calibrate it. Notes of the calibrations:\n\n"
    )
    yield "".join(f"- {note} ({times})\n" for note, times in notes.most_common())


def _kind(note: str) -> str:
    """A note without its numbers, as far as it tells one from another."""
    return re.sub(r"-?[0-9][0-9.,]*", "N", note)[:_NOTE]


def _share(share: Share) -> str:
    if not share.of:
        return ""
    low, high = share.interval
    return f"{100 * share.value:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def _percent(value: float, *, sign: bool = False) -> str:
    return "" if math.isnan(value) else f"{100 * value:{'+' if sign else ''}.2f} %"

"""The coverage figures as a page of Markdown."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from edgewatt.virtual_lab.phone.personalities import PERSONALITIES
from tests.virtual_time.cases import Case
from tests.virtual_time.scores import Score, Share

_HEAD = """\
# Coverage in virtual time: the phone

SIMULATED. {seeds} seeds per phone. Each draws the phone's clocks and the gains of its sensors, and is a whole run: the
virtual phone's bytes through the parsers, stamps, clock fits, storage and analysis of a real one, to the table of
results. Only streams that joules come from are read. Written by `python -m tests.virtual_time`.

- *coverage*: how often the 95 % repeatability interval holds what the same instrument would find in the long run (the
  true joules of an iteration, times the gain that was drawn for it), and the 95 % interval of that share;
- *accuracy*: how often the accuracy interval holds the plain truth, the instrument's gain being stated with the
  standard uncertainty with which it was drawn;
- *half-width*, *bias*, *RMS error*: of the repeatability interval and of its middle, relative to what it should hold;
- *marks*: reason codes, and in how many runs; a refused run has no joules.

| phone | source | measured | joules | coverage | accuracy | half-width | bias | RMS error | refused |
|---|---|---|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Result:
    """What the seeds of one case came to; `said` is why there are no joules, where there are none."""

    case: Case
    scores: Sequence[Score]
    seeds: int
    cpu_s: float
    wall_s: float
    said: str = ""


def page(results: Iterable[Result], seeds: int) -> Iterator[str]:
    """The page, a part for each result as it comes."""
    yield _HEAD.format(seeds=seeds)
    notes = []
    for result in results:
        yield "".join(f"{line}\n" for line in _rows(result))
        notes += list(_notes(result))
    yield "\n" + "".join(f"- {note}\n" for note in notes)


def _rows(result: Result) -> Iterator[str]:
    case = result.case
    plan = case.plan
    measured = f"{plan.repeats} x {plan.seconds:g} s, idle {plan.idle_s:g} s"
    if not result.scores:
        yield f"| {case.personality} | none | {measured} | none | | | | | | {result.seeds} of {result.seeds} |"
    for one in result.scores:
        yield (
            f"| {case.personality} | {one.source} | {measured} | {one.quantity} | {_share(one.coverage)} "
            f"| {_share(one.accuracy)} | {_percent(one.half_width)} | {_percent(one.bias, sign=True)} "
            f"| {_percent(one.rms)} | {one.refused.count} of {one.refused.of} |"
        )


def _notes(result: Result) -> Iterator[str]:
    phone = PERSONALITIES[result.case.personality]
    cpu = f"{1e3 * result.cpu_s / result.seeds:.0f} ms of processor time per run, {result.wall_s:.0f} s in all"
    marks = dict.fromkeys(
        f"{reason} ({count})" for one in result.scores if one.quantity == "gross" for reason, count in one.reasons
    )
    said = result.said or ("; ".join(marks) if marks else "none")
    yield f"{result.case.personality}, {phone.title}: {cpu}. Marks: {said}"


def _share(share: Share) -> str:
    if not share.of:
        return "blank"
    low, high = share.interval
    return f"{100 * share.value:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def _percent(value: float, *, sign: bool = False) -> str:
    return "" if math.isnan(value) else f"{100 * value:{'+' if sign else ''}.2f} %"

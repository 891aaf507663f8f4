"""The figures of energy per inference from a virtual meter, as a page of Markdown."""

import inspect
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from edgewatt.virtual_lab.monsoon.build import SPREAD, Spread
from edgewatt.virtual_lab.phone.virtual_time.plan import _REPEAT_REL as REPEAT_REL
from tests.virtual_meter.cases import Case
from tests.virtual_meter.trials import Outcome, trials_of
from tests.virtual_meter.wires import LATE_S, LATER_S
from tests.virtual_time.figures import _percent as percent
from tests.virtual_time.figures import _share as share
from tests.virtual_time.scores import Score, score
from tests.virtual_time.trials import QUANTITIES

_HEAD = """\
# Coverage in virtual time: energy per inference from a power meter

SIMULATED. {seeds} seeds per meter. Each draws the phone, its clocks and its loads, the meter's gains, zero points,
noise and clock, and is a whole run: the meter's bytes through frames, calibration, gaps and the time of slots, the
phone's through its parsers, trains of pulses at start and end, storage, synchronising and analysis, to the results.
Runs are shorter than a real one is (5 x 5 s, idle 10 s). Bytes are received {late:g} ms after the last sample at best,
and later by {later:g} ms on average (exponential; assumed). Written by `python -m tests.virtual_meter`.

- *coverage*: how often the 95 % repeatability interval holds what the same meter would find in the long run (true
  joules of an iteration times the meter's own gain, its zero point added), and the 95 % interval of that share;
- *accuracy*: how often the accuracy interval holds the plain truth, the profile stating the spread below;
- *half-width*: of the repeatability interval, the median; processes differ by {repeat:g} % and iterations by 5 %, which
  is most of it;
- *bias*, *RMS error*: of the value against the exact joules of the very iterations that were measured, the gain that
  was drawn for this meter taken out: the error of measuring alone;
- *refused*: runs without joules.

Gains and the rest are drawn from normal distributions with these standard deviations: {spread}.
{source}

| meter | phone | measured | joules | coverage | accuracy | half-width | bias | RMS error | refused |
|---|---|---|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Errors:
    """Mean, its standard error, root of the mean square, and the largest, of relative errors; NaN of none."""

    bias: float
    u_bias: float
    rms: float
    largest: float

    @classmethod
    def of(cls, errors: Sequence[float]) -> "Errors":
        """Of relative errors."""
        if len(errors) < 2:
            return cls(math.nan, math.nan, math.nan, math.nan)
        found = np.array(errors)
        return cls(
            float(found.mean()),
            float(found.std(ddof=1)) / math.sqrt(len(found)),
            float(np.sqrt(np.mean(found**2))),
            float(np.abs(found).max()),
        )


def errors_of(found: Sequence[Outcome], quantity: str) -> Errors:
    """Of the runs that have joules."""
    return Errors.of([one.errors[quantity] for one in found if quantity in one.errors])


@dataclass(frozen=True, slots=True)
class Result:
    """What the seeds of one case came to."""

    case: Case
    found: Sequence[Outcome]
    wall_s: float

    def score(self, quantity: str) -> Score:
        """Of one quantity."""
        return score(trials_of(self.found, quantity))


def page(results: Iterable[Result], seeds: int) -> Iterator[str]:
    """The page, a part for each result as it comes."""
    source = (inspect.getdoc(Spread) or "").partition("\n\n")
    yield _HEAD.format(
        seeds=seeds,
        late=1e3 * LATE_S,
        later=1e3 * LATER_S,
        repeat=100 * REPEAT_REL,
        spread=", ".join(f"{name} {value:g}" for name, value in asdict(SPREAD).items()),
        source=f"Where from: {source[0]} {source[2]}".replace("\n", " ").strip(),
    )
    notes = []
    for result in results:
        yield "".join(f"{line}\n" for line in _rows(result))
        notes.append(_note(result))
    yield "\n" + "".join(f"- {note}\n" for note in notes)


def _rows(result: Result) -> Iterator[str]:
    case, plan = result.case, result.case.plan
    measured = f"{plan.repeats} x {plan.seconds:g} s, idle {plan.idle_s:g} s"
    for quantity in QUANTITIES:
        one, error = result.score(quantity), errors_of(result.found, quantity)
        yield (
            f"| {case.model} | {case.personality} | {measured} | {quantity} | {share(one.coverage)} "
            f"| {share(one.accuracy)} | {percent(one.half_width)} | {_fine(error.bias, sign=True)} "
            f"(u {_fine(error.u_bias)}) | {_fine(error.rms)} | {one.refused.count} of {one.refused.of} |"
        )


def _note(result: Result) -> str:
    count = len(result.found)
    cpu_s = sum(one.cpu_s for one in result.found)
    marks = Counter(reason.partition(":")[0] for one in result.found for reason in one.row["quality_reasons"])
    largest = _fine(errors_of(result.found, "gross").largest)
    said = "; ".join(f"{reason} ({n})" for reason, n in marks.most_common()) or "none"
    return (
        f"{result.case.model}: {1e3 * cpu_s / count:.0f} ms of processor time per run, {result.wall_s:.0f} s in all. "
        f"Largest error of gross {largest}. Marks: {said}"
    )


def _fine(value: float, *, sign: bool = False) -> str:
    return "" if math.isnan(value) else f"{100 * value:{'+' if sign else ''}.3f} %"

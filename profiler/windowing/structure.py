"""What the windows of a program mean for a repeat: which of them is measured, and which are its iterations.

`measure` is what is measured, `warmup` what comes before it. Without a `measure` it is from the first iteration to the
end of the last; without iterations from the first window to the last; without any the whole program (after its
`warmup`).

Iterations are the outermost windows (inside `measure`, where there is one) called `iteration` or `step`; else the
outermost windows where all have the same name. A program of several threads or processes has those of the one that
marked first: others at the same time are the same work, or not of the step. Where nothing tells them apart the whole is
one iteration, or as many as the program or the user says.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.windowing.spans import ITERATION, SPANS_LIMIT, Span

MEASURE, WARM_UP = "measure", "warmup"
ITERATIONS: Final = (ITERATION, "step")
# Windows kept beside the iterations, each with a row of its own.
INNER_LIMIT: Final = 100_000

TWICE, DIFFERS, ALL_WARM, INNER_CUT = "measured_twice", "iterations_differ", "no_iteration_after_warmup", "inner_cut"


@dataclass(frozen=True, slots=True)
class Structure:
    """Of one repeat, all on one clock: `iterations` is int64 of shape [n, 2], empty where only `count` is known."""

    t0_ns: int
    t1_ns: int
    count: int
    iterations: NDArray[np.int64]
    warmup: tuple[int, int] | None = None
    warmup_count: int = 0
    inner: Sequence[Span] = ()
    reasons: tuple[str, ...] = ()
    is_marked: bool = False


def structure_of(
    spans: Sequence[Span], whole: tuple[int, int], *, count: int | None = None, skip: int = 0
) -> Structure:
    """What to measure of a program that ran for `whole`.

    `count` iterations are those that it or the user says; `skip` of its first ones warm up.
    """
    reasons: list[str] = []
    measured = [span for span in spans if span.name == MEASURE]
    warm = [span for span in spans if span.name == WARM_UP]
    window = _hull(measured) if measured else None
    if len(measured) > 1:
        reasons.append(TWICE)
    steps = _iterations(spans, measured[0] if measured else None, window)
    skipped, steps = steps[:skip], steps[skip:]
    if skipped and not steps:
        skipped, steps = (), skipped
        reasons.append(ALL_WARM)
    if window is None or skipped:
        outer = [span for span in spans if span.depth == 0 and span.name != WARM_UP]
        after = (_hull(warm)[1], whole[1]) if warm else whole
        window = _hull(steps) if steps else window or (_hull(outer) if outer else after)
    pairs = np.asarray([(span.t0_ns, span.t1_ns) for span in steps], np.int64).reshape(-1, 2)
    known = len(pairs) or count or 1
    if count is not None and len(pairs) and count != len(pairs) + len(skipped):
        reasons.append(DIFFERS)
    if not len(pairs) and known == 1:
        pairs = np.asarray([window], np.int64)
    marked = {id(span) for span in (*steps, *skipped, *measured, *warm)}
    inner = [span for span in spans if id(span) not in marked]
    if len(inner) > INNER_LIMIT:
        reasons.append(INNER_CUT)
    return Structure(
        *window,
        known,
        pairs,
        _hull([*warm, *skipped]) if warm or skipped else None,
        len(skipped) or len(warm),
        inner[:INNER_LIMIT],
        tuple(reasons),
        bool(spans),
    )


def _iterations(spans: Sequence[Span], measure: Span | None, window: tuple[int, int] | None) -> Sequence[Span]:
    """The windows that are an iteration each, in order of their beginning."""
    outer = [
        span
        for span in spans[:SPANS_LIMIT]
        if span.depth == (measure.depth + 1 if measure is not None and measure.writer == span.writer else 0)
        and span.name not in (MEASURE, WARM_UP)
        and not span.has_raised
        and (window is None or (window[0] <= span.t0_ns and span.t1_ns <= window[1]))
    ]
    if not outer:
        return ()
    first = min(outer, key=lambda span: span.t0_ns).writer
    outer = [span for span in outer if span.writer == first]
    names = {span.name for span in outer}
    name = next((name for name in ITERATIONS if name in names), names.pop() if len(names) == 1 else None)
    return sorted((span for span in outer if span.name == name), key=lambda span: span.t0_ns)


def _hull(spans: Sequence[Span]) -> tuple[int, int]:
    return min(span.t0_ns for span in spans), max(span.t1_ns for span in spans)

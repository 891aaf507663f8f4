"""From what a command told to the windows of its repeat."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.collectors.runtimes.commands.places import ON_ARRIVAL
from edgewatt.collectors.runtimes.commands.summary import Summary
from edgewatt.profiler.clock import HOST_CLOCK, NS_PER_S
from edgewatt.profiler.protocols import RepeatFacts, RepeatRequest, Sink
from edgewatt.profiler.window import WARMUP, Window, measure_window
from edgewatt.profiler.windowing.spans import NONSENSE, Span
from edgewatt.profiler.windowing.structure import Structure, structure_of

MIXED, SUMMARY_NONSENSE = "marks_of_two_clocks", "summary_time_nonsense"
# A program's own stamp may be off by a poor comparison of clocks, the arrival of a summary by its buffer (assumed).
SLACK_NS: Final = NS_PER_S
# A stretch of training in which the same parameters trained (training_cost), and what is kept of it with a repeat.
INTERVAL: Final = "interval"
PEAK: Final = "memory_peak_b"
OF_TRAINING: Final = (
    *("forward_flop", "backward_flop", "activation_b", "memory_mean_b", "optimizer_b"),
    *("trainable_n", "frozen_n", "frozen_prefix_n", "layers_n"),
)
# Windows of the user's own begin with this, so that none of them is taken for one of ours.
MARK: Final = "mark/"


@dataclass(frozen=True, slots=True)
class Told:
    """All that is known of one execution.

    `whole` is from its start to its end on the host's clock. `clock_name` is the clock of its own stamps (None:
    unknown), and `offset_ns` takes them to the host's. `summary` is a tool's, or why there is none; `times` its
    queries, int64 of shape [n, 2] on the host's clock, or why there are none.
    """

    whole: tuple[int, int]
    printed: Sequence[Span] = ()
    filed: Sequence[Span] = ()
    clock_name: str | None = HOST_CLOCK
    offset_ns: int = 0
    count: int | None = None
    skip: int = 0
    summary: Summary | str | None = None
    times: NDArray[np.int64] | str | None = None
    memory_peak_b: int | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a repeat is: its windows on the clock called `clock_name`, which `offset_ns` takes to the host's."""

    structure: Structure
    clock_name: str = HOST_CLOCK
    offset_ns: int = 0
    latency_s: float | None = None
    latency_stat: str = "median"
    init_s: float | None = None
    first_s: float | None = None
    memory_peak_b: int | None = None
    figures: Mapping[str, Any] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()


def outcome_of(told: Told) -> Outcome:
    """The windows by the command's own marks; else by a tool's summary; else the whole command."""
    spans, clock_name, reasons = _on_one_clock(told)
    if not spans and isinstance(told.summary, Summary):
        if told.summary.ended_ns - round(told.summary.seconds * NS_PER_S) >= told.whole[0] - SLACK_NS:
            return _by_summary(told, told.summary, reasons)
        reasons = (*reasons, SUMMARY_NONSENSE)
    elif not spans and isinstance(told.summary, str):
        reasons = (*reasons, told.summary)
    offset_ns = told.offset_ns if clock_name != HOST_CLOCK else 0
    whole = (told.whole[0] - offset_ns, told.whole[1] - offset_ns)
    structure = structure_of(spans, whole, count=told.count, skip=told.skip)
    pairs, span_ns = structure.iterations, structure.t1_ns - structure.t0_ns
    return Outcome(
        structure,
        clock_name,
        offset_ns,
        latency_s=None if len(pairs) else span_ns / structure.count / NS_PER_S,
        latency_stat="median" if len(pairs) else "mean",
        first_s=(int(pairs[0, 1]) - int(pairs[0, 0])) / NS_PER_S if len(pairs) > 1 else None,
        memory_peak_b=told.memory_peak_b,
        reasons=(*reasons, *structure.reasons),
    )


def _on_one_clock(told: Told) -> tuple[list[Span], str, tuple[str, ...]]:
    """The marks that can be used together, the clock that they are on, and reasons.

    A program's own stamps are better than arrivals, which carry what lies between; on this host both are of one clock.
    """
    reasons = list(told.reasons)
    spans = [*told.printed, *(told.filed if told.clock_name is not None else ())]
    own_name = told.clock_name or HOST_CLOCK
    if own_name != HOST_CLOCK:
        own = [span for span in spans if span.is_own]
        if own and len(own) < len(spans):
            reasons.append(MIXED)
        spans = own or spans
    is_own = any(span.is_own for span in spans)
    clock_name = own_name if is_own else HOST_CLOCK
    if own_name != HOST_CLOCK or told.clock_name is None:
        reasons += [] if is_own else [ON_ARRIVAL]
    offset_ns, slack_ns = (told.offset_ns, SLACK_NS) if clock_name != HOST_CLOCK else (0, 0)
    t0_ns, t1_ns = told.whole[0] - offset_ns - slack_ns, told.whole[1] - offset_ns + slack_ns
    inside = [span for span in spans if t0_ns <= span.t0_ns and span.t1_ns <= t1_ns]
    if len(inside) < len(spans):
        reasons.append(NONSENSE)
    return inside, clock_name if inside else HOST_CLOCK, tuple(dict.fromkeys(reasons))


def _by_summary(told: Told, summary: Summary, reasons: tuple[str, ...]) -> Outcome:
    t1_ns = min(summary.ended_ns, told.whole[1])
    t0_ns = t1_ns - round(summary.seconds * NS_PER_S)
    times = told.times if isinstance(told.times, np.ndarray) else np.empty((0, 2), np.int64)
    warmup = None
    if summary.warmup_s:
        warmup = (t0_ns - round(summary.warmup_s * NS_PER_S), t0_ns)
    missing = (told.times,) if isinstance(told.times, str) else ()
    structure = Structure(t0_ns, t1_ns, summary.iterations, times, warmup, summary.warmup_iterations or 0)
    return Outcome(
        structure,
        latency_s=summary.latency_s,
        latency_stat=summary.latency_stat,
        init_s=summary.init_s,
        first_s=summary.first_s,
        memory_peak_b=told.memory_peak_b if summary.memory_peak_b is None else summary.memory_peak_b,
        figures={**summary.figures, "version": summary.version},
        reasons=(*reasons, *summary.reasons, *missing),
    )


def _trained(inner: Sequence[Span]) -> dict[str, int]:
    """What a training told of its steps: of the last stretch in which the same trained, the whole numbers."""
    return {key: of for key in OF_TRAINING if (of := _whole(inner, key)) is not None}


def _whole(inner: Sequence[Span], key: str) -> int | None:
    told = [span for span in inner if span.name == INTERVAL]
    text = max(told, key=lambda span: span.t0_ns).attributes.get(key, "") if told else ""
    return int(text) if text.isascii() and text.isdigit() else None


def give(sink: Sink, request: RepeatRequest, outcome: Outcome, target: str | None) -> RepeatFacts:
    """The windows and iterations of a repeat into the sink; what it told."""
    structure, name = outcome.structure, measure_window(request.repeat)
    window = Window("", 0, 0, outcome.clock_name, name, request.config_id)
    if structure.warmup is not None:
        learnt = {"iterations": structure.warmup_count or None, "steady": None}
        t0_ns, t1_ns = structure.warmup
        sink.window(replace(window, name=WARMUP, t0_ns=t0_ns, t1_ns=t1_ns, attributes=learnt))
    for inner in structure.inner:
        about = {**inner.attributes, "depth": inner.depth, "writer": inner.writer}
        shown = f"{MARK}{inner.name}"
        sink.window(replace(window, name=shown, t0_ns=inner.t0_ns, t1_ns=inner.t1_ns, attributes=about))
    if len(structure.iterations):
        host_ns = structure.iterations + outcome.offset_ns
        sink.iterations(request.repeat, host_ns[:, 0].copy(), host_ns[:, 1].copy())
    told_b = _whole(structure.inner, PEAK)
    facts = RepeatFacts(
        iterations=structure.count,
        target_used=target or "",
        steady=None,
        init_s=outcome.init_s,
        first_s=outcome.first_s,
        memory_peak_b=outcome.memory_peak_b if told_b is None else told_b,
        latency_s=outcome.latency_s,
        latency_stat=outcome.latency_stat,
        reasons=tuple(dict.fromkeys(outcome.reasons)),
    )
    attributes = {
        **_trained(structure.inner),
        "order": request.order,
        "iterations": facts.iterations,
        "init_s": facts.init_s,
        "first_s": facts.first_s,
        "memory_peak_b": facts.memory_peak_b,
        "target_used": target,
        "steady": None,
        "latency_s": facts.latency_s,
        "latency_stat": facts.latency_stat,
        "warmup_iterations": structure.warmup_count or None,
        "printed": dict(outcome.figures),
        "reasons": list(facts.reasons),
    }
    span = replace(window, t0_ns=structure.t0_ns, t1_ns=structure.t1_ns)
    sink.window(replace(span, name=name, parent=None, attributes=attributes))
    return facts

"""From what a runner printed to the windows of a repeat and what it told."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from edgewatt.collectors.android.stamps import PHONE_CLOCK
from edgewatt.collectors.runtimes.benchmark_model.counts import Count
from edgewatt.collectors.runtimes.benchmark_model.delegates import target_used
from edgewatt.collectors.runtimes.benchmark_model.output import Parsed, Phase
from edgewatt.profiler.clock import NS_PER_S
from edgewatt.profiler.protocols import RepeatFacts, RepeatRequest, Sink
from edgewatt.profiler.window import WARMUP, Window, measure_window

# The measured window's beginning is not the line that announced it, but its end less the iterations.
FROM_SUMMARY: Final = "window_from_summary"
# A window cannot be shorter than its iterations. Where it is by more than a stamp's resolution, the lines were held
# back, as in the buffer of a tool that writes to a pipe.
_SHORT_REL, _SHORT_NS = 0.02, 20_000_000
_PRINTED: Final = ("first_s", "min_s", "max_s", "avg_s", "std_s", "p5_s", "median_s", "p95_s")


@dataclass(frozen=True, slots=True)
class Span:
    """From `t0_ns` to `t1_ns` of the phone's clock, and reason codes."""

    t0_ns: int
    t1_ns: int
    reasons: tuple[str, ...] = ()


def facts_of(parsed: Parsed, asked: str, reasons: Sequence[str] = ()) -> RepeatFacts:
    """What a complete output told of a repeat.

    `latency_s` is the median where the tool prints one, else the mean; `steady` is None, because a summary of the
    warm-up does not show it.
    """
    count, used = _measured(parsed), target_used(asked, parsed)
    return RepeatFacts(
        iterations=count.n,
        target_used=used.target,
        steady=None,
        init_s=parsed.init_s,
        first_s=parsed.first_s,
        memory_peak_b=parsed.memory_overall_b,
        latency_s=count.avg_s if count.median_s is None else count.median_s,
        latency_stat="mean" if count.median_s is None else "median",
        reasons=tuple(dict.fromkeys((*reasons, *used.reasons))),
    )


def measured_span(parsed: Parsed, last_ns: int | None) -> Span | None:
    """When the measured iterations were executed; None if no line has a stamp. `last_ns` is the last line's."""
    phase, count = parsed.measured, _measured(parsed)
    mean_s = count.avg_s if count.avg_s is not None else count.median_s
    t1_ns = phase.t1_ns if phase.t1_ns is not None else last_ns
    if t1_ns is None:
        return None
    iterated_ns = round((mean_s or 0.0) * count.n * NS_PER_S)
    if phase.t0_ns is not None and t1_ns - phase.t0_ns >= iterated_ns * (1 - _SHORT_REL) - _SHORT_NS:
        return Span(phase.t0_ns, t1_ns)
    return Span(t1_ns - iterated_ns, t1_ns, (FROM_SUMMARY,))


def give(sink: Sink, request: RepeatRequest, parsed: Parsed, span: Span, facts: RepeatFacts, more: Any) -> None:
    """The windows of a repeat into the sink, with what was learnt in them; `more` are further attributes."""
    name, warm = measure_window(request.repeat), parsed.warmup
    if warm.t0_ns is not None and warm.t1_ns is not None and warm.t1_ns <= span.t0_ns:
        learnt = {"iterations": None if warm.count is None else warm.count.n, "steady": None}
        sink.window(Window(WARMUP, warm.t0_ns, warm.t1_ns, PHONE_CLOCK, name, request.config_id, learnt))
    attributes = {
        "order": request.order,
        "iterations": facts.iterations,
        "init_s": facts.init_s,
        "first_s": facts.first_s,
        "memory_peak_b": facts.memory_peak_b,
        "target_used": facts.target_used,
        "steady": facts.steady,
        "latency_s": facts.latency_s,
        "latency_stat": facts.latency_stat,
        "warmup_iterations": None if warm.count is None else warm.count.n,
        "printed": _printed(parsed.measured),
        "reasons": list(facts.reasons),
        **more,
    }
    sink.window(Window(name, span.t0_ns, span.t1_ns, PHONE_CLOCK, None, request.config_id, attributes))


def _measured(parsed: Parsed) -> Count:
    if parsed.measured.count is None:
        raise RuntimeError("an output without a measurement")
    return parsed.measured.count


def _printed(phase: Phase) -> dict[str, float]:
    """The figures of the iterations, as far as the tool gives them."""
    figures = {} if phase.count is None else asdict(phase.count)
    return {name: figures[name] for name in _PRINTED if figures.get(name) is not None}

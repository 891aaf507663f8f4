"""What a benchmark_model printed, of every generation: any lines give a Parsed, never an exception.

A text may hold several outputs, as of the tool that tries one delegate after the other; the first complete one counts.
"""

from collections.abc import Iterable
from dataclasses import replace

from edgewatt.collectors.runtimes.benchmark_model.lines import StampedLine, body_of, stamped
from edgewatt.collectors.runtimes.benchmark_model.parsed import Parsed, Phase
from edgewatt.collectors.runtimes.benchmark_model.segment import Segment

__all__ = ["Parsed", "Phase", "StampedLine", "parse", "stamped"]


def parse(lines: Iterable[StampedLine]) -> Parsed:
    """The first complete output in `lines`; if none is, the first that got furthest."""
    chosen: Parsed | None = None
    complete, segment = 0, Segment()
    for line in lines:
        body = body_of(line)
        if segment.ends_before(body.text):
            chosen, complete = _better(chosen, segment.parsed), complete + segment.parsed.complete
            segment = Segment()
        segment.hear(body, line.t_ns, ended=line.ended)
    last = segment.parsed
    chosen, complete = _better(chosen, last), complete + last.complete
    notes = chosen.notes
    if complete > 1:
        notes = (*notes, f"{complete} complete outputs were in the text; the first one counts")
    return replace(chosen, outputs=complete, notes=notes)


def _better(chosen: Parsed | None, other: Parsed) -> Parsed:
    return other if chosen is None or _progress(other) > _progress(chosen) else chosen


def _progress(parsed: Parsed) -> int:
    """How far a run came: measured, warmed up, ready, said anything at all."""
    steps = (parsed.complete, parsed.warmup.count is not None, parsed.init_s is not None, parsed.generation is not None)
    return sum(2**place for place, reached in enumerate(reversed(steps)) if reached)

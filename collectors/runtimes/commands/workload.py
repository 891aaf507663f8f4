"""A command of the user's, executed afresh for every repeat.

Its measured window is the whole command, from just before it is started until it has ended, unless it marks windows
itself or is a benchmark tool that sums up its measured phase (profiler/windowing, trtexec.py, ort_perf.py). What it is
called in the tables is the command itself, and `model_sha256` is the hash of its words: nobody knows its model.
"""

import signal
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.collectors.runtimes.commands.asked import Asked
from edgewatt.collectors.runtimes.commands.heard import Heard
from edgewatt.collectors.runtimes.commands.outcome import Told, give, outcome_of
from edgewatt.collectors.runtimes.commands.places import Place, Tie
from edgewatt.collectors.runtimes.commands.running import Running
from edgewatt.collectors.runtimes.commands.summary import Listener, Summary
from edgewatt.collectors.runtimes.commands.tools import tool_of
from edgewatt.collectors.runtimes.text import printable
from edgewatt.collectors.runtimes.trtexec import TIMES_LIMIT_B, times_of
from edgewatt.profiler.clock import HOST_CLOCK, NS_PER_S, Clock, HostClock
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.identity import sha256_of_json
from edgewatt.profiler.protocols import RepeatFacts, RepeatRequest, Sink, WorkloadFacts
from edgewatt.profiler.windowing.spans import Printed, Span, read_marks

RUNTIME: Final = "command"
LOOK_S: Final = 0.5
# How often a long command is said to be alive.
NOTE_EVERY_S: Final = 10.0
EXIT_UNKNOWN: Final = "exit_code_unknown"


class CommandWorkload:
    """Repeats of one command in one place. `note` is told that it goes on."""

    def __init__(self, place: Place, asked: Asked, note: Callable[[str], None] | None = None) -> None:
        self._place, self._asked, self._note = place, asked, note
        self._tool = tool_of(asked.words)
        self._clock: Clock = HostClock()

    def open(self, clock: Clock) -> WorkloadFacts:
        """Look whether there is such a program; it is not executed. Raises UsageError if there is none."""
        self._clock = clock
        asked = self._asked
        return WorkloadFacts(
            model=asked.name,
            model_sha256=sha256_of_json({"command": list(asked.words)}),
            runtime=RUNTIME if self._tool is None else self._tool.name,
            runtime_version=self._place.check(),
            target_asked=asked.target,
            precision=None,
            threads=asked.threads,
            batch=asked.batch,
            task=asked.task,
        )

    def repeat(self, request: RepeatRequest, sink: Sink) -> RepeatFacts:
        """Execute it once; what it printed is in the sink in any case.

        Raises DeviceError, in one line with what it printed last, if it cannot be started, takes too long or fails.
        """
        tie = self._place.tie(self._clock)
        run = self._place.start(self._clock)
        listener = None if self._tool is None else self._tool.listen()
        since_ns = run.t0_ns if tie.clock_name == HOST_CLOCK else None
        printed = Printed(since_ns, has_clock=tie.clock_name is not None)
        heard = Heard(printed, None if listener is None else listener.hear)
        try:
            self._listen(run, heard, request.repeat)
        finally:
            run.close()
            if heard.raw:
                sink.raw(f"{RUNTIME}-{request.repeat}.txt", bytes(heard.raw))
        if run.returncode:
            raise self._failed(run, heard)
        told = self._told(run, heard, listener, tie)
        return give(
            sink, request, outcome_of(replace(told, count=request.iterations or told.count)), self._asked.target
        )

    def close(self) -> None:
        """Remove what was put beside the command."""
        self._place.close()

    def _listen(self, run: Running, heard: Heard, repeat: int) -> None:
        """Until it ended. Raises DeviceError if that takes too long."""
        told_ns = self._clock.now_ns()
        end_ns = told_ns + round(self._asked.timeout_s * NS_PER_S)
        while (chunks := run.read(LOOK_S)) is not None:
            heard.take(chunks)
            now_ns = self._clock.now_ns()
            if now_ns > end_ns:
                raise DeviceError(
                    f"'{self._asked.name}' was not done within {self._asked.timeout_s:g} s and was ended; give it more "
                    f"with --timeout{_said(heard)}"
                )
            if self._note is not None and now_ns - told_ns >= NOTE_EVERY_S * NS_PER_S:
                self._note(f"repeat {repeat + 1}: {(now_ns - run.t0_ns) // NS_PER_S} s of the command")
                told_ns = now_ns
        heard.end(run.t1_ns)

    def _told(self, run: Running, heard: Heard, listener: Listener | None, tie: Tie) -> Told:
        place, unknown = self._place, () if run.returncode is not None else (EXIT_UNKNOWN,)
        filed, broken = read_marks(place.marks())
        summary = None if listener is None else listener.summary()
        return Told(
            whole=(run.t0_ns, run.t1_ns),
            printed=_shifted(heard.printed.spans, tie.shift_ns),
            filed=_shifted(filed, tie.shift_ns),
            clock_name=tie.clock_name,
            offset_ns=tie.offset_ns,
            count=heard.printed.iterations,
            skip=self._asked.skip,
            summary=summary,
            times=self._times(summary),
            memory_peak_b=run.memory_peak_b,
            reasons=(*place.reasons(), *heard.reasons, *broken, *unknown),
        )

    def _times(self, summary: Summary | str | None) -> NDArray[np.int64] | str | None:
        """The queries that a tool was asked to write into a file."""
        path = None if self._tool is None else self._tool.times(self._asked.words)
        if path is None or not isinstance(summary, Summary):
            return None
        return times_of(self._place.file(path, TIMES_LIMIT_B), summary.ended_ns)

    def _failed(self, run: Running, heard: Heard) -> DeviceError:
        code, after_s = run.returncode or 0, (run.t1_ns - run.t0_ns) / NS_PER_S
        how = f"ended with exit code {code}"
        if code < 0:
            how = f"was ended by {_signal_name(-code)}"
        elif code in (126, 127):
            how = f"could not be started there (exit code {code})"
        return DeviceError(f"'{printable(self._asked.name)}' {how} after {after_s:.1f} s{_said(heard)}")


def _shifted(spans: Sequence[Span], shift_ns: int) -> Sequence[Span]:
    """The windows with their own stamps moved to another clock of the same machine."""
    if not shift_ns:
        return spans
    return [
        replace(span, t0_ns=span.t0_ns + shift_ns, t1_ns=span.t1_ns + shift_ns) if span.is_own else span
        for span in spans
    ]


def _said(heard: Heard) -> str:
    words = heard.last_words
    return f"; it last said: {words}" if words else "; it said nothing"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"

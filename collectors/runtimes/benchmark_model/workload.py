"""A .tflite model on a phone, executed by the user's benchmark_model, in a fresh process for every repeat.

Windows are on the phone's clock: from the line that announces a phase to the one that sums it up, as they appeared.
The tool reveals no iterations, so that there are only its mean and, of its newest builds, its median and percentiles.
It makes random inputs itself, of which nothing is known: `input_sha256` is None.

A warm-up is at least one inference and WARMUP_S, longer for a slow sensor, or the limit of the repeat if that is
shorter: the tool's own default is 0.5 s, and it cannot tell when it is steady.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.android.state.sleep import State, look, suspended_s
from edgewatt.collectors.runtimes.benchmark_model.execution import Limits, Outcome
from edgewatt.collectors.runtimes.benchmark_model.flags import Dialect, Flags, dialect_of, flags_for
from edgewatt.collectors.runtimes.benchmark_model.op_tables import run_rows
from edgewatt.collectors.runtimes.benchmark_model.output import Parsed
from edgewatt.collectors.runtimes.benchmark_model.request import Asked, checked
from edgewatt.collectors.runtimes.benchmark_model.runner import MODEL, Runner
from edgewatt.collectors.runtimes.benchmark_model.told import facts_of, give, measured_span
from edgewatt.collectors.runtimes.litert_graph import precision
from edgewatt.collectors.runtimes.model_file import ModelFile, check_unchanged, look_at_model_file
from edgewatt.collectors.runtimes.tflite_graph import read_graph_of
from edgewatt.profiler.clock import Clock
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.identity import sha256_of_file
from edgewatt.profiler.protocols import Operator, RepeatFacts, RepeatRequest, Sink, WorkloadFacts, WorkloadRequest

RUNTIME: Final = "benchmark_model"
RAW_NAME: Final = "benchmark_model.txt"
WARMUP_S: Final = 2.0
# How long operators are profiled for; assumed to be enough for the mean of each.
OPERATORS_S: Final = 1.0
SUSPENDED: Final = "suspended"
# A tool that goes on and on, yet never falls silent, is ended after so many silence limits (assumed).
_TOTAL: Final = 4
# Iterations may take so much longer than the first one did before a tool counts as silent (assumed).
_SLOWER: Final = 2


@dataclass(frozen=True, slots=True)
class _Opened:
    """What `open` found, for the repeats. `iteration_s` is about how long one takes."""

    asked: Asked
    model: ModelFile
    dialect: Dialect
    iteration_s: float = 0.0


@dataclass(frozen=True, slots=True)
class _Run:
    """What is asked of one execution of the tool: at least `seconds` and `iterations`."""

    seconds: float = 0.0
    iterations: int = 1
    warmup_s: float = 0.0
    profile_ops: bool = False


class BenchmarkModelWorkload:
    """Repeats of one model on one phone. `note` is told what takes long."""

    def __init__(self, phone: Phone, request: WorkloadRequest, note: Callable[[str], None] | None = None) -> None:
        self._phone, self._request, self._note = phone, request, note or _say_nothing
        self._runner: Runner | None = None
        self._opened: _Opened | None = None
        self._held = bytearray()

    def open(self, clock: Clock) -> WorkloadFacts:
        """Check everything, put it on the phone, and execute the model once; with op profiling if that was asked for.

        Raises UsageError for a request, a model or a runner that is wrong, DeviceError if it cannot run here.
        """
        del clock  # the phone stamps with its own
        request, asked = self._request, checked(self._request)
        opened = _Opened(asked, look_at_model_file(request.model), dialect_of(asked.runner))
        graph = read_graph_of(request.model)
        run = _Run(OPERATORS_S if asked.op_profiling else 0.0, profile_ops=asked.op_profiling)
        flags = self._flags(opened, run)
        self._runner = runner = Runner(self._phone, asked, opened.model, self._note)
        runner.check_machine()
        limits = _limits(opened, run)
        looked, _ = runner.with_restarts(lambda: runner.execute(flags.argv, limits, self._held.extend, look=True))
        count = looked.parsed.measured.count
        self._opened = _Opened(asked, opened.model, opened.dialect, (count and count.avg_s) or 0.0)
        rows = run_rows(looked.parsed.op_tables)
        return WorkloadFacts(
            model=opened.model.name,
            model_sha256=opened.model.sha256,
            runtime=RUNTIME,
            runtime_version=_version(asked, looked.parsed),
            target_asked=request.target,
            precision=precision(graph),
            threads=request.threads,
            batch=request.batch,
            frequency_hz=request.frequency_hz,
            operators=[Operator(row.op, row.tensors, row.latency_s, "measured") for _, row in rows]
            or graph.operators(),
        )

    def repeat(self, request: RepeatRequest, sink: Sink) -> RepeatFacts:
        """Execute one repeat; what was printed is in the sink in any case.

        One whose connection is lost begins again. Raises LinkLost if the phone stays away, DeviceError or UsageError if
        the runner gives no measurement.
        """
        runner, opened = self._runner, self._opened
        if runner is None or opened is None:
            raise RuntimeError("open() comes before repeat()")
        check_unchanged(opened.model)
        if self._held:
            sink.raw(RAW_NAME, bytes(self._held))
            self._held.clear()
        warmup_s = min(max(WARMUP_S, request.warmup_least_s), request.warmup_limit_s)
        run = _Run(request.seconds, request.iterations, warmup_s)
        flags, limits = self._flags(opened, run), _limits(opened, run)

        def once() -> tuple[State, Outcome, State]:
            before = look(self._phone)
            outcome = runner.execute(flags.argv, limits, lambda printed: sink.raw(RAW_NAME, printed))
            return before, outcome, look(self._phone)

        (before, outcome, after), reasons = runner.with_restarts(once)
        span = measured_span(outcome.parsed, outcome.printed.last_ns)
        if span is None:
            raise DeviceError(f"{self._phone.uri} gave no time for what the runner printed; its windows are unknown")
        more = _conditions(before, after)
        slept = (SUSPENDED,) if more["suspended_s"] else ()
        replaced = tuple(f"flag_replaced:{name}" for name in flags.overridden)
        facts = facts_of(outcome.parsed, self._request.target, (*slept, *reasons, *span.reasons, *replaced))
        give(sink, request, outcome.parsed, span, facts, more)
        return facts

    def close(self) -> None:
        """Remove everything from the phone, verified; idempotent.

        Raises DeviceError with what stays; while another error is on its way, that becomes a note of it instead.
        """
        runner, self._runner = self._runner, None
        self._opened = None
        if runner is None:
            return
        leading = sys.exception()
        try:
            runner.close()
        except DeviceError as error:
            if leading is None:
                raise
            leading.add_note(str(error))

    def _flags(self, opened: _Opened, run: _Run) -> Flags:
        return flags_for(
            self._request.target,
            graph=MODEL,
            threads=self._request.threads,
            min_s=run.seconds,
            iterations=run.iterations,
            warmup_s=run.warmup_s,
            profile_ops=run.profile_ops,
            dialect=opened.dialect,
            extra=opened.asked.runner_args,
        )


def _say_nothing(_: str) -> None:
    """Where nobody listens."""


def _limits(opened: _Opened, run: _Run) -> Limits:
    """Between its summaries the tool says nothing, so that silence is as long as what was asked for, at least."""
    measuring_s = max(run.seconds, run.iterations * opened.iteration_s)
    limit_s = opened.asked.silence_limit_s
    silence_s = limit_s + run.warmup_s + _SLOWER * measuring_s
    return Limits(run.warmup_s + measuring_s, silence_s, silence_s + (_TOTAL - 1) * limit_s)


def _version(asked: Asked, parsed: Parsed) -> str:
    """The tool says no version: the beginning of its hash, and the generation that its output is of."""
    sha256 = sha256_of_file(asked.runner)[:12]
    return f"{sha256} ({parsed.generation})" if parsed.generation else sha256


def _conditions(before: State, after: State) -> dict[str, Any]:
    """Attributes of the measured window; from PowerManager.THERMAL_STATUS_LIGHT, which is 1, on a phone throttles."""
    statuses = [state.thermal_status for state in (before, after) if state.thermal_status is not None]
    return {
        "suspended_s": suspended_s(before, after),
        "thermal_status": max(statuses, default=None),
        "throttled": max(statuses) > 0 if statuses else None,
    }

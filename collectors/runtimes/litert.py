"""A .tflite model, executed by LiteRT (or tflite-runtime) on this host, in a fresh process for every repeat.

One iteration is one call of the interpreter's `invoke()`, with inputs set once and no output read. `memory_peak_b`
is the peak resident set of that process less its resident set just before the runtime is imported: what runtime and
model add, as benchmark_model's "footprint delta from the start of the tool". `init_s` is the construction of the
interpreter and the allocation of its tensors, from a file that is in the page cache.

Targets: `cpu` is what the runtime does on the CPU unless told otherwise, which is XNNPACK for the operators that it
takes. `xnnpack` is the same, asked for by name. `target_used` is `xnnpack` if any operator went there, else `cpu`; the
reasons `partly_delegated` and `not_delegated` (asked for, none taken) say how far it went.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from edgewatt.collectors.runtimes.host_memory import available_memory_b
from edgewatt.collectors.runtimes.litert_failures import Attempt, Progress, explain
from edgewatt.collectors.runtimes.litert_request import checked_options, find_runtime
from edgewatt.collectors.runtimes.model_file import ModelFile, check_unchanged, look_at_model_file
from edgewatt.collectors.runtimes.worker_process import WorkerProcess
from edgewatt.profiler.clock import Clock
from edgewatt.profiler.protocols import RepeatFacts, RepeatRequest, Sink, WorkloadFacts, WorkloadRequest
from edgewatt.profiler.window import WARMUP, Window, measure_window

WORKER: Final = "edgewatt.collectors.runtimes.litert_worker"
RAW_NAME: Final = "litert.txt"
RAW_LIMIT_B: Final = 1 << 20
_CUT: Final = b"\n[edgewatt kept the first MiB]\n"


@dataclass(frozen=True, slots=True)
class _Looked:
    """What the first look told that the repeats need."""

    model: ModelFile
    runtime: str
    silence_limit_s: float
    inputs: Sequence[Mapping[str, Any]]
    reasons: tuple[str, ...]


class LitertWorkload:
    """Repeats of one model, each in a process of its own; `open` looks at it in one, too."""

    def __init__(self, request: WorkloadRequest) -> None:
        self._request = request
        self._looked: _Looked | None = None
        self._printed = bytearray()
        self._print_left_b = RAW_LIMIT_B

    def open(self, clock: Clock) -> WorkloadFacts:
        """Load and execute the model once, and tell what it is.

        Raises UsageError for a request or a file that is wrong, DeviceError if it cannot run here.
        """
        del clock  # the processes stamp with the host's own
        asked = self._request
        options = checked_options(asked)
        runtime, runtime_version = find_runtime(asked.runtime)
        model = look_at_model_file(asked.model)
        question = {"task": "look", "batch": asked.batch, "input_shapes": options.input_shapes}
        found = self._ask(model, runtime, question, _ignore, options.silence_limit_s)
        reasons = _how_far_delegated(asked.target, found["nodes"], found["delegated"])
        self._looked = _Looked(model, runtime, options.silence_limit_s, found["inputs"], reasons)
        return WorkloadFacts(
            model=model.name,
            model_sha256=model.sha256,
            runtime=runtime,
            runtime_version=runtime_version,
            target_asked=asked.target,
            precision=found["precision"],
            threads=asked.threads,
            batch=asked.batch,
            frequency_hz=asked.frequency_hz,
            input_sha256=found["input_sha256"],
            operators=tuple((op, name) for op, name in found["operators"]),
        )

    def repeat(self, request: RepeatRequest, sink: Sink) -> RepeatFacts:
        """Execute one repeat in a fresh process; what it measured before a failure or Ctrl-C is in the sink."""
        looked = self._looked
        if looked is None:
            raise RuntimeError("open() comes before repeat()")
        check_unchanged(looked.model)
        question = {
            "task": "measure",
            "inputs": looked.inputs,
            "seconds": request.seconds,
            "iterations": request.iterations,
            "warmup_limit_s": request.warmup_limit_s,
            "warmup_least_s": request.warmup_least_s,
        }
        record = _Record(request, sink)
        limit_s = looked.silence_limit_s + request.warmup_limit_s
        try:
            done = self._ask(looked.model, looked.runtime, question, record.hear, limit_s)
        finally:
            if self._printed:
                sink.raw(RAW_NAME, bytes(self._printed))
                self._printed.clear()
        return record.end(done, looked.reasons)

    def close(self) -> None:
        """Nothing stays behind: every process ended with its question."""
        self._looked = None

    def _ask(
        self,
        model: ModelFile,
        runtime: str,
        question: Mapping[str, Any],
        hear: Callable[[dict[str, Any] | bytes], None],
        silence_limit_s: float,
    ) -> dict[str, Any]:
        """The last word of a worker; `hear` gets what it says before. Raises the error that explains its silence."""
        tried = Attempt(model, runtime, available_memory_b(), silence_limit_s, worked=self._looked is not None)
        whole = {
            "model": str(model.path),
            "runtime": runtime,
            "threads": self._request.threads,
            "seed": self._request.seed,
            "available_b": tried.available_b,
            **question,
        }
        progress, answer = Progress(), None
        worker = WorkerProcess(WORKER, whole, output_limit_b=self._print_left_b)
        try:
            with worker:
                for frame in worker.frames(silence_limit_s):
                    if isinstance(frame, bytes) or not progress.hear(frame):
                        answer = frame
                        hear(frame)
        finally:
            self._keep(worker.output)
        if isinstance(answer, dict) and answer["says"] in ("looked", "measured"):
            return answer
        raise explain(tried, progress, worker)

    def _keep(self, output: bytearray) -> None:
        """Hold what a runtime printed until there is a sink for it."""
        if output:
            self._printed += output
            self._print_left_b -= len(output)
            if self._print_left_b == 0:
                self._printed += _CUT


@dataclass(slots=True)
class _Record:
    """Puts what the worker of a repeat says into the sink."""

    request: RepeatRequest
    sink: Sink
    warm: dict[str, Any] = field(default_factory=dict)

    @property
    def window(self) -> str:
        """The name of the repeat's window."""
        return measure_window(self.request.repeat)

    def hear(self, frame: dict[str, Any] | bytes) -> None:
        """Stamps go to the sink as they come, the warm-up once it has ended."""
        if isinstance(frame, bytes):
            stamps = np.frombuffer(frame, np.int64).reshape(-1, 2)
            self.sink.iterations(self.request.repeat, stamps[:, 0].copy(), stamps[:, 1].copy())
        elif frame["says"] == "warm":
            self.warm = frame
            learnt = {"iterations": frame["iterations"], "steady": frame["steady"]}
            self._give(WARMUP, frame, learnt, parent=self.window)

    def end(self, done: Mapping[str, Any], reasons: tuple[str, ...]) -> RepeatFacts:
        """The measured window into the sink; what the repeat told."""
        facts = RepeatFacts(
            iterations=done["iterations"],
            target_used="xnnpack" if done["delegated"] else "cpu",
            steady=self.warm["steady"],
            init_s=done["init_s"],
            first_s=self.warm["first_s"],
            memory_peak_b=done["memory_peak_b"],
            reasons=reasons,
        )
        learnt = {
            "order": self.request.order,
            "iterations": facts.iterations,
            "init_s": facts.init_s,
            "first_s": facts.first_s,
            "memory_peak_b": facts.memory_peak_b,
            "memory_baseline_b": done["memory_baseline_b"],
            "target_used": facts.target_used,
            "steady": facts.steady,
            "latency_stat": facts.latency_stat,
            "warmup_iterations": self.warm["iterations"],
            "reasons": list(facts.reasons),
        }
        self._give(self.window, done, learnt)
        return facts

    def _give(self, name: str, span: Mapping[str, Any], learnt: Mapping[str, Any], parent: str | None = None) -> None:
        config_id = self.request.config_id
        window = Window(name, span["t0_ns"], span["t1_ns"], parent=parent, config_id=config_id, attributes=learnt)
        self.sink.window(window)


def _ignore(_frame: dict[str, Any] | bytes) -> None:
    """What a look says before its last word is progress only."""


def _how_far_delegated(target: str, nodes: int, delegated: int) -> tuple[str, ...]:
    if 0 < delegated < nodes:
        return ("partly_delegated",)
    return ("not_delegated",) if target == "xnnpack" and nodes > 0 and delegated == 0 else ()

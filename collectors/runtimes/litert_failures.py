"""Why a worker gave no answer, in one line: a bad file is the user's (exit 2), anything else the host's (exit 6)."""

import signal
from dataclasses import dataclass, field
from typing import Any, Final

from edgewatt.collectors.runtimes.model_file import SMALLER, ModelFile
from edgewatt.collectors.runtimes.text import one_line, printable
from edgewatt.collectors.runtimes.worker_process import WorkerProcess
from edgewatt.profiler.errors import DeviceError, EdgewattError, UsageError
from edgewatt.profiler.units import format_si

_DOING: Final = {
    "structure": "reading the file",
    "import": "importing the runtime",
    "load": "loading it",
    "allocate": "preparing it",
    "fill": "setting its inputs",
    "first inference": "running its first inference",
    "warm-up": "warming up",
    "measure": "measuring",
}
_DAMAGE: Final = (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGTRAP)


@dataclass(slots=True)
class Progress:
    """How far a worker came, and what it said of its own failure."""

    phase: str = "start"
    custom_operators: list[str] = field(default_factory=list)
    failure: dict[str, Any] | None = None

    def hear(self, message: dict[str, Any]) -> bool:
        """Note a message about progress; False if it is about something else."""
        match message:
            case {"says": "phase", "name": str(name)}:
                self.phase = name
            case {"says": "structure", "custom": list(custom)}:
                self.custom_operators = custom
            case {"says": "failed" | "refused"}:
                self.failure = message
            case _:
                return False
        return True

    @property
    def doing(self) -> str:
        """What it was at, in words."""
        return _DOING.get(self.phase, "starting")


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was tried when a worker ended without its answer. `worked`: the same had worked before."""

    model: ModelFile
    runtime: str
    available_b: int
    silence_limit_s: float
    worked: bool


def explain(tried: Attempt, progress: Progress, worker: WorkerProcess) -> EdgewattError:
    """The error to raise for a worker that ended without its answer."""
    failure, model, runtime = progress.failure, tried.model.shown, tried.runtime
    if failure is not None and failure["says"] == "refused":
        return UsageError(f"{model}: {one_line(failure['text'])}")
    if failure is not None and progress.phase == "import":
        return DeviceError(f"{runtime} cannot be imported: {one_line(failure['text'])}; reinstall it with pip")
    if failure is not None:
        return _failed(tried, progress, failure)
    if worker.silent:
        return DeviceError(
            f"{model}: {runtime} was ended after {tried.silence_limit_s:g} s without a sign of life while "
            f"{progress.doing}; if the model is only slow, raise the limit (option silence_limit_s)"
        )
    if worker.garbled:
        return DeviceError(
            f"{model}: the process of {runtime} wrote garbage while {progress.doing}; is the file hostile?"
        )
    return _died(tried, progress, worker)


def _failed(tried: Attempt, progress: Progress, failure: dict[str, Any]) -> EdgewattError:
    model, runtime, text, largest = tried.model.shown, tried.runtime, one_line(failure["text"]), failure["largest"]
    if failure["memory"] or (largest is not None and largest[1] > tried.available_b):
        asks = "" if largest is None else f"; its tensor {printable(largest[0])!r} takes {format_si(largest[1], 'B')}"
        return DeviceError(
            f"{model} is too big for this host: no memory while {progress.doing} ({text}){asks}, "
            f"{format_si(tried.available_b, 'B')} are available; {SMALLER}"
        )
    if tried.worked:
        return DeviceError(f"{model}: {runtime} failed while {progress.doing}, though it had worked before: {text}")
    if progress.custom_operators and progress.phase == "allocate":
        names = printable(", ".join(progress.custom_operators))
        return UsageError(
            f"{model} needs operators that {runtime} does not have, among {names}: {text}; "
            "convert it again with built-in operators only (no SELECT_TF_OPS, allow_custom_ops=False)"
        )
    return UsageError(
        f"{model}: {runtime} fails while {progress.doing}: {text}; "
        "check how the model was converted, or give it other shapes (--batch, --input-shape)"
    )


def _died(tried: Attempt, progress: Progress, worker: WorkerProcess) -> EdgewattError:
    code, last = worker.returncode or 0, one_line(_last_line(bytes(worker.output)))
    model, runtime, printed = tried.model.shown, tried.runtime, f"; it printed: {last}" if last else ""
    if code >= 0:
        return EdgewattError(f"{model}: the process of {runtime} ended with {code} while {progress.doing}{printed}")
    name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
    if -code == signal.SIGKILL or b"bad_alloc" in worker.output:
        return DeviceError(
            f"{model}: the process of {runtime} was killed ({name}) while {progress.doing}, as it is when memory runs "
            f"out ({format_si(tried.available_b, 'B')} were available); {SMALLER}"
        )
    if -code in _DAMAGE and not tried.worked and progress.phase not in ("start", "import"):
        return UsageError(
            f"{model} crashes {runtime} ({name}) while {progress.doing}; the file is most likely damaged, "
            f"convert or download it again{printed}"
        )
    return DeviceError(f"{model}: the process of {runtime} was ended by {name} while {progress.doing}{printed}")


def _last_line(output: bytes) -> str:
    return next((line for line in reversed(output.decode(errors="backslashreplace").splitlines()) if line.strip()), "")

"""Why benchmark_model gave no measurement, in one line that says what to do.

What shells and linkers print: mksh (`not executable: 64-bit ELF file`), execve(2), bionic's linker (`CANNOT LINK
EXECUTABLE`), ld.so(8). A shell's exit code of 128+N stands for signal N; 126 and 127 say that nothing was started.
"""

import re
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edgewatt.collectors.runtimes.benchmark_model.executables import elf_interpreter, elf_machine, runs_on
from edgewatt.collectors.runtimes.benchmark_model.parsed import Parsed
from edgewatt.collectors.runtimes.model_file import SMALLER
from edgewatt.collectors.runtimes.text import one_line, printable
from edgewatt.profiler.errors import DeviceError, EdgewattError, UsageError

STDERR_LIMIT: Final = 65_536
_EXEC_FORMAT: Final = re.compile(
    r"exec format error|not executable: |cannot execute binary file|unexpected e_machine", re.IGNORECASE
)
_MISSING: Final = re.compile(
    r'library "?([^"\s]{1,200})"? not found|could not load library "?([^"\s]{1,200})"?'
    r"|error while loading shared libraries: ([^\s:]{1,200}):"
)
# Looked for by the GPU delegate, which goes on without.
_OPTIONAL: Final = ("libOpenCL", "libGLES", "libEGL")
_SYMBOL: Final = re.compile(r'cannot locate symbol "?([^"\s]{1,200})"?|undefined symbol: ([^\s,]{1,200})')
_DENIED: Final = re.compile(r"permission denied|can't execute", re.IGNORECASE)
_MODEL: Final = re.compile(
    r"Failed to (?:load model|load\.|initialize model loader|initialize the interpreter|allocate tensors|compile model)"
    r"|failed to mmap model|Model provided has model identifier|Could not open '|The model is not a valid Flatbuffer",
    re.IGNORECASE,
)
_OPERATOR: Final = re.compile(
    r"(?:unresolved|unsupported) custom op: ?(\w{1,80})|Didn't find op for builtin opcode '(\w{1,80})'", re.IGNORECASE
)
_NO_MEMORY: Final = re.compile(r"std::bad_alloc|out of memory|cannot allocate memory", re.IGNORECASE)
_FULLY: Final = "Disallowed CPU fallback detected"
_DELEGATE: Final = re.compile(r"Failed to apply (\S{1,40}) delegate")
_FLAG: Final = re.compile(r"Failed to parse flag '([^']{1,80})'|Required flag not provided: (\S{1,80})")
_CRASHES: Final = (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL, signal.SIGTRAP)
_SAID: Final = {
    "Segmentation fault": signal.SIGSEGV,
    "Bus error": signal.SIGBUS,
    "Aborted": signal.SIGABRT,
    "Killed": signal.SIGKILL,
}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended. `returncode` as a shell gives it, None if unknown; `timeout_s`: it was ended after that."""

    parsed: Parsed
    returncode: int | None
    stderr: str
    runner: Path
    model: str
    abis: Sequence[str] = ()
    timeout_s: float | None = None

    @property
    def text(self) -> str:
        """Everything that was said of a failure."""
        return "\n".join((self.stderr[-STDERR_LIMIT:], *self.parsed.errors, *self.parsed.warnings))

    @property
    def signal(self) -> signal.Signals | None:
        """What ended it, from its exit code or the shell's words."""
        code = self.returncode or 0
        number = -code if code < 0 else code - 128
        if number in set(signal.Signals):
            return signal.Signals(number)
        return next((name for said, name in _SAID.items() if said in self.stderr[-STDERR_LIMIT:]), None)

    @property
    def shown_runner(self) -> str:
        """The runner's name for a message."""
        return printable(self.runner.name)


def explain(
    parsed: Parsed,
    returncode: int | None,
    stderr: str,
    *,
    runner: Path,
    model: str,
    abis: Sequence[str] = (),
    timeout_s: float | None = None,
) -> EdgewattError:
    """The error to raise for a run without a measurement: UsageError if a file or flag is wrong, else DeviceError.

    `stderr` is the end of what was printed there, or of all where the device does not tell them apart; `runner` the
    user's file on this host; `abis` the phone's; `timeout_s`: it was ended after so long.
    """
    ended = Ended(parsed, returncode, stderr, runner, printable(model), abis, timeout_s)
    return next(error for look in _LOOKS if (error := look(ended)) is not None)


def _timed_out(ended: Ended) -> EdgewattError | None:
    if ended.timeout_s is None:
        return None
    return DeviceError(
        f"{ended.model}: {ended.shown_runner} was ended after {ended.timeout_s:g} s without a result while "
        f"{_doing(ended.parsed)}; ask for less (--seconds, --iterations), or look for a delegate that hangs"
    )


def _other_machine(ended: Ended) -> EdgewattError | None:
    machine, interpreter = elf_machine(ended.runner), elf_interpreter(ended.runner)
    phone = printable(", ".join(ended.abis)) or "of unknown ABI"
    silent = ended.parsed.generation is None
    if silent and machine is not None and ended.abis and not runs_on(machine, ended.abis):
        return UsageError(
            f"--runner {ended.shown_runner} is made for {machine}, this phone is {phone} (exec format error); "
            "give a benchmark_model for the phone"
        )
    if _EXEC_FORMAT.search(ended.text):
        made = f"made for {machine}" if machine else "not an ELF program"
        return UsageError(
            f"--runner {ended.shown_runner} cannot be executed (exec format error): it is {made}, "
            f"this phone is {phone}; give a benchmark_model for the phone"
        )
    if ended.returncode in (126, 127) and interpreter is not None and not interpreter.startswith("/system/"):
        return UsageError(
            f"--runner {ended.shown_runner} is made for GNU/Linux: it asks for {printable(interpreter)}, which Android "
            "does not have; give a benchmark_model built for Android"
        )
    return None


def _library(ended: Ended) -> EdgewattError | None:
    missing = [next(filter(None, found.groups())) for found in _MISSING.finditer(ended.text)]
    own = [name for name in missing if not name.startswith(_OPTIONAL)]
    if own:
        library = printable(own[0])
        return UsageError(
            f"{ended.shown_runner} needs the library {library}, which the phone does not have; send it along with "
            f"--push PATH/{library.rpartition('/')[2]} and say where it is with --env LD_LIBRARY_PATH=FOLDER"
        )
    if found := _SYMBOL.search(ended.text):
        symbol = printable(next(filter(None, found.groups())))
        return UsageError(
            f"{ended.shown_runner} does not fit the libraries it finds: no symbol {symbol}; take it and the files of "
            "--push from the same release, built for this Android"
        )
    return None


def _not_allowed(ended: Ended) -> EdgewattError | None:
    if ended.returncode not in (126, None) or not _DENIED.search(ended.text):
        return None
    return DeviceError(
        f"the phone does not execute {ended.shown_runner}: permission denied; its folder may be mounted noexec, or "
        f"SELinux forbids it ({_last_words(ended)})"
    )


def _full_delegation(ended: Ended) -> EdgewattError | None:
    if _FULLY not in ended.text:
        return None
    return DeviceError(
        f"{ended.model}: the delegate does not take every operator, and --require_full_delegation forbids the CPU; "
        "leave that flag out to have the rest executed there"
    )


def _delegate(ended: Ended) -> EdgewattError | None:
    found = _DELEGATE.search(ended.text)
    if found is None:
        return None
    cause = next((e for e in ended.parsed.errors if "delegate" not in e.lower() and "Benchmarking" not in e), "")
    return DeviceError(
        f"{ended.model}: the {printable(found[1])} delegate fails on this phone{_because(cause)}; "
        "try another --target, or another accelerator of it"
    )


def _flag(ended: Ended) -> EdgewattError | None:
    found = _FLAG.search(ended.text)
    if found is None:
        return None
    name = printable(found[1] or found[2])
    return UsageError(f"{ended.shown_runner} does not accept --{name}: {_last_words(ended)}; check --runner-arg")


def _memory(ended: Ended) -> EdgewattError | None:
    if ended.signal is not signal.SIGKILL and not _NO_MEMORY.search(ended.text):
        return None
    return DeviceError(
        f"{ended.model}: {ended.shown_runner} was killed while {_doing(ended.parsed)}, as Android does when memory "
        f"runs out; {SMALLER}"
    )


def _model(ended: Ended) -> EdgewattError | None:
    if found := _OPERATOR.search(ended.text):
        return UsageError(
            f"{ended.model} needs the operator {printable(found[1] or found[2])}, which {ended.shown_runner} does not "
            "have; convert the model again, or take a newer runner (or benchmark_model_plus_flex for SELECT_TF_OPS)"
        )
    if _MODEL.search(ended.text):
        return UsageError(
            f"{ended.model} cannot be loaded by {ended.shown_runner}: {_last_words(ended)}; "
            "check that it is a whole .tflite file"
        )
    return None


def _crash(ended: Ended) -> EdgewattError | None:
    if ended.signal not in _CRASHES or ended.signal is None:
        return None
    words = _last_words(ended)
    return DeviceError(
        f"{ended.model}: {ended.shown_runner} crashed ({ended.signal.name}) while {_doing(ended.parsed)}"
        f"{f'; it printed: {words}' if words else ''}; try --target cpu, another runner, or check the model"
    )


def _anything(ended: Ended) -> EdgewattError:
    words, flags = _last_words(ended), printable(", ".join(ended.parsed.unknown_flags))
    if ended.signal is not None:
        how = f"was ended by {ended.signal.name}"
    elif ended.returncode is None:
        how = "ended"
    else:
        how = f"ended with {ended.returncode}"
    return DeviceError(
        f"{ended.model}: {ended.shown_runner} {how} without a result while {_doing(ended.parsed)}"
        + (f"; it ignored the unknown flags {flags}" if flags else "")
        + (f"; it printed: {words}" if words else "; it printed nothing of the cause")
    )


_LOOKS: Final[tuple[Callable[[Ended], EdgewattError | None], ...]] = (
    _timed_out,
    _other_machine,
    _library,
    _not_allowed,
    _full_delegation,
    _delegate,
    _flag,
    _model,
    _memory,
    _crash,
    _anything,
)


def _doing(parsed: Parsed) -> str:
    if parsed.warmup.count is not None:
        return "measuring"
    if parsed.init_s is not None:
        return "warming up"
    return "loading the model" if parsed.from_start else "starting"


def _because(cause: str) -> str:
    return f": {cause}" if cause else ""


def _last_words(ended: Ended) -> str:
    """The error that says most: the last one that is not the tool's closing word, else the end of stderr."""
    said = [error for error in ended.parsed.errors if not error.startswith("Benchmarking failed")]
    if said:
        return said[-1]
    lines = [line for line in ended.stderr[-STDERR_LIMIT:].splitlines() if line.strip()]
    return one_line(lines[-1]) if lines else ""

"""The command line of benchmark_model for what a user asked, in the dialect of either tool of that name.

Flags, defaults and their meaning: tflite/tools/benchmark/benchmark_model.cc, tflite/tools/delegates/README.md and
litert/tools/benchmark_litert_model.h. A phase goes on until its number of runs and its least seconds are both
reached, unless --max_secs (150 by default) ends it before. Of a flag given twice the tool takes the first.
"""

import mmap
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from edgewatt.collectors.runtimes.text import printable
from edgewatt.profiler.errors import UsageError

Dialect = Literal["tflite", "litert"]

MAX_SECS: Final = 150.0
# A number of iterations says nothing of how long they take: a day never ends them (assumed).
NO_LIMIT_S: Final = 86_400.0
# Events of one run that op profiling keeps, 1024 by default, which the nodes of large models exceed (assumed enough).
PROFILING_ENTRIES: Final = 16_384
# What only LiteRT's own tool holds.
_LITERT_MARK: Final = b"BENCHMARK RESULTS"
_NAME: Final = re.compile(r"--([A-Za-z0-9_-]{1,100})(?:=|$)")

# The flags of a target. What follows its colon is the argument, None if nothing does.
_ByTarget = Mapping[str, Callable[[str | None], tuple[str, ...]]]


def _gpu(*precision: str) -> Callable[[str | None], tuple[str, ...]]:
    def flags(backend: str | None) -> tuple[str, ...]:
        if backend not in (None, "cl", "gl"):
            raise UsageError(f"GPU backend {printable(str(backend))!r}: benchmark_model has cl and gl")
        return ("--use_gpu=true", *precision, *([f"--gpu_backend={backend}"] if backend else []))

    return flags


def _litert_gpu(*precision: str) -> Callable[[str | None], tuple[str, ...]]:
    backends = {"cl": "opencl", "gl": "opengl", "webgpu": "webgpu"}

    def flags(backend: str | None) -> tuple[str, ...]:
        if backend is not None and backend not in backends:
            raise UsageError(f"GPU backend {printable(backend)!r}: LiteRT's benchmark_model has {', '.join(backends)}")
        return ("--use_gpu=true", *precision, *([f"--gpu_backend={backends[backend]}"] if backend else []))

    return flags


def _plain(*flags: str) -> Callable[[str | None], tuple[str, ...]]:
    def alone(argument: str | None) -> tuple[str, ...]:
        if argument is not None:
            raise UsageError(f"a target with {printable(argument)!r} after a colon; this one takes nothing there")
        return flags

    return alone


def _with(flag: str, *also: str) -> Callable[[str | None], tuple[str, ...]]:
    """The flags of `also`, and `flag` with the argument where there is one."""

    def flags(argument: str | None) -> tuple[str, ...]:
        return (*also, *([f"--{flag}={argument}"] if argument else []))

    return flags


def _external(library: str | None) -> tuple[str, ...]:
    if not library:
        raise UsageError("target external: the delegate's library is missing; expected external:LIB, LIB on the device")
    return (f"--external_delegate_path={library}",)


def _npu(folder: str | None) -> tuple[str, ...]:
    paths = ("dispatch_library_path", "compiler_plugin_library_path") if folder else ()
    return ("--use_npu=true", *(f"--{path}={folder}" for path in paths))


_TFLITE: Final[_ByTarget] = {
    "cpu": _plain(),
    "xnnpack": _plain("--use_xnnpack=true"),
    "gpu": _gpu(),
    "gpu-fp16": _gpu("--gpu_precision_loss_allowed=true"),
    "gpu-fp32": _gpu("--gpu_precision_loss_allowed=false"),
    "nnapi": _with("nnapi_accelerator_name", "--use_nnapi=true"),
    "hexagon": _with("hexagon_lib_path", "--use_hexagon=true"),
    "external": _external,
}
_LITERT: Final[_ByTarget] = {
    "cpu": _plain(),
    "xnnpack": _plain("--use_cpu=true"),
    "gpu": _litert_gpu(),
    "gpu-fp16": _litert_gpu("--gpu-precision=fp16"),
    "gpu-fp32": _litert_gpu("--gpu-precision=fp32"),
    "npu": _npu,
}
_SHOWN: Final = {
    "tflite": "cpu, xnnpack, gpu[:cl|gl], gpu-fp16, gpu-fp32, nnapi[:ACCELERATOR], hexagon[:FOLDER], external:LIBRARY",
    "litert": "cpu, xnnpack, gpu[:cl|gl|webgpu], gpu-fp16, gpu-fp32, npu[:FOLDER]",
}


@dataclass(frozen=True, slots=True)
class Flags:
    """`argv` without the program. `overridden`: names of ours that the user's own replaced, for a notice."""

    argv: tuple[str, ...]
    overridden: tuple[str, ...] = ()


def flags_for(  # noqa: PLR0913  (one keyword for each thing that is asked)
    target: str,
    *,
    graph: str,
    threads: int,
    min_s: float,
    iterations: int,
    warmup_s: float,
    profile_ops: bool,
    dialect: Dialect = "tflite",
    extra: Sequence[str] = (),
) -> Flags:
    """The flags for a repeat of at least `min_s` seconds and `iterations`, after one inference and `warmup_s`.

    `graph` is the model on the device; `extra` are the user's own, which replace ours of the same name. `target` is
    cpu (what the runtime does on the CPU unless told otherwise), xnnpack, or an accelerator. Raises UsageError for an
    unknown target, naming the known ones, and for a flag given twice.
    """
    limit_s = NO_LIMIT_S if iterations > 0 else max(MAX_SECS, 2 * min_s, 2 * warmup_s)
    ours = [
        f"--graph={graph}",
        f"--num_threads={threads}",
        f"--num_runs={max(iterations, 1)}",
        f"--min_secs={min_s:.12g}",
        f"--max_secs={limit_s:.12g}",
        "--warmup_runs=1",
        f"--warmup_min_secs={warmup_s:.12g}",
        *target_flags(target, dialect),
    ]
    if profile_ops and dialect == "litert":
        ours.append("--use_profiler=true")
    elif profile_ops:
        ours += ["--enable_op_profiling=true", f"--max_profiling_buffer_entries={PROFILING_ENTRIES}"]
    theirs = [_name(flag) for flag in extra]
    twice = next((name for at, name in enumerate(theirs) if name and name in theirs[:at]), None)
    if twice is not None:
        raise UsageError(f"--{printable(twice)} is given twice for the runner; it takes each flag once")
    kept = [flag for flag in ours if _name(flag) not in theirs]
    overridden = tuple(name for flag in ours if (name := _name(flag)) is not None and name in theirs)
    return Flags((*kept, *extra), overridden)


def target_flags(target: str, dialect: Dialect) -> tuple[str, ...]:
    """The flags that select a target. Raises UsageError if this tool has none of that name."""
    kind, colon, argument = target.partition(":")
    known = _TFLITE if dialect == "tflite" else _LITERT
    if kind not in known:
        other = "LiteRT's own" if dialect == "tflite" else "TensorFlow Lite's"
        elsewhere = kind in (_LITERT if dialect == "tflite" else _TFLITE)
        raise UsageError(
            f"target {printable(target)!r}: this benchmark_model offers {_SHOWN[dialect]}"
            + (f"; {kind} is a target of {other} tool of that name" if elsewhere else "")
        )
    if colon and not argument:
        raise UsageError(f"target {printable(target)!r}: nothing follows the colon; expected one of {_SHOWN[dialect]}")
    return known[kind](argument if colon else None)


def dialect_of(runner: Path) -> Dialect:
    """Which of the two tools a file is, told by a text that it holds. Raises UsageError if it cannot be read."""
    try:
        with runner.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return "litert" if content.find(_LITERT_MARK) >= 0 else "tflite"
    except (OSError, ValueError) as error:
        raise UsageError(f"--runner {printable(str(runner))} cannot be read: {error}") from None


def _name(flag: str) -> str | None:
    found = _NAME.match(flag)
    return None if found is None else found[1]

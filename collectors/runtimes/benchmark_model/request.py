"""What a user asked of a benchmark_model on a phone, checked before the phone is touched."""

import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from edgewatt.collectors.runtimes.benchmark_model.missing import no_runner
from edgewatt.collectors.runtimes.text import printable
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.protocols import WorkloadRequest

# Loading a model, or all iterations of a repeat, may keep a tool silent for so long beyond the time that was asked
# for: its own limit for a measurement is 150 s (max_secs).
SILENCE_LIMIT_S: Final = 150.0

_OPTIONS: Final = (
    "runner",
    "push",
    "env",
    "runner_args",
    "detached",
    "silence_limit_s",
    "taskset",
    "op_profiling",
    "input_shapes",
)
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_MASK: Final = re.compile(r"[0-9a-fA-F]{1,16}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of a request; `taskset` is a mask of processors in hex, "" for all of them."""

    runner: Path
    push: tuple[Path, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    runner_args: tuple[str, ...] = ()
    detached: bool = False
    silence_limit_s: float = SILENCE_LIMIT_S
    taskset: str = ""
    op_profiling: bool = False


def checked(request: WorkloadRequest) -> Asked:
    """The options of a request that benchmark_model can serve. Raises UsageError for any other."""
    options = request.options
    unknown = sorted(set(options) - set(_OPTIONS))
    if unknown:
        raise UsageError(f"benchmark_model has no option {unknown[0]!r}; known are {', '.join(_OPTIONS)}")
    if request.runtime not in (None, "benchmark_model"):
        raise UsageError(f"runtime {request.runtime!r}: on a phone models are executed by benchmark_model")
    if request.batch != 1:
        raise UsageError(
            f"batch {request.batch}: benchmark_model executes a model with the batch that it was converted with; "
            "convert it for that batch, or give the shape of its input (--input-shape)"
        )
    if request.threads < 1:
        raise UsageError(f"{request.threads} threads were asked for; at least 1 was expected")
    if options.get("runner") is None:
        raise UsageError(no_runner())
    return Asked(
        _file(options["runner"], "--runner"),
        tuple(_file(path, "--push") for path in options.get("push", ())),
        _env(options.get("env", {})),
        (
            *_shapes(options.get("input_shapes", {})),
            *(_text(a, "--runner-arg") for a in options.get("runner_args", ())),
        ),
        bool(options.get("detached", False)),
        _limit(options.get("silence_limit_s")),
        _mask(options.get("taskset", "")),
        bool(options.get("op_profiling", False)),
    )


def _file(given: Any, option: str) -> Path:
    path = Path(given)
    try:
        if path.is_file() and os.access(path, os.R_OK):
            return path
        seen = "is a folder" if path.is_dir() else "cannot be read" if path.exists() else "does not exist"
    except (OSError, ValueError) as error:
        seen = f"cannot be read ({error})"
    raise UsageError(f"{option} '{printable(str(path))}' {seen}; a file was expected")


def _env(given: Any) -> dict[str, str]:
    if not isinstance(given, Mapping):
        raise UsageError(f"env is {given!r}; names and values were expected")
    for name in given:
        if not (isinstance(name, str) and _VARIABLE.fullmatch(name)):
            shown = printable(str(name))
            raise UsageError(
                f"--env '{shown}': a name of letters, digits and _ was expected, not beginning with a digit"
            )
    return {name: _text(value, f"--env {name}") for name, value in given.items()}


def _text(given: Any, option: str) -> str:
    """Text that a program on the phone can be given."""
    if not isinstance(given, str):
        raise UsageError(f"{option} {given!r}: text was expected")
    try:
        given.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{option} '{printable(given)}' is not valid Unicode") from None
    if "\0" in given:
        raise UsageError(f"{option} '{printable(given)}' holds a NUL, which no program can be given")
    return given


def _limit(given: Any) -> float:
    if given is None:
        return SILENCE_LIMIT_S
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given < math.inf:
        raise UsageError(f"silence_limit_s is {given!r}; a number of seconds above 0 was expected")
    return float(given)


def _mask(given: Any) -> str:
    if given == "" or (isinstance(given, str) and _MASK.fullmatch(given)):
        return str(given)
    raise UsageError(f"taskset is {given!r}; a mask of processors in hex was expected, such as f0 for 4 to 7")


def _shapes(given: Any) -> tuple[str, ...]:
    """The tool's flags for the sizes of inputs. Raises UsageError."""
    if not isinstance(given, Mapping):
        raise UsageError(f"input_shapes is {given!r}; a shape for each name was expected")
    if not given:
        return ()
    for name, shape in given.items():
        sizes: Sequence[Any] = shape if isinstance(shape, list | tuple) else (None,)
        if "," in name or not all(isinstance(size, int) and size > 0 for size in sizes):
            shown = f"{printable(str(name))}: {printable(str(shape))}"
            raise UsageError(f"input shape {shown}: sizes from 1 on, and a name without a comma, were expected")
    shapes = ":".join(",".join(map(str, shape)) for shape in given.values())
    return (f"--input_layer={_text(','.join(given), '--input-shape')}", f"--input_layer_shape={shapes}")

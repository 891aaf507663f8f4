"""What a user asked of LiteRT, checked before anything is started."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from os import cpu_count
from typing import Any, Final

from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.protocols import WorkloadRequest

# Runtimes by the name under which a run stores them, and the distribution each comes in; the first one is preferred.
RUNTIMES: Final = {"litert": "ai-edge-litert", "tflite-runtime": "tflite-runtime"}
TARGETS: Final = ("cpu", "xnnpack")
# A worker says something at every phase and about once per second while it measures. Loading, or one inference, that
# takes longer is taken for a hang: benchmark_model allows 150 s for a whole run.
SILENCE_LIMIT_S: Final = 150.0


@dataclass(frozen=True, slots=True)
class Options:
    """`input_shapes`: sizes of inputs by name. `silence_limit_s`: how long loading or one inference may take."""

    input_shapes: Mapping[str, Sequence[int]]
    silence_limit_s: float


def checked_options(request: WorkloadRequest) -> Options:
    """The options of a request that LiteRT can serve. Raises UsageError for any other."""
    if request.target not in TARGETS:
        raise UsageError(f"target {request.target!r}: LiteRT on this host offers {' and '.join(TARGETS)}")
    processors = cpu_count() or 1
    if not 1 <= request.threads <= processors:
        raise UsageError(f"{request.threads} threads were asked for; this host has {processors} logical processors")
    if request.batch < 1:
        raise UsageError(f"batch {request.batch}: at least 1 was expected")
    unknown = sorted(set(request.options) - {"input_shapes", "silence_limit_s"})
    if unknown:
        raise UsageError(f"LiteRT has no option {unknown[0]!r}; known are input_shapes and silence_limit_s")
    return Options(_shapes(request.options.get("input_shapes", {})), _limit(request.options.get("silence_limit_s")))


def _shapes(given: Any) -> dict[str, list[int]]:
    expected = 'a shape for each name was expected, such as {"image": [1, 224, 224, 3]}'
    if not isinstance(given, Mapping):
        raise UsageError(f"input_shapes is {given!r}; {expected}")
    for name, shape in given.items():
        sizes = shape if isinstance(shape, Sequence) and not isinstance(shape, str) else (None,)
        # Sizes are int32 in TensorFlow Lite.
        if not all(isinstance(size, int) and not isinstance(size, bool) and 0 <= size < 2**31 for size in sizes):
            raise UsageError(f"input_shapes gives {shape!r} for {name!r}; {expected}")
    return {str(name): list(shape) for name, shape in given.items()}


def _limit(given: Any) -> float:
    if given is None:
        return SILENCE_LIMIT_S
    if isinstance(given, bool) or not isinstance(given, int | float) or not 0 < given < float("inf"):
        raise UsageError(f"silence_limit_s is {given!r}; a number of seconds above 0 was expected")
    return float(given)


def find_runtime(asked: str | None) -> tuple[str, str]:
    """Name and version of the runtime to use: the one asked for, else the first that is installed.

    Raises UsageError for one that is not known, DeviceError with the command that installs it if it is missing.
    """
    if asked is not None and asked not in RUNTIMES:
        raise UsageError(f"runtime {asked!r}: known for .tflite models on this host are {' and '.join(RUNTIMES)}")
    names = list(RUNTIMES) if asked is None else [asked]
    for name in names:
        found = _installed(RUNTIMES[name])
        if found is not None:
            _check_numpy(name)
            return name, found
    install = (
        "pip install ai-edge-litert" if "litert" in names else "pip install 'edgewatt[tflite-runtime]' (Python 3.11)"
    )
    raise DeviceError(
        f"{' or '.join(RUNTIMES[name] for name in names)} is not installed, and runs the model: {install}"
    )


def _check_numpy(runtime: str) -> None:
    numpy = _installed("numpy") or "0"
    if runtime == "tflite-runtime" and int(numpy.partition(".")[0]) >= 2:
        raise DeviceError(
            f"tflite-runtime fails with numpy {numpy}: its last release needs numpy 1; pip install 'numpy<2'"
        )


def _installed(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None

"""The lines that benchmark_model says around its phases, in the form of its generation."""

from collections.abc import Iterator
from typing import Final

from edgewatt.virtual_lab.phone.tool_delegates import Delegated
from edgewatt.virtual_lab.phone.tool_flags import Flags
from edgewatt.virtual_lab.phone.tool_text import (
    PREFIXED,
    Memory,
    Runs,
    announcement,
    closing,
    litert_closing,
    parameters,
)

# What the runtime says itself, with its own prefix in every generation.
_LEVELS: Final = ("INFO: ", "VERBOSE: ", "WARNING: ", "ERROR: ")
_XNNPACK: Final = "Created TensorFlow Lite XNNPACK delegate for CPU."


def line(text: str, generation: str, level: str = "INFO") -> str:
    """A line of the log, with the prefix that this generation has."""
    is_whole = text.startswith(_LEVELS) or generation not in PREFIXED
    return text if is_whole else f"{level}: {text}"


def asked(flags: Flags, generation: str) -> Iterator[str]:
    """What was asked for."""
    yield line("STARTING!", generation)
    for name in flags.twice:
        yield line(f"Duplicate flags: {name}", generation, "WARN")
    if flags.unknown:
        yield line(f"Unconsumed cmdline flags: {' '.join(flags.unknown)}", generation, "WARN")
    for text in parameters(flags, generation):
        yield line(text, generation)


def is_refused(flags: Flags, handed: Delegated) -> bool:
    """Whether it cannot be executed as asked."""
    return handed.failed or (flags.on("require_full_delegation") and handed.share < 1)


def has_xnnpack(flags: Flags, generation: str) -> bool:
    """Later generations apply it unless told not to."""
    is_asked = flags.on("use_xnnpack")
    return is_asked if generation in ("2019", "2021") or "use_xnnpack" in flags.given else True


def loaded(flags: Flags, generation: str, handed: Delegated, size_b: int, init_us: int) -> Iterator[str]:
    """What was loaded, and what became of delegates; what cannot be executed as asked ends with those."""
    old = generation == "2019"
    yield line(f"Loaded model {flags.text('graph')}", generation)
    if old:
        yield line("resolved reporter", generation)
    for text in handed.lines:
        yield line(text, generation)
    if is_refused(flags, handed):
        return
    if has_xnnpack(flags, generation) and handed.unit == "cpu":
        yield line(_XNNPACK, generation)
    if not old:
        yield line(f"The input model file size (MB): {size_b / 1e6:.6g}", generation)
    yield line(f"Initialized session in {init_us / 1e3:.6g}ms{'' if old else '.'}", generation)


def announced(flags: Flags, generation: str, least: int, seconds: float) -> str:
    """Before a phase of at least so many runs and seconds."""
    return line(announcement(least, seconds, flags.number("max_secs"), generation), generation)


def counted(runs: Runs, generation: str) -> str:
    """After a phase; an empty line follows."""
    return line(runs.line(percentiles=generation in ("2025", "litert")) + "\n", generation)


def ended(
    flags: Flags, generation: str, init_us: int, warm: Runs, runs: Runs, memory: Memory, input_b: int
) -> Iterator[str]:
    """The summary."""
    if generation == "litert":
        texts = litert_closing(init_us, warm, runs, memory, input_b)
    else:
        peak = flags.on("report_peak_memory_footprint")
        texts = closing(init_us, warm, runs, memory, generation=generation, peak=peak)
    for text in texts:
        yield line(text, generation)

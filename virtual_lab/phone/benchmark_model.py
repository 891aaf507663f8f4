"""The virtual phone's benchmark_model: `python -m edgewatt.virtual_lab.phone.benchmark_model --graph=MODEL ...`.

It executes the model with LiteRT, on this machine's processor whatever the delegate, and prints what it measured in
the form of the personality's generation. When it works and when it rests it tells the phone's kernel, with
CLOCK_MONOTONIC of this machine, from which the power follows. Where EDGEWATT_LAB is not set it is the newest
generation, without accelerators, and tells nobody.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from edgewatt.virtual_lab.phone.events import Events
from edgewatt.virtual_lab.phone.tool_delegates import Delegated, delegated
from edgewatt.virtual_lab.phone.tool_flags import FlagError, Flags, parse
from edgewatt.virtual_lab.phone.tool_text import (
    PREFIXED,
    TABLES_WITH_START,
    Memory,
    Runs,
    announcement,
    closing,
    litert_closing,
    op_tables,
    parameters,
)

LAB: Final = "EDGEWATT_LAB"
TOOL_FILE: Final = "tool.json"
FAILED: Final = 1
# What the runtime says itself, with its own prefix in every generation.
_LEVELS: Final = ("INFO: ", "VERBOSE: ", "WARNING: ", "ERROR: ")
_PAGE_B: Final = os.sysconf("SC_PAGE_SIZE")
_XNNPACK: Final = "Created TensorFlow Lite XNNPACK delegate for CPU."


@dataclass
class Tool:
    """One execution of the tool: its flags, what it is configured to be, and where its lines and edges go."""

    flags: Flags
    generation: str
    config: dict[str, Any]
    events: Events
    late: bool = False
    _held: list[str] = field(default_factory=list)

    def say(self, text: str, level: str = "INFO") -> None:
        """A line of the log, with the prefix that this generation has."""
        is_whole = text.startswith(_LEVELS) or self.generation not in PREFIXED
        self.put(text if is_whole else f"{level}: {text}")

    def put(self, line: str) -> None:
        """A line as it is; late ones come at the end, as from a tool that writes into the buffer of a pipe."""
        if self.late:
            self._held.append(line)
        else:
            print(line, flush=True)

    def end(self) -> None:
        """Give what was held back."""
        if self._held:
            print("\n".join(self._held), flush=True)


def main(argv: Sequence[str]) -> int:
    """Execute what the flags say; the exit code."""
    lab = os.environ.get(LAB)
    config = json.loads((Path(lab) / TOOL_FILE).read_text()) if lab else {}
    generation = str(config.get("generation", "2025"))
    try:
        flags = parse(argv, generation)
    except FlagError as error:
        print(f"{error}\nusage: benchmark_model <flags>\nBenchmarking failed.", flush=True)
        return FAILED
    tool = Tool(flags, generation, config, Events.of(lab), late=bool(config.get("late_lines", False)))
    try:
        return _run(tool)
    finally:
        tool.events.idle()
        tool.end()


def _run(tool: Tool) -> int:
    flags = tool.flags
    _say_what_was_asked(tool)
    if not flags.text("graph"):
        tool.say("Please specify the name of your TF Lite input file with --graph", "ERROR")
        return _failed(tool)
    from edgewatt.virtual_lab.phone.tool_model import LoadError, Model  # noqa: PLC0415  (LiteRT, only when it runs)

    graph, at_start_b = Path(flags.text("graph")), _resident_b()
    began_ns = tool.events.busy("cpu", 1)
    try:
        model = Model(graph, int(flags.number("num_threads")), xnnpack=_has_xnnpack(tool))
    except LoadError as error:
        tool.say(str(error) if graph.exists() else f"Failed to mmap model {graph}", "ERROR")
        return _failed(tool)
    init_us = (time.monotonic_ns() - began_ns) // 1000
    tool.events.idle()
    operators = model.operators()
    handed = delegated(flags, tool.config.get("delegates", {}), tool.generation, max(len(operators), 1))
    if not _say_what_was_loaded(tool, graph, handed, init_us):
        return _failed(tool)
    init_b = _resident_b() - at_start_b
    warm = _phase(tool, "warmup", handed, model.invoke, flags.number("warmup_runs"), flags.number("warmup_min_secs"))
    runs = _phase(tool, "measure", handed, model.invoke, flags.number("num_runs"), flags.number("min_secs"))
    resident_b = _resident_b()
    memory = Memory(init_b, resident_b - at_start_b, resident_b)
    if tool.generation == "litert":
        lines: Iterable[str] = litert_closing(init_us, warm, runs, memory, model.input_b)
    else:
        peak = flags.on("report_peak_memory_footprint")
        lines = closing(init_us, warm, runs, memory, generation=tool.generation, peak=peak)
    for line in lines:
        tool.say(line)
    if flags.on("enable_op_profiling"):
        start = tool.generation in TABLES_WITH_START
        tool.put(op_tables(operators, runs.mean, len(runs.us), start=start))
    return 0


def _say_what_was_asked(tool: Tool) -> None:
    tool.say("STARTING!")
    for name in tool.flags.twice:
        tool.say(f"Duplicate flags: {name}", "WARN")
    if tool.flags.unknown:
        tool.say(f"Unconsumed cmdline flags: {' '.join(tool.flags.unknown)}", "WARN")
    for line in parameters(tool.flags, tool.generation):
        tool.say(line)


def _say_what_was_loaded(tool: Tool, graph: Path, handed: Delegated, init_us: int) -> bool:
    """Whether it can be executed as asked."""
    tool.say(f"Loaded model {graph}")
    old = tool.generation == "2019"
    if old:
        tool.say("resolved reporter")
    for line in handed.lines:
        tool.say(line)
    if handed.failed or (tool.flags.on("require_full_delegation") and handed.share < 1):
        return False
    if _has_xnnpack(tool) and handed.unit == "cpu":
        tool.say(_XNNPACK)
    if not old:
        tool.say(f"The input model file size (MB): {graph.stat().st_size / 1e6:.6g}")
    tool.say(f"Initialized session in {init_us / 1e3:.6g}ms{'' if old else '.'}")
    return True


def _has_xnnpack(tool: Tool) -> bool:
    """Later generations apply it unless told not to."""
    asked = tool.flags.on("use_xnnpack")
    return asked if tool.generation in ("2019", "2021") or "use_xnnpack" in tool.flags.given else True


def _failed(tool: Tool) -> int:
    tool.say("Benchmarking failed.", "ERROR")
    return FAILED


def _phase(
    tool: Tool, name: str, handed: Delegated, invoke: Callable[[], object], least: float, seconds: float
) -> Runs:
    """Runs until both their number and their time are reached, or the limit is; as BenchmarkModel::Run does."""
    flags = tool.flags
    limit_s, delay_s = flags.number("max_secs"), flags.number("run_delay")
    tool.say(announcement(int(least), seconds, limit_s, tool.generation))
    threads = max(int(flags.number("num_threads")), 1)
    us: list[int] = []
    begin_ns = now_ns = tool.events.busy(handed.unit, threads, handed.share)
    least_ns, limit_ns = begin_ns + round(seconds * 1e9), begin_ns + round(limit_s * 1e9)
    while not us or ((len(us) < least or now_ns < least_ns) and now_ns <= limit_ns):
        if us and delay_s > 0:
            tool.events.idle()
            time.sleep(delay_s)
            tool.events.busy(handed.unit, threads, handed.share)
        t0_ns = time.monotonic_ns()
        invoke()
        now_ns = time.monotonic_ns()
        us.append((now_ns - t0_ns) // 1000)
    tool.events.idle(now_ns)
    tool.events.phase(name, begin_ns, now_ns, len(us))
    runs = Runs(us)
    tool.say(runs.line(percentiles=tool.generation in ("2025", "litert")) + "\n")
    return runs


def _resident_b() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_B


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

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
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from edgewatt.virtual_lab.phone.events import LAB, Events
from edgewatt.virtual_lab.phone.tool_delegates import Delegated, delegated
from edgewatt.virtual_lab.phone.tool_flags import FlagError, Flags, parse
from edgewatt.virtual_lab.phone.tool_lines import (
    announced,
    asked,
    counted,
    ended,
    has_xnnpack,
    is_refused,
    line,
    loaded,
)
from edgewatt.virtual_lab.phone.tool_text import TABLES_WITH_START, Memory, Runs, op_tables

TOOL_FILE: Final = "tool.json"
FAILED: Final = 1
_PAGE_B: Final = os.sysconf("SC_PAGE_SIZE")


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
        self.put(line(text, self.generation, level))

    def put(self, *lines: str) -> None:
        """Lines as they are; late ones come at the end, as from a tool that writes into the buffer of a pipe."""
        if self.late:
            self._held.extend(lines)
            return
        for one in lines:
            print(one, flush=True)

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
    tool.put(*asked(flags, tool.generation))
    if not flags.text("graph"):
        tool.say("Please specify the name of your TF Lite input file with --graph", "ERROR")
        return _failed(tool)
    from edgewatt.virtual_lab.phone.tool_model import LoadError, Model  # noqa: PLC0415  (LiteRT, only when it runs)

    graph, at_start_b = Path(flags.text("graph")), _resident_b()
    began_ns = tool.events.busy("cpu", 1)
    try:
        model = Model(graph, int(flags.number("num_threads")), xnnpack=has_xnnpack(flags, tool.generation))
    except LoadError as error:
        tool.say(str(error) if graph.exists() else f"Failed to mmap model {graph}", "ERROR")
        return _failed(tool)
    init_us = (time.monotonic_ns() - began_ns) // 1000
    tool.events.idle()
    operators = model.operators()
    handed = delegated(flags, tool.config.get("delegates", {}), tool.generation, max(len(operators), 1))
    tool.put(*loaded(flags, tool.generation, handed, graph.stat().st_size, init_us))
    if is_refused(flags, handed):
        return _failed(tool)
    init_b = _resident_b() - at_start_b
    warm = _phase(tool, "warmup", handed, model.invoke, flags.number("warmup_runs"), flags.number("warmup_min_secs"))
    runs = _phase(tool, "measure", handed, model.invoke, flags.number("num_runs"), flags.number("min_secs"))
    resident_b = _resident_b()
    memory = Memory(init_b, resident_b - at_start_b, resident_b)
    tool.put(*ended(flags, tool.generation, init_us, warm, runs, memory, model.input_b))
    if flags.on("enable_op_profiling"):
        start = tool.generation in TABLES_WITH_START
        tool.put(op_tables(operators, runs.mean, len(runs.us), start=start))
    return 0


def _failed(tool: Tool) -> int:
    tool.say("Benchmarking failed.", "ERROR")
    return FAILED


def _phase(
    tool: Tool, name: str, handed: Delegated, invoke: Callable[[], object], least: float, seconds: float
) -> Runs:
    """Runs until both their number and their time are reached, or the limit is; as BenchmarkModel::Run does."""
    flags = tool.flags
    limit_s, delay_s = flags.number("max_secs"), flags.number("run_delay")
    tool.put(announced(flags, tool.generation, int(least), seconds))
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
    tool.put(counted(runs, tool.generation))
    return runs


def _resident_b() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE_B


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

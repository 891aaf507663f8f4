"""The phone's benchmark_model in virtual time: what it says of a process, and how the runner's script stamps it.

The script (collectors/runtimes) puts `<EPOCHREALTIME> <uptime> ` before each line as it reads it from a pipe, then an
empty line and `<token> <exit code>`. How late it reads is assumed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from edgewatt.profiler.errors import UsageError
from edgewatt.virtual_lab.clocks import DeviceClocks
from edgewatt.virtual_lab.phone.personality import Personality
from edgewatt.virtual_lab.phone.tool_delegates import UNITS, Delegated, delegated
from edgewatt.virtual_lab.phone.tool_flags import Flags, parse
from edgewatt.virtual_lab.phone.tool_lines import announced, asked, counted, ended, is_refused, loaded
from edgewatt.virtual_lab.phone.tool_text import Memory, Runs
from edgewatt.virtual_lab.phone.virtual_time.plan import Iterated, Plan, Repeat
from edgewatt.virtual_lab.phone.virtual_time.stamps import epochs, uptimes

# A network that is not there has to have a size (assumed: that of a small classifier).
_NODES, _MODEL_B, _INPUT_B = 66, 14_000_000, 602_112
_MEMORY: Final = Memory(init_b=24_000_000, overall_b=31_000_000, resident_b=38_000_000)
_LATE_NS: Final = 3e5
_LINE_NS: Final = 1.2e5
_UPTIME_NS: Final = 4e4

Said = Iterator[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Tool:
    """The tool of one phone, asked to execute a plan."""

    phone: Personality
    flags: Flags
    handed: Delegated

    @classmethod
    def of(cls, phone: Personality, plan: Plan) -> "Tool":
        """Raises UsageError for a target that this phone does not execute."""
        units = {unit: f"--{flag}=true" for flag, unit in UNITS.items()}
        if plan.target not in ("cpu", *units):
            raise UsageError(f"target {plan.target!r}: a virtual run has cpu, {', '.join(units)}")
        argv = (
            "--graph=model.tflite",
            f"--num_threads={plan.threads}",
            "--num_runs=1",
            f"--min_secs={plan.seconds:g}",
            "--warmup_runs=1",
            f"--warmup_min_secs={plan.warmup_s:g}",
            *([units[plan.target]] if plan.target in units else []),
        )
        flags = parse(argv, phone.generation)
        handed = delegated(flags, phone.fates, phone.generation, _NODES)
        if is_refused(flags, handed):
            raise UsageError(f"target {plan.target!r}: the virtual phone {phone.name!r} does not execute it")
        return cls(phone, flags, handed)

    def says(self, repeat: Repeat, clocks: DeviceClocks) -> Said:
        """The texts of one process, which may have several lines, and when each is printed."""
        flags, generation = self.flags, self.phone.generation
        init_us = (repeat.init_ns[1] - repeat.init_ns[0]) // 1000
        warm, runs = _runs(repeat.warmup, clocks), _runs(repeat.measured, clocks)
        yield from ((repeat.started_ns, text) for text in asked(flags, generation))
        yield from ((repeat.init_ns[1], text) for text in loaded(flags, generation, self.handed, _MODEL_B, init_us))
        for phase, of, least, seconds in (
            (repeat.warmup, warm, "warmup_runs", "warmup_min_secs"),
            (repeat.measured, runs, "num_runs", "min_secs"),
        ):
            asked_for = int(flags.number(least)), flags.number(seconds)
            yield phase.announced_ns, announced(flags, generation, *asked_for)
            yield phase.counted_ns, counted(of, generation)
        for text in ended(flags, generation, init_us, warm, runs, _MEMORY, _INPUT_B):
            yield repeat.measured.counted_ns, text

    def stamped(self, repeat: Repeat, token: str, clocks: DeviceClocks, rng: np.random.Generator) -> bytes:
        """What the runner's script prints of it."""
        said = [(t_ns, line) for t_ns, text in self.says(repeat, clocks) for line in text.split("\n")]
        if self.phone.late_lines:
            said = [(repeat.exit_ns, line) for _, line in said]
        said += [(repeat.exit_ns, ""), (repeat.exit_ns, f"{token} 0")]
        printed_ns = np.array([t_ns for t_ns, _ in said]) + rng.exponential(_LATE_NS, len(said)).astype(np.int64)
        # One line after the other, each of which takes the shell a while.
        turn_ns = np.arange(len(said)) * round(_LINE_NS)
        read_ns = np.maximum.accumulate(printed_ns - turn_ns) + turn_ns
        up_ns = read_ns - rng.exponential(_UPTIME_NS, len(said)).astype(np.int64)
        stamps = zip(epochs(clocks, read_ns), uptimes(clocks, up_ns), (line for _, line in said), strict=True)
        return "".join(f"{epoch} {up} {line}\n" for epoch, up, line in stamps).encode()


def _runs(phase: Iterated, clocks: DeviceClocks) -> Runs:
    """As the tool takes the time of its iterations: in whole us of a clock that stands still while the phone sleeps."""
    return Runs(((clocks.monotonic_ns(phase.end_ns) - clocks.monotonic_ns(phase.begin_ns)) // 1000).tolist())

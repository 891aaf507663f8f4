"""What benchmark_model prints, generation by generation.

`2019`: no prefix, every parameter, no percentiles, a closing line of its own. `2021`: no prefix, op tables with a
column [start]. `2023`: log lines begin with `INFO: `, op tables without [start]. `2025`: p5, median and p95 in the
count line. `litert`: the tool of that name in LiteRT, which ends with BENCHMARK RESULTS. Texts: tflite/tools/benchmark/
benchmark_model.cc, litert/tools/benchmark_litert_model.h, tsl/util/stats_calculator.h (column widths as in outputs
that owners of phones published).
"""

import math
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from edgewatt.virtual_lab.phone.tool_flags import TITLES, Flags, Value

GENERATIONS: Final = ("2019", "2021", "2023", "2025", "litert")
PREFIXED: Final = ("2023", "2025", "litert")
TABLES_WITH_START: Final = ("2019", "2021")
NOTE: Final = (
    "Note: as the benchmark tool itself affects memory footprint, the following is only APPROXIMATE to the actual "
    "memory footprint of the model at runtime. Take the information at your discretion."
)
_RULE: Final = "=" * 30
_LITERT: Final = "[benchmark_litert_model.h:{}] "


class Operator(NamedTuple):
    """One operator in the order of execution: its kind, the tensors it makes, and its share of the whole time."""

    kind: str
    name: str
    share: float


@dataclass(frozen=True, slots=True)
class Runs:
    """How long each run of a phase took, in whole us, as the tool counts."""

    us: Sequence[int]

    @property
    def first(self) -> int:
        """The first run; 0 where there was none."""
        return self.us[0] if self.us else 0

    @property
    def mean(self) -> float:
        """The mean; 0 where there was none."""
        return statistics.fmean(self.us) if self.us else 0.0

    @property
    def deviation(self) -> float:
        """The standard deviation of them as a population; 0 where there was none."""
        mean = self.mean
        return math.sqrt(statistics.fmean((us - mean) ** 2 for us in self.us)) if self.us else 0.0

    def line(self, *, percentiles: bool) -> str:
        """The line `count=...`."""
        if not self.us:
            return "count=0"
        low, high = min(self.us), max(self.us)
        tail = self._percentiles() if percentiles else ""
        if low == high:
            same = "(all same)" if len(self.us) > 1 else ""
            return f"count={len(self.us)} curr={self.us[-1]}{same}{tail}"
        spread = f"min={low} max={high} avg={self.mean:.6g} std={int(self.deviation)}"
        return f"count={len(self.us)} first={self.first} curr={self.us[-1]} {spread}{tail}"

    def _percentiles(self) -> str:
        ranked = sorted(self.us)
        at = [ranked[min(int(len(ranked) * share), len(ranked) - 1)] for share in (0.05, 0.5, 0.95)]
        return f" p5={at[0]} median={at[1]} p95={at[2]}"


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes more than the tool had at its start: after loading, and at the end; `resident_b` is all of it then."""

    init_b: int
    overall_b: int
    resident_b: int


def parameters(flags: Flags, generation: str) -> Iterator[str]:
    """The lines that repeat what was asked: all of it in 2019, later what was given."""
    if generation != "2019":
        yield f"Log parameter values verbosely: [{_shown(flags.values['verbose'])}]"
    for name, title in TITLES.items():
        if name in flags.values and (name in flags.given or generation == "2019" or flags.on("verbose")):
            yield f"{title}: [{_shown(flags.values[name])}]"
    if generation != "2019" and flags.number("num_threads") > 0:
        yield f"#threads used for CPU inference: [{_shown(flags.values['num_threads'])}]"


def announcement(runs: int, seconds: float, limit_s: float, generation: str) -> str:
    """The line before a phase."""
    said = f"Running benchmark for at least {runs} iterations and at least {seconds:.6g} seconds"
    return said if generation == "2019" else f"{said} but terminate if exceeding {limit_s:.6g} seconds."


def closing(init_us: int, warm: Runs, runs: Runs, memory: Memory, *, generation: str, peak: bool) -> Iterator[str]:
    """What TensorFlow Lite's tool ends with."""
    if generation == "2019":
        yield f"Average inference timings in us: Warmup: {warm.mean:.6g}, Init: {init_us}, no stats: {runs.mean:.6g}"
        return
    yield (
        f"Inference timings in us: Init: {init_us}, First inference: {warm.first}, "
        f"Warmup (avg): {warm.mean:.6g}, Inference (avg): {runs.mean:.6g}"
    )
    yield NOTE
    yield (
        "Memory footprint delta from the start of the tool (MB): "
        f"init={memory.init_b / 2**20:.6g} overall={memory.overall_b / 2**20:.6g}"
    )
    if peak:
        yield f"Overall peak memory footprint (MB) via periodic monitoring: {memory.resident_b / 2**20:.6g}"


def litert_closing(init_us: int, warm: Runs, runs: Runs, memory: Memory, input_b: int) -> Iterator[str]:
    """What LiteRT's tool ends with."""
    ms = [value / 1e3 for value in (min(runs.us), max(runs.us), runs.deviation)]
    for line, text in (
        (80, "\n========== BENCHMARK RESULTS =========="),
        (85, f"Model initialization: {init_us / 1e3:.2f} ms"),
        (86, f"Warmup (first):       {warm.first / 1e3:.2f} ms"),
        (88, f"Warmup (avg):         {warm.mean / 1e3:.2f} ms ({len(warm.us)} runs)"),
        (90, f"Inference (avg):      {runs.mean / 1e3:.2f} ms ({len(runs.us)} runs)"),
        (94, f"Inference (min):      {ms[0]:.2f} ms"),
        (96, f"Inference (max):      {ms[1]:.2f} ms"),
        (98, f"Inference (std):      {ms[2]:.2f}"),
        (106, f"Throughput:           {input_b / max(runs.mean, 1e-3):.2f} MB/s"),
        (115, "\nMemory Usage:"),
        (116, f"Init footprint:       {memory.init_b / 2**20:.2f} MB"),
        (118, f"Overall footprint:    {memory.overall_b / 2**20:.2f} MB"),
        (125, "Peak memory usage not available. (peak_mem_mb <= 0)"),
        (129, "======================================\n"),
    ):
        yield _LITERT.format(line) + text


def op_tables(operators: Sequence[Operator], mean_us: float, count: int, *, start: bool) -> str:
    """The tables of the measured runs; `start` whether they have that column."""
    rows = list(_rows(operators, mean_us))
    by_time = sorted(rows, key=lambda row: -row.avg_ms)
    return "\n".join(
        (
            "Operator-wise Profiling Info for Regular Benchmark Runs:",
            *_table("Run Order", rows, start=start),
            *_table("Top by Computation Time", by_time[:10], start=start),
            f"Number of nodes executed: {len(rows)}",
            *_by_kind(rows),
            f"Timings (microseconds): count={count} curr={round(mean_us)}",
            "Memory (bytes): count=0",
            f"{len(rows)} nodes observed",
            "",
        )
    )


@dataclass(frozen=True, slots=True)
class _Row:
    kind: str
    name: str
    start_ms: float
    avg_ms: float
    percent: float


def _rows(operators: Sequence[Operator], mean_us: float) -> Iterator[_Row]:
    start_ms = 0.0
    for at, op in enumerate(operators):
        avg_ms = op.share * mean_us / 1e3
        yield _Row(op.kind, f"[{op.name}]:{at}", start_ms, avg_ms, 100 * op.share)
        start_ms += avg_ms


def _table(title: str, rows: Sequence[_Row], *, start: bool) -> Iterator[str]:
    yield f"{_RULE} {title} {_RULE}"
    column = f"\t{'[start]':>17}" if start else ""
    yield (
        f"\t{'[node type]':>24}{column}\t{'[first]':>9}\t{'[avg ms]':>9}\t{'[%]':>8}\t{'[cdf%]':>8}\t"
        f"{'[mem KB]':>10}\t[times called]\t[Name]"
    )
    done = 0.0
    for row in rows:
        done += row.percent
        column = f"\t{row.start_ms:17.3f}" if start else ""
        yield (
            f"\t{row.kind:>24}{column}\t{row.avg_ms:9.3f}\t{row.avg_ms:9.3f}\t{row.percent:7.3f}%\t{done:7.3f}%\t"
            f"{0:10.3f}\t{1:9d}\t{row.name}"
        )
    yield ""


def _by_kind(rows: Sequence[_Row]) -> Iterator[str]:
    yield f"{_RULE} Summary by node type {_RULE}"
    yield (
        f"\t{'[Node type]':>24}\t{'[count]':>9}\t{'[avg ms]':>10}\t{'[avg %]':>11}\t{'[cdf %]':>11}\t"
        f"{'[mem KB]':>10}\t[times called]"
    )
    count = Counter(row.kind for row in rows)
    ms = {kind: sum(row.avg_ms for row in rows if row.kind == kind) for kind in count}
    whole, done = sum(ms.values()) or 1.0, 0.0
    for kind in sorted(count, key=lambda k: -ms[k]):
        percent = 100 * ms[kind] / whole
        done += percent
        yield (
            f"\t{kind:>24}\t{count[kind]:9d}\t{ms[kind]:10.3f}\t{percent:10.3f}%\t{done:10.3f}%\t{0:10.3f}\t"
            f"{count[kind]:9d}"
        )
    yield ""


def _shown(value: Value) -> str:
    return str(int(value)) if isinstance(value, bool) else f"{value:.6g}" if isinstance(value, float) else str(value)

"""What onnxruntime_perf_test prints at its end.

The format is that of microsoft/onnxruntime, onnxruntime/test/perftest/performance_runner.cc, compared with the sample
output of its README and with logs that people published from 2019 on (pull request 2798, issue 4647, ARM's and
SpacemiT's guides):

    Session creation time cost: 0.217932 s
    First inference time cost: 196 ms
    Total inference time cost: 0.49481 s
    Total inference requests: 5
    Average inference time cost total: 98.961997 ms          ("Average inference time cost: " before 2025)
    Total inference run time: 0.494854 s
    Number of inferences per second: 10.104
    Avg CPU usage: 11 %
    Peak working set size: 271122432 bytes
    P50 Latency: 0.0995086 s                                 (with -s)

It prints all of this after the last inference, so that the measured phase is the run time before its first such line.
Loading and the first inference lie before. The latency is the median where it is printed, else the mean.
"""

import re
from typing import Final

from edgewatt.collectors.runtimes.commands.summary import NUMBER, Summary, number, whole

NAME: Final = "onnxruntime_perf_test"
NO_SUMMARY, FROM_SUMMARY = "onnxruntime_perf_test_no_summary", "window_from_summary"

_UNITS: Final = {"s": 1.0, "sec": 1.0, "ms": 1e-3, "us": 1e-6, "bytes": 1.0, "": 1.0, "%": 0.01}
_LINE: Final = re.compile(rf"([A-Z][A-Za-z0-9 ]{{2,60}}?)(?: is|:) ?({NUMBER}) ?(s|sec|ms|us|bytes|%)?(?: \(.*\))?")
_NAMES: Final = {
    "Session creation time cost": "init_s",
    "First inference time cost": "first_s",
    "Total inference time cost": "total_s",
    "Total time cost": "total_s",
    "Total inference requests": "requests",
    "Total iterations": "requests",
    "Average inference time cost": "mean_s",
    "Average inference time cost total": "mean_s",
    "Average time cost": "mean_s",
    "Total inference run time": "run_s",
    "Total run time": "run_s",
    "Number of inferences per second": "throughput_hz",
    "Avg CPU usage": "cpu_share",
    "Peak working set size": "memory_peak_b",
    "Min Latency": "latency_min_s",
    "Max Latency": "latency_max_s",
    "P50 Latency": "latency_median_s",
    "P90 Latency": "latency_p90_s",
    "P95 Latency": "latency_p95_s",
    "P99 Latency": "latency_p99_s",
    "P999 Latency": "latency_p999_s",
}
# A bare repetition of two lines, as `Avg CPU usage:96`, has no unit and says nothing new.
_FIRST_COUNTS: Final = frozenset({"cpu_share", "memory_peak_b"})


class OrtPerf:
    """Hears the lines of one run."""

    def __init__(self) -> None:
        self.figures: dict[str, float] = {}
        self._began_ns: int | None = None

    def hear(self, line: bytes, t_ns: int) -> None:
        """Take a line without its end, which arrived at `t_ns`. Never raises."""
        found = _LINE.fullmatch(line.decode(errors="replace").strip())
        name = _NAMES.get(found[1]) if found else None
        value = number(found[2]) if found else None
        if found is None or name is None or value is None or (name in _FIRST_COUNTS and name in self.figures):
            return
        self.figures[name] = value * _UNITS[found[3] or ""]
        self._began_ns = t_ns if self._began_ns is None else self._began_ns

    def summary(self) -> Summary | str:
        """The measured phase; the reason if it was not summed up."""
        figures = self.figures
        run_s = figures.get("run_s", figures.get("total_s"))
        iterations = whole(figures.get("requests"))
        stat = "median" if "latency_median_s" in figures else "mean"
        latency_s = figures.get("latency_median_s", figures.get("mean_s"))
        if not run_s or iterations is None or latency_s is None or self._began_ns is None:
            return NO_SUMMARY
        memory_b = figures.get("memory_peak_b")
        return Summary(
            iterations=iterations,
            seconds=run_s,
            ended_ns=self._began_ns,
            latency_s=latency_s,
            latency_stat=stat,
            init_s=figures.get("init_s"),
            first_s=figures.get("first_s"),
            memory_peak_b=None if memory_b is None or memory_b >= 2**63 else int(memory_b),
            figures=figures,
            reasons=(FROM_SUMMARY,),
        )

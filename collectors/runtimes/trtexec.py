"""What TensorRT's trtexec prints, and the file of its --exportTimes.

The format is that of NVIDIA/TensorRT, samples/common/sampleReporting.cpp (read in public copies of versions 7 and 8.x),
compared with logs that people published of 7.1, 8.2, 8.4 (`[TensorRT v8401]`), 8.6 and 10.3:

    [01/31/2024-10:00:00] [I] Starting inference
    [01/31/2024-10:00:03] [I] Warmup completed 135 queries over 200 ms
    [01/31/2024-10:00:03] [I] Timing trace has 2077 queries over 3.0039 s
    [01/31/2024-10:00:03] [I] === Performance summary ===
    [01/31/2024-10:00:03] [I] Throughput: 691.4 qps
    [01/31/2024-10:00:03] [I] Latency: min = 1.4 ms, max = 2 ms, mean = 1.5 ms, median = 1.4 ms, percentile(99%) = 2 ms
    [01/31/2024-10:00:03] [I] GPU Compute Time: min = 1.3 ms, ...
    [01/31/2024-10:00:03] [I] Total GPU Compute Time: 2.95 s

Version 7 has a heading, `Host Latency` or `GPU Compute`, then `median: 4.5 ms` and `percentile: 5 ms at 99%`.
The engine is built, and warmed up, before the measured phase; its end is where the line `Timing trace` arrives, its
beginning so many seconds before. Latency is H2D + compute + D2H of one query. Queries are counted by the batch of an
implicit batch, and as 0 by version 7 with an explicit one: the number of runs is then the total of the GPU's compute
time through its mean.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.collectors.runtimes.commands.summary import NUMBER, Summary, number, whole
from edgewatt.profiler.clock import NS_PER_S

NAME: Final = "trtexec"
TIMES_FLAG: Final = "--exportTimes="
TIMES_LIMIT_B: Final = 64 << 20
NO_SUMMARY, FROM_SUMMARY, COUNT_BY_TIME = "trtexec_no_summary", "window_from_summary", "iterations_from_compute_time"
NO_TIMES: Final = "trtexec_no_times"
MS: Final = 1e-3

_PREFIX: Final = re.compile(r"(?:\[[^\]\n]{1,40}\] )?\[([VIWEF])\] ?(.*)", re.DOTALL)
_WARM: Final = re.compile(rf"Warmup completed ([0-9]{{1,9}}) queries over ({NUMBER}) ms")
_TRACE: Final = re.compile(rf"Timing trace has ([0-9]{{1,9}}) queries over ({NUMBER}) s")
_QUANTITY: Final = re.compile(
    r"(Latency|GPU Compute Time|Enqueue Time|H2D Latency|D2H Latency|GPU Compute): (min = .*)"
)
_PART: Final = re.compile(rf"(min|max|mean|median|percentile\(({NUMBER})%\)) = ({NUMBER}) ms")
_TOTAL: Final = re.compile(rf"(?:Total GPU Compute Time|total compute time): ({NUMBER}) s")
_THROUGHPUT: Final = re.compile(rf"(?:Throughput|throughput): ({NUMBER}) qps")
_BUILT: Final = re.compile(rf"Engine (built|deserialized) in ({NUMBER}) sec\.?")
_VERSION: Final = re.compile(r"TensorRT version: ([0-9.]{1,20})")
_TAGGED: Final = re.compile(r"&&&& (?:RUNNING|PASSED|FAILED) TensorRT\.trtexec \[TensorRT v([0-9.]{1,12})\]")
# Version 7: a heading, then a line for each figure.
_HEADINGS: Final = {"Host Latency": "latency", "Enqueue Time": "enqueue", "GPU Compute": "compute"}
_OLD: Final = re.compile(rf"(min|max|mean|median|percentile): ({NUMBER}) ms(?: at ({NUMBER})%)?(?: \(.*\))?")
_NAMES: Final = {
    "Latency": "latency",
    "GPU Compute Time": "compute",
    "GPU Compute": "compute",
    "Enqueue Time": "enqueue",
    "H2D Latency": "h2d",
    "D2H Latency": "d2h",
}
# One figure more or less of the six that the tool prints.
_ROUNDING: Final = 0.01
_DAY_MS: Final = 86_400_000


class Trtexec:
    """Hears the lines of one run."""

    def __init__(self) -> None:
        self.figures: dict[str, float] = {}
        self.version: str | None = None
        self._heading: str | None = None
        self._queries: int | None = None
        self._seconds: float | None = None
        self._ended_ns = 0
        self._warm: tuple[int, float] | None = None

    def hear(self, line: bytes, t_ns: int) -> None:
        """Take a line without its end, which arrived at `t_ns`. Never raises."""
        text = line.decode(errors="replace").strip()
        if found := _TAGGED.match(text):
            self.version = self.version or _dotted(found[1])
        said = _PREFIX.fullmatch(text)
        if said is None or said[1] != "I":
            return
        body = said[2].strip()
        if found := _VERSION.fullmatch(body):
            self.version = found[1]
        elif found := _WARM.fullmatch(body):
            self._warm = int(found[1]), (number(found[2]) or 0.0) * MS
        elif found := _TRACE.fullmatch(body):
            self._queries, self._seconds, self._ended_ns = int(found[1]), number(found[2]), t_ns
        else:
            self._hear_figure(body)

    def _hear_figure(self, body: str) -> None:
        if body in _HEADINGS:
            self._heading = _HEADINGS[body]
        elif found := _QUANTITY.fullmatch(body):
            for stat, percent, value in _PART.findall(found[2]):
                self._figure(_NAMES[found[1]], stat, percent, value)
        elif found := _TOTAL.fullmatch(body):
            self._put("compute_total_s", number(found[1]))
        elif found := _THROUGHPUT.fullmatch(body):
            self._put("throughput_hz", number(found[1]))
        elif found := _BUILT.fullmatch(body):
            self._put(f"engine_{found[1]}_s", number(found[2]))
        elif self._heading is not None and (found := _OLD.fullmatch(body)):
            self._figure(self._heading, found[1], found[3], found[2])

    def _figure(self, quantity: str, stat: str, percent: str | None, value_ms: str) -> None:
        value = number(value_ms)
        stat = f"p{percent}" if stat.startswith("percentile") else stat
        self._put(f"{quantity}_{stat}_s", None if value is None else value * MS)

    def _put(self, name: str, value: float | None) -> None:
        if value is not None and len(self.figures) < 64:
            self.figures[name] = value

    def summary(self) -> Summary | str:
        """The measured phase; the reason if it was not summed up."""
        stat = "median" if "latency_median_s" in self.figures else "mean"
        latency_s = self.figures.get(f"latency_{stat}_s")
        if not self._seconds or latency_s is None:
            return NO_SUMMARY
        iterations, reasons = self._count()
        if iterations is None:
            return NO_SUMMARY
        return Summary(
            iterations=iterations,
            seconds=self._seconds,
            ended_ns=self._ended_ns,
            latency_s=latency_s,
            latency_stat=stat,
            warmup_s=None if self._warm is None else self._warm[1],
            warmup_iterations=None if self._warm is None else self._warm[0],
            init_s=self.figures.get("engine_deserialized_s"),
            version=self.version,
            figures=self.figures,
            reasons=(FROM_SUMMARY, *reasons),
        )

    def _count(self) -> tuple[int | None, tuple[str, ...]]:
        total_s, mean_s = self.figures.get("compute_total_s"), self.figures.get("compute_mean_s")
        by_time = whole(total_s / mean_s if total_s and mean_s else None)
        queries = self._queries or None
        if by_time is None or (queries is not None and abs(by_time - queries) <= max(_ROUNDING * queries, 1)):
            return queries, ()
        return by_time, (COUNT_BY_TIME,)


def times_of(content: bytes, ended_ns: int) -> NDArray[np.int64] | str:
    """Beginning and end of every query, int64 ns of shape [n, 2], from the file of --exportTimes; or the reason.

    Its milliseconds count from an origin of the tool's own: the last query is taken to end at `ended_ns`. An iteration
    is as long as the tool's latency of it, not as its time in a queue. Versions before 8.4 write `startInMs` and
    `endOutMs` (remembered, not seen) for `startH2dMs` and `endD2hMs`.
    """
    try:
        rows = json.loads(content)
    except (ValueError, RecursionError):
        return NO_TIMES
    if not isinstance(rows, list) or not rows:
        return NO_TIMES
    found = [_times(row) for row in rows]
    whole_rows = [row for row in found if row is not None]
    if len(whole_rows) < len(found):
        return NO_TIMES
    times = np.asarray(whole_rows, np.float64)
    starts_ns = np.rint((times[:, 0] - times[:, 1].max()) * MS * NS_PER_S).astype(np.int64) + ended_ns
    order = np.argsort(starts_ns, kind="stable")
    lengths_ns = np.rint(times[:, 2] * MS * NS_PER_S).astype(np.int64)
    return np.stack((starts_ns, starts_ns + lengths_ns), axis=1)[order]


def _times(row: Any) -> tuple[float, float, float] | None:
    """Beginning, end and latency of one query in ms, each finite and within a day."""
    if not isinstance(row, dict):
        return None
    values: Sequence[Any] = (
        row.get("startH2dMs", row.get("startInMs")),
        row.get("endD2hMs", row.get("endOutMs")),
        row.get("latencyMs"),
    )
    if not all(isinstance(v, int | float) and 0 <= v <= _DAY_MS for v in values) or values[0] > values[1]:
        return None
    start_ms, end_ms, latency_ms = values
    return float(start_ms), float(end_ms), float(latency_ms)


def _dotted(tag: str) -> str:
    """`8401` as the tool means it: major, minor and patch (`v8401` is 8.4.1, `v100300` is 10.3.0)."""
    if not tag.isdigit() or len(tag) not in (4, 5, 6):
        return tag
    if len(tag) == 4:
        return f"{int(tag[0])}.{int(tag[1])}.{int(tag[2:])}"
    return f"{int(tag[:-4])}.{int(tag[-4:-2])}.{int(tag[-2:])}"

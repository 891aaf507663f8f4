"""The "BENCHMARK RESULTS" block of LiteRT's tools, and the JSON of `litert-benchmark`. Times are in ms, to 0.01 ms.

Layout: litert/tools/benchmark_litert_model.h, whose `(std)` has no unit but is in ms too, and
litert/python/tools/benchmark_litert_model.py, which adds median, p5 and p95. "MB" of memory are 2**20 bytes.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from edgewatt.collectors.runtimes.benchmark_model.counts import Count
from edgewatt.collectors.runtimes.benchmark_model.lines import NUMBER, number

JSON_LIMIT: Final = 1 << 20
# From ms to s; no latency is longer.
_MS: Final = -3
_ANY_MS: Final = 1e12
_MIB: Final = 1 << 20
_TITLE: Final = re.compile(r"={0,80} ?BENCHMARK RESULTS ?={0,80}")
_END: Final = re.compile(r"={20,80}")
_TIME: Final = re.compile(
    r"(Model initialization|Warmup \(\w+\)|Inference \(\w+\)):\s{1,30}"
    rf"({NUMBER})(?: ms(?: \(([0-9]{{1,12}}) runs\))?)?"
)
_SIZE: Final = re.compile(rf"(Init footprint|Overall footprint|Peak memory):\s{{1,30}}({NUMBER}) MB")
_ACCELERATED: Final = re.compile(r"Fully accelerated:\s{1,30}(True|False)")


@dataclass(frozen=True, slots=True)
class LitertResults:
    """What the block says; None where it does not. Memory is what was added since the start of the tool."""

    init_s: float | None = None
    first_s: float | None = None
    warmup: Count | None = None
    measured: Count | None = None
    memory_init_b: int | None = None
    memory_overall_b: int | None = None
    memory_peak_b: int | None = None
    fully_accelerated: bool | None = None


class ResultsReader:
    """Collects the block from lines as they come."""

    def __init__(self) -> None:
        self._inside = self._seen = False
        self._s: dict[str, float] = {}
        self._runs: dict[str, int] = {}
        self._b: dict[str, int] = {}
        self._accelerated: bool | None = None

    @property
    def seen(self) -> bool:
        """The block began."""
        return self._seen

    def hear(self, text: str) -> bool:
        """Note a line without its prefixes; False if it is not of the block."""
        if _TITLE.fullmatch(text):
            self._inside = self._seen = True
        elif not self._inside:
            return False
        elif found := _TIME.fullmatch(text):
            self._time(found)
        elif found := _SIZE.fullmatch(text):
            self._b[found[1]] = round((number(found[2]) or 0.0) * _MIB)
        elif found := _ACCELERATED.fullmatch(text):
            self._accelerated = found[1] == "True"
        elif _END.fullmatch(text) and self._s:
            self._inside = False
        else:
            return False
        return True

    @property
    def results(self) -> LitertResults:
        """What was collected up to now."""
        s = self._s
        return LitertResults(
            s.get("Model initialization"),
            s.get("Warmup (first)"),
            _count(self._runs.get("Warmup (avg)"), s, "Warmup"),
            _count(self._runs.get("Inference (avg)"), s, "Inference"),
            self._b.get("Init footprint"),
            self._b.get("Overall footprint"),
            self._b.get("Peak memory"),
            self._accelerated,
        )

    def _time(self, found: re.Match[str]) -> None:
        value = number(found[2], _MS)
        if value is not None:
            self._s[found[1]] = value
            if found[3]:
                self._runs[found[1]] = int(found[3])


def _count(n: int | None, s: Mapping[str, float], phase: str) -> Count | None:
    if n is None:
        return None
    if n == 0:
        return Count(0)
    names = ("first", "min", "max", "avg", "std", "p5", "median", "p95")
    return Count(n, **{f"{name}_s": s[f"{phase} ({name})"] for name in names if f"{phase} ({name})" in s})


def parse_json(text: str) -> LitertResults | str:
    """What `litert-benchmark --result_json` wrote; a reason if the text is not that."""
    if len(text) > JSON_LIMIT:
        return f"longer than {JSON_LIMIT} characters"
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        return f"no JSON: {error}"[:200]
    latency = content.get("latency") if isinstance(content, dict) else None
    if not isinstance(latency, dict):
        return "no object `latency` in it"
    times = {name: _seconds(latency.get(f"{name}_ms")) for name in _JSON_TIMES}
    s = {name: value for name, value in times.items() if value is not None}
    n, warm = _whole(latency.get("num_runs")), _whole(latency.get("num_warmup_runs"))
    if not n or "avg" not in s:
        return "no num_runs or no avg_ms in its `latency`"
    accelerated = content.get("fully_accelerated")
    return LitertResults(
        s.get("init"),
        s.get("warmup_first") if warm else None,
        None if warm is None else Count(warm, s.get("warmup_first"), avg_s=s.get("warmup_avg")) if warm else Count(0),
        Count(n, **{f"{name}_s": s[name] for name in _JSON_COUNT if name in s}),
        fully_accelerated=accelerated if isinstance(accelerated, bool) else None,
    )


_JSON_COUNT: Final = ("min", "max", "avg", "std", "p5", "median", "p95")
_JSON_TIMES: Final = ("init", "warmup_first", "warmup_avg", *_JSON_COUNT)


def _seconds(ms: Any) -> float | None:
    is_number = isinstance(ms, int | float) and not isinstance(ms, bool)
    return number(str(ms), _MS) if is_number and abs(ms) < _ANY_MS else None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**31 else None

"""One output of benchmark_model, collected line by line.

Layout: tflite/tools/benchmark/benchmark_model.cc and what earlier versions of it printed.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from edgewatt.collectors.runtimes.benchmark_model.counts import COUNT, US, Count, parse_count
from edgewatt.collectors.runtimes.benchmark_model.delegation import is_about_delegates
from edgewatt.collectors.runtimes.benchmark_model.lines import NUMBER, Body, number
from edgewatt.collectors.runtimes.benchmark_model.litert_results import ResultsReader
from edgewatt.collectors.runtimes.benchmark_model.op_tables import TableReader, without_times
from edgewatt.collectors.runtimes.benchmark_model.parsed import Parsed, Phase
from edgewatt.collectors.runtimes.text import one_line

TEXT_LIMIT: Final = 200
_MIB: Final = 1 << 20
_STARTING: Final = "STARTING!"
_RUNNING: Final = "Running benchmark for at least "
_LOADED, _INITIALIZED = "Loaded model ", "Initialized session in "
_SIGNS: Final = ("Failed", "Benchmarking failed", "Disallowed CPU fallback", "Could not", "CANNOT LINK EXECUTABLE")
_INIT: Final = re.compile(rf"Initialized session in ({NUMBER})ms\.?")
_SUMMARY: Final = re.compile(rf"(Init|First inference|Warmup|Inference|no stats)(?: \(avg\))?: ({NUMBER})(?:,|$)")
_FOOTPRINT: Final = re.compile(
    r"(?:Memory footprint delta from the start of the tool|(Peak memory footprint)) \(MB\): "
    rf"init=({NUMBER})(?: overall=({NUMBER}))?"
)
_PEAK: Final = re.compile(rf"Overall peak memory footprint \(MB\) via periodic monitoring: ({NUMBER})")
_RSS: Final = re.compile(r"- VmRSS {0,30}: ([0-9]{1,12}) MB")
_THREADS: Final = re.compile(r"(?:#threads used for CPU inference|Num threads)\s?: \[([0-9]{1,6})\]")
_SIZE: Final = re.compile(rf"The input model file size \(MB\): ({NUMBER})")
_FLAG: Final = re.compile(r"--?([^\s=]{1,80})")


class Segment:
    """What was heard up to now, bounded: at most TEXT_LIMIT texts of a kind are kept."""

    def __init__(self) -> None:
        self._said: dict[str, float] = {}
        self._figures: dict[str, int] = {}
        self._phases: list[Phase] = []
        self._texts: dict[str, list[str]] = {}
        self._signs: set[str] = set()
        self._tables, self._results = TableReader(), ResultsReader()
        self._handlers: tuple[tuple[str, Callable[[str, int | None], None]], ...] = (
            (COUNT, self._count),
            (_RUNNING, self._running),
            (_INITIALIZED, self._initialized),
            ("Inference timings in us: ", self._summary),
            ("Average inference timings in us: ", self._summary),
            ("Memory footprint delta ", self._footprint),
            ("Peak memory footprint ", self._footprint),
            ("Overall peak memory footprint ", self._peak),
            ("- VmRSS", self._peak),
            ("#threads used ", self._threads),
            ("Num threads", self._threads),
            ("The input model file size ", self._size),
            ("Unconsumed cmdline flags: ", self._unknown),
            ("Duplicate flags: ", self._duplicate),
        )

    def ends_before(self, text: str) -> bool:
        """Whether a line begins another output."""
        counted = len(self._phases) > 1 or any(phase.count is not None for phase in self._phases)
        if text == _STARTING:
            return bool(self._signs & {"start", "ready"}) or bool(self._phases)
        if text.startswith((_LOADED, _INITIALIZED)):
            return counted
        return text.startswith((_RUNNING, COUNT)) and len(self._phases) > 1 and self._phases[-1].count is not None

    def hear(self, body: Body, t_ns: int | None, *, ended: bool) -> None:
        """Note a line and when it came."""
        text = body.text
        if self._results.hear(text) or self._tables.hear(text, ended=ended):
            return
        for prefix, handle in self._handlers:
            if text.startswith(prefix):
                self._signs |= {"tool", "levels"} if body.level and not body.logcat else {"tool"}
                handle(text, t_ns)
                return
        self._other(body)

    @property
    def parsed(self) -> Parsed:
        """What it amounts to."""
        results, said, figures = self._results.results, self._said, self._figures
        warmup, measured, notes = self._sorted()
        warmup = replace(warmup, count=warmup.count or results.warmup)
        measured = replace(measured, count=measured.count or results.measured)
        tables = self._tables.tables
        return Parsed(
            generation=self._generation(warmup.count, measured.count),
            from_start="start" in self._signs,
            init_s=said.get("Init", said.get("session", results.init_s)),
            first_s=_first(said, warmup.count, measured.count) if warmup.count else said.get("First inference") or None,
            warmup=warmup,
            measured=measured,
            inference_avg_s=said.get("Inference"),
            memory_init_b=figures.get("init", results.memory_init_b),
            memory_overall_b=figures.get("overall", results.memory_overall_b),
            memory_peak_b=figures.get("peak", results.memory_peak_b),
            vm_rss_b=figures.get("rss"),
            threads=figures.get("threads"),
            model_size_b=figures.get("size"),
            fully_accelerated=results.fully_accelerated,
            delegate_texts=self._kept("delegates"),
            unknown_flags=self._kept("unknown"),
            duplicate_flags=self._kept("duplicate"),
            warnings=self._kept("warnings"),
            errors=self._kept("errors"),
            op_tables=without_times(tables) if "cycles" in self._signs else tables,
            notes=notes,
        )

    def _kept(self, kind: str) -> tuple[str, ...]:
        return tuple(self._texts.get(kind, ()))

    def _keep(self, kind: str, text: str) -> None:
        kept = self._texts.setdefault(kind, [])
        if len(kept) < TEXT_LIMIT:
            kept.append(one_line(text))

    def _other(self, body: Body) -> None:
        text = body.text
        if text == _STARTING:
            self._signs |= {"start", "tool"} | ({"levels"} if body.level and not body.logcat else set())
        elif text.startswith(_LOADED):
            self._signs |= {"ready", "tool"}
        elif text == "Hexagon profiling: [1]":
            self._signs.add("cycles")
        if is_about_delegates(text):
            self._keep("delegates", text)
        if body.level in ("E", "F") or text.startswith(_SIGNS):
            self._keep("errors", text)
        elif body.level == "W":
            self._keep("warnings", text)

    def _running(self, text: str, t_ns: int | None) -> None:
        if "terminate if exceeding" not in text:
            self._signs.add("no limit")
        self._phases.append(Phase(t0_ns=t_ns))

    def _count(self, text: str, t_ns: int | None) -> None:
        count = parse_count(text)
        if count is None:
            return
        if not self._phases or self._phases[-1].count is not None:
            self._phases.append(Phase())
        self._phases[-1] = replace(self._phases[-1], count=count, t1_ns=t_ns)

    def _initialized(self, text: str, _t_ns: int | None) -> None:
        self._signs.add("ready")
        found = _INIT.fullmatch(text)
        session_s = number(found[1], -3) if found else None
        if session_s is not None:
            self._said["session"] = session_s

    def _summary(self, text: str, _t_ns: int | None) -> None:
        if text.startswith("Average"):
            self._signs.add("average")
        for name, us in _SUMMARY.findall(text.partition(" us: ")[2]):
            value_s = number(us, US)
            if value_s is not None:
                self._said["Inference" if name == "no stats" else name] = value_s

    def _footprint(self, text: str, _t_ns: int | None) -> None:
        found = _FOOTPRINT.fullmatch(text)
        if found is None:
            return
        self._signs.add("peak footprint" if found[1] else "footprint delta")
        self._mib("init", found[2])
        self._mib("overall", found[3])

    def _peak(self, text: str, _t_ns: int | None) -> None:
        for name, pattern in (("peak", _PEAK), ("rss", _RSS)):
            if found := pattern.fullmatch(text):
                self._mib(name, found[1])

    def _mib(self, name: str, shown: str | None) -> None:
        value = number(shown)
        if value is not None:
            self._figures[name] = round(value * _MIB)

    def _threads(self, text: str, _t_ns: int | None) -> None:
        found = _THREADS.fullmatch(text)
        if found and int(found[1]) > 0:
            self._figures["threads"] = int(found[1])

    def _size(self, text: str, _t_ns: int | None) -> None:
        found = _SIZE.fullmatch(text)
        mb = number(found[1]) if found else None
        if mb is not None:
            self._figures["size"] = round(mb * 1e6)

    def _unknown(self, text: str, _t_ns: int | None) -> None:
        given = text.partition(": ")[2]
        for name in [word[1] for word in map(_FLAG.match, given.split()) if word] or [given]:
            self._keep("unknown", name)

    def _duplicate(self, text: str, _t_ns: int | None) -> None:
        self._keep("duplicate", text.partition(": ")[2])

    def _sorted(self) -> tuple[Phase, Phase, tuple[str, ...]]:
        """Which phase is which: by their order where the output has its start, else by the closing line."""
        none = Phase()
        if not self._phases:
            return none, none, ()
        warm_avg, avg = self._said.get("Warmup"), self._said.get("Inference")
        if len(self._phases) > 1:
            return self._two(self._phases[0], self._phases[1], warm_avg, avg)
        only = self._phases[0]
        if only.count is not None and avg is not None and only.count.avg_s == avg != warm_avg:
            return none, only, ()
        if self._signs & {"start", "ready"}:
            return only, none, ()
        return none, none, ("a summary without its start: warm-up or measurement, the text does not tell",)

    @staticmethod
    def _two(
        warmup: Phase, measured: Phase, warm_avg: float | None, avg: float | None
    ) -> tuple[Phase, Phase, tuple[str, ...]]:
        """Both phases, less what the closing line contradicts."""
        if measured.count is None or avg is None:
            return warmup, measured, ()
        if measured.count.avg_s != avg:
            return warmup, measured, ("the closing line gives another mean than the measured phase",)
        if warmup.count is not None and warm_avg not in (None, warmup.count.avg_s):
            return Phase(), measured, ("the closing line gives another mean than the warm-up, which is left out",)
        return warmup, measured, ()

    def _generation(self, *counts: Count | None) -> str | None:
        """Named after the year in which such output appeared, as remembered; told by what is printed."""
        told = (
            ("litert", self._results.seen),
            ("tflite-2024", any(count is not None and count.median_s is not None for count in counts)),
            ("tflite-2023", "levels" in self._signs),
            ("tflite-2021", "footprint delta" in self._signs),
            ("tflite-2020", "peak footprint" in self._signs),
            ("tflite-2019", self._signs & {"no limit", "average"}),
            ("tflite", "tool" in self._signs or self._tables.tables),
        )
        return next((name for name, so in told if so), None)


def _first(said: dict[str, float], warmup: Count, measured: Count | None) -> float | None:
    """The first inference of the process; without a warm-up it is the first that was measured."""
    if warmup.n == 0:
        return measured.first_s if measured else None
    return said.get("First inference", warmup.first_s)

"""The truth of a run on the virtual phone: exact joules, from the log that its kernel kept.

The log is a text of JSON lines: first what the phone was (personality, quirks, seed, origin), then every change of its
timeline as it was recorded, the edges of its programs (when they happened and when they were logged), and their phases.
All times are ns of the host's monotonic clock.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from edgewatt.profiler.errors import UsageError
from edgewatt.virtual_lab.clocks import DeviceClocks
from edgewatt.virtual_lab.phone.anatomy import BATTERY
from edgewatt.virtual_lab.phone.body import clocks_of, timeline_of
from edgewatt.virtual_lab.phone.events import LOG
from edgewatt.virtual_lab.phone.personalities import personality
from edgewatt.virtual_lab.power.load import Change, level
from edgewatt.virtual_lab.power.timeline import Timeline

TRUTH: Final = LOG
# In a run's folder.
RAW: Final = f"raw/{TRUTH}"
MEASURE: Final = "measure"


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase of benchmark_model as it happened, ns of the host: `runs` iterations from `t0_ns` to `t1_ns`."""

    name: str
    t0_ns: int
    t1_ns: int
    runs: int


@dataclass(frozen=True, slots=True)
class TrueEnergy:
    """Exact joules of one measured phase at one source: `battery`, a domain of power, or a rail."""

    phase: Phase
    source: str
    energy_j: float

    @property
    def per_iteration_j(self) -> float:
        """Of one inference."""
        return self.energy_j / self.phase.runs


@dataclass(frozen=True, slots=True)
class Truth:
    """What a log tells: the timeline made again, the clocks, the phases, and how late each edge was logged."""

    timeline: Timeline
    clocks: DeviceClocks
    phases: tuple[Phase, ...]
    logged_late_ns: tuple[int, ...]
    moved_ns: tuple[int, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """The names that `energy_j` takes."""
        return tuple(self.timeline.device.sources)

    def energy_j(self, t0_ns: int, t1_ns: int, source: str = BATTERY) -> float:
        """Exact joules between two instants of the host's monotonic clock. Raises KeyError for an unknown source."""
        return float(self.timeline.energy_j(t0_ns, t1_ns, source))

    def energies(self, name: str = MEASURE, sources: Iterable[str] = ()) -> list[TrueEnergy]:
        """Of every phase of that name, in order, at every source."""
        return [
            TrueEnergy(phase, source, self.energy_j(phase.t0_ns, phase.t1_ns, source))
            for phase in self.phases
            if phase.name == name
            for source in (tuple(sources) or self.sources)
        ]


def read_truth(path: Path) -> Truth:
    """The truth in a log. Raises UsageError if it is none, OSError."""
    lines = path.read_text().splitlines()
    try:
        head, *rest = [json.loads(line) for line in lines if line.endswith("}")]
        phone = personality(head["personality"], head["quirks"])
        origin_ns = int(head["origin_ns"])
        timeline = timeline_of(phone, origin_ns)
        for change in (line["change"] for line in rest if "change" in line):
            timeline.record(_change(change))
        phases = tuple(_phase(line["phase"]) for line in rest if "phase" in line)
        edges = [line for line in rest if "happened_ns" in line]
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{path} is no log of a virtual phone: {error!r}") from None
    return Truth(
        timeline,
        clocks_of(phone, origin_ns),
        phases,
        tuple(edge["logged_ns"] - edge["happened_ns"] for edge in edges),
        tuple(edge["used_ns"] - edge["happened_ns"] for edge in edges),
    )


def true_energies(run: Path) -> list[TrueEnergy]:
    """The truth of every measured phase of a stored run, in order, at every source; none if it has no log.

    Raises UsageError for a log that cannot be read.
    """
    path = run / RAW
    return read_truth(path).energies() if path.exists() else []


def timing_error(truth: Truth) -> Mapping[str, float]:
    """Seconds between an edge and its being logged: the median, the 99th percentile and the largest."""
    late_s = np.array(truth.logged_late_ns or (0,)) * 1e-9
    return {
        "edges": float(len(truth.logged_late_ns)),
        "median_s": float(np.median(late_s)),
        "p99_s": float(np.quantile(late_s, 0.99)),
        "max_s": float(late_s.max()),
    }


def _change(words: Any) -> Change:
    kind, name, t_ns, value = words
    made = level(str(name), int(t_ns), float(value))
    return Change(kind, made.name, made.t_ns, made.value)


def _phase(words: Any) -> Phase:
    name, t0_ns, t1_ns, runs = words
    return Phase(str(name), int(t0_ns), int(t1_ns), max(int(runs), 1))

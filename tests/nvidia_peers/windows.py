"""Windows of load on a GPU of the lab, and their energy as edgewatt and as Zeus tell it."""

import _ctypes
import ctypes
import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pynvml
from numpy.typing import NDArray

from edgewatt.collectors.nvidia.collector import Nvml
from edgewatt.profiler.batch import Batch
from edgewatt.profiler.channel import Channel
from edgewatt.profiler.clock import Clock, ManualClock
from edgewatt.profiler.energy.windows import energy_of_windows
from edgewatt.virtual_lab.nvidia.lab import NvmlLab

ZEUS: Final = "zeus==0.16.0"
SCRIPT: Final = Path(__file__).parent / "with_zeus.py"
S: Final = 1_000_000_000
SHORTEST_S, LONGEST_S = 0.2, 10.0


@dataclass(frozen=True, slots=True)
class Windows:
    """n windows, int64 of shape [n] on the clock of the lab, and the power that goes with them."""

    t0_ns: NDArray[np.int64]
    t1_ns: NDArray[np.int64]
    power: list[tuple[int, float]]

    @property
    def end_ns(self) -> int:
        """A while after the last."""
        return int(self.t1_ns[-1]) + 2 * S


def windows(seed: int, count: int, start_ns: int, *, idle_w: float = 60.0, longest_s: float = LONGEST_S) -> Windows:
    """Loads of 120 to 380 W, 0.2 to 10 s long (uniform in the logarithm), at random phases of any sensor."""
    rng = np.random.default_rng(seed)
    lengths_ns = (SHORTEST_S * (longest_s / SHORTEST_S) ** rng.random(count) * S).astype(np.int64)
    pauses_ns = (rng.uniform(0.6, 1.6, count) * S).astype(np.int64)
    t0_ns = start_ns + 2 * S + np.cumsum(pauses_ns) + np.concatenate(([0], np.cumsum(lengths_ns)[:-1]))
    power = [(start_ns, idle_w)]
    for begin, length, watts in zip(t0_ns.tolist(), lengths_ns.tolist(), rng.uniform(120, 380, count), strict=True):
        power += [(begin, float(watts)), (begin + length, idle_w)]
    return Windows(t0_ns, t0_ns + lengths_ns, power)


class LabClock(ManualClock):
    """Virtual time that takes the lab along. Who sleeps wakes late, as on a machine that has other work as well."""

    def __init__(self, lab: NvmlLab, start_ns: int, seed: int) -> None:
        super().__init__(start_ns)
        self._lab, self._rng = lab, np.random.default_rng(seed)

    def sleep(self, seconds: float) -> None:
        """Move on by `seconds` and some 0.2 ms; once in two hundred times by 10 ms more."""
        late_s = self._rng.exponential(0.0002) + (0.01 if self._rng.random() < 0.005 else 0.0)
        self.advance(seconds + late_s)
        self._lab.move_clock(self.now_ns())


@contextmanager
def loaded(lab: NvmlLab) -> Iterator[None]:
    """The lab's library as that of this process' pynvml; unloaded at the end, since it is found by its bare name."""
    before = {key: os.environ.get(key) for key in lab.environment}
    os.environ.update(lab.environment)
    pynvml.nvmlLib = library = ctypes.CDLL(str(lab.library))
    pynvml._nvmlGetFunctionPointer_cache.clear()
    try:
        yield
    finally:
        pynvml.nvmlLib = None
        pynvml._nvmlGetFunctionPointer_cache.clear()
        _ctypes.dlclose(library._handle)
        for key, value in before.items():
            os.environ.pop(key) if value is None else os.environ.update({key: value})


@dataclass(frozen=True, slots=True)
class Told:
    """Joules of each window, NaN where they are not given (fewer than two updates, or an interval above half)."""

    energy_j: dict[str, NDArray[np.float64]]
    learnt: dict[str, Any]


def by_edgewatt(clock: Clock, asked: Windows) -> Told:
    """Every energy source's joules, from the rows of the collector as they are recorded."""
    collector = Nvml("0")
    opened = collector.open(clock)
    rows: list[Batch] = []
    while clock.now_ns() < asked.end_ns:
        item = collector.read(0.2)
        if isinstance(item, Batch) and not item.stream and len(item):
            rows.append(item)
    collector.close()
    together = Batch(
        np.concatenate([row.t_ns for row in rows]),
        {name: np.concatenate([row.columns[name] for row in rows]) for name in rows[0].columns},
    )
    channels = {channel.column: channel for channel in opened.channels[""]}
    terms = {s.name: [tuple(channels[c] for c in term) for term in s.terms] for s in opened.sources}
    found = {name: _joules(together, of, asked) for name, of in terms.items()}
    return Told(found, dict(collector.learnt().facts))


def _joules(rows: Batch, terms: Sequence[Sequence[Channel]], asked: Windows) -> NDArray[np.float64]:
    found = energy_of_windows([rows], terms, asked.t0_ns, asked.t1_ns)
    energy_j = found.energy_j + found.edge_loss_j
    given = (found.updates >= 2) & (1.96 * found.u_edge_j <= 0.5 * energy_j)
    return np.where(given, energy_j, np.nan)


@contextmanager
def zeus(python: Path, lab: NvmlLab, *words: str) -> Iterator["subprocess.Popen[str]"]:
    """The script with Zeus, once it is ready."""
    process = subprocess.Popen(
        [str(python), str(SCRIPT), *words],
        env={**os.environ, **lab.environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


def by_zeus(python: Path, lab: NvmlLab, asked: Windows) -> NDArray[np.float64]:
    """Zeus's joules of each window, begun and ended exactly at its edges: virtual time stands still meanwhile."""
    found = []
    with zeus(python, lab) as process:
        for k, (begin, end) in enumerate(zip(asked.t0_ns.tolist(), asked.t1_ns.tolist(), strict=True)):
            lab.move_clock(begin)
            say(process, f"begin {k}")
            lab.move_clock(end)
            found.append(float(json.loads(say(process, f"end {k}"))))
    return np.array(found)


def say(process: "subprocess.Popen[str]", line: str) -> str:
    """What the script answers."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(line + "\n")
    process.stdin.flush()
    return process.stdout.readline()


@dataclass(frozen=True, slots=True)
class Score:
    """RMS of the relative errors of both; `failures`: windows that we do not give and Zeus gives within 20 %."""

    ours: float
    theirs: float
    failures: int
    given: int

    @property
    def ratio(self) -> float:
        """Ours over theirs."""
        return self.ours / self.theirs


def score(
    ours_j: NDArray[np.float64],
    theirs_j: NDArray[np.float64],
    truth_j: NDArray[np.float64],
    their_truth_j: NDArray[np.float64] | None = None,
) -> Score:
    """Over the windows that we give; Zeus gives all, in real time of windows a little beside ours."""
    ours, theirs = ours_j / truth_j - 1, theirs_j / (truth_j if their_truth_j is None else their_truth_j) - 1
    given = np.isfinite(ours)
    missed = int(np.sum(~given & (np.abs(theirs) <= 0.2)))
    return Score(_rms(ours[given]), _rms(theirs), missed, int(given.sum()))


def _rms(values: NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(values**2))) if len(values) else float("nan")

"""Seeds of a suite, each another phone: recorded, calibrated, and judged constant by constant."""

import multiprocessing
import os
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final
from unittest.mock import patch

from edgewatt.profiler.calibrating.fit import calibration_of
from edgewatt.virtual_lab.phone.anatomy import BATTERY
from edgewatt.virtual_lab.phone.virtual_time import VirtualRun
from edgewatt.virtual_lab.phone.virtual_time.one_phone import one_phone
from edgewatt.virtual_lab.phone.virtual_time.suite import VirtualLoads
from tests.virtual_suite.cases import SHORT, Case
from tests.virtual_suite.chain import executed
from tests.virtual_suite.meter import PLAIN, SuiteMeter, suite_meter
from tests.virtual_suite.truths import Expected, Truths

EXACT: Final[Mapping[str, float]] = defaultdict(lambda: 1.0)
# About what its cell has (virtual_lab/sensors/battery.py).
NOMINAL_V: Final = 3.9
# In memory where there is such a place: a suite is gone as soon as it is calibrated.
_MEMORY: Final = Path("/dev/shm")


@dataclass(frozen=True, slots=True)
class Trial:
    """What one seed gave for one constant; `interval` is None where the row has none."""

    seed: int
    constant: str
    truth: float
    value: float | None
    interval: tuple[float, float] | None

    @property
    def is_held(self) -> bool | None:
        """Whether the interval holds the truth."""
        return None if self.interval is None else self.interval[0] <= self.truth <= self.interval[1]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One seed: its trials, what the calibration says of itself, and the seconds of processor time of both halves."""

    trials: tuple[Trial, ...]
    notes: tuple[str, ...]
    recorded_s: float
    fitted_s: float


def outcome(seed: int, case: Case = SHORT, *, seen: bool = False) -> Outcome:
    """Record the suite of one seed, calibrate, and judge by the plain truth, or by that which its instruments see."""
    began_s = time.process_time()
    one = one_phone(case.personality, seed)
    folder = Path(tempfile.mkdtemp(prefix="edgewatt-", dir=_MEMORY if _MEMORY.is_dir() else None))
    try:
        steps = list(executed(one, seed, folder, case))
        recorded_s = time.process_time()
        found = calibration_of([trace for _, _, trace in steps])
        fitted_s = time.process_time()
    finally:
        shutil.rmtree(folder)
    loads = {at.step.name: run for at, run, _ in steps if isinstance(run, VirtualLoads)}
    networks = {
        (float(at.step.facts["co_cpu_ratio"]), float(at.step.facts["co_memory_ratio"])): run
        for at, run, _ in steps
        if isinstance(run, VirtualRun)
    }
    run = next(iter(loads.values()))
    meter, rails = (suite_meter(seed) if case.metered else gauge_of(run), run.gains()) if seen else (PLAIN, EXACT)
    truths = Truths(one, meter, rails, loads, networks)
    trials = tuple(judged(seed, expected) for expected in truths.of(found))
    return Outcome(trials, tuple(found.head.notes), recorded_s - began_s, fitted_s - recorded_s)


def gauge_of(run: VirtualLoads) -> SuiteMeter:
    """The phone's own gauge, as a meter at its battery."""
    return SuiteMeter(run.gains()[BATTERY], run.gauge_offset_a * NOMINAL_V)


def judged(seed: int, expected: Expected) -> Trial:
    """The value and the interval of a row beside its truth."""
    row, column = expected.row, expected.column
    if column == "value":
        names = ("value", "low", "high")
    else:
        name, _, unit = column.partition("_") if column.count("_") == 1 else _named(column)
        names = (column, f"{name}_low_{unit}", f"{name}_high_{unit}")
    value, low, high = (row.get(name) for name in names)
    return Trial(seed, expected.constant, expected.truth, value, None if low is None or high is None else (low, high))


def _named(column: str) -> tuple[str, str, str]:
    """Name and unit of a column whose name or unit has several words."""
    for unit in ("k_per_w", "b_per_s"):
        if column.endswith(f"_{unit}"):
            return column.removesuffix(f"_{unit}"), "_", unit
    name, _, unit = column.rpartition("_")
    return name, "_", unit


def outcomes(seeds: Iterable[int], case: Case = SHORT, *, seen: bool = False, processes: int = 1) -> Iterator[Outcome]:
    """Of every seed, in order. Each process has one thread (tests/virtual_meter/trials.py says why)."""
    if processes == 1:
        yield from (outcome(seed, case, seen=seen) for seed in seeds)
        return
    alone = patch.dict(os.environ, {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"})
    with alone, multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from pool.imap(partial(outcome, case=case, seen=seen), seeds)

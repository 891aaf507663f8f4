"""Seeds of the estimator: each another phone, calibrated by loads, and networks that its calibration has not seen."""

import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final
from unittest.mock import patch

from edgewatt.profiler.calibrating.clusters import clusters_of
from edgewatt.profiler.calibrating.estimator import Estimated, estimates
from edgewatt.profiler.calibrating.observations import observations
from edgewatt.profiler.calibrating.power import PowerFit, better, fit_power, with_idle_steps
from edgewatt.profiler.collecting.steps import CPU, INFERENCE
from edgewatt.profiler.storage.trace import Trace
from edgewatt.virtual_lab.phone.virtual_time import VirtualRun
from edgewatt.virtual_lab.phone.virtual_time.one_phone import OnePhone, one_phone
from tests.estimator_figures.networks import Network, networks
from tests.virtual_suite.cases import SHORT, Case
from tests.virtual_suite.chain import HOTTEST, _meter, executed, rates
from tests.virtual_suite.meter import SOURCE
from tests.virtual_time.chain import recorded

LOADS: Final = replace(SHORT, steps=(CPU,), signals_dbm=(-50.0,))
# In memory where there is such a place: a run is gone as soon as it is looked at.
_MEMORY: Final = Path("/dev/shm")


@dataclass(frozen=True, slots=True)
class Trial:
    """One network of one phone: by how much its estimate is off, of what was measured.

    `by_loops` is the same of an estimate from loops alone, None on an accelerator; `is_held`: whether the estimate's
    interval holds what was measured, None without an interval.
    """

    seed: int
    unit: str
    is_pinned: bool
    off: float
    by_loops: float | None
    is_held: bool | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """One seed: its trials, and why networks were not estimated."""

    trials: tuple[Trial, ...]
    notes: tuple[str, ...]


def outcome(seed: int, each: int = 4, loads: Case = LOADS) -> Outcome:
    """Calibrate the phone of a seed, let it execute networks, and estimate each from the others. Raises ValueError."""
    one = one_phone(loads.personality, seed)
    folder = Path(tempfile.mkdtemp(prefix="edgewatt-", dir=_MEMORY if _MEMORY.is_dir() else None))
    ran = {f"{of.name}.tflite": of for of in networks(one.phone, seed, each)}
    try:
        traces = [trace for _, _, trace in executed(one, seed, folder, loads)]
        clusters = list(clusters_of(traces[0]))
        seen = [of for trace in traces for of in observations(trace)]
        fit, notes = fit_power(seen, SOURCE, clusters)
        if fit is None:
            raise ValueError(f"seed {seed}: {'; '.join(notes)}")
        found = better(fit, with_idle_steps(fit))
        mine = {name: observations(executed_by(one, seed, of, folder / of.name, loads)) for name, of in ran.items()}
    finally:
        shutil.rmtree(folder)
    done, why = estimates(found, [*seen, *(of for each_of in mine.values() for of in each_of)])
    return Outcome(tuple(_trial(seed, of, ran[str(dict(of.work.what)["model"])], found) for of in done), tuple(why))


def executed_by(one: OnePhone, seed: int, network: Network, folder: Path, case: Case = LOADS) -> Trace:
    """The run of one network on the phone of a seed, as `profile` records it with a meter."""
    run = VirtualRun(one.phone, seed, network.plan, device=one.device, alone=True)
    return recorded(
        run,
        folder,
        conditions={"step": INFERENCE, "temperature_channel": HOTTEST},
        rates=rates(case),
        more=lambda writer: _meter(writer, run, case),
        facts=network.facts(),
    )


def _trial(seed: int, of: Estimated, network: Network, found: PowerFit) -> Trial:
    by_loops, _ = estimates(found, of.work.seen)
    low, high = of.estimate.low, of.estimate.high
    held = None if low is None or high is None else low <= of.measured_j <= high
    alone = _off(by_loops[0]) if by_loops else None
    return Trial(seed, network.unit, network.is_held, _off(of), alone, held)


def _off(of: Estimated) -> float:
    return of.estimate.value / of.measured_j - 1


def outcomes(seeds: Iterable[int], *, processes: int = 1) -> Iterator[Outcome]:
    """Of every seed, in order."""
    if processes == 1:
        yield from map(outcome, seeds)
        return
    alone = patch.dict(os.environ, {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"})
    with alone, multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from pool.imap(partial(outcome), seeds)

"""Seeds of one case, each a whole bench run, on as many processes as are asked for."""

import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from edgewatt.profiler.analysis.process import analyse
from edgewatt.profiler.analysis.results import Analysis, result_rows
from edgewatt.virtual_lab.monsoon.feeds import Supplied
from edgewatt.virtual_lab.monsoon.meter import Meter
from edgewatt.virtual_lab.monsoon.setup import assembled
from edgewatt.virtual_lab.phone.anatomy import BATTERY
from edgewatt.virtual_lab.phone.virtual_time import VirtualRun
from tests.virtual_meter.cases import VOLTAGE_V, Case
from tests.virtual_meter.chain import SOURCE, recorded
from tests.virtual_meter.mutations import MUTANTS, NONE, Mutation
from tests.virtual_meter.truths import truths_of
from tests.virtual_time.scores import Trial
from tests.virtual_time.trials import _BOUNDS as BOUNDS
from tests.virtual_time.trials import _MEMORY as MEMORY
from tests.virtual_time.trials import _pair as pair

# Virtual time can be asked ahead, and a meter that measures in lots costs less.
_AHEAD_S: Final = 0.25


@dataclass(frozen=True, slots=True)
class Outcome:
    """One seed: its trials, its row, and the seconds of processor time that it took.

    `errors` are by quantity, relative to the joules of its own iterations with the meter's gain taken out; without
    joules there is none.
    """

    trials: tuple[Trial, ...]
    errors: dict[str, float]
    row: dict[str, Any]
    cpu_s: float


def measured(case: Case, seed: int, change: Mutation = NONE) -> tuple[VirtualRun, Meter, Analysis]:
    """A phone, its meter, and what was found."""
    run = case.run(seed)
    hangs = run if change.feeds is None else case.run(change.feeds)
    feed = Supplied(hangs.timeline, BATTERY, ahead_s=_AHEAD_S)
    meter = assembled(case.model, feed, seed=seed, faults=change.faults, voltage_v=VOLTAGE_V)
    folder = Path(tempfile.mkdtemp(prefix="edgewatt-", dir=MEMORY if MEMORY.is_dir() else None))
    try:
        return run, meter, analyse(recorded(run, case.model, meter, folder / "run", change))
    finally:
        shutil.rmtree(folder)


def outcome(case: Case, seed: int, change: Mutation = NONE) -> Outcome:
    """Measure one seed, and judge it."""
    began_s = time.process_time()
    run, meter, analysis = measured(case, seed, change)
    (row,) = result_rows(analysis)
    trials, errors = [], {}
    for quantity, truth in truths_of(run, meter).items():
        bounds = {bound: row[f"energy_{quantity}_j_{bound}"] for bound in BOUNDS}
        value_j = bounds["mean"]
        trials.append(
            Trial(
                seed,
                SOURCE,
                quantity,
                truth.true_j,
                truth.seen_j,
                value_j,
                pair(bounds, ""),
                pair(bounds, "accuracy_"),
                tuple(row["quality_reasons"]),
            )
        )
        if value_j is not None:
            errors[quantity] = value_j / truth.used_j - 1
    return Outcome(tuple(trials), errors, row, time.process_time() - began_s)


Outcomes = Callable[..., Iterator[Outcome]]


@contextmanager
def working(processes: int) -> Iterator[Outcomes]:
    """A function of a case, seeds and the name of a mutant ("none"): their outcomes in order, from so many processes.

    Each has one thread: those of a BLAS wait for each other by spinning, which takes ten times the processor time where
    others work too.
    """
    alone = patch.dict(os.environ, {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"})
    with alone, multiprocessing.get_context("spawn").Pool(processes) as pool:

        def outcomes(case: Case, seeds: Iterable[int], mutant: str = "none") -> Iterator[Outcome]:
            return pool.imap(partial(_named, case, mutant), seeds)

        yield outcomes


def _named(case: Case, mutant: str, seed: int) -> Outcome:
    return outcome(case, seed, MUTANTS[mutant])


def trials_of(found: Sequence[Outcome], quantity: str) -> list[Trial]:
    """The trials of one quantity."""
    return [trial for one in found for trial in one.trials if trial.quantity == quantity]

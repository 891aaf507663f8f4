"""Seeds of one case, each a whole run of its own, on as many processes as are asked for."""

import multiprocessing
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from edgewatt.profiler.analysis.process import analyse
from edgewatt.profiler.analysis.results import result_rows
from edgewatt.virtual_lab.phone.virtual_time import VirtualRun
from tests.virtual_time.cases import Case
from tests.virtual_time.chain import recorded
from tests.virtual_time.mutations import NONE, Mutation
from tests.virtual_time.scores import Trial
from tests.virtual_time.truths import truths

QUANTITIES: Final = ("gross", "net")
# In memory where there is such a place: a run is gone as soon as it is analysed.
_MEMORY: Final = Path("/dev/shm")


@dataclass(frozen=True, slots=True)
class Outcome:
    """One seed: its trials, the rows of its table, and the seconds of processor time that it took."""

    trials: tuple[Trial, ...]
    rows: tuple[dict[str, Any], ...]
    cpu_s: float


def outcome(case: Case, seed: int, change: Mutation = NONE) -> Outcome:
    """Measure one seed, and judge it."""
    began_s = time.process_time()
    run = VirtualRun(case.personality, seed, case.plan, case.quirks)
    folder = Path(tempfile.mkdtemp(prefix="edgewatt-", dir=_MEMORY if _MEMORY.is_dir() else None))
    try:
        trace = recorded(run, folder / "run", change, sources=case.sources)
        rows = result_rows(analyse(trace))
    finally:
        shutil.rmtree(folder)
    judged = tuple(_trials(run, case, rows, seed))
    return Outcome(judged, tuple(rows), time.process_time() - began_s)


def outcomes(case: Case, seeds: Iterable[int], *, processes: int = 1) -> Iterator[Outcome]:
    """Of every seed, in order."""
    if processes == 1:
        yield from (outcome(case, seed) for seed in seeds)
        return
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from pool.imap(partial(outcome, case), seeds, chunksize=8)


def all_trials(case: Case, seeds: Iterable[int], change: Mutation = NONE) -> list[Trial]:
    """The trials of every seed."""
    return [trial for seed in seeds for trial in outcome(case, seed, change).trials]


def _trials(run: VirtualRun, case: Case, rows: Sequence[dict[str, Any]], seed: int) -> Iterator[Trial]:
    by_source = {row["energy_source"]: row for row in rows}
    for source in case.sources:
        for quantity, (true_j, seen_j) in truths(run, source).items():
            row = by_source.get(source)
            bounds = {} if row is None else {b: row[f"energy_{quantity}_j_{b}"] for b in _BOUNDS}
            yield Trial(
                seed,
                source,
                quantity,
                true_j,
                seen_j,
                bounds.get("mean"),
                _pair(bounds, ""),
                _pair(bounds, "accuracy_"),
                ("no_source",) if row is None else tuple(row["quality_reasons"]),
            )


_BOUNDS: Final = ("mean", "low", "high", "accuracy_low", "accuracy_high")


def _pair(bounds: dict[str, float | None], kind: str) -> tuple[float, float] | None:
    low_j, high_j = bounds.get(f"{kind}low"), bounds.get(f"{kind}high")
    return None if low_j is None or high_j is None else (low_j, high_j)

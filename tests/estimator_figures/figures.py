"""The errors of the energy estimator as a page of Markdown."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from tests.estimator_figures.trials import Outcome, Trial
from tests.virtual_time.scores import Share

_HEAD: str = """\
# The energy estimator in virtual time

SIMULATED. {seeds} seeds of a virtual Pixel, from {first} on, each another phone (watts of each cluster, the first
core's share, leakage, cooling, a meter with a gain of its own). Each is calibrated by the step `cpu` of `calibrate
--collect --short`: loops at 5 of the 9 or 10 frequencies of each cluster. Then it executes {networks} networks:
latencies of 3 to 150 ms, repeats of 1.5 to 5 s, any number of threads on one cluster or on several, free or with the
clock held at any of its frequencies, measured or not; on the GPU, and half on the NPU by NNAPI. Every network takes
another share of the memory's bandwidth, up to half of it more than the least, which no instrument tells. A network's
joules are then estimated (profiler/calibrating/estimator.py) from the loops and from the other networks, never from
itself, and compared with what the meter measured. Written by `python -m tests.estimator_figures`.

- *MAPE*: the mean of the absolute errors, of what was measured, with the standard error between phones; AutoScale's is
  7.3 % (remembered); *bias*: the mean of the errors; *95 %*: so large are at most 95 of 100 of them;
- *covered*: how often the estimate's 95 % interval holds what was measured;
- *loops alone*: the MAPE of power tables x time in state as the paper has it, with tables that loops told.

| unit | networks | MAPE | bias | 95 % | covered | loops alone |
|---|---|---|---|---|---|---|
"""


def page(found: Sequence[Outcome], first: int) -> str:
    """The whole page."""
    trials = [trial for of in found for trial in of.trials]
    return "".join(
        [
            _HEAD.format(seeds=len(found), first=first, networks=max(len(of.trials) for of in found)),
            *(f"{line}\n" for line in lines(trials)),
            *(f"\n- {text} ({n})" for text, n in Counter(note for of in found for note in of.notes).most_common(10)),
            "\n" if any(of.notes for of in found) else "",
        ]
    )


def lines(trials: Sequence[Trial]) -> Iterator[str]:
    """One for each unit and for whether its clock was held; then all on processors, and all."""
    for unit in dict.fromkeys(trial.unit for trial in trials):
        for pinned in (False, True):
            mine = [trial for trial in trials if (trial.unit, trial.is_pinned) == (unit, pinned)]
            if mine:
                yield _line(f"{unit}{', clock held' if pinned else ''}", mine)
    yield _line("**processors**", [trial for trial in trials if trial.by_loops is not None])
    yield _line("**all**", trials)


def mape(trials: Sequence[Trial]) -> float:
    """The mean of the absolute errors."""
    return float(np.mean([abs(trial.off) for trial in trials]))


def _line(name: str, mine: Sequence[Trial]) -> str:
    off = np.asarray([trial.off for trial in mine])
    seeds = sorted({trial.seed for trial in mine})
    of_phones = [mape([trial for trial in mine if trial.seed == seed]) for seed in seeds]
    error = float(np.std(of_phones, ddof=1)) / len(seeds) ** 0.5 if len(seeds) > 1 else float("nan")
    held = [trial.is_held for trial in mine if trial.is_held is not None]
    loops = [abs(trial.by_loops) for trial in mine if trial.by_loops is not None]
    covered = f"{Share(sum(held), len(held)).value:.1%}" if held else "-"
    by_loops = f"{float(np.mean(loops)):.1%}" if loops else "-"
    return (
        f"| {name} | {len(mine)} | {mape(mine):.1%} +- {error:.1%} | {float(off.mean()):+.1%} | "
        f"{float(np.quantile(np.abs(off), 0.95)):.1%} | {covered} | {by_loops} |"
    )

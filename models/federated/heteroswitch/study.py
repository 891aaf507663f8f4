"""HeteroSwitch and what it is compared with on one fleet: over seeds, without one type, without one stage, varied."""

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from typing import Final

from edgewatt.models.federated.heteroswitch.headlines import Tried, headlines_of
from edgewatt.models.federated.heteroswitch.isp import STAGES
from edgewatt.models.federated.heteroswitch.kept import as_json, trial_found
from edgewatt.models.federated.heteroswitch.methods import (
    FEDAVG,
    HETEROSWITCH,
    METHODS,
    Method,
    Setup,
    setup_of,
)
from edgewatt.models.federated.heteroswitch.trial import Trial, tried
from edgewatt.models.federated.heteroswitch.world import World
from edgewatt.models.headline import Headline
from edgewatt.models.scheduling.constants import Constants, Draw, no_such
from edgewatt.models.shelf import Shelf, key_of

# Draws of constants have seeds of their own.
_DRAWS_FROM: Final = 1000
# What is tried on draws of constants, on worlds without a stage, and without one type each.
PAIR: Final = (FEDAVG, HETEROSWITCH)
# What is done next, and the share of all that is done before it.
Progress = Callable[[str, float], None]
# The world of a seed on the constants of a draw, without a stage of its cameras (blank: with all).
Worlds = Callable[[int, Draw, str], World]


@dataclass(frozen=True, slots=True)
class Size:
    """Seeds of all methods, seeds of what leaves one thing out, and draws of all unconfirmed constants."""

    seeds: int
    apart_seeds: int
    draws: int


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """What is studied. `emulated`: whether cameras are, so that a stage of all of them can be left out.

    `measure`: what is counted of a type, accuracy or averaged precision; `methods`: PAIR among them; `words`: all
    that decides what a run comes to, for telling kept ones apart.
    """

    constants: Constants
    scenario: str
    worlds: Worlds
    measure: str = "accuracy"
    emulated: bool = True
    methods: tuple[Method, ...] = METHODS
    words: str = ""

    def setup(self, draw: Draw) -> Setup:
        """What a run is done with."""
        return setup_of(self.constants, draw, self.scenario)


@dataclass(frozen=True, slots=True, eq=False)
class Study:
    """What came out."""

    headlines: tuple[Headline, ...]
    found: Tried


@dataclass(frozen=True, slots=True, eq=False)
class _Case:
    """A world, and what is tried on it: methods with all device types, or methods without one type each."""

    words: str
    seed: int
    draw: Draw
    methods: tuple[Method, ...]
    stage: str = ""
    apart: bool = False


def size_of(constants: Constants, scenario: str, seeds: int, *, seeds_only: bool = False) -> Size:
    """How much of everything is run. Raises UsageError for a scenario that is not known."""
    if scenario not in constants.scenarios:
        raise no_such("--scenario", scenario, list(constants.scenarios))
    of = constants.scenarios[scenario]
    return Size(seeds, 0, 0) if seeds_only else Size(seeds, min(of["apart_seeds_n"], seeds), of["draws_n"])


def methods_of(names: str | None) -> tuple[Method, ...]:
    """Those with these names, commas between, in any case, and PAIR in any case; None: all. Raises UsageError."""
    if names is None:
        return METHODS
    known = {method.name.lower(): method for method in METHODS}
    asked = [name.strip().lower() for name in names.split(",")]
    for name in asked:
        if name not in known:
            raise no_such("--methods", name, [method.name for method in METHODS])
    return tuple(method for method in METHODS if method in PAIR or method.name.lower() in asked)


def study(
    asked: Asked, size: Size, processes: int = 1, progress: Progress = lambda _what, _done: None,
    shelf: Shelf | None = None,
) -> Study:  # fmt: skip
    """The same for the same arguments, in any number of processes. Raises UsageError as what it calls."""
    # What is no world at all is refused before processes are started.
    basis = asked.worlds(0, Draw(seed=0), "").basis
    cases = list(_cases(asked, size))
    done: dict[int, list[Trial]] = {}
    progress(f"{len(cases)} worlds, each with some runs of {asked.setup(Draw()).rounds} rounds", 0.0)
    for k, trials in _done(asked, cases, processes, shelf):
        done[k] = trials
        progress(f"done: {cases[k].words}", len(done) / len(cases))
    found = Tried(asked.constants, asked.measure)
    for k, case in enumerate(cases):
        by_name = {trial.method: trial for trial in done[k]}
        if case.apart:
            found.apart.extend(done[k])
        elif case.draw.vary:
            found.varied.append(by_name)
        elif case.stage:
            found.staged.append((case.stage, by_name))
        else:
            found.main.append(by_name)
    return Study(tuple(headlines_of(found, basis)), found)


def _cases(asked: Asked, size: Size) -> Iterator[_Case]:
    for seed in range(size.seeds):
        yield _Case(f"seed {seed + 1} of {size.seeds}", seed, Draw(seed=seed), asked.methods)
    for seed in range(size.apart_seeds):
        for method in PAIR:
            words = f"{method.name} without each device type, seed {seed + 1}"
            yield _Case(words, seed, Draw(seed=seed), (method,), apart=True)
        for stage in STAGES if asked.emulated else ():
            yield _Case(f"all cameras alike in {stage}, seed {seed + 1}", seed, Draw(seed=seed), PAIR, stage)
    for k in range(size.draws):
        draw = Draw(seed=_DRAWS_FROM + k, vary=True)
        yield _Case(f"draw {k + 1} of {size.draws} of all unconfirmed constants", 0, draw, PAIR)


def _done(
    asked: Asked, cases: Sequence[_Case], processes: int, shelf: Shelf | None
) -> Iterator[tuple[int, list[Trial]]]:
    if processes == 1:
        for k, case in enumerate(cases):
            yield k, _tried(asked, case, shelf)
        return
    # Torch and Arrow have threads, which a forked process would lose.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, initializer=_begin, initargs=(asked, shelf)) as pool:
        futures = {pool.submit(_in_worker, case): k for k, case in enumerate(cases)}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _tried(asked: Asked, case: _Case, shelf: Shelf | None) -> list[Trial]:
    world, setup = asked.worlds(case.seed, case.draw, case.stage), asked.setup(case.draw)
    without: list[int | None] = [*range(len(world.types))] if case.apart else [None]

    def one(method: Method, left_out: int | None) -> Trial:
        if shelf is None:
            return tried(world, method, setup, case.seed, left_out)
        key = key_of({
            "method": asdict(method), "seed": case.seed, "draw": [case.draw.seed, case.draw.vary], "stage": case.stage,
            "left_out": left_out,
        })  # fmt: skip
        if (kept := trial_found(shelf.find(key))) is not None:
            return kept
        trial = tried(world, method, setup, case.seed, left_out)
        shelf.keep(key, as_json(trial))
        return trial

    return [one(method, left_out) for method in case.methods for left_out in without]


_WORKER: dict[str, tuple[Asked, Shelf | None]] = {}


def _begin(asked: Asked, shelf: Shelf | None) -> None:
    _WORKER["of"] = asked, shelf


def _in_worker(case: _Case) -> list[Trial]:
    asked, shelf = _WORKER["of"]
    return _tried(asked, case, shelf)

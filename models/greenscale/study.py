"""GreenScale on one calibration: tuned, tried over a year and a day, varied, and scaled to a population."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from edgewatt.models.greenscale.deciding import CARBON, ENERGY
from edgewatt.models.greenscale.facing import Asked, Built, Extent
from edgewatt.models.greenscale.headlines import Term, Tried, greatest, headlines_of
from edgewatt.models.greenscale.intensities import Period
from edgewatt.models.greenscale.learning import Setting
from edgewatt.models.greenscale.population import Sample, sampled
from edgewatt.models.greenscale.scenarios import apart_from_grids, scenario_names
from edgewatt.models.greenscale.trial import Trial, tried
from edgewatt.models.greenscale.tuning import Try, chosen, tries
from edgewatt.models.headline import Headline
from edgewatt.models.scheduling.constants import Draw
from edgewatt.models.scheduling.phone import weakest

# Draws of constants have seeds of their own.
_DRAWS_FROM = 1000
_TERMS_N = 40
# What is done next, and the share of all that is done before it.
Progress = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class Size:
    """How much is simulated: tasks of each case, draws of all unconfirmed constants, users sampled by each seed.

    `learns`: whether learners are tuned and taught; `terms`: whether each constant is varied by itself too.
    """

    seeds: int
    draws: int
    each_n: int
    users_n: int
    tune_n: int = 40
    learns: bool = True
    terms: bool = True


@dataclass(frozen=True, slots=True)
class Study:
    """What came out. `built`: the world as stated; `year`, `day`: trials by seed; `tries`: of the tuning."""

    headlines: tuple[Headline, ...]
    scenarios: tuple[str, ...]
    built: Built
    year: tuple[Trial, ...]
    day: tuple[Trial, ...]
    tries: tuple[Try, ...]
    terms: tuple[Term, ...]
    samples: tuple[tuple[Sample, ...], ...]
    basis: str


def study(
    asked: Asked,
    period: Callable[[int], Period],
    scenarios: Sequence[str],
    size: Size,
    progress: Progress = lambda _what, _done: None,
) -> Study:
    """The same for the same arguments; `period`: the intensities of a seed. Raises UsageError as what it calls."""
    stated = [Built(asked, Draw(seed=k), period(k)) for k in range(size.seeds)]
    varied = [Built(asked, Draw(seed=_DRAWS_FROM + k, vary=True), stated[0].period) for k in range(size.draws)]
    tuned, settings, taught = _tuned(stated[0], scenarios, size, progress)
    year, day, samples = [], [], []
    for k, built in enumerate(stated):
        progress(f"seed {k + 1} of {size.seeds}", 0.2 + 0.5 * k / size.seeds)
        year.append(tried(built, scenarios, size.each_n, k, learners=dict.fromkeys(taught, settings)))
        day.append(tried(built, scenarios, max(size.each_n // 2, 1), k, (CARBON, ENERGY), extent=Extent(day=True)))
        samples.append(tuple(sampled(built, scenarios, size.users_n, k)))
    draws, drawn_samples = [], []
    for k, built in enumerate(varied):
        progress(f"draw {k + 1} of {size.draws} of all unconfirmed constants", 0.7 + 0.2 * k / size.draws)
        draws.append(tried(built, scenarios, max(size.each_n // 2, 1), 0))
        drawn_samples.append(tuple(sampled(built, scenarios, max(size.users_n // 10, 1), 0)))
    terms: list[Term] = []
    if size.terms:
        progress("one constant at a time", 0.9)
        terms = _terms(stated[0], year[0])
    basis = basis_of(stated[0])
    headlines = headlines_of(Tried(
        constants=asked.constants, year=year, day=day, varied=draws, samples=samples, varied_samples=drawn_samples,
        settings=settings, taught=taught, terms=terms, basis=basis, days=stated[0].period.days,
    ))  # fmt: skip
    return Study(
        tuple(headlines), tuple(scenarios), stated[0], tuple(year), tuple(day), tuple(tuned), tuple(terms),
        tuple(samples), basis,
    )  # fmt: skip


def basis_of(built: Built) -> str:
    """In words, for the cell beside a number: of its weakest part, and what part of it was measured."""
    words = {app.basis for app in built.apps} | {built.machines.basis}
    rows = {row["basis"] for table in ("inference", "frames", "idle", "radio") for row in built.asked.rows.of(table)}
    if "simulated" in words | rows:
        return "simulated on simulated rows and assumed constants"
    if "measured" in rows:
        return "simulated on measured rows and assumed constants"
    return "simulated on published/assumed constants" if weakest(*words) != "measured" else "simulated on measured rows"


def _tuned(
    built: Built, scenarios: Sequence[str], size: Size, progress: Progress
) -> tuple[list[Try], dict[str, Setting], list[str]]:
    """The tries, the best setting of each kind, and the scenarios that learners are tried on: those of the test."""
    constants = built.asked.constants
    taught = [name for name in scenarios if name in scenario_names(constants, "test")]
    if not (size.learns and taught):
        return [], {}, []
    progress("learners: nine settings of each kind on the tuning scenarios", 0.0)
    usable = scenario_names(constants, "tuning")
    if built.period.zones is not None:
        usable = apart_from_grids(constants, usable)
    found = tries(built, usable, size.tune_n)
    return found, chosen(found), taught


def _terms(built: Built, trial: Trial) -> list[Term]:
    """The saving of the greatest case with each unconfirmed constant at its lowest and highest, the widest first."""
    _, scenario, app = greatest(trial, ENERGY)
    by = built.asked.constants.variation_ratio
    first = Built(built.asked, Draw(seed=0), built.period)
    _saving(first, scenario, app)
    found = []
    for name in sorted(first.draw.asked):
        low, high = (
            _saving(replace(built, draw=Draw(seed=0, factors={name: factor})), scenario, app)
            for factor in (1 - by, 1 + by)
        )
        found.append((name, low, high))
    return sorted(found, key=lambda term: -abs(term[2] - term[1]))


def _saving(built: Built, scenario: str, app: str) -> float:
    return tried(built, [scenario], _TERMS_N, 0, (CARBON, ENERGY), extent=Extent(app=app)).saving(
        scenario, app, ENERGY, CARBON
    )

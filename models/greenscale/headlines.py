"""GreenScale's numbers from trials, each with its interval over seeds, its range over constants, and its gap."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from edgewatt.models.greenscale.deciding import ALWAYS, CARBON, ENERGY, LATENCY, PHONE_ENERGY
from edgewatt.models.greenscale.intensities import YEAR_DAYS
from edgewatt.models.greenscale.learning import KINDS, LEAST_KG, Setting
from edgewatt.models.greenscale.population import Sample
from edgewatt.models.greenscale.trial import Trial
from edgewatt.models.greenscale.tuning import above, late
from edgewatt.models.headline import Headline
from edgewatt.models.scheduling.constants import Constants

# What one constant does to the saving of the greatest case: its name, the percent at its lowest and at its highest.
Term = tuple[str, float, float]
_FEW: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """Trials over the year and on one day by seed, and over the year by draw of all unconfirmed constants."""

    constants: Constants
    year: Sequence[Trial]
    day: Sequence[Trial]
    varied: Sequence[Trial]
    samples: Sequence[Sequence[Sample]]
    varied_samples: Sequence[Sequence[Sample]]
    settings: Mapping[str, Setting]
    taught: Sequence[str]
    terms: Sequence[Term]
    basis: str
    days: int


def headlines_of(of: Tried) -> list[Headline]:
    """The saving of the abstract first, then against other schedulers, what learners lose, and the population."""
    span = "a year" if of.days >= YEAR_DAYS else f"{of.days} days"
    found = [
        _up_to(of, span),
        _row(of, f"carbon below least energy, mean over {span}", _mean_against(ENERGY), _cited(of)),
        _row(of, "carbon below least latency, up to", lambda t: greatest(t, LATENCY)[0], _where(of, LATENCY)),
        _row(of, f"carbon below least latency, mean over {span}", _mean_against(LATENCY), "all cases alike"),
        _row(
            of, "carbon below least energy of the phone, mean", _mean_against(PHONE_ENERGY),
            "AutoScale's account: it pays for no server, so that it sends much away",
        ),
        *(
            _row(
                of, f"carbon below {way}, mean", _mean_against(way),
                f"{_late(of, way):.0f} % of its tasks are late, which least carbon may not be: so it can be below 0",
            )
            for way in ALWAYS
        ),
    ]  # fmt: skip
    found.append(Headline(
        name="carbon below least energy on one day, up to", unit="%", better="higher", basis=of.basis,
        gap="the first day of the period, at its hours only; constants are not varied for it",
        values=[greatest(t, ENERGY)[0] for t in of.day],
    ))  # fmt: skip
    found += [
        _row(
            of, "energy of everything above least energy", _energy_above,
            "what least carbon pays in joules for its carbon: the two differ, as the abstract says",
        ),
        _row(
            of, "embodied share of the least carbon", _embodied,
            "0 in the scenario no_embodied, 8 times as much of the phone in phone_lca",
        ),
    ]  # fmt: skip
    if {"charge_noon", "charge_evening"} <= set(of.year[0].scenarios):
        found.append(_row(
            of, "carbon below charging in the evening, charging at noon", _charging,
            "of work on the phone alone; the made-up sun is high at noon",
        ))  # fmt: skip
    return [*found, *_learners(of), *_population(of)]


def greatest(trial: Trial, against: str) -> tuple[float, str, str]:
    """The largest saving of least carbon, and its scenario and application."""
    return max((trial.saving(s, a, against, CARBON), s, a) for s in trial.scenarios for a in trial.apps)


def mean_saving(trial: Trial, against: str) -> float:
    """The mean over all cases, in percent."""
    return float(np.mean([trial.saving(s, a, against, CARBON) for s in trial.scenarios for a in trial.apps]))


def _mean_against(against: str) -> Callable[[Trial], float]:
    return lambda trial: mean_saving(trial, against)


def _up_to(of: Tried, span: str) -> Headline:
    paper = of.constants.by_name["published.saving_up_to"]
    values, varied = ([greatest(t, ENERGY)[0] for t in trials] for trials in (of.year, of.varied))
    return Headline(
        name=f"carbon below least energy, up to (over {span})", unit="%", better="higher", basis=of.basis,
        values=values, varied=varied, published=paper.value, headline=True,
        gap="; ".join(_gap(of, paper.value, varied)),
    )  # fmt: skip


def _gap(of: Tried, paper: float, varied: Sequence[float]) -> list[str]:
    values = [greatest(t, ENERGY)[0] for t in of.year]
    ours = float(np.mean(values))
    first = of.year[0]
    cases = [first.saving(s, a, ENERGY, CARBON) for s in first.scenarios for a in first.apps]
    side = "above" if ours > paper else "below"
    words = [f"{abs(ours - paper):.0f} points {side} the paper's {paper:g} (confirmed)"]
    if varied:
        inside = min(varied) <= paper <= max(varied)
        words.append(f"the paper's lies {'within' if inside else 'outside'} our range")
    words += [
        (
            f"an up-to grows with the cases that are tried: of our {len(cases)}, {sum(c > paper for c in cases)} are "
            f"above the paper's, the median is {np.median(cases):.1f} %; which cases the paper has is not known"
        ),
        _where(of, ENERGY),
    ]
    now = [first.saving(s, a, ENERGY, CARBON) for s in first.scenarios for a in first.apps if a != "photos"]
    if "photos" in first.apps and now:
        words.append(f"without the work that can wait for a greener hour it is {max(now):.1f} %")
    words.append("the abstract does not say against what its saving is; ours is against the least energy of everything")
    if of.terms:
        words.append("one at a time, that case moves most with " + ", ".join(
            f"{name} ({min(a, b):.1f} to {max(a, b):.1f})" for name, a, b in of.terms[:_FEW]
        ))  # fmt: skip
    return words


def _where(of: Tried, against: str) -> str:
    _, scenario, app = greatest(of.year[0], against)
    return f"ours is that of {app} in {scenario}"


def _cited(of: Tried) -> str:
    low, high = (of.constants.by_name[f"published.cited_{end}"] for end in ("low", "high"))
    return f"a later paper cites the saving as {low.value:g} to {high.value:g} % ({low.tag}); against what is not known"


def _row(of: Tried, name: str, value: Callable[[Trial], float], gap: str, unit: str = "%") -> Headline:
    return Headline(
        name=name, unit=unit, better="lower" if "above" in name or "share" in name else "higher", basis=of.basis,
        values=[value(t) for t in of.year], varied=[value(t) for t in of.varied], gap=gap,
    )  # fmt: skip


def _late(of: Tried, method: str) -> float:
    return 100 * float(np.mean([r.late for t in of.year for (_, _, m), r in t.results.items() if m == method]))


def _energy_above(trial: Trial) -> float:
    pairs = [
        trial.results[s, a, CARBON].energy_j / trial.results[s, a, ENERGY].energy_j
        for s in trial.scenarios
        for a in trial.apps
    ]
    return 100 * float(np.mean(pairs) - 1)


def _embodied(trial: Trial) -> float:
    of = [r for (_, _, method), r in trial.results.items() if method == CARBON]
    return 100 * float(np.mean([r.embodied_kg / max(r.kg, LEAST_KG) for r in of]))


def _charging(trial: Trial) -> float:
    way = next(iter(ALWAYS))
    noon, evening = ([trial.kg(f"charge_{when}", a, way) for a in trial.apps] for when in ("noon", "evening"))
    return 100 * (1 - float(np.mean(np.array(noon) / np.maximum(evening, LEAST_KG))))


def _learners(of: Tried) -> list[Headline]:
    """On the scenarios that they were not tuned on; not varied, as a learner would have to learn in every draw."""
    if not of.taught:
        return []
    found = []
    for kind, setting in of.settings.items():
        words = ", ".join(f"{name} {value:g}" for name, value in zip(KINDS[kind], setting, strict=True))
        saved = np.mean([_taught_saving(t, kind, of.taught) for t in of.year])
        later = np.mean([late(t, kind, of.taught) for t in of.year])
        gap = (
            f"{words}, the best of nine on the tuning scenarios; {int(of.constants['learning.tasks_n'])} tasks to "
            f"learn from; {later:.2f} points more are late than of least carbon; below least energy by {saved:.1f} %"
        )
        found.append(Headline(
            name=f"carbon of {kind} above the least, test scenarios", unit="%", better="lower", basis=of.basis, gap=gap,
            values=[above(t, kind, of.taught) for t in of.year],
        ))  # fmt: skip
    return found


def _taught_saving(trial: Trial, kind: str, scenarios: Sequence[str]) -> float:
    return float(np.mean([trial.saving(s, a, ENERGY, kind) for s in scenarios for a in trial.apps]))


def _population(of: Tried) -> list[Headline]:
    paper = of.constants.by_name["published.saved_a_year"]
    found = []
    for k, first in enumerate(of.samples[0] if of.samples else ()):
        mine = [samples[k] for samples in of.samples]
        error = float(np.mean([one.error_t for one in mine]))
        gap = (
            f"{len(first.each_t)} users sampled by each seed: the sampling error of one is +-{error:.3g} t (95 %), and "
            f"falls with the root of the sample; of {first.users_n:.3g} users"
        )
        if first.against == ENERGY:
            gap += f"; the paper's {paper.value:g} t are of 'millions of users', how many and doing what is not known"
        found.append(Headline(
            name=f"saved a year, against {first.against}", unit="t", better="higher", basis=of.basis, gap=gap,
            published=paper.value if first.against == ENERGY else None, values=[one.saved_t for one in mine],
            varied=[samples[k].saved_t for samples in of.varied_samples],
        ))  # fmt: skip
    return found

"""AutoScale's numbers from trials: efficiency over each baseline, what learning loses, deadlines missed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.headline import Headline
from edgewatt.models.scheduling.baselines import BEST_ON_DEVICE, CONNECTED_EDGE, CPU_FP32, ONLY_CLOUD, ORACLE
from edgewatt.models.scheduling.constants import Constants
from edgewatt.models.scheduling.predictors import KINDS
from edgewatt.models.scheduling.trial import AUTOSCALE, Trial

# What one constant does to the oracle's ratio: its name, the ratio with it at its lowest and at its highest.
Term = tuple[str, float, float]
_OVER: Final = (
    ("energy efficiency over CPU FP32", CPU_FP32, "over_cpu_fp32"),
    ("energy efficiency over cloud", ONLY_CLOUD, "over_cloud"),
    ("energy efficiency over best on-device processor", BEST_ON_DEVICE, "over_best_on_device"),
    ("energy efficiency over connected edge", CONNECTED_EDGE, "over_connected_edge"),
)


@dataclass(frozen=True, slots=True)
class Tried:
    """The trials of each seed, and of each draw of constants, on the same rows: `scenarios` names these."""

    constants: Constants
    scenarios: Sequence[str]
    stated: Sequence[Trial]
    varied: Sequence[Trial]
    terms: Mapping[str, Sequence[Term]]
    terms_of: str = ""


def headlines_of(of: Tried) -> list[Headline]:
    """The four ratios, then how the agent stands to the oracle and to its deadlines."""
    split = set(of.scenarios) & set(of.constants.scenarios["tuning"])
    test = [k for k, name in enumerate(of.scenarios) if name in of.constants.scenarios["test"]]
    found = [_over(of, name, baseline, key) for name, baseline, key in _OVER]
    there = [(name, baseline) for name, baseline, _ in _OVER[:2] if baseline not in of.stated[0].absent]
    for name, baseline in there if test and split else ():
        words = "on the test scenarios only, of which the paper gives no value"
        value = partial(ratio, baseline=baseline, rows=test)
        found.append(_plain(of, f"{name}, test scenarios", "x", "higher", words, value))
    if ONLY_CLOUD not in of.stated[0].absent:
        words = "energy of the other machines is charged too; the paper counts the phone's (remembered)"
        found.append(_plain(
            of, "energy efficiency over cloud, of everything", "x", "higher", words,
            lambda t: ratio(t, ONLY_CLOUD, everything=True),
        ))  # fmt: skip
    found += [_over_predictor(of, kind) for kind in KINDS if kind in of.stated[0].energy_j]
    late = np.mean([_late(t, ORACLE) for t in of.stated])
    right = of.constants.under("published")["as_oracle"]
    return [
        *found,
        _plain(of, "energy above the oracle", "%", "lower", "what learning loses to one who knows the world", _above),
        _plain(
            of, "QoS violations", "%", "lower", f"the oracle misses {late:.1f} %: no target is in time for these",
            lambda t: _late(t, AUTOSCALE),
        ),
        _plain(
            of, "choices of the oracle's target", "%", "higher",
            f"the paper's {right.value:g} is {right.tag}; for how long it learns is not known, nor whether steps of "
            "frequency count; here they do not",
            lambda t: 100 * float(t.as_oracle.mean()), right.value,
        ),
    ]  # fmt: skip


def ratio(
    trial: Trial,
    baseline: str,
    method: str = AUTOSCALE,
    rows: Sequence[int] | None = None,
    *,
    everything: bool = False,
) -> float:
    """Joules of a baseline over those of a method: geometric mean over networks and scenarios."""
    return float(np.exp(np.mean(np.log(_ratios(trial, baseline, method, rows, everything=everything)))))


def _ratios(
    trial: Trial, baseline: str, method: str, rows: Sequence[int] | None = None, *, everything: bool = False
) -> NDArray[np.float64]:
    chosen: Any = slice(None) if rows is None else rows
    joules = trial.all_energy_j if everything else trial.energy_j
    return np.asarray(joules[baseline][chosen] / joules[method][chosen])


def _over(of: Tried, name: str, baseline: str, key: str) -> Headline:
    paper = of.constants.under("published")[key]
    if (why := of.stated[0].absent.get(baseline)) is not None:
        basis = basis_of(of.stated, (AUTOSCALE,))
        return Headline(name=name, unit="x", better="higher", basis=basis, gap=why, published=paper.value)
    values = [ratio(t, baseline) for t in of.stated]
    varied = [ratio(t, baseline) for t in of.varied]
    return Headline(
        name=name, unit="x", better="higher", basis=basis_of(of.stated, (AUTOSCALE, baseline)), values=values,
        varied=varied, published=paper.value, headline=paper.tag == "confirmed",
        gap="; ".join(_gap(of, baseline, float(np.mean(values)), varied, paper.value, paper.tag)),
    )  # fmt: skip


def _gap(of: Tried, baseline: str, ours: float, varied: Sequence[float], paper: float, tag: str) -> list[str]:
    """Why ours is not the published ratio, in words."""
    apart = 100 * (ours / paper - 1)
    optimum = float(np.mean([ratio(t, baseline, ORACLE) for t in of.stated]))
    arithmetic = float(np.mean([_ratios(t, baseline, AUTOSCALE).mean() for t in of.stated]))
    words = [f"{abs(apart):.0f} % {'above' if apart > 0 else 'below'} the paper's {paper:g} ({tag})"]
    if varied:
        inside = min(varied) <= paper <= max(varied)
        words.append(f"the paper's lies {'within' if inside else 'outside'} our range")
    words.append(f"the oracle reaches {optimum:.2f}: learning loses {100 * (1 - ours / optimum):.0f} %")
    words.append(
        f"geometric mean over networks and scenarios (arithmetic {arithmetic:.2f}); the paper's kind is not known"
    )
    if largest := of.terms.get(baseline, ())[:3]:
        moved = ", ".join(f"{name} ({min(a, b):.2f} to {max(a, b):.2f})" for name, a, b in largest)
        words.append(f"one at a time, on {of.terms_of}, the oracle's moves most with {moved}")
    return words


def _plain(
    of: Tried,
    name: str,
    unit: str,
    better: Literal["higher", "lower"],
    gap: str,
    value: Callable[[Trial], float],
    published: float | None = None,
) -> Headline:
    return Headline(
        name=name, unit=unit, better=better, basis=basis_of(of.stated, (AUTOSCALE,)), gap=gap, published=published,
        values=[value(t) for t in of.stated], varied=[value(t) for t in of.varied],
    )  # fmt: skip


def _over_predictor(of: Tried, kind: str) -> Headline:
    """Not varied: only agents learn again in every draw of constants."""
    return Headline(
        name=f"energy efficiency over {kind.replace('_', ' ')}", unit="x", better="higher",
        basis=basis_of(of.stated, (AUTOSCALE, kind)), values=[ratio(t, kind) for t in of.stated],
        gap="how the paper trains its predictors, and what it reports of them, could not be read",
    )  # fmt: skip


def _above(trial: Trial) -> float:
    return 100 * (1 / ratio(trial, ORACLE) - 1)


def _late(trial: Trial, method: str) -> float:
    return 100 * float(trial.late[method].mean())


def basis_of(trials: Sequence[Trial], methods: Sequence[str]) -> str:
    """In words, for the cell beside a number: what the choices of these methods were made from."""
    words: set[str] = set().union(*(trial.words[name] for trial in trials for name in methods))
    if "simulated" in words:
        return "simulated on simulated rows and assumed constants"
    if words == {"measured"}:
        return "simulated on measured rows; heat and noise assumed"
    if "measured" in words:
        return "simulated on measured rows and assumed constants"
    return "simulated on published/assumed constants"

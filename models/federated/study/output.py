"""A study as tables and charts."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa

from edgewatt.models.federated.round import TIERS
from edgewatt.models.federated.study.results import RANDOM, What
from edgewatt.models.federated.study.study import AGENT, Study
from edgewatt.profiler.figure import Figure, Line

_CHARTED: tuple[tuple[What, str], ...] = (("seconds", "Convergence"), ("global_j", "Performance per watt of the fleet"))


def tables(study: Study) -> dict[str, pa.Table]:
    """By name, in SI.

    `headlines`; `trials`: what each method took to the target in each case with each seed; `rounds`: accuracy, seconds
    and joules of every round; `causes`: joules of a whole run by cause; `targets`: who was trained on what; `searched`:
    the settings of Fixed (Best).
    """
    return {
        name: pa.Table.from_pylist(rows)
        for name, rows in (
            ("headlines", [of.as_json() for of in study.headlines]),
            ("trials", list(_trials(study))),
            ("rounds", list(_rounds(study))),
            ("causes", list(_counted(study, "causes", "cause", "energy_j"))),
            ("targets", list(_counted(study, "targets", "target", "participants_n"))),
            ("trouble", list(_counted(study, "trouble", "trouble", "updates_n"))),
            ("searched", [
                {"batch": of.batch, "epochs": of.epochs, "participants_n": of.participants, "energy_j": cost}
                for of, cost in study.searched
            ]),
        )
        if rows
    }  # fmt: skip


def _each(study: Study) -> Iterator[tuple[dict[str, Any], Any]]:
    for case, method, seed in product(study.of.cases, study.of.methods, study.of.seeds):
        where = {"setting": case.setting, "scenario": case.scenario, "method": method, "seed": seed}
        yield where, case


def _trials(study: Study) -> Iterator[dict[str, Any]]:
    for where, case in _each(study):
        method, seed = where["method"], where["seed"]
        trial, reached = study.of.found.trial(method, case, seed), study.of.found.reached(method, case, seed)
        yield where | {
            "target_percent": study.of.found.target(case, seed), "is_reached": reached.is_reached,
            "rounds_n": reached.rounds, "time_s": reached.seconds, "participants_energy_j": reached.local_j,
            "fleet_energy_j": reached.global_j, "accuracy_percent": study.of.found.final(method, case, seed),
            **{f"{tier}_ratio": float(trial.shares[k]) / 100 for k, tier in enumerate(TIERS)},
            **{f"{tier}_batch_n": float(trial.batch[k]) for k, tier in enumerate(TIERS)},
            **{f"{tier}_epochs_n": float(trial.epochs[k]) for k, tier in enumerate(TIERS)},
            "basis": study.of.basis,
        }  # fmt: skip


def _rounds(study: Study) -> Iterator[dict[str, Any]]:
    for where, case in _each(study):
        of = study.of.found.trial(where["method"], case, where["seed"])
        for k in range(len(of.round_s)):
            yield where | {
                "round": k, "accuracy_percent": float(of.accuracy_percent[k]), "round_s": float(of.round_s[k]),
                "participants_energy_j": float(of.local_j[k]), "fleet_energy_j": float(of.global_j[k]),
                **{f"{tier}_n": int(of.tiers[k, tier_n]) for tier_n, tier in enumerate(TIERS)},
            }  # fmt: skip


def _counted(study: Study, what: str, name: str, value: str) -> Iterator[dict[str, Any]]:
    for where, case in _each(study):
        counts = getattr(study.of.found.trial(where["method"], case, where["seed"]), what)
        yield from (where | {name: key, value: count} for key, count in counts.items())


def figures(study: Study) -> list[Figure]:
    """Accuracy over the virtual clock, gains by case, participants by tier, and joules by cause."""
    found, seeds, methods = study.of.found, study.of.seeds, study.of.methods
    notes = {"basis": study.of.basis, "seeds": study.size.seeds, "rounds": study.size.rounds}
    cases, first = [str(case) for case in study.of.cases], study.of.cases[0]
    clocks = [
        Line(name, np.cumsum(of.round_s).tolist(), of.accuracy_percent.tolist())
        for name in methods
        for of in (found.trial(name, first, 0),)
    ]
    made = [
        Figure(
            f"Accuracy over time ({first}, seed 0)",
            "line",
            "virtual time (s)",
            "accuracy (%)",
            clocks,
            "simulated",
            notes,
        )
    ]
    for what, said in _CHARTED:
        lines = [
            Line(
                name,
                cases,
                [float(np.mean([found.gain(what, name, RANDOM, case, s) for s in seeds])) for case in study.of.cases],
            )
            for name in methods
        ]
        made.append(Figure(f"{said} over {RANDOM}", "bars", "case", "ratio", lines, "simulated", notes))
    agent = AGENT[study.system]
    if agent in methods:
        shares = np.array([found.shares(agent, case, seeds) for case in study.of.cases])
        tiers = [Line(tier, cases, shares[:, k].tolist()) for k, tier in enumerate(TIERS)]
        title = f"Participants that {agent} chooses"
        made.append(Figure(title, "bars", "case", "share of participants (%)", tiers, "simulated", notes))
    causes = sorted({cause for name in methods for cause in found.trial(name, first, 0).causes})
    spent = [
        Line(cause, list(methods), [
            float(np.mean([found.trial(name, first, s).causes.get(cause, 0.0) for s in seeds])) for name in methods
        ])
        for cause in causes
    ]  # fmt: skip
    made.append(
        Figure(f"Joules of a whole run by cause ({first})", "bars", "method", "energy (J)", spent, "simulated", notes)
    )
    return made

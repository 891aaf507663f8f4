"""A study as tables and charts."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pyarrow as pa

from edgewatt.models.greenscale.constants import COMPONENTS
from edgewatt.models.greenscale.deciding import ALWAYS, CARBON, ENERGY, LATENCY, PHONE_ENERGY
from edgewatt.models.greenscale.intensities import YEAR_DAYS
from edgewatt.models.greenscale.population import LEAST_N
from edgewatt.models.greenscale.study import Study
from edgewatt.models.greenscale.world import PLACES
from edgewatt.profiler.figure import Figure, Line

_CHARTED: Final = (CARBON, ENERGY, PHONE_ENERGY, LATENCY, *ALWAYS)
_LARGEST: Final = 12
_MG_PER_KG: Final = 1e6


def tables(study: Study) -> dict[str, pa.Table]:
    """By name, in SI, kg of CO2e.

    `headlines`; `cases`: means of a scheduler on an application in a scenario, by seed, over year and day; `terms`;
    `tuning`; `population`: the estimate and its error by how many users were asked.
    """
    return {
        name: pa.Table.from_pylist(rows)
        for name, rows in (
            ("headlines", [of.as_json() for of in study.headlines]),
            ("cases", list(_cases(study))),
            ("terms", [{"constant": name, "low": low, "high": high} for name, low, high in study.terms]),
            ("tuning", [
                {"learner": of.kind, "first": of.setting[0], "second": of.setting[1], "above_percent": of.above,
                 "late_points": of.late} for of in study.tries
            ]),
            ("population", list(_population(study))),
        )
        if rows
    }  # fmt: skip


def _cases(study: Study) -> Iterator[dict[str, Any]]:
    whole = "year" if study.built.period.days >= YEAR_DAYS else "period"
    for period, trials in ((whole, study.year), ("day", study.day)):
        for seed, trial in enumerate(trials):
            for (scenario, app, method), of in trial.results.items():
                yield {
                    "period": period, "seed": seed, "scenario": scenario, "application": app, "scheduler": method,
                    "kg": of.kg, "embodied_kg": of.embodied_kg, "energy_j": of.energy_j, "phone_energy_j": of.phone_j,
                    "latency_s": of.latency_s, "late_ratio": of.late, "waits_h": of.waits_h,
                    **{f"{place}_ratio": float(of.places[k]) for k, place in enumerate(PLACES)},
                    **{f"{name}_operational_kg": float(of.parts_kg[k]) for k, name in enumerate(COMPONENTS)},
                    **{f"{name}_embodied_kg": float(of.parts_kg[5 + k]) for k, name in enumerate(COMPONENTS)},
                    "basis": study.basis,
                }  # fmt: skip


def _population(study: Study) -> Iterator[dict[str, Any]]:
    for seed, samples in enumerate(study.samples):
        for of in samples:
            whole = len(of.each_t)
            for count in [n for n in (whole // 16, whole // 4, whole) if n >= LEAST_N]:
                part = of.first(count)
                yield {
                    "seed": seed, "against": of.against, "users_n": of.users_n, "sampled_n": count,
                    "saved_t": part.saved_t, "low_t": part.saved_t - part.error_t,
                    "high_t": part.saved_t + part.error_t,
                }  # fmt: skip


def figures(study: Study) -> list[Figure]:
    """Carbon of a task by scheduler, the saving by scenario, where work is done, and what single constants do."""
    notes = {"basis": study.basis, "seeds": len(study.year), "days": study.built.period.days}
    apps, first = study.year[0].apps, study.scenarios[0]
    carbon = [
        Line(method, apps, [
            float(np.mean([_MG_PER_KG * t.kg(first, a, method) for t in study.year])) for a in apps
        ])
        for method in _CHARTED
    ]  # fmt: skip
    saving = [
        Line(app, study.scenarios, [
            float(np.mean([t.saving(s, app, ENERGY, CARBON) for t in study.year])) for s in study.scenarios
        ])
        for app in apps
    ]  # fmt: skip
    found = [
        Figure(f"CO2e of one task ({first})", "bars", "application", "CO2e (mg)", carbon, "simulated", notes),
        Figure("Least carbon below least energy", "bars", "scenario", "CO2e (%)", saving, "simulated", notes),
    ]
    for method in (CARBON, ENERGY):
        shares = [
            Line(place, study.scenarios, [
                float(np.mean([t.results[s, a, method].places[k] for t in study.year for a in apps]))
                for s in study.scenarios
            ])
            for k, place in enumerate(PLACES)
        ]  # fmt: skip
        title = f"Where {method} does the work"
        found.append(Figure(title, "bars", "scenario", "share of tasks (ratio)", shares, "simulated", notes))
    if study.terms:
        largest = study.terms[:_LARGEST]
        ends = [(min(t[1:]), max(t[1:])) for t in largest]
        line = Line(CARBON, [t[0] for t in largest], [(a + b) / 2 for a, b in ends], *zip(*ends, strict=True))
        title = "The greatest saving, one constant at a time"
        found.append(Figure(title, "points", "constant", "below least energy (%)", [line], "simulated", notes))
    if study.samples and study.samples[0]:
        rows = [r for r in _population(study) if r["seed"] == 0 and r["against"] == ENERGY]
        line = Line(
            "seed 0", [r["sampled_n"] for r in rows], [r["saved_t"] for r in rows], [r["low_t"] for r in rows],
            [r["high_t"] for r in rows],
        )  # fmt: skip
        title = "Saved by all users in a year, by how many were asked"
        found.append(Figure(title, "points", "users asked", "CO2e (t)", [line], "simulated", notes))
    return found

"""The rows of the tables `power` and `fits` of one power model."""

import math

import numpy as np

from edgewatt.profiler.calibrating.observations import digests
from edgewatt.profiler.calibrating.power import PowerFit
from edgewatt.profiler.calibrating.power_design import Term
from edgewatt.profiler.calibrating.stretches import IDLE
from edgewatt.profiler.calibrating.values import Found, Row, Value, cells, known, together, within


def power_rows(found: PowerFit, idle: PowerFit, cores_n: dict[str, int | None]) -> Found:
    """The rows of `power` and `fits` of one source; `idle` is the fit that has steps of idling."""
    rows = Found()
    design, source = found.design, digests(found.used)
    common = {
        "energy_source": found.source,
        "energy_boundary": found.boundary,
        "temperature_c": found.temperature_c,
        "source": source,
    }
    base = design.place("base")
    if base is not None and (value := found.of_term(base)) is not None:
        rows.add("power", {"unit": "base", **cells("idle", "w", value), **_counted(found, base), **common})
    for unit, hz in dict.fromkeys((t.unit, t.hz) for t in design.terms if t.kind in ("on", "busy", "sum")):
        busy, on, total = (design.place(kind, unit, hz) for kind in ("busy", "on", "sum"))
        values = {"busy": found.of_term(busy), "on": found.of_term(on)}
        if total is not None and abs(design.terms[total].cores - 1) < 1e-9:
            values["busy"] = found.of_term(total)
        place = next(k for k in (busy, total) if k is not None)
        rows.add(
            "power",
            {
                "unit": unit,
                "cores_n": cores_n.get(unit),
                "frequency_hz": hz,
                **{key: cell for name, value in values.items() for key, cell in cells(name, "w", value).items()},
                **cells("idle", "w", _idle_at(idle, unit, hz)),
                **_counted(found, place),
                **common,
            },
        )
    for place, term in enumerate(design.terms):
        rows.add("fits", _fit_row(found, place, term))
    return rows


def _idle_at(idle: PowerFit, unit: str, hz: float | None) -> Value | None:
    """What a cluster that idles at a step adds in the long run: its windows had some of its wakes, not the usual."""
    place = idle.design.place("idle", unit, hz)
    if place is None or not idle.fit.tells(row := np.eye(len(idle.design.terms))[place]):
        return None
    value, u, df = idle.fit.of(row)
    awake = [idle.design.place(kind, unit, hz) for kind in ("on", "busy")]
    wakes = [one.ran.beside.get(unit, 0.0) for one in idle.used if one.kind == IDLE]
    terms = [(u, df)]
    if len(wakes) > 1 and None not in awake:
        each_w = math.fsum(abs(float(idle.fit.values[k])) for k in awake if k is not None)
        terms.append((each_w * float(np.std(wakes, ddof=1)) / math.sqrt(max(idle.windows(place), 1)), len(wakes) - 1))
    return within(value, *together(terms), gain_rel=idle.gain_rel)


def _counted(found: PowerFit, place: int) -> Row:
    return {"observations_n": found.windows(place), "residual_w": found.residual_w(place)}


def _fit_row(found: PowerFit, place: int, term: Term) -> Row:
    value = found.of_term(place) or Value(math.nan)
    over, valid = _validity(found, place, term)
    return {
        "fit": "power",
        "of": term.unit or "base",
        "energy_source": found.source,
        "term": str(term),
        "unit": "w_per_k" if term.kind == "leakage" else "w",
        "value": known(value.value),
        "low": value.low,
        "high": value.high,
        "over": over,
        "valid_low": min(valid, default=None),
        "valid_high": max(valid, default=None),
        "residual": found.residual_w(place),
        "residual_unit": "w",
        "df_n": known(found.fit.df),
        "observations_n": found.windows(place),
        "condition_number": known(found.fit.condition),
        "source": digests(found.used),
    }


def _validity(found: PowerFit, place: int, term: Term) -> tuple[str, list[float]]:
    """Over what a term was measured: cores busy, or degrees Celsius."""
    mine = [one for one, x in zip(found.used, found.has(place), strict=True) if x]
    if term.kind in ("on", "busy", "sum"):
        return "cores_n", [one.ran.busy.get(term.unit, 0.0) for one in mine]
    return "temperature_c", [one.temperature_c for one in mine if one.temperature_c is not None]

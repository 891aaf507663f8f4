"""What `carbon` prints: grams first, each part with what it was made from; or the same as one JSON object."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from edgewatt.models.carbon.accounting import Footprint, Term
from edgewatt.models.carbon.grid import Grid
from edgewatt.models.carbon.interval import Interval
from edgewatt.models.carbon.place import Place
from edgewatt.models.carbon.units import G_PER_KWH
from edgewatt.profiler.units import format_interval, format_si
from edgewatt.reports.boundaries import meaning
from edgewatt.reports.escape import CELL_LIMIT, printable
from edgewatt.reports.fold import folded, terminal_width
from edgewatt.reports.wording import runs_on

_WIDTH: Final = 120
_IN_BLOCK: Final = ("energy", "time")
_G: Final = 1000.0
# unit of a term -> (what one of it is in the unit that people use, that unit).
_SHOWN: Final[Mapping[str, tuple[float, str]]] = {"kg/J": (1 / G_PER_KWH, "g/kWh"), "kg/s": (_G * 3600, "g/h")}


@dataclass(frozen=True, slots=True)
class Counted:
    """The footprints of one run; `simulated` is also where the intensity or the charges were made up."""

    run: str
    device: str
    simulated: bool
    footprints: tuple[Footprint, ...]
    notices: tuple[str, ...]


def carbon_text(runs: Sequence[Counted], grid: Grid, place: Place | None) -> str:
    """The answer for a terminal; the first word of a row is SIMULATED where anything of it is.

    Of a configuration the energy sources that take in the most of the device; what all rest on stands below, once.
    """
    shown = [(run, of) for run in runs for of in _widest(run.footprints)]
    lines = [line for run, of in shown for line in _block(run, of)]
    bases = dict.fromkeys(
        f"  {term.name}: {term.basis}"
        for _, of in shown
        for part in of.parts
        for term in part.terms
        if term.name not in _IN_BLOCK
    )
    notes = [*grid.label.notes, *(notice for run in runs for notice in run.notices)]
    if place is None:
        notes.append("embodied carbon is not counted: --embodied phone, edge, cloud or a PROFILE.toml counts it")
    elif place.missing:
        notes.append(f"not in the embodied carbon of {place.name}: {place.missing}")
    notes.append(f"the licence of the intensities: {grid.label.licence}")
    lines += ["made from:", *bases, *(f"note: {note}" for note in dict.fromkeys(notes))]
    width = min(_WIDTH, terminal_width())
    return "\n".join(part for line in lines for part in folded(printable(line), width))


def _widest(footprints: Sequence[Footprint]) -> list[Footprint]:
    """Of each configuration those of its first boundary: they come with the widest first."""
    first: dict[str, str] = {}
    for of in footprints:
        first.setdefault(of.row["config_id"], of.row["energy_boundary"])
    return [of for of in footprints if of.row["energy_boundary"] == first[of.row["config_id"]]]


def _block(run: Counted, of: Footprint) -> list[str]:
    first = "SIMULATED " if is_simulated(run, of) else ""
    what = [run.device, of.row["model"] or "", runs_on(of.row)]
    lines = [f"{first}{' · '.join(printable(part, 2 * CELL_LIMIT) for part in what if part)}"]
    lines.append(_line("CO2e", of.kg, _per(of)))
    lines += [_line(f"  {part.name}", part.kg, " x ".join(map(_term, part.terms))) for part in of.parts]
    boundary = of.row["energy_boundary"]
    only = f": {meaning(boundary)}" if boundary == "rail" else ""
    lines.append(f"  {of.parts[0].terms[0].basis}{only}")
    if of.no_interval is not None:
        lines.append(f"  its interval is too narrow: {of.no_interval}")
    return [*lines, *(f"  {note}" for note in of.notes)]


def is_simulated(run: Counted, of: Footprint) -> bool:
    """Whether the run, its row, or what it was counted with was made up."""
    return bool(run.simulated or of.row["simulated"])


def _per(of: Footprint) -> str:
    if of.iterations_n is not None:
        return f"in {of.iterations_n:,} measured iterations (without warm-up and idle)"
    batch = of.row["batch"]
    return "per inference" if batch in (None, 1) else f"per iteration of a batch of {batch}"


def _line(name: str, kg: Interval, rest: str) -> str:
    shown = format_interval(kg.value * _G, kg.low * _G, kg.high * _G, "g")
    return f"  {name:<14} {shown[0]:<9} {shown[1]:<18} {rest}".rstrip()


def _term(term: Term) -> str:
    scale, unit = _SHOWN.get(term.unit, (1.0, term.unit))
    value = term.value.value * scale
    if term.unit in ("J", "s"):
        return format_si(value, unit)
    return f"{value:.3g}" if unit == "J/J" else f"{value:.3g} {unit}"


def carbon_json(runs: Sequence[Counted], grid: Grid, place: Place | None, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The same as one object: grams, and each term in SI."""
    return {
        **asked,
        "intensity": grid.as_json(),
        "embodied": None if place is None else _place_json(place),
        "runs": [
            {
                "run": run.run,
                "device": run.device,
                "rows": [_row_json(run, of) for of in run.footprints],
                "notices": list(run.notices),
            }
            for run in runs
        ],
    }


def _row_json(run: Counted, of: Footprint) -> dict[str, Any]:
    return {
        "simulated": is_simulated(run, of),
        **{key: of.row[key] for key in ("config_id", "model", "energy_source", "energy_boundary", "batch")},
        "iterations": of.iterations_n,
        **_grams(of.kg),
        "interval_lacks": of.no_interval,
        "parts": [
            {
                "name": part.name,
                **_grams(part.kg),
                "terms": [{"name": t.name, "unit": t.unit, **_ends(t.value), "basis": t.basis} for t in part.terms],
            }
            for part in of.parts
        ],
        "notes": list(of.notes),
    }


def _place_json(place: Place) -> dict[str, Any]:
    return {
        "name": place.name,
        "note": place.note,
        "missing": place.missing,
        "kg": _ends(place.embodied),
        "kg_per_s": _ends(place.embodied_per_s),
        "parts": [
            {"name": part.name, **_ends(part.kg), "how": part.how, "tag": part.basis.tag, "source": part.basis.source}
            for part in place.parts
        ],
    }


def _grams(kg: Interval) -> dict[str, float]:
    return {"co2e_g": kg.value * _G, "co2e_low_g": kg.low * _G, "co2e_high_g": kg.high * _G}


def _ends(value: Interval) -> dict[str, float]:
    return {"value": value.value, "low": value.low, "high": value.high}

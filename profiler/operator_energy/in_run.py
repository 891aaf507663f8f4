"""The energy of operators in a run: from its repeats to the rows of operators.parquet, and to operator_energy.json."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.analysis.repeats import VOID_REASONS
from edgewatt.profiler.analysis.results import Analysis, Row
from edgewatt.profiler.analysis.seen import Seen
from edgewatt.profiler.energy.budget import RepeatEnergy, budget_of
from edgewatt.profiler.energy.terms import CLOCK, REPEATS
from edgewatt.profiler.operator_energy.design import EACH_INFERENCE, Designs
from edgewatt.profiler.operator_energy.grouping import decided
from edgewatt.profiler.operator_energy.measured import Scatter, measured_of
from edgewatt.profiler.operator_energy.solving import Part, Solution, solve
from edgewatt.profiler.operator_energy.stretches import Stretch, stretches_of

FILE_NAME: Final = "operator_energy.json"
# So many operators at the most: the covariance and the projector are squares of it.
OPERATORS_LIMIT: Final = 2000
# Sums of operators that fit the designs worse than in one of a hundred by chance do not add up.
_NOT_BY_CHANCE: Final = 0.01
# A device's own sensors, behind every meter.
_LAST_BOUNDARIES: Final = {"gauge": 1, "rail": 2}
NOT_ADDITIVE, TARGETS_DIFFER, UNDECIDED = "operators_not_additive", "operators_target_differs", "operators_undecided"

Place = int


@dataclass(frozen=True, slots=True)
class Told:
    """What a run tells of operators: rows to replace by (config_id, index), the report, and reasons against it."""

    rows: Mapping[tuple[str | None, int], Row]
    report: Mapping[str, Any] | None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Design:
    """A configuration that is the network or a part of it, and the places of its usable repeats."""

    config_id: str
    stretch: Stretch
    places: Sequence[Place]


def by_designs(analysis: Analysis) -> Told | None:
    """What a run of a network and its parts tells; None if the run is none, or the network itself was not measured."""
    designs = _designs(analysis)
    if not designs or designs[0].stretch.last >= OPERATORS_LIMIT:
        return None
    latency = _solved(designs, _latencies(analysis, designs), ())
    sources = [_of_source(analysis, seen, designs) for seen in analysis.seen if seen.source is not None]
    solved = [(seen, one) for seen, one in zip(_with_source(analysis), sources, strict=True) if one is not None]
    chosen = min(range(len(solved)), key=lambda k: _preference(*solved[k]), default=None)
    parts = None if chosen is None else decided(solved[chosen][1])
    reasons = [*_targets(analysis, designs), *([] if chosen is None else _against(solved[chosen][1], parts or []))]
    report = {
        "config_id": designs[0].config_id,
        "designs": [{"config_id": d.config_id, "first": d.stretch.first, "last": d.stretch.last} for d in designs],
        "columns": "each inference, then operators by index",
        "reasons": reasons,
        "times": [] if latency is None else [_time_as_json(part) for part in decided(latency)],
        "sources": [_report(seen, one, latency, is_chosen=k == chosen) for k, (seen, one) in enumerate(solved)],
    }
    operators = designs[0].stretch.last + 1
    rows: dict[tuple[str | None, int], Row] = {(designs[0].config_id, index): _nothing() for index in range(operators)}
    for index, latency_s in _own_latencies(latency).items():
        rows[designs[0].config_id, index]["latency_s"] = latency_s
    for part in parts or ():
        for index, row in rows_of(part).items():
            rows[designs[0].config_id, index] |= row
    return Told(rows, report, tuple(reasons))


def rows_of(part: Part) -> dict[int, Row]:
    """The energy columns of the operators of a part: its first one carries the sum, which nobody counts twice."""
    operators = [column - 1 for column in part.columns if column != EACH_INFERENCE]
    alone = len(part.columns) == 1
    group = None if alone else group_name(part.columns)
    rows: dict[int, Row] = {index: {"group": group, "basis": "measured" if alone else "group"} for index in operators}
    if operators and part.is_decided:
        low, high = part.interval
        rows[operators[0]] |= {"energy_j": part.value, "energy_low_j": low, "energy_high_j": high}
    return rows


def group_name(columns: Sequence[int]) -> str:
    """Columns as text: `each inference + 0-3`, `4-6`, or `4,6` where they are not neighbours."""
    indices = [column - 1 for column in columns if column != EACH_INFERENCE]
    runs: list[list[int]] = []
    for index in indices:
        if runs and index == runs[-1][-1] + 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    text = ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
    return " + ".join(part for part in ("each inference" if EACH_INFERENCE in columns else "", text) if part)


def _nothing() -> Row:
    return dict.fromkeys(("group", "latency_s", "energy_j", "energy_low_j", "energy_high_j", "basis"))


def _designs(analysis: Analysis) -> list[_Design]:
    """The network, then those of its parts of which there is a usable repeat; nothing without one of the network."""
    stretches = stretches_of(analysis.manifest.conditions)
    of_config = {config_id: found for config_id, found in analysis.places().items() if config_id is not None}
    found = []
    for stretch in stretches:
        for config_id, places in of_config.items():
            if analysis.manifest.configs.get(config_id, {}).get("model_sha256") == stretch.model_sha256:
                usable = [p for p in places if not VOID_REASONS & {*analysis.reasons, *analysis.repeats[p].reasons}]
                if usable:
                    found.append(_Design(config_id, stretch, usable))
    return found if found and found[0].stretch == stretches[0] else []


def _latencies(analysis: Analysis, designs: Sequence[_Design]) -> NDArray[np.float64]:
    return _table(analysis, designs, {p: s for d in designs for p in d.places if (s := analysis.repeats[p].latency_s)})


def _table(analysis: Analysis, designs: Sequence[_Design], of_place: Mapping[Place, float]) -> NDArray[np.float64]:
    """Values [designs, rounds]; a round is a number of a repeat."""
    numbers = sorted({analysis.repeats[place].repeat for design in designs for place in design.places})
    table = np.full((len(designs), max(len(numbers), 1)), math.nan)
    for row, design in enumerate(designs):
        for place in design.places:
            table[row, numbers.index(analysis.repeats[place].repeat)] = of_place.get(place, math.nan)
    return table


def _solved(designs: Sequence[_Design], table: NDArray[np.float64], more: Sequence[Scatter]) -> Solution | None:
    """The solution from those designs that have values; None if the network has none."""
    rows = np.flatnonzero(~np.isnan(table).all(axis=1)).tolist()
    if not rows or rows[0] != 0:
        return None
    stretches = [(designs[row].stretch.first, designs[row].stretch.last) for row in rows]
    kept = [Scatter(cause.name, cause.u[rows], cause.kind, cause.df, cause.common) for cause in more]
    matrix = Designs.of_stretches(stretches, designs[0].stretch.last + 1, whole=0)
    return solve(matrix, measured_of(table[rows], kept))


def _with_source(analysis: Analysis) -> list[Seen]:
    return [seen for seen in analysis.seen if seen.source is not None]


def _of_source(analysis: Analysis, seen: Seen, designs: Sequence[_Design]) -> Solution | None:
    energies = {p: energy for d in designs for p in d.places if (energy := seen.energies[p]) is not None}
    table = _table(analysis, designs, {p: energy.energy_j / energy.iterations for p, energy in energies.items()})
    per_design = [[energies[p] for p in design.places if p in energies] for design in designs]
    return _solved(designs, table, _known_causes(seen, per_design))


def _known_causes(seen: Seen, per_design: Sequence[Sequence[RepeatEnergy]]) -> list[Scatter]:
    """What the budget of each design has beside the spread of repeats; clocks shift all alike."""
    if seen.instrument is None:
        return []
    causes: dict[str, Scatter] = {}
    for row, energies in enumerate(per_design):
        terms = budget_of(energies, seen.idle, seen.instrument).gross.terms if energies else ()
        for term in terms:
            if term.name != REPEATS:
                empty = Scatter(term.name, np.zeros(len(per_design)), term.kind, term.df, term.name == CLOCK)
                causes.setdefault(term.name, empty).u[row] = term.u_j
    return list(causes.values())


def preference(boundary: str | None, value_j: float, half_width_j: float) -> tuple[int, float]:
    """The least of these is the source whose joules stand in operators.parquet.

    A meter comes before the device's own gauge, and that before a rail; of meters and gauges the one that knows the
    network best, of rails the one with the most joules.
    """
    kind = _LAST_BOUNDARIES.get(boundary or "", 0)
    if not value_j > 0:
        return kind, math.inf
    return kind, -value_j if boundary == "rail" else half_width_j / value_j


def _preference(seen: Seen, solution: Solution) -> tuple[int, float]:
    whole = solution.part(range(len(solution.designs.of_whole)))
    return preference(None if seen.source is None else seen.source.boundary, whole.value, whole.half_width)


def _against(solution: Solution, parts: Sequence[Part]) -> list[str]:
    chance = solution.additive_p
    return [
        *([NOT_ADDITIVE] if chance is not None and chance < _NOT_BY_CHANCE else []),
        *([UNDECIDED] if not all(part.is_decided for part in parts) else []),
    ]


def _targets(analysis: Analysis, designs: Sequence[_Design]) -> list[str]:
    used = {analysis.repeats[place].told.get("target_used") for design in designs for place in design.places}
    return [TARGETS_DIFFER] if len(used) > 1 else []


def _own_latencies(latency: Solution | None) -> dict[int, float]:
    """The time of each operator that the designs tell apart; that of the first one holds the call of the runtime."""
    if latency is None:
        return {}
    parts = [(columns, latency.part(columns)) for columns in latency.designs.groups]
    return {
        columns[-1] - 1: part.value
        for columns, part in parts
        if part.is_decided and columns[-1] != EACH_INFERENCE and set(columns) <= {EACH_INFERENCE, columns[-1]}
    }


def _report(seen: Seen, solution: Solution, latency: Solution | None, *, is_chosen: bool) -> dict[str, Any]:
    """One source: how well the designs tell apart, the parts with their covariance, and the times of the same parts."""
    parts = decided(solution)
    return {
        "energy_source": None if seen.source is None else seen.source.name,
        "energy_boundary": None if seen.source is None else seen.source.boundary,
        "in_operators_parquet": is_chosen,
        "designs": len(solution.measured.values),
        "rank": solution.designs.rank,
        "unknowns": len(solution.designs.of_whole),
        "condition": solution.designs.condition,
        "additive_p": solution.additive_p,
        "uncertainty": [cause.name for cause in solution.measured.scatter],
        "whole": _as_json(solution.part(range(len(solution.designs.of_whole))), None),
        "groups": [_as_json(part, latency) for part in parts],
        "covariance_j2": solution.covariance(parts).tolist(),
    }


def _as_json(part: Part, latency: Solution | None) -> dict[str, Any]:
    low_j, high_j = part.interval
    seconds = None
    if latency is not None and all(
        set(group) <= set(part.columns) or not set(group) & set(part.columns) for group in latency.designs.groups
    ):
        seconds = latency.part(part.columns)
    return {
        **_members(part),
        "energy_j": part.value,
        "energy_low_j": low_j,
        "energy_high_j": high_j,
        "decided": part.is_decided,
        "latency_s": None if seconds is None or not seconds.is_decided else seconds.value,
    }


def _time_as_json(part: Part) -> dict[str, Any]:
    low_s, high_s = part.interval
    return {
        **_members(part),
        "latency_s": part.value,
        "latency_low_s": low_s,
        "latency_high_s": high_s,
        "decided": part.is_decided,
    }


def _members(part: Part) -> dict[str, Any]:
    return {
        "name": group_name(part.columns),
        "operators": [column - 1 for column in part.columns if column != EACH_INFERENCE],
        "each_inference": EACH_INFERENCE in part.columns,
    }

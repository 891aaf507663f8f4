"""What a run says of the energy of its operators on the terminal: a line for each that can be told, or for a group."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from edgewatt.profiler.operator_energy.in_run import FILE_NAME
from edgewatt.profiler.operator_energy.table import ALLOCATED
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.units import format_interval, format_si
from edgewatt.reports.escape import display_width, printable

# A screen full; all of them are in operators.parquet.
LINES_LIMIT: Final = 40
_REPORT_LIMIT_B: Final = 64 << 20
_NAMES_WIDTH: Final = 40
_TITLES: Final = ("index", "operator", "time", "energy", "95 %", "basis")
_OF_TIMES: Final = ("index", "operator", "time", "95 %", "basis")


def operators_report(trace: Trace) -> dict[str, Any] | None:
    """The run's operator_energy.json; None where it has none, or one that cannot be read as what it should be."""
    file = trace.path / FILE_NAME
    try:
        if not file.is_file() or file.stat().st_size > _REPORT_LIMIT_B:
            return None
        report = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return report if isinstance(report, dict) and isinstance(report.get("designs"), list) else None


def parts_of(trace: Trace) -> set[str]:
    """The config_ids of parts of a network, which were measured for its operators and are no answer of their own."""
    report = operators_report(trace) or {}
    designs = [design for design in report.get("designs", ()) if isinstance(design, dict)]
    return {str(design.get("config_id")) for design in designs} - {str(report.get("config_id"))}


@dataclass(frozen=True, slots=True)
class OperatorTable:
    """What a run tells of its operators: a sentence, a table under its titles, and what to know of it."""

    head: str
    titles: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    notices: Sequence[str] = ()


def operators_text(trace: Trace) -> list[str]:
    """The lines of the table; none where the run tells nothing of the energy of its operators."""
    found = operators_table(trace)
    if found is None:
        return []
    if not found.titles:
        return [f"notice: {found.head}"]
    notices = (f"notice: {notice}" for notice in found.notices)
    return [f"operators   {found.head}", *_aligned(found.rows, found.titles), *notices]


def operators_table(trace: Trace) -> OperatorTable | None:
    """The table itself, every row of it; None where the run tells nothing of the energy of its operators."""
    rows = trace.operators().to_pylist()
    report = operators_report(trace)
    if report is not None:
        try:
            return _of_designs(report, [row for row in rows if row["config_id"] == report["config_id"]])
        except (KeyError, TypeError, IndexError, ValueError):
            return OperatorTable(f"{FILE_NAME} is not what edgewatt wrote; let `edgewatt process` make it again")
    shares = [row for row in rows if row["basis"] == ALLOCATED and row["energy_j"] is not None]
    return _of_shares(shares) if shares else None


def _of_designs(report: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> OperatorTable:
    source = next((one for one in report["sources"] if one["in_operators_parquet"]), None)
    names = {row["index"]: _name(row) for row in rows}
    if source is None:
        head = f"times from {len(report['designs'])} networks; no energy was measured"
        return OperatorTable(head, _OF_TIMES, _of_times(report, names))
    head = (
        f"energy of {printable(str(source['energy_source']))} from {source['designs']} networks: rank "
        f"{source['rank']} of {source['unknowns']} unknowns, condition {source['condition']:.3g}"
    )
    table = [_of_group(group, names) for group in source["groups"]]
    total = source["whole"]
    table.append(("all", "", "", *_joules(total), "sum"))
    return OperatorTable(head, _TITLES, table, [_SAID[reason] for reason in report["reasons"] if reason in _SAID])


_SAID: Final[Mapping[str, str]] = {
    "operators_not_additive": "the parts fit the sums of their operators worse than by chance: operators influence one "
    "another (caches, fused operators), and their joules hold only in this network",
    "operators_target_differs": "not all parts were executed by the same target: what is said of operators at the "
    "border may be of the target",
    "operators_undecided": "not even the sum of all operators is known to half of itself: no joules are given",
}


def _of_times(report: Mapping[str, Any], names: Mapping[int, str]) -> list[Sequence[str]]:
    """The table without its columns of energy."""
    table: list[Sequence[str]] = []
    for group in report["times"]:
        of = group["latency_s"], group["latency_low_s"], group["latency_high_s"]
        value, interval = format_interval(*of, "s") if group["decided"] else ("undecided", "")
        table.append((printable(str(group["name"])), _members(group, names), value, interval, _basis(group)))
    return table


def _of_group(group: Mapping[str, Any], names: Mapping[int, str]) -> tuple[str, ...]:
    joules = _joules(group) if group["decided"] else ("undecided", "")
    time = "" if group["latency_s"] is None else format_si(group["latency_s"], "s")
    return printable(str(group["name"])), _members(group, names), time, *joules, _basis(group)


def _members(group: Mapping[str, Any], names: Mapping[int, str]) -> str:
    members = [names.get(index, "") for index in group["operators"]]
    return ", ".join(dict.fromkeys(members)) or "whatever is computed"


def _basis(group: Mapping[str, Any]) -> str:
    return "group" if len(group["operators"]) + bool(group["each_inference"]) > 1 else "measured"


def _of_shares(rows: Sequence[Mapping[str, Any]]) -> OperatorTable:
    table = []
    for row in rows:
        has_interval = row["energy_low_j"] is not None
        joules = _joules(row) if has_interval else (format_si(row["energy_j"], "J"), "")
        table.append((str(row["index"]), _name(row), format_si(row["latency_s"], "s"), *joules, ALLOCATED))
    head = "allocated: shares of the network's energy by time, as if power were the same in all of them"
    return OperatorTable(head, _TITLES, table)


def _joules(of: Mapping[str, Any]) -> tuple[str, str]:
    return format_interval(of["energy_j"], of["energy_low_j"], of["energy_high_j"], "J")


def _name(row: Mapping[str, Any]) -> str:
    return printable(str(row["op"] or ""), _NAMES_WIDTH)


def _aligned(table: Sequence[Sequence[str]], titles: Sequence[str]) -> list[str]:
    """Columns as wide as what is in them, at most so many lines."""
    shown = [titles, *([_shortened(cell) for cell in row] for row in table[:LINES_LIMIT])]
    widths = [max(display_width(row[column]) for row in shown) for column in range(len(titles))]
    lines = [
        "  " + "  ".join(cell + " " * (width - display_width(cell)) for cell, width in zip(row, widths, strict=True))
        for row in shown
    ]
    more = len(table) - LINES_LIMIT
    return [line.rstrip() for line in lines] + ([f"  {more} more in operators.parquet"] if more > 0 else [])


def _shortened(cell: str) -> str:
    return cell if len(cell) <= _NAMES_WIDTH else f"{cell[: _NAMES_WIDTH - 3]}..."

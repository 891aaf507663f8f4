"""The table of results as an object: it shows itself in a notebook, and other tables read it without a copy."""

from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from edgewatt.profiler.quality.table import in_words
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.units import format_si
from edgewatt.reports.escape import CELL_LIMIT, LINE_LIMIT, printable
from edgewatt.reports.source import Source
from edgewatt.reports.source import Table as TableName
from edgewatt.reports.text import text_table
from edgewatt.reports.wording import Row, accuracy_of, mean_of, runs_on

# What a notebook shows before it says how many there are more.
ROWS_SHOWN: Final = 50
_TITLES: Final = (
    *("device", "model", "runs on", "latency", "95 %", "energy", "95 %", "against the truth"),
    *("power", "energy from", "quality"),
)


@dataclass(frozen=True, slots=True)
class LatencyEnergyTable:
    """Rows of `results`, or of another table, of one run or of several, in SI (docs/run-format.md).

    It shows itself in notebooks. What reads Arrow reads it: `polars.DataFrame(table)`, `pyarrow.table(table)`, DuckDB.
    """

    rows: pa.Table
    table: TableName = "results"
    simulated: bool = False
    notices: tuple[str, ...] = field(default=())

    @classmethod
    def of(cls, *runs: Trace | str | Path, table: TableName = "results") -> "LatencyEnergyTable":
        """That table of these runs, one below the other. Raises UsageError for a run that does not hold it."""
        opened = [run if isinstance(run, Trace) else Trace.open(run) for run in runs]
        rows = Source(opened, table).rows()
        is_simulated = any(run.manifest.simulated for run in opened)
        if "simulated" in rows.column_names:
            is_simulated = is_simulated or any(rows["simulated"].to_pylist())
        return cls(rows, table, is_simulated, tuple(f"{run.path}: {said}" for run in opened for said in run.notices))

    def __len__(self) -> int:
        return int(self.rows.num_rows)

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """The rows for any program in this process that reads Arrow (the Arrow PyCapsule interface)."""
        return self.rows.__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        header, body = _cells(self)
        more = [f"{len(self) - ROWS_SHOWN:,} more rows"] if len(self) > ROWS_SHOWN else []
        first = ["SIMULATED"] if self.simulated else []
        return "\n".join([*first, text_table(header, body), *more])

    def _repr_html_(self) -> str:
        return table_html(self)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:  # noqa: ARG002
        return {"text/plain": repr(self), "text/html": self._repr_html_()}


def table_html(of: LatencyEnergyTable) -> str:
    """A table as HTML for a notebook: every text in it stays text."""
    header, body = _cells(of)
    rows = "".join(f"<tr>{''.join(f'<td>{shown(cell)}</td>' for cell in row)}</tr>" for row in body)
    head = "".join(f"<th>{shown(title)}</th>" for title in header)
    more = f"<p>{len(of) - ROWS_SHOWN:,} more rows</p>" if len(of) > ROWS_SHOWN else ""
    first = "<p><strong>SIMULATED</strong></p>" if of.simulated else ""
    notices = "".join(f"<p>notice: {shown(said, LINE_LIMIT)}</p>" for said in of.notices)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    return f'<div class="edgewatt">{first}{table}{more}{notices}{_reasons(of)}</div>'


def shown(text: str, limit: int = CELL_LIMIT) -> str:
    """Text that somebody else chose, as HTML: markup is spelled out, and its direction stays its own."""
    return f"<bdi>{escape(printable(text, limit))}</bdi>"


def _cells(of: LatencyEnergyTable) -> tuple[list[str], list[list[str]]]:
    """Titles and cells, without the columns that are empty everywhere."""
    rows = of.rows.slice(0, ROWS_SHOWN).to_pylist()
    if of.table == "results":
        titles, body = list(_TITLES), [_result(row) for row in rows]
    else:
        titles = list(of.rows.column_names)
        body = [["" if value is None else _plain(value) for value in row.values()] for row in rows]
    used = [place for place in range(len(titles)) if any(row[place] for row in body)]
    return [titles[place] for place in used], [[row[place] for place in used] for row in body]


def _result(row: Row) -> list[str]:
    latency, energy = mean_of(row, "latency_s", "s"), mean_of(row, "energy_gross_j", "J")
    source = ", ".join(part.replace("_", " ") for part in (row["energy_source"], row["energy_boundary"]) if part)
    device = f"{'SIMULATED ' if row['simulated'] else ''}{row['device'] or ''}"
    accuracy = accuracy_of(row, "energy_gross_j", "J").removeprefix("accuracy ")
    power = "" if row["power_w"] is None else format_si(row["power_w"], "W")
    return [device, row["model"] or "", runs_on(row), *latency, *energy, accuracy, power, source, row["quality"] or ""]


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(map(str, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _reasons(of: LatencyEnergyTable) -> str:
    if "quality_reasons" not in of.rows.column_names:
        return ""
    found = dict.fromkeys(one for reasons in of.rows["quality_reasons"].to_pylist() for one in reasons or () if one)
    items = "".join(f"<li>{shown(in_words(one), LINE_LIMIT)}</li>" for one in found)
    return f"<ul>{items}</ul>" if items else ""

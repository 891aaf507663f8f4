"""What `edgewatt simulate -o` wrote, as a part of the page: its figures, and each headline with its gap."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.figure import Figure, Line
from edgewatt.profiler.storage.checked import shown
from edgewatt.reports.page.section import Section
from edgewatt.reports.page.sections.figures import plot_of
from edgewatt.reports.page.sections.table import Table
from edgewatt.reports.page.templates import Name, render
from edgewatt.reports.simulation import HEADER, cells

FIGURES: Final = "figures.json"
HEADLINES: Final = "headlines.parquet"
SIZE_LIMIT_B: Final = 64 << 20
FIGURES_LIMIT: Final = 100
_KINDS: Final = ("line", "bars", "points", "heat")
_BASES: Final = ("measured", "published", "assumed", "simulated")
_KEYS: Final = (
    "name",
    "unit",
    "published",
    "headline",
    "ours",
    "ci_low",
    "ci_high",
    "range_low",
    "range_high",
    "basis",
)


@dataclass(frozen=True, slots=True)
class Simulation:
    """A folder of a simulation: its name, its figures, and the rows of its headlines (none: it has no such table)."""

    name: str
    figures: Sequence[Figure]
    headlines: Sequence[Mapping[str, Any]] = ()


def is_simulation(path: str | Path) -> bool:
    """True for a folder that `edgewatt simulate -o` wrote, or one of its files of figures."""
    path = Path(path)
    return path.name == FIGURES if path.is_file() else (path / FIGURES).is_file()


def read_simulation(path: str | Path) -> Simulation:
    """The figures and headlines in the folder `path`, or the figures in that file. Raises UsageError."""
    path = Path(path)
    file = path if path.is_file() else path / FIGURES
    folder = file.parent
    try:
        if file.stat().st_size > SIZE_LIMIT_B:
            raise UsageError(f"{file}: over {SIZE_LIMIT_B >> 20} MiB; expected the figures of a simulation")
        data = json.loads(file.read_bytes())
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror or error}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file}: not JSON ({str(error)[:200] or type(error).__name__})") from None
    if not isinstance(data, list) or len(data) > FIGURES_LIMIT:
        raise UsageError(f"{file}: expected a list of at most {FIGURES_LIMIT} figures, found {shown(data)}")
    figures = [_figure(one, f"{file}: figure {k}") for k, one in enumerate(data)]
    return Simulation(folder.resolve().name, figures, _headlines(folder / HEADLINES) if path.is_dir() else ())


def section(simulation: Simulation, number: int) -> Section:
    """The part of the page of one simulation; `number` tells it from others."""
    plots = [plot_of(figure, f"simulation-{number}-{k}") for k, figure in enumerate(simulation.figures)]
    table = Table(HEADER, [[Name(cell, 120) for cell in cells(of)] for of in simulation.headlines], (1,))
    html = render(
        __package__,
        "simulation.html",
        name=simulation.name,
        plots=[{"plot": plot, "notes": figure.notes} for plot, figure in zip(plots, simulation.figures, strict=True)],
        table=table if simulation.headlines else None,
        gaps=[(of["name"], of.get("gap") or "") for of in simulation.headlines],
    )
    return Section(f"simulation-{number}", f"Simulation {Name(simulation.name)}", html, plots)


def _figure(data: Any, where: str) -> Figure:
    """A figure from JSON. Raises UsageError."""
    try:
        title, x_label, y_label = (_text(data[name]) for name in ("title", "x_label", "y_label"))
        lines = [_line(one) for one in data["lines"]]
        kind, basis = _one_of(data["kind"], _KINDS), _one_of(data["basis"], _BASES)
        notes = {str(name): value for name, value in dict(data.get("notes") or {}).items()}
    except (KeyError, TypeError, ValueError, IndexError) as error:
        said = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise UsageError(f"{where}: {said}; expected what `edgewatt simulate -o` writes") from None
    return Figure(title, kind, x_label, y_label, lines, basis, notes)


def _line(data: Any) -> Line:
    x, y = data["x"], [_number(value) for value in data["y"]]
    low, high = (None if data.get(end) is None else [_number(v) for v in data[end]] for end in ("low", "high"))
    places: list[float | str] = [of if isinstance(of, str) else _number(of) for of in x]
    if any(of is not None and len(of) != len(y) for of in (places, low, high)):
        raise ValueError("x, y, low and high of a line differ in length")
    return Line(_text(data["name"]), places, y, low, high)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{shown(value)} where a finite number was expected")
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{shown(value)} where a text was expected")
    return value


def _one_of(value: Any, words: Sequence[str]) -> Any:
    if value not in words:
        raise ValueError(f"{shown(value)} where one of {', '.join(words)} was expected")
    return value


def _headlines(file: Path) -> list[Mapping[str, Any]]:
    """The rows of the table of headlines; none where there is no such file. Raises UsageError."""
    if not file.is_file():
        return []
    try:
        rows: list[Mapping[str, Any]] = pq.read_table(file).to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise UsageError(f"{file}: not Parquet ({str(error)[:200]})") from None
    numbers = ("published", "ours", "ci_low", "ci_high", "range_low", "range_high")
    for row in rows:
        odd = [key for key in numbers if not isinstance(row.get(key), int | float | None)]
        if odd or any(key not in row for key in _KEYS) or not isinstance(row["name"], str):
            raise UsageError(f"{file}: not the headlines of a simulation; its columns are {', '.join(row)[:400]}")
    return rows

"""A calibration as a part of the page: of what it is, its curves, its fits, and what is missing in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final, Literal

from edgewatt.profiler.calibration.calibration import Calibration
from edgewatt.profiler.calibration.coverage import missing, rows_by_basis
from edgewatt.profiler.calibration.tables import BASES
from edgewatt.profiler.figure import Figure, Line
from edgewatt.reports.calibration_words import blank, fits_of, quality_of_fit, terms
from edgewatt.reports.page.section import Section
from edgewatt.reports.page.sections.figures import plot_of
from edgewatt.reports.page.sections.plotting import axis_unit
from edgewatt.reports.page.sections.table import Table
from edgewatt.reports.page.templates import Name, render
from edgewatt.reports.wording import Row

# Figures of one calibration: of a fleet those of its first devices.
PLOTS_LIMIT: Final = 24
_TERMS: Final = 12
_NAN: Final = float("nan")


@dataclass(frozen=True, slots=True)
class Curve:
    """A column of a table of the calibration over another: `stem_unit` with `stem_low_unit` and `stem_high_unit`.

    `x_unit` is "" for categories and for numbers that take no SI prefix; `series` are the columns that name a line.
    """

    table: str
    title: str
    kind: Literal["line", "bars", "points"]
    x: str
    x_label: str
    x_unit: str
    stem: str
    unit: str
    y_label: str
    y_unit: str
    series: tuple[str, ...]


_CURVES: Final = (
    Curve("power", "Power of a busy unit by its frequency", "line", "frequency_hz", "frequency", "Hz",
          "busy", "w", "power of a busy unit", "W", ("unit", "cores_n", "energy_source")),
    Curve("power", "Power of an idle unit by its frequency", "line", "frequency_hz", "frequency", "Hz",
          "idle", "w", "power of an idle unit", "W", ("unit", "cores_n", "energy_source")),
    Curve("idle", "Power while nothing is executed", "bars", "state", "state", "",
          "idle", "w", "power", "W", ("energy_source",)),
    Curve("radio", "Power of sending by signal strength", "line", "rssi_low_dbm", "signal strength from (dBm)", "",
          "send", "w", "power above idle", "W", ("interface", "energy_source")),
    Curve("radio", "Power of receiving by signal strength", "line", "rssi_low_dbm", "signal strength from (dBm)", "",
          "receive", "w", "power above idle", "W", ("interface", "energy_source")),
    Curve("radio", "Rate of sending by signal strength", "line", "rssi_low_dbm", "signal strength from (dBm)", "",
          "send", "b_per_s", "rate", "B/s", ("interface",)),
    Curve("offload", "Energy of an exchange by what is sent", "line", "sent_b", "sent", "B",
          "energy", "j", "energy of an exchange", "J", ("to", "interface", "model", "energy_source")),
    Curve("inference", "Latency of an inference", "points", "model", "model", "",
          "latency", "s", "latency", "s", ("target", "precision", "threads", "frequency_hz")),
    Curve("inference", "Energy of an inference", "points", "model", "model", "",
          "energy", "j", "energy", "J", ("target", "precision", "threads", "frequency_hz", "energy_source")),
    Curve("training_step", "Duration of a training step", "points", "model", "model", "",
          "step", "s", "duration", "s", ("target", "precision", "batch")),
    Curve("training_step", "Energy of a training step", "points", "model", "model", "",
          "energy", "j", "energy", "J", ("target", "precision", "batch", "energy_source")),
    Curve("co_runner", "Slow-down beside a load on the processors", "line", "co_cpu_ratio", "load (share)", "",
          "slowdown", "ratio", "latency beside it over that alone (ratio)", "", ("model", "target", "co_memory_ratio")),
    Curve("throttling", "Speed while a load goes on", "line", "t_s", "time of the load", "s",
          "speed", "ratio", "frequency over that at the start (ratio)", "", ("unit", "cores_n")),
)  # fmt: skip


def section(calibration: Calibration, label: str, number: int) -> Section:
    """The part of the page of one calibration; `label` is what its file is called, `number` tells it from others."""
    figures = figures_of(calibration)
    plots = [plot_of(figure, f"calibration-{number}-{k}") for k, figure in enumerate(figures[:PLOTS_LIMIT])]
    head = calibration.head
    html = render(
        __package__,
        "calibration.html",
        label=label,
        head=head,
        steps=list(dict.fromkeys(run.step or "no step of the suite" for run in head.runs)),
        devices=Table(
            ("device", "chip", "id", ""),
            [
                [Name(of.name), Name(of.soc), Name(key), "SIMULATED" if of.simulated else ""]
                for key, of in head.devices.items()
            ],
        ),
        meters=[(of.source, of.boundary.replace("_", " "), of.gain_ratio, of.basis) for of in head.meters],
        contents=_contents(calibration),
        plots=plots,
        more=len(figures) - len(plots),
        fits=_fits(calibration),
        notes=[*head.notes, *calibration.notices],
        missing=_missing(calibration),
    )
    return Section(f"calibration-{number}", f"Calibration {Name(label)}", html, plots)


def label_of(path: str | Path) -> str:
    """What to call the calibration in a file."""
    return Path(path).resolve().name


def figures_of(calibration: Calibration) -> list[Figure]:
    """Its curves, one figure per device and basis, of the tables that have at least two values."""
    return [figure for curve in _CURVES for figure in _of_curve(calibration, curve)]


def _of_curve(calibration: Calibration, curve: Curve) -> list[Figure]:
    y = f"{curve.stem}_{curve.unit}"
    rows = [row for row in calibration.rows(curve.table) if row[y] is not None and row[curve.x] is not None]
    parts = groupby(sorted(rows, key=_device_and_basis), key=_device_and_basis)
    each = [(device_id, basis, list(of)) for (device_id, basis), of in parts]
    return [_figure(calibration, curve, device_id, basis, some) for device_id, basis, some in each if len(some) > 1]


def _figure(calibration: Calibration, curve: Curve, device_id: str, basis: Any, rows: Sequence[Row]) -> Figure:
    device = calibration.head.devices.get(device_id)
    title = ": ".join(filter(None, (device_id if device is None else device.name, curve.title)))
    x_factor, x_label = _axis(curve.x_label, curve.x_unit, [row[curve.x] for row in rows])
    y_factor, y_label = _axis(curve.y_label, curve.y_unit, [row[f"{curve.stem}_{curve.unit}"] for row in rows])
    lines = [_line(name, part, curve, x_factor, y_factor) for name, part in _series(rows, curve)]
    if curve.kind == "line" and all(len(line.x) == 1 for line in lines):
        places = [f"{line.name}, at {line.x[0]:.4g}" for line in lines]
        values, low, high = ([end for line in lines for end in of(line)] for of in (_values, _lows, _highs))
        return Figure(
            title, "bars", f"unit, at its {x_label}", y_label, [Line("all", places, values, low, high)], basis
        )
    return Figure(title, curve.kind, x_label, y_label, lines, basis)


def _values(line: Line) -> Sequence[float]:
    return line.y


def _lows(line: Line) -> Sequence[float]:
    return [_NAN] * len(line.y) if line.low is None else line.low


def _highs(line: Line) -> Sequence[float]:
    return [_NAN] * len(line.y) if line.high is None else line.high


def _axis(label: str, unit: str, values: Sequence[float]) -> tuple[float, str]:
    """What values of an axis are divided by, and its label with the unit they are then in; without one as they are."""
    if not unit:
        return 1.0, label
    factor, shown = axis_unit(values, unit)
    return factor, f"{label} ({shown})"


def _device_and_basis(row: Row) -> tuple[str, Any]:
    return row["device_id"] or "", row["basis"]


def _series(rows: Sequence[Row], curve: Curve) -> list[tuple[str, list[Row]]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(_series_name(row, curve), []).append(row)
    return list(found.items())


def _series_name(row: Row, curve: Curve) -> str:
    said = []
    for name in curve.series:
        value = row[name]
        if value is None:
            continue
        if name == "frequency_hz":
            said.append(f"{value / 1e6:g} MHz")
        elif name.endswith("_ratio"):
            said.append(f"{name.removesuffix('_ratio').replace('_', ' ')} {value:g}")
        elif name in {"cores_n", "threads", "batch"}:
            said.append(f"{value} {name.removesuffix('_n')}")
        else:
            said.append(str(value))
    return ", ".join(said) or "all"


def _line(name: str, rows: Sequence[Row], curve: Curve, x_factor: float, y_factor: float) -> Line:
    if curve.kind == "line":
        rows = sorted(rows, key=lambda row: row[curve.x])
    y, bounds = f"{curve.stem}_{curve.unit}", [f"{curve.stem}_{end}_{curve.unit}" for end in ("low", "high")]
    low, high = (
        [_NAN if row[end] is None else row[end] / y_factor for row in rows] if end in rows[0] else None
        for end in bounds
    )
    x = [row[curve.x] / x_factor if curve.x_unit else row[curve.x] for row in rows]
    return Line(name, x, [row[y] / y_factor for row in rows], low, high)


def _contents(calibration: Calibration) -> Table:
    found = rows_by_basis(calibration)
    used = [basis for basis in BASES if any(basis in of for of in found.values())]
    rows = [[name, sum(of.values()), *(of.get(basis, "") for basis in used)] for name, of in found.items()]
    return Table(["table", "rows", *used], rows, range(1, len(used) + 2))


def _fits(calibration: Calibration) -> Table | None:
    rows = [
        [
            Name(fit),
            Name(of),
            Name(source),
            Name(device_id),
            Name(terms(some, _TERMS), 400),
            Name(quality_of_fit(some), 200),
        ]
        for (device_id, fit, of, source), some in fits_of(calibration.rows("fits")).items()
    ]
    return (
        Table(("fit", "of", "energy from", "device", "terms with 95 % intervals", "how well"), rows) if rows else None
    )


def _missing(calibration: Calibration) -> Table:
    """Per system what it reads and what is blank, with what would fill it."""
    filled, rows = rows_by_basis(calibration), []
    for system, found in missing(calibration).items():
        by_origin: dict[str, dict[str, list[str]]] = {}
        for one in found:
            table, _, column = one.column.partition(".")
            by_origin.setdefault(one.origins[0], {}).setdefault(table, []).append(column)
        if not by_origin:
            rows.append([system, "nothing", ""])
        for origin, tables in by_origin.items():
            rows.append(
                [system, "; ".join(blank(name, of, is_there=name in filled) for name, of in tables.items()), origin]
            )
    return Table(("system", "blank", "what gives it"), rows)

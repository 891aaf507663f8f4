"""Runs as data frames, and the accessor `df.edgewatt` on them.

    import edgewatt.pandas
    df = edgewatt.pandas.read_run("runs/a")
    df.edgewatt.latency(), df.edgewatt.energy(), df.edgewatt.per_inference()

Every number is in SI and its unit ends its column's name; what was not measured is missing (NaN, <NA>), never 0.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, get_args

import numpy as np
import pandas as pd
import pyarrow as pa

from edgewatt.profiler.comparing.tables import table_of_run
from edgewatt.profiler.energy.sources import energy_of_source
from edgewatt.profiler.errors import NotMeasuredError, UsageError
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.tables import WINDOWS

__all__ = ["EdgewattAccessor", "read_run", "read_samples"]

Table = Literal["results", "repeats", "budget", "iterations", "operators", "windows", "gaps"]
Quantity = Literal["latency", "gross", "net"]
RUN: Final = "run"
_NULLABLE: Final = {pa.int32(): pd.Int32Dtype(), pa.int64(): pd.Int64Dtype(), pa.bool_(): pd.BooleanDtype()}
_UNITS: Final = ("s", "j", "w", "c", "hz", "ns", "b", "v", "a", "dbm")
_ENDINGS: Final = frozenset({"mean", "std", "low", "high", "accuracy", "p50", "p90", "p99"})
_FACTORS: Final[Mapping[str, tuple[str, float]]] = {
    "s": ("s", 1.0),
    "ms": ("s", 1e3),
    "us": ("s", 1e6),
    "J": ("j", 1.0),
    "mJ": ("j", 1e3),
    "uJ": ("j", 1e6),
    "Wh": ("j", 1 / 3600),
    "mWh": ("j", 1 / 3.6),
    "W": ("w", 1.0),
    "mW": ("w", 1e3),
}
_BOUNDS: Final = ("mean", "low", "high")
_OF: Final = ("device", "model", "target_used", "threads", "batch", "precision", "frequency_hz", "simulated")


def read_run(run: str | Path | Sequence[str | Path], table: Table = "results") -> pd.DataFrame:
    """A table of a run, or of several one below the other; the column `run` says from which folder or zip.

    `attrs["edgewatt"]` names the table. Raises UsageError for what is no run, or holds no such table.
    """
    if table not in get_args(Table):
        raise UsageError(f"{table!r} is no table of a run; known are {', '.join(get_args(Table))}")
    paths = [run] if isinstance(run, str | Path) else list(run)
    if not paths:
        raise UsageError("no run was given to read")
    frames = [_frame(path, table) for path in paths]
    frame = frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)
    frame.attrs["edgewatt"] = {"table": table}
    return frame


def read_samples(run: str | Path, *columns: str, window: str | None = None) -> pd.DataFrame:
    """Samples of columns of one stream, such as `main.power_w`, with `t_s` from the first of them as index.

    `window` (`measure/0`, ...) takes those inside the first window of that name alone. `attrs["edgewatt"]["t0_ns"]` is
    the instant of second 0 on the host's clock. Raises UsageError for columns of several streams, or a window that
    the run does not have; NotMeasuredError for a column that it does not have.
    """
    trace = Trace.open(run)
    streams = {trace.series(column).stream.name for column in columns}
    if len(streams) != 1:
        known = ", ".join(trace.columns) or "none"
        raise UsageError(f"{run}: give columns of one stream, which were read together; the run has {known}")
    t0_ns, t1_ns = _bounds(trace, window) if window else (None, None)
    read = {column: trace.series(column).between(t0_ns, t1_ns).to_numpy() for column in columns}
    t_ns = next(iter(read.values()))[0]
    origin_ns = int(t_ns[0]) if len(t_ns) else 0
    index = pd.Index((t_ns - origin_ns) / 1e9, name="t_s")
    frame = pd.DataFrame({column: values for column, (_, values) in read.items()}, index=index)
    simulated = trace.manifest.simulated
    frame.attrs["edgewatt"] = {"table": "samples", "run": str(run), "t0_ns": origin_ns, "simulated": simulated}
    return frame


@pd.api.extensions.register_dataframe_accessor("edgewatt")
class EdgewattAccessor:
    """What a frame of `read_run` can be asked; a frame of another origin works where it has the columns."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    @property
    def simulated(self) -> bool:
        """True where any row was simulated."""
        said = self._frame.attrs.get("edgewatt", {}).get("simulated")
        return bool(self._frame["simulated"].any()) if "simulated" in self._frame else bool(said)

    @property
    def units(self) -> dict[str, str]:
        """The unit of each column that has one, as it ends the column's name (`s`, `j`, `w`, `hz`, ...)."""
        found = {str(column): _unit_of(str(column)) for column in self._frame.columns}
        return {column: unit for column, unit in found.items() if unit}

    def latency(self) -> pd.DataFrame:
        """Latency per iteration (s): `mean`, `low`, `high` (95 %) of results, or one `latency_s` per repeat; once each.

        The index is the configuration.
        """
        rows = self._frame.drop_duplicates([name for name in (RUN, "config_id", "repeat") if name in self._frame])
        names = [f"latency_s_{end}" for end in _BOUNDS] if "latency_s_mean" in self._frame else ["latency_s"]
        return self._of(rows, names)

    def energy(self, kind: Literal["gross", "net"] = "gross") -> pd.DataFrame:
        """Energy per iteration (J) with its intervals, a row per energy source; rows without any are left out.

        `gross` is all that was drawn, `net` what is above idle. `accuracy_low` and `_high` are missing while nobody
        stated the sensor's gain.
        """
        name = f"energy_{kind}_j"
        wide = f"{name}_mean" in self._frame
        ends = (*_BOUNDS, "accuracy_low", "accuracy_high")
        names = [f"{name}_{end}" for end in ends] if wide else [name]
        self._need(*names[:1], "energy_source")
        there = self._frame[self._frame[names[0]].notna()]
        return self._of(there, ["energy_source", "energy_boundary", *names])

    def per_inference(self) -> pd.DataFrame:
        """Latency and gross energy of results divided by the batch, and inferences per second, a row per energy source.

        An iteration computes `batch` inferences at once; a batch that nobody stated counts as 1.
        """
        self._need("latency_s_mean", "energy_gross_j_mean")
        batch = pd.to_numeric(self._frame["batch"]).astype("float64").fillna(1.0) if "batch" in self._frame else 1.0
        made = {
            f"{name}_{end}": self._frame[f"{name}_{end}"] / batch
            for name in ("latency_s", "energy_gross_j")
            for end in _BOUNDS
        }
        made["throughput_hz"] = batch / self._frame["latency_s_mean"]
        return self._of(self._frame.assign(**made), ["energy_source", "energy_boundary", *made])

    def in_units(self, *units: str) -> pd.DataFrame:
        """The same frame with columns in other units, which end their names: `in_units("ms", "mJ")`.

        Raises UsageError for a unit that it does not know.
        """
        frame = self._frame
        for unit in units:
            if unit not in _FACTORS:
                raise UsageError(f"{unit!r} is no unit that can be asked for; known are {', '.join(_FACTORS)}")
            base, factor = _FACTORS[unit]
            mine = [column for column, of in frame.edgewatt.units.items() if of == base]
            names = {column: _renamed(column, base, unit) for column in mine}
            frame = frame.assign(**{column: frame[column] * factor for column in mine}).rename(columns=names)
        return frame

    def windows(self) -> pd.DataFrame:
        """The windows of the runs of this frame: name, bounds (ns), `duration_s`, and their attributes as JSON."""
        frame = read_run([str(path) for path in self._runs()], "windows")
        return frame.assign(duration_s=(frame["t1_ns"] - frame["t0_ns"]).astype("float64") / 1e9)

    def iterations(self) -> pd.DataFrame:
        """The iterations of the runs of this frame."""
        return read_run([str(path) for path in self._runs()], "iterations")

    def joules(self, source: str | None = None) -> pd.DataFrame:
        """The energy (J) of every window of a frame of windows, and which share of it has samples.

        For frames of `read_run(RUN, "windows")` and those made of them: with the columns `run`, `t0_ns`, `t1_ns`,
        `clock`. `source` is an energy source by name; without it, the only one. Raises NotMeasuredError or UsageError
        for a source that is not there, or of which there are several.
        """
        self._need(RUN, "t0_ns", "t1_ns", "clock")
        parts = [_joules(str(run), rows, source) for run, rows in self._frame.groupby(RUN, sort=False)]
        if not parts:
            return self._frame.assign(energy_source=[], energy_j=[], u_edge_j=[], coverage=[])
        found: pd.DataFrame = pd.concat(parts).reindex(self._frame.index)
        return found

    def _of(self, rows: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
        """Columns of rows, under what says which configuration they are of; all of SIMULATED stays with them."""
        first = [name for name in (RUN, *_OF, "repeat") if name in rows]
        self._need(*names[:1])
        found = rows[[*first, *(name for name in names if name in rows)]]
        return found.set_index(rows["config_id"]) if "config_id" in rows else found

    def _runs(self) -> list[Any]:
        self._need(RUN)
        return list(dict.fromkeys(self._frame[RUN]))

    def _need(self, *names: str) -> None:
        missing = [name for name in names if name not in self._frame]
        if missing:
            raise UsageError(
                f"this frame has no {', '.join(missing)}: it is not what edgewatt.pandas.read_run gave, or of another "
                f"table; it has {', '.join(map(str, self._frame.columns[:20]))}"
            )


def _frame(path: str | Path, table: Table) -> pd.DataFrame:
    trace = Trace.open(path)
    frame: pd.DataFrame = _rows(trace, table).to_pandas(types_mapper=_NULLABLE.get)
    frame.insert(0, RUN, str(path))
    if "simulated" not in frame:
        frame["simulated"] = pd.array([trace.manifest.simulated] * len(frame), dtype="boolean")
    return frame


def _rows(trace: Trace, table: Table) -> pa.Table:
    if table == "iterations":
        return trace.iterations()
    if table == "operators":
        return trace.operators()
    if table == "gaps":
        gaps = trace.gaps()
        return pa.Table.from_pylist([{name: getattr(gap, name) for name in _GAP.names} for gap in gaps], _GAP)
    if table == "windows":
        stored = trace.stored_tables.get("windows")
        return WINDOWS.empty_table() if stored is None else _windows(trace)
    return table_of_run(trace, table)


_GAP: Final = pa.schema(
    [
        ("stream", pa.string()),
        ("t0_ns", pa.int64()),
        ("t1_ns", pa.int64()),
        ("cause", pa.string()),
        ("samples_lost", pa.int64()),
    ]
)


def _windows(trace: Trace) -> pa.Table:
    rows = [
        {
            **{name: getattr(window, name) for name in WINDOWS.names if name != "attributes"},
            "attributes": json.dumps(dict(window.attributes)),
        }
        for window in trace.windows()
    ]
    return pa.Table.from_pylist(rows, WINDOWS)


def _bounds(trace: Trace, name: str) -> tuple[int, int]:
    window = next((one for one in trace.windows(name) if one.name == name), None)
    if window is None:
        known = ", ".join(dict.fromkeys(one.name for one in trace.windows())) or "none"
        raise UsageError(f"{trace.path} has no window {name}; it has {known}")
    fit = trace.clock_fit(window.clock)
    t0_ns, t1_ns = fit.to_host(np.array([window.t0_ns, window.t1_ns], np.int64)).tolist()
    return t0_ns, t1_ns


def _joules(run: str, rows: pd.DataFrame, name: str | None) -> pd.DataFrame:
    trace = Trace.open(run)
    found = [one for one in trace.sources if name in {None, one.name}]
    known = ", ".join(one.name for one in trace.sources) or "none"
    if not found:
        raise NotMeasuredError(
            f"{run}: no energy source {name or ''} was recorded; there are {known}".replace("  ", " ")
        )
    if len(found) > 1:
        raise UsageError(f"{run}: several energy sources; say which of {known}")
    bounds = rows[["t0_ns", "t1_ns"]].to_numpy("int64")
    on_host = np.empty_like(bounds)
    for clock, places in rows.reset_index(drop=True).groupby("clock").indices.items():
        on_host[places] = trace.clock_fit(str(clock)).to_host(bounds[places])
    energies = energy_of_source(trace, found[0], on_host[:, 0], on_host[:, 1])
    joules = energies.energy_j + energies.edge_loss_j
    return rows.assign(
        energy_source=found[0].name, energy_j=joules, u_edge_j=energies.u_edge_j, coverage=energies.coverage
    )


def _unit_of(column: str) -> str:
    """The unit in a column's name, before the ends of an interval: `j` of `energy_gross_j_accuracy_low`."""
    words = column.rpartition(".")[2].split("_")
    if words[-1] == "n":  # how many, of whatever
        return ""
    words = [word for word in words if word not in _ENDINGS]
    return words[-1] if len(words) > 1 and words[-1] in _UNITS else ""


def _renamed(column: str, base: str, unit: str) -> str:
    words = column.split("_")
    place = len(words) - 1 - words[::-1].index(base)
    return "_".join([*words[:place], unit, *words[place + 1 :]])

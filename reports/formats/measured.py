"""The rows that exports are made of, from runs and from calibrations alike, in SI."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

from edgewatt.profiler.calibration.calibration import Calibration
from edgewatt.profiler.calibration.tables import TABLES
from edgewatt.profiler.errors import UsageError
from edgewatt.reports.formats.chosen import Chosen
from edgewatt.reports.wording import counted

INFERENCE: Final = "inference"
TRAINING: Final = "training_step"
_RADIO: Final = "radio"
_SHOWN: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One network as it was executed; null where nobody knows. `time_s` is of one call or step, of a whole batch.

    `time_std_s` is the standard deviation over repeats, which a calibration does not keep; `energy_j` is gross.
    """

    table: str
    device_id: str | None
    device: str | None
    model: str | None
    runtime: str | None
    target: str | None
    precision: str | None
    threads: int | None
    batch: int | None
    frequency_hz: float | None
    co_cpu_ratio: float | None = None
    co_memory_ratio: float | None = None
    temperature_c: float | None = None
    time_s: float | None
    time_std_s: float | None = None
    energy_j: float | None
    power_w: float | None = None
    memory_peak_b: int | None
    update_b: int | None = None
    energy_source: str | None
    energy_boundary: str | None
    session: str | None = None
    config_id: str | None = None
    basis: str

    @property
    def simulated(self) -> bool:
        """Whether a simulated device executed it."""
        return self.basis == "simulated"

    def __str__(self) -> str:
        asked = (self.model, self.target, self.precision, self.threads and counted(self.threads, "thread"))
        return ", ".join(str(part) for part in (self.device, *asked) if part)


_COLUMNS: Final = tuple(field.name for field in fields(Measured))
# In what rows of one name may differ, in the order in which people ask.
_APART: Final = (
    *("table", "device_id", "device", "model", "target", "precision", "threads", "batch", "frequency_hz", "runtime"),
    *("energy_source", "co_cpu_ratio", "co_memory_ratio", "temperature_c", "session", "basis", "config_id"),
)
_OF_RESULTS: Final = {
    "time_s": "latency_s_mean",
    "time_std_s": "latency_s_std",
    "energy_j": "energy_gross_j_mean",
}


def of_results(rows: Iterable[Mapping[str, Any]]) -> list[Measured]:
    """Rows of RESULTS."""
    return [_of_result(row) for row in rows]


def _of_result(row: Mapping[str, Any]) -> Measured:
    values: dict[str, Any] = {name: row.get(_OF_RESULTS.get(name, name)) for name in _COLUMNS}
    values |= {"table": INFERENCE, "target": row["target_used"] or row["target_asked"]}
    return Measured(**{**values, "basis": "simulated" if row["simulated"] else "measured"})


def of_calibration(calibration: Calibration) -> list[Measured]:
    """The rows of its tables `inference` and `training_step`."""
    return [
        _of_row(calibration, table, row)
        for table in (INFERENCE, TRAINING)
        for row in calibration.table(table).to_pylist()
    ]


def _of_row(calibration: Calibration, table: str, row: Mapping[str, Any]) -> Measured:
    known = calibration.head.devices.get(row["device_id"])
    values: dict[str, Any] = {name: row.get(name) for name in _COLUMNS}
    values |= {"table": table, "time_s": row["latency_s" if table == INFERENCE else "step_s"]}
    simulated = known is not None and known.simulated
    return Measured(**{**values, "device": known and known.name, "basis": "simulated" if simulated else row["basis"]})


def chosen_of(rows: Sequence[Measured], chosen: Chosen) -> list[Measured]:
    """Those that fit. Raises UsageError for a column that no row has, and where none fits."""
    known = {*_COLUMNS, *TABLES[_RADIO].names}
    if unknown := [key for key in chosen.where if key not in known]:
        raise UsageError(f"--where {unknown[0]}=...: no such column; there are {', '.join(_APART)}, interface")
    fitting = [row for row in rows if chosen.fits({name: getattr(row, name) for name in _COLUMNS})]
    if rows and not fitting:
        asked = ", ".join(f"{key}={value}" for key, value in chosen.where.items())
        raise UsageError(f"--where {asked}: no row is that; they differ in {difference(rows) or 'nothing'}")
    return fitting


def only(what: str, rows: Sequence[Measured], column: str) -> Measured:
    """The row, or one of several that say the same in `column`: a time that two meters saw. Raises UsageError.

    `rows` are not empty.
    """
    if len({getattr(row, column) for row in rows}) > 1:
        raise UsageError(
            f"{what}: {len(rows)} rows fit, and which is meant is not guessed; say --where COLUMN=VALUE. "
            f"They differ in {difference(rows)}"
        )
    return rows[0]


def difference(rows: Sequence[Measured]) -> str:
    """In what the rows differ, each with the values that there are: `batch: 1, 2; target: cpu, gpu`."""
    return "; ".join(_different(rows))


def _different(rows: Sequence[Measured]) -> Iterator[str]:
    for name in _APART:
        values = sorted({getattr(row, name) for row in rows}, key=_order)
        if len(values) > 1:
            more = f" and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
            yield f"{name}: {', '.join(map(str, values[:_SHOWN]))}{more}"


def _order(value: Any) -> tuple[bool, float, str]:
    """Unknown last, numbers by their size, texts by their letters."""
    return value is None, value if isinstance(value, int | float) else 0.0, str(value)

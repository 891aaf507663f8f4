"""Our side of a comparison with published figures: what a run or a calibration says, with its intervals."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from edgewatt.profiler.calibration.calibration import Calibration
from edgewatt.profiler.calibration.possible import interval_column
from edgewatt.profiler.comparing.tables import table_of_run
from edgewatt.profiler.quality.reason import VOID
from edgewatt.profiler.storage.trace import Trace

_TRAINING: Final = "training"


@dataclass(frozen=True, slots=True)
class Ours:
    """One number of ours in SI, with its 95 % interval where it has one; energy is gross. `facts` are as measured."""

    model: str
    quantity: str
    value: float
    low: float | None
    high: float | None
    facts: Mapping[str, Any]
    energy_source: str | None
    simulated: bool


def of_run(trace: Trace) -> list[Ours]:
    """What the results of a run say; of a configuration that trained, a latency is a step's. Raises UsageError."""
    return _once(_of_results(trace))


def of_calibration(calibration: Calibration) -> list[Ours]:
    """What its tables `inference` and `training_step` say."""
    return _once(_of_tables(calibration))


def _of_results(trace: Trace) -> Iterator[Ours]:
    for row in table_of_run(trace, "results").to_pylist():
        if row["quality"] == VOID:
            continue
        trained = trace.manifest.configs.get(row["config_id"], {}).get("task") == _TRAINING
        facts = {**row, "target": row["target_used"] or row["target_asked"], "year": trace.manifest.created[:4]}
        for quantity, name in (("step" if trained else "latency", "latency_s"), ("energy", "energy_gross_j")):
            value, low, high = (row[f"{name}_{bound}"] for bound in ("mean", "low", "high"))
            yield from _ours(row, facts, quantity, (value, low, high), simulated=row["simulated"])
        yield from _ours(row, facts, "power", (row["power_w"], None, None), simulated=row["simulated"])


def _of_tables(calibration: Calibration) -> Iterator[Ours]:
    for table, quantity, column in (("inference", "latency", "latency_s"), ("training_step", "step", "step_s")):
        for row in calibration.table(table).to_pylist():
            device = calibration.head.devices.get(row["device_id"])
            known = {} if device is None else {"device": device.name, "soc": device.soc or None}
            facts = {**row, **known, "year": calibration.head.created[:4]}
            simulated = row["basis"] == "simulated" or (device is not None and device.simulated)
            for of, name in ((quantity, column), ("energy", "energy_j")):
                values = (row[name], *(row[interval_column(name, end)] for end in ("low", "high")))
                yield from _ours(row, facts, of, values, simulated=simulated)


def _ours(
    row: Mapping[str, Any],
    facts: Mapping[str, Any],
    quantity: str,
    values: tuple[float | None, float | None, float | None],
    *,
    simulated: bool,
) -> Iterator[Ours]:
    value, low, high = values
    if value is not None and value > 0 and row["model"] is not None:
        source = row["energy_source"] if quantity in ("energy", "power") else None
        yield Ours(row["model"], quantity, value, low, high, facts, source, simulated)


def _once(found: Iterator[Ours]) -> list[Ours]:
    """A row for each energy source repeats the latency; it is one all the same."""
    once: dict[tuple[Any, ...], Ours] = {}
    for one in found:
        config = one.facts.get("config_id") or tuple(one.facts.get(key) for key in _OF_CONFIG)
        once.setdefault((config, one.quantity, one.energy_source, one.value), one)
    return list(once.values())


_OF_CONFIG: Final = ("device_id", "model", "runtime", "target", "precision", "threads", "batch", "frequency_hz")

"""What no measurement tells and a person has to: accuracies, deadlines, layers, the tier of a device."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from edgewatt.profiler.calibration.calibration import Calibration, table_of
from edgewatt.profiler.calibration.head import Given
from edgewatt.profiler.calibration.tables import TABLES
from edgewatt.profiler.errors import UsageError

Row = dict[str, Any]

_IDS: Final = ("device_id", "model", "model_sha256", "precision", "basis", "source", "accuracy_ratio")
# The columns that a person may fill: of a model whatever its precision, and of the calibrated device.
OF_MODELS: Final = tuple(name for name in TABLES["models"].names if name not in _IDS)
OF_DEVICES: Final = tuple(name for name in TABLES["devices"].names if name not in _IDS)
_GIVEN: Final = "given by the user"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a person says, in the units of the columns.

    `accuracies` by (model, precision), 0 to 1; `qos_s` by model, its deadline; `update_b` by model, the bytes of one
    update; `of_models` by (model, column of OF_MODELS); `of_device` by column of OF_DEVICES.
    """

    accuracies: Mapping[tuple[str, str], float] = field(default_factory=dict)
    qos_s: Mapping[str, float] = field(default_factory=dict)
    update_b: Mapping[str, int] = field(default_factory=dict)
    of_models: Mapping[tuple[str, str], float] = field(default_factory=dict)
    of_device: Mapping[str, float | str] = field(default_factory=dict)

    def models(self) -> dict[tuple[str, str], float]:
        """All that is said of models whatever their precision, by (model, column)."""
        return {
            **self.of_models,
            **{(model, "qos_s"): value for model, value in self.qos_s.items()},
            **{(model, "update_b"): value for model, value in self.update_b.items()},
        }

    def given(self) -> tuple[Given, ...]:
        """Everything with the columns that it stands in, as the head of a calibration says it."""
        found = [
            Given(f"{table}.accuracy_ratio", f"{model}:{precision}", value)
            for (model, precision), value in self.accuracies.items()
            for table in ("inference", "models")
        ]
        for (model, column), value in self.models().items():
            tables = ("models", "training_step") if column == "update_b" else ("models",)
            found += [Given(f"{table}.{column}", model, value) for table in tables]
        return (*found, *(Given(f"devices.{column}", "", value) for column, value in self.of_device.items()))


def with_inputs(calibration: Calibration, inputs: Inputs) -> Calibration:
    """The calibration with what a person said in its blank columns, and said so in its head; again changes nothing.

    Each (model, precision) that has a number, has a row of `models`. Raises UsageError for a model that the calibration
    does not have: a name with a slip in it would leave its column blank; and for facts of several devices at once.
    """
    rows = {name: calibration.table(name).to_pylist() for name in ("inference", "training_step", "models", "devices")}
    refuse_unknown(_executed(rows), inputs)
    _add_models(rows, inputs)
    _add_device(rows["devices"], calibration, inputs)
    for row in (*rows["inference"], *rows["models"]):
        _fill(row, "accuracy_ratio", inputs.accuracies.get((row["model"], row["precision"])))
    for (model, column), value in inputs.models().items():
        for row in (*rows["models"], *(rows["training_step"] if column == "update_b" else ())):
            if row["model"] == model:
                _fill(row, column, value)
    tables = {**calibration.tables, **{name: table_of(name, of) for name, of in rows.items() if of}}
    given = tuple(dict.fromkeys([*calibration.head.inputs, *inputs.given()]))
    return replace(calibration, head=replace(calibration.head, inputs=given), tables=tables)


def _fill(row: Row, column: str, value: float | str | None) -> None:
    if row[column] is None and value is not None:
        row[column] = value


def refuse_unknown(executed: Collection[tuple[str, str | None]], inputs: Inputs) -> None:
    """Raise UsageError if something is said of a model, or of its precision, that is not among (model, precision)."""
    models = {model for model, _ in executed}
    for model, _ in inputs.models():
        if model not in models:
            raise UsageError(f"no run executed the model {model!r}; they executed {_listed(models)}")
    for model, precision in inputs.accuracies:
        if (model, precision) not in executed:
            known = _listed(f"{m}:{p}" for m, p in executed)
            raise UsageError(f"no run executed {model}:{precision}, whose accuracy is given; they executed {known}")


def _executed(rows: Mapping[str, Sequence[Row]]) -> set[tuple[str, str | None]]:
    return {
        (row["model"], row["precision"])
        for name in ("inference", "training_step", "models")
        for row in rows[name]
        if row["model"] is not None
    }


def _add_models(rows: Mapping[str, list[Row]], inputs: Inputs) -> None:
    """A row of `models` for each that was executed and has a number given."""
    there = {(row["device_id"], row["model"], row["precision"]) for row in rows["models"]}
    said = {model for model, _ in inputs.models()}
    for row in (*rows["inference"], *rows["training_step"]):
        key = (row["device_id"], row["model"], row["precision"])
        if key not in there and (key[1] in said or key[1:] in inputs.accuracies):
            there.add(key)
            kept = {name: row[name] for name in _IDS[:5]}
            rows["models"].append({**dict.fromkeys(TABLES["models"].names), **kept, "source": _GIVEN})


def _add_device(rows: list[Row], calibration: Calibration, inputs: Inputs) -> None:
    """What is said of the calibrated device, in its row of `devices`."""
    if not inputs.of_device:
        return
    devices = list(calibration.head.devices)
    if len(devices) != 1:
        raise UsageError(
            f"{', '.join(inputs.of_device)}: of which device? There are {_listed(devices)}; calibrate each alone"
        )
    if not rows:
        basis = "simulated" if calibration.head.simulated else "assumed"
        blank = dict.fromkeys(TABLES["devices"].names)
        rows.append({**blank, "device_id": devices[0], "basis": basis, "source": _GIVEN})
    for column, value in inputs.of_device.items():
        for row in rows:
            _fill(row, column, value)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"

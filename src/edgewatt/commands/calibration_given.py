"""What a person gives on the command line of `calibrate`, as Inputs; a slip in it is named."""

import math
from collections.abc import Sequence
from typing import Final

import pyarrow as pa

from edgewatt.profiler.calibration.inputs import OF_DEVICES, OF_MODELS, Inputs
from edgewatt.profiler.calibration.possible import bounds_of
from edgewatt.profiler.calibration.tables import TABLES
from edgewatt.profiler.errors import UsageError

_ACCURACY: Final = "--accuracy {}: expected MODEL:PRECISION=SHARE, such as mobilenet_v2:int8=0.71"
_UPDATE: Final = "--update-bytes {}: expected MODEL=N, such as mobilenet_v2=14000000"
_GIVEN: Final = "--given {}: expected models.COLUMN@MODEL=VALUE or devices.COLUMN=VALUE, such as models.qos_s@net=0.05"


def inputs_of(accuracies: Sequence[str], updates: Sequence[str], given: Sequence[str]) -> Inputs:
    """What `--accuracy`, `--update-bytes` and `--given` say. Raises UsageError: what was given, what was expected."""
    of_models: dict[tuple[str, str], float] = {}
    of_device: dict[str, float | str] = {}
    for text in given:
        name, model, value = _column(text)
        if model:
            of_models[model, name] = float(value)
        else:
            of_device[name] = value
    return Inputs(
        accuracies=dict(_accuracy(text) for text in accuracies),
        update_b=dict(_update(text) for text in updates),
        of_models=of_models,
        of_device=of_device,
    )


def _accuracy(text: str) -> tuple[tuple[str, str], float]:
    key, equals, value = text.rpartition("=")
    model, colon, precision = key.rpartition(":")
    if not (equals and colon and model and precision):
        raise UsageError(_ACCURACY.format(repr(text)))
    return (model, precision), float(_number(text, "models", "accuracy_ratio", value))


def _update(text: str) -> tuple[str, int]:
    model, equals, value = text.rpartition("=")
    if not (equals and model):
        raise UsageError(_UPDATE.format(repr(text)))
    return model, int(_number(text, "models", "update_b", value))


def _column(text: str) -> tuple[str, str, float | str]:
    """The column, the model (blank for the device), and the value."""
    key, equals, value = text.rpartition("=")
    name, _, model = key.partition("@")
    table, _, column = name.partition(".")
    known = {"models": OF_MODELS, "devices": OF_DEVICES}.get(table)
    if not equals or known is None or bool(model) != (table == "models"):
        raise UsageError(_GIVEN.format(repr(text)))
    if column not in known:
        raise UsageError(f"--given {text!r}: {table} has no column {column!r} to give; it has {', '.join(known)}")
    return column, model, _number(text, table, column, value)


def _number(text: str, table: str, column: str, value: str) -> float | str:
    """The value in the type of its column. Raises UsageError."""
    kind, bounds = TABLES[table].field(column).type, bounds_of(table, column)
    if pa.types.is_string(kind):
        return value
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not (math.isfinite(number) and bounds.least <= number <= bounds.most):
        raise UsageError(f"{text!r}: {column} is {value!r}, expected {bounds}")
    if pa.types.is_integer(kind):
        if number != int(number):
            raise UsageError(f"{text!r}: {column} is {value!r}, expected a whole number")
        return int(number)
    return number

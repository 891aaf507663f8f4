"""What a person says of an export: which rows, under which names, at which signal. Nothing of it has a default."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from edgewatt.profiler.comparing.table_files import read_table_file
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.operator_kernel import OperatorKernel
from edgewatt.profiler.storage.checked import shown
from edgewatt.profiler.storage.manifest import loads_plainly

SIZE_LIMIT_B: Final = 64 << 20
_KERNELS: Final = '{"conv-bn-relu": {"9YKFDC": {"config": {"HW": 14, ...}}}}'
_NAMES: Final = ("model", "name")

Configs = Mapping[str, Mapping[str, Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Chosen:
    """`where`: columns and the values that rows must have in them, as text. `names`: our names of models, and theirs.

    `configs`: nn-Meter's kernels, `{kernel: {id: {"config": {...}, ...}}}`. `rssi_dbm`: at which signal a radio is
    looked up. `local_steps`: steps of training in a round. `pickled`: the form that the consumer's own reader takes.
    """

    where: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    configs: Configs = field(default_factory=dict)
    graphs: Mapping[str, Sequence[OperatorKernel]] = field(default_factory=dict)
    rssi_dbm: float | None = None
    local_steps: int | None = None
    pickled: bool = False

    def fits(self, row: Mapping[str, Any]) -> bool:
        """Whether a row has, of the columns of `where` that it has, these values; `cpu` is `cpu+xnnpack` too."""
        return all(
            _same(row[key], value) or (key == "target" and str(row[key]).partition("+")[0] == value)
            for key, value in self.where.items()
            if key in row
        )

    def name_of(self, model: str) -> str:
        """What the consumer calls a model: as told, else the name of its file without the ending."""
        return self.names.get(model) or self.names.get(_bare(model)) or _bare(model)


def _bare(model: str) -> str:
    return model.removesuffix(".tflite").removesuffix(".onnx")


def _same(value: Any, asked: str) -> bool:
    if isinstance(value, int | float):
        try:
            return float(value) == float(asked)
        except ValueError:
            return False
    return bool(value == asked)


def where_of(texts: Sequence[str]) -> dict[str, str]:
    """`COLUMN=VALUE` texts. Raises UsageError."""
    found: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not (equals and key and value) or found.get(key, value) != value:
            raise UsageError(f"--where {text!r}: expected COLUMN=VALUE, each column once, such as model=mobilenet_v2")
        found[key] = value
    return found


def names_in(path: str | Path) -> dict[str, str]:
    """A table with the columns `model` (ours) and `name` (the consumer's). Raises UsageError."""
    file = read_table_file(Path(path), _NAMES)
    if missing := [name for name in _NAMES if name not in file.columns]:
        raise UsageError(f"{path}: has no column {' and no '.join(missing)}; expected model,name: ours, and the other")
    models, names = (file.column(name, pa.string()).to_pylist() for name in _NAMES)
    found = {model: name for model, name in zip(models, names, strict=True) if model and name}
    if len(set(found.values())) < len(found):
        twice = next(name for name in found.values() if list(found.values()).count(name) > 1)
        raise UsageError(f"{path}: two models are called {shown(twice)}, expected one name for each")
    return found


def configs_in(path: str | Path) -> Configs:
    """nn-Meter's JSON of kernels (results/KERNEL_MARK.json in its workspace). Raises UsageError."""
    try:
        with Path(path).open("rb") as file:
            raw = file.read(SIZE_LIMIT_B + 1)
        data = loads_plainly(raw.decode()) if len(raw) <= SIZE_LIMIT_B else None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror or error}); expected {_KERNELS}") from None
    except ValueError as error:
        raise UsageError(f"{path}: no readable JSON ({shown(str(error))}); expected {_KERNELS}") from None
    kernels = data if isinstance(data, dict) else {}
    each = [one for ids in kernels.values() for one in (ids.values() if isinstance(ids, dict) else [None])]
    if not each or not all(isinstance(one, dict) and isinstance(one.get("config"), dict) for one in each):
        raise UsageError(f"{path}: no kernels of nn-Meter: expected {_KERNELS}, seen {shown(json.dumps(data)[:80])}")
    return kernels

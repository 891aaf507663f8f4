"""DeepEn2023's three levels: kernels with their configuration, models, and applications, energies in millijoules.

amai-gsu/DeepEn2023, README.md: the columns of its tables. Its files lie behind a survey and were not seen: the names of
the columns here are those of the README. Kernels are nn-Meter's, and come with nn-Meter's configurations (--configs),
or are operators of other networks, by the shapes in the model's file.
"""

from collections.abc import Mapping
from typing import Any, Final

from edgewatt.profiler.errors import UsageError
from edgewatt.reports.formats.by_name import any_simulated, named_rows
from edgewatt.reports.formats.kernels import KernelRow
from edgewatt.reports.formats.made import MJ_PER_J, Given, Made, refuse_nothing
from edgewatt.reports.formats.measured import Measured, only
from edgewatt.reports.formats.nn_meter import kernel_of

_CONFIG: Final = {"HW": "HW", "CIN": "Cin", "COUT": "Cout", "KERNEL_SIZE": "KS", "STRIDES": "S", "POOL_STRIDES": "S"}
_MORE: Final = {f"CIN{n}": f"Cin{n}" for n in range(1, 5)}


def three_levels(given: Given) -> Made:
    """`{"kernel": [...], "model": [...], "application": [...]}`; a column that is not known is not there."""
    named, left_out = named_rows(given, bool, "empty")
    left_out = [*given.left_out, *left_out]
    levels: dict[str, list[dict[str, Any]]] = {"kernel": [], "model": [], "application": []}
    for name, rows in named.items():
        known = [row for row in rows if row.energy_j is not None]
        if not known:
            left_out.append(f"{name} is left out: no energy was measured")
            continue
        kernel = kernel_of(name)
        if kernel is None:
            levels["model"] += _model(name, known, left_out)
            levels["application"] += _applications(name, known)
        else:
            levels["kernel"].append(_kernel(given, kernel, name, known, left_out))
    within = [one for one in given.kernels if one.energy_j is not None]
    levels["kernel"] += [_within(one) for one in within]
    refuse_nothing(any(levels.values()), "deepen", left_out, "inferences with an energy")
    return Made(levels, left_out, simulated=any_simulated(list(named.values())))


def _within(one: KernelRow) -> dict[str, Any]:
    """A kernel as an operator of a network."""
    unit = _unit(one.row)
    energy = {} if unit is None else {f"{unit}_energy_mj": MJ_PER_J * (one.energy_j or 0.0)}
    return {**_head(one.kernel, one.number, one.config), **energy, **_marked([one.row])}


def _head(kernel: str, number: str, config: Mapping[str, Any]) -> dict[str, Any]:
    columns = {theirs: config[ours] for ours, theirs in {**_CONFIG, **_MORE}.items() if ours in config}
    return {"kernel": kernel.replace("-", "++"), "id": number, **columns}


def _kernel(
    given: Given, kernel: tuple[str, str], name: str, rows: list[Measured], left_out: list[str]
) -> dict[str, Any]:
    found = given.chosen.configs.get(kernel[0], {}).get(kernel[1])
    if found is None:
        left_out.append(f"the configuration of {name} is left out: give nn-Meter's JSON of its kernels with --configs")
    config = {} if found is None else found["config"]
    return {**_head(*kernel, config), **_by(name, rows, _unit), **_marked(rows)}


def _model(name: str, rows: list[Measured], left_out: list[str]) -> list[dict[str, Any]]:
    """The row of the model level, which knows one CPU: with 1 and with 4 threads it is left out."""
    try:
        columns = _by(name, rows, _unit)
    except UsageError as error:
        left_out.append(f"the model level is left out of {error}")
        return []
    return [{"model": name, **columns, **_marked(rows)}] if columns else []


def _applications(name: str, rows: list[Measured]) -> list[dict[str, Any]]:
    """A row for each precision, as `MobileNetv2, FP32` and `MobileNetv2, INT8` are two there."""
    made = []
    for precision in dict.fromkeys(row.precision for row in rows):
        of = [row for row in rows if row.precision == precision]
        reference = name if precision is None else f"{name}, {precision.upper()}"
        if columns := _by(reference, of, _column):
            made.append({"reference_dnn": reference, **columns, **_marked(of)})
    return made


def _unit(row: Measured) -> str | None:
    target = (row.target or "").partition("+")[0]
    return {"cpu": "CPU", "gpu": "GPU"}.get(target)


def _column(row: Measured) -> str | None:
    """DeepEn2023 has four ways of executing an application: CPU1, CPU4, GPU, NNAPI."""
    target = (row.target or "").partition("+")[0]
    return {"gpu": "GPU", "nnapi": "NNAPI"}.get(target) or (
        f"CPU{row.threads}" if target == "cpu" and row.threads else None
    )


def _by(name: str, rows: list[Measured], column: Any) -> dict[str, float]:
    found: dict[str, list[Measured]] = {}
    for row in rows:
        if (unit := column(row)) is not None:
            found.setdefault(f"{unit}_energy_mj", []).append(row)
    return {unit: MJ_PER_J * (only(f"{name}, {unit}", of, "energy_j").energy_j or 0.0) for unit, of in found.items()}


def _marked(rows: list[Measured]) -> dict[str, bool]:
    return {"simulated": True} if any(row.simulated for row in rows) else {}

"""nn-Meter's profiled results: `{kernel: {id: {"latency": "42.0 +- 1.0"}}}`, in milliseconds.

microsoft/nn-Meter, nn_meter/builder/backend_meta/utils.py (Latency, read_profiled_results) and
kernel_predictor_builder/predictor_builder/extract_feature.py. Its kernels are networks that it names KERNEL_MARK_ID
(kernel_predictor_builder/data_sampler/generator.py); it keeps their configurations in results/KERNEL_MARK.json of its
workspace. Other metrics stand beside the latency by their names, as numbers. Operators of other networks are kernels
too, where a run measured each by itself and the model's file tells their shapes.
"""

import math
import re
from typing import Any, Final

from edgewatt.reports.formats.by_name import any_simulated, named_rows
from edgewatt.reports.formats.kernels import KernelRow
from edgewatt.reports.formats.made import MJ_PER_J, MS_PER_S, Given, Made, refuse_nothing
from edgewatt.reports.formats.measured import Measured, only

_NAME: Final = re.compile(r"([a-z0-9]+(?:-[a-z0-9]+)*)_(?:.*_)?([A-Z0-9]{6}|id_\d+)", re.ASCII)
NEEDS: Final = (
    "kernels that nn-Meter made, measured under their names (conv-bn-relu_prior_9YKFDC) or called so by --names FILE; "
    "or a run with operators, and --graph FILE"
)


def kernel_of(name: str) -> tuple[str, str] | None:
    """The kernel and the id in a name of nn-Meter's."""
    found = _NAME.fullmatch(name)
    return None if found is None else (found[1], found[2])


def profiled_results(given: Given) -> Made:
    """The latency of each kernel, energy in mJ and mean power in W where they are known, its configuration if given.

    The peak power is not known: a meter's highest sample is no kernel's. Without a standard deviation (a calibration
    keeps none) it is `nan`, which nn-Meter reads.
    """
    named, left_out = named_rows(given, lambda name: kernel_of(name) is not None, "no kernel of nn-Meter's")
    left_out = [*given.left_out, *left_out]
    within = [one for one in given.kernels if one.latency_s is not None]
    refuse_nothing([*named, *within], "nn-meter", left_out, NEEDS)
    kernels: dict[str, dict[str, Any]] = {}
    for name, rows in named.items():
        kernel, number = kernel_of(name) or ("", "")
        config = given.chosen.configs.get(kernel, {}).get(number)
        if config is None and given.chosen.configs:
            left_out.append(f"the configuration of {name} is left out: --configs has no {kernel}, {number}")
        kernels.setdefault(kernel, {})[number] = {"model": name, **(config or {}), **_metrics(name, rows)}
    for one in within:
        kernels.setdefault(one.kernel, {})[one.number] = _within(one)
    return Made(kernels, left_out, simulated=any_simulated([*named.values(), [one.row for one in within]]))


def _within(one: KernelRow) -> dict[str, Any]:
    """A kernel as an operator of a network; how it spread was not kept."""
    energy = {} if one.energy_j is None else {"energy": MJ_PER_J * one.energy_j}
    latency = {"latency": f"{MS_PER_S * (one.latency_s or 0.0)!r} +- {math.nan!r}"}
    marked = {"simulated": True} if one.row.simulated else {}
    return {"model": one.row.model, "config": dict(one.config), **latency, **energy, **marked}


def _metrics(name: str, rows: list[Measured]) -> dict[str, Any]:
    row = only(name, rows, "time_s")
    assert row.time_s is not None  # noqa: S101  (named_rows)
    std_ms = math.nan if row.time_std_s is None else MS_PER_S * row.time_std_s
    metrics: dict[str, Any] = {"latency": f"{MS_PER_S * row.time_s!r} +- {std_ms!r}"}
    with_energy = [one for one in rows if one.energy_j is not None]
    if with_energy:
        one = only(f"{name}, its energy", with_energy, "energy_j")
        metrics["energy"] = MJ_PER_J * (one.energy_j or 0.0)
        if one.power_w is not None:
            metrics["power"] = one.power_w
    return {**metrics, **({"simulated": True} if row.simulated else {})}

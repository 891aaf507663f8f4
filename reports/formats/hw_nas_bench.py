"""HW-NAS-Bench's answer to a query, `{DEVICE_latency: ms, DEVICE_energy: mJ}`, by network.

GATECH-EIC/HW-NAS-Bench, README.md, `query_by_index`: keys are DEVICE_METRIC, milliseconds and millijoules.
"""

import re
from typing import Any, Final

from edgewatt.reports.formats.by_name import any_simulated, named_rows
from edgewatt.reports.formats.made import MJ_PER_J, MS_PER_S, Given, Made, refuse_nothing
from edgewatt.reports.formats.measured import Measured, only

_UNFIT: Final = re.compile(r"[^a-z0-9]+")


def metrics_by_network(given: Given) -> Made:
    """`{network: {DEVICE_latency: ms, DEVICE_energy: mJ}}`, several devices side by side; a number is an index."""
    named, left_out = named_rows(given, bool, "empty")
    refuse_nothing(named, "hw-nas-bench", left_out, "inferences with a latency")
    content: dict[str, dict[str, Any]] = {}
    for name, rows in named.items():
        for device, of in _by_device(rows).items():
            content.setdefault(name, {}).update(_metrics(f"{name} on {device}", _UNFIT.sub("", device.lower()), of))
    pickled = {int(name) if name.isascii() and name.isdigit() else name: of for name, of in content.items()}
    return Made(content, left_out, pickled, any_simulated(list(named.values())))


def _by_device(rows: list[Measured]) -> dict[str, list[Measured]]:
    found: dict[str, list[Measured]] = {}
    for row in rows:
        found.setdefault(row.device or row.device_id or "device", []).append(row)
    return found


def _metrics(what: str, device: str, rows: list[Measured]) -> dict[str, Any]:
    row = only(what, rows, "time_s")
    metrics: dict[str, Any] = {f"{device}_latency": MS_PER_S * (row.time_s or 0.0)}
    with_energy = [one for one in rows if one.energy_j is not None]
    if with_energy:
        one = only(f"{what}, its energy", with_energy, "energy_j")
        metrics[f"{device}_energy"] = MJ_PER_J * (one.energy_j or 0.0)
    return {**metrics, **({f"{device}_simulated": True} if row.simulated else {})}

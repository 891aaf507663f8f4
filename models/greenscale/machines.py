"""What a phone, networks and servers take and what was emitted to build them: of a calibration, else of constants."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.models.greenscale.constants import ACCESS, COMPONENTS, CORE, PHONE
from edgewatt.models.scheduling.constants import Constants, Draw
from edgewatt.models.scheduling.phone import of_one_source, weakest
from edgewatt.models.scheduling.rows import Row, Rows
from edgewatt.models.scheduling.signal import Radio, radio_of

# The words of the table `components` -> ours. A charger is on the phone's way to the grid.
_NAMES: Final = {"mobile": 0, "access_point": 1, "edge_net": 1, "edge_dc": 2, "core_net": 3, "hyper_dc": 4}
_BITS_PER_B: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A server of `slots_n` users; `rtt_s` from the phone."""

    peak_w: float
    idle_w: float
    slots_n: float
    queue_ratio: float
    rtt_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """All that a task uses; [5] is of phone, access, edge, core, cloud.

    `embodied_kg_per_s` while used, of all of a server; `supply`: joules from the grid per joule. `web_j_per_b` [2] of
    access and core as averages of the web's traffic.
    """

    idle_w: float
    radio: Radio
    of_cpu: float
    edge: Server
    cloud: Server
    access_w: float
    core_j_per_b: float
    embodied_kg_per_s: NDArray[np.float64]
    lca_kg_per_s: float
    supply: NDArray[np.float64]
    web_j_per_b: NDArray[np.float64]
    local_noise: float
    network_noise: float
    basis: str
    notes: tuple[str, ...]


def machines_of(rows: Rows, constants: Constants, draw: Draw) -> Machines:
    """All but the tasks, of one draw."""
    idle_w, idle_basis = _idle(rows, constants, draw)
    radio = radio_of(rows, "wlan", constants, draw)
    slowed, slowed_basis = _slowed(rows, constants, draw)
    embodied = np.array([draw.constant(constants, f"place.{name}.embodied_kg_per_s") for name in COMPONENTS])
    supply = 1 + np.array([draw.constant(constants, f"place.{name}.lost_ratio") for name in COMPONENTS])
    web = np.array([draw.constant(constants, f"place.{COMPONENTS[k]}.energy_j_per_b") for k in (ACCESS, CORE)])
    access_w, core = draw.constant(constants, "network.access_w"), draw.constant(constants, "network.core_j_per_b")
    notes = [*radio.notes]
    if any(row["application"] for row in rows.of("components")):
        notes.append("components of one application only (web traffic, training) are not used")
    for row in rows.of("components"):
        if row["application"]:
            continue
        told = _told(row, constants, draw)
        k = _NAMES.get(row["component"] or "")
        if row["component"] == "charger":
            supply[PHONE] = told.get("supply", supply[PHONE])
        if k is not None:
            supply[k], embodied[k] = told.get("supply", supply[k]), told.get("embodied", embodied[k])
        access_w = told.get("power", access_w) if k == ACCESS else access_w
        core = told.get("per_b", core) if k == CORE else core
    if not rows.of("idle"):
        notes.append("no idle power of the phone: assumed")
    if slowed_basis == "assumed":
        notes.append("no co-runner was measured: how much it slows is assumed")
    return Machines(
        idle_w=idle_w, radio=radio, of_cpu=slowed, edge=_server("edge", constants, draw),
        cloud=_server("cloud", constants, draw), access_w=access_w, core_j_per_b=core, embodied_kg_per_s=embodied,
        lca_kg_per_s=draw.constant(constants, "place.phone-lca.embodied_kg_per_s"), supply=np.maximum(supply, 1.0),
        web_j_per_b=web, local_noise=draw.constant(constants, "noise.local_ratio"),
        network_noise=draw.constant(constants, "noise.network_ratio"),
        basis=weakest(idle_basis, radio.basis, slowed_basis), notes=tuple(notes),
    )  # fmt: skip


def _told(row: Row, constants: Constants, draw: Draw) -> dict[str, float]:
    """What a row of `components` says, drawn; a PUE in what it loses, embodied carbon by second of use."""
    name, ratio = f"components.{row['component']}", constants.variation_ratio

    def drawn(column: str, of: Row = row) -> float:
        return draw.row(f"{name}.{column}", of, column, ("", ""), ratio)

    found = {}
    if row["pue_ratio"]:
        found["supply"] = 1 + drawn("pue_ratio", {**row, "pue_ratio": row["pue_ratio"] - 1})
    if row["embodied_kg"] and row["lifetime_s"] and row["use_ratio"]:
        found["embodied"] = drawn("embodied_kg") / (row["lifetime_s"] * row["use_ratio"])
    if row["power_w"] and row["state"] in (None, "active"):
        found["power"] = drawn("power_w")
    if row["energy_j_per_bit"]:
        found["per_b"] = _BITS_PER_B * drawn("energy_j_per_bit")
    return found


def _server(place: str, constants: Constants, draw: Draw) -> Server:
    names = constants.under(f"server.{place}")
    return Server(**{name: draw.constant(constants, f"server.{place}.{name}") for name in names})


def _idle(rows: Rows, constants: Constants, draw: Draw) -> tuple[float, str]:
    known = of_one_source([r for r in rows.of("idle") if r["state"] == "awake" and r["idle_w"] is not None])
    if not known:
        return draw.constant(constants, "idle.phone_w"), "assumed"
    ends = ("idle_low_w", "idle_high_w")
    name = f"idle.{rows.device_id}.idle_w"
    return draw.row(name, known[0], "idle_w", ends, constants.variation_ratio), known[0]["basis"]


def _slowed(rows: Rows, constants: Constants, draw: Draw) -> tuple[float, str]:
    """By how much a co-runner's share of the CPU slows the phone: least squares through nothing, else assumed."""
    alone: Sequence[Row] = [
        r for r in rows.of("co_runner") if r["slowdown_ratio"] and r["co_cpu_ratio"] and not r["co_memory_ratio"]
    ]
    if not alone:
        return draw.constant(constants, "co_runner.phone_of_cpu"), "assumed"
    load = np.array([r["co_cpu_ratio"] for r in alone])
    more = np.array([r["slowdown_ratio"] - 1 for r in alone])
    return max(float(load @ more / (load @ load)), 0.0), weakest(*(r["basis"] for r in alone))

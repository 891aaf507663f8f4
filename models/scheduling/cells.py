"""One network on one choice: the seconds of its computation, and the watts that it adds to the phone's idle."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from edgewatt.models.scheduling.constants import Constants, Draw
from edgewatt.models.scheduling.phone import Unit, is_of_a_rail, kind_of, of_one_source, weakest
from edgewatt.models.scheduling.rows import Row, Rows
from edgewatt.models.scheduling.workloads import Workload
from edgewatt.models.scheduling.world import PHONE, Action

_SAME_HZ: Final = 1e-6
# The standard normal's 95th percentile, and the widest spread that a 95th percentile over its mean can show.
_P95: Final = 1.6449


@dataclass(frozen=True, slots=True)
class Cell:
    """NaN where the choice cannot execute the network. `busy_w` is above idle, 0 elsewhere than on the phone.

    `spread` is the standard deviation of ln(seconds) from one inference to the next, NaN where no row tells it.
    """

    rest_s: float = np.nan
    busy_w: float = np.nan
    basis: str = "measured"
    spread: float = np.nan


@dataclass(frozen=True, slots=True)
class Given:
    """What cells are made from."""

    units: Sequence[Unit]
    rows: Rows
    constants: Constants
    draw: Draw
    idle_w: float


def cell_of(w: Workload, action: Action, given: Given) -> Cell:
    """The cell of a network and a choice."""
    if action.place != PHONE:
        return _elsewhere(w, action, given)
    unit = next(of for of in given.units if of.kind == action.unit)
    return _measured(w, action, unit, given) if w.rows else _computed(w, action, unit, given)


def _computed(w: Workload, action: Action, unit: Unit, given: Given) -> Cell:
    """MACs by an assumed or remembered rate; a recurrent network on the CPU only (facts 1.3)."""
    constants, draw = given.constants, given.draw
    known = f"throughput.{given.rows.device_id}.cpu_fp32" in constants.by_name
    name = f"throughput.{given.rows.device_id if known else 'any'}.{action.unit}_{action.precision}"
    if name not in constants.by_name or (w.rc_n and action.unit != "cpu"):
        return Cell()
    rate = draw.constant(constants, name)
    if constants.by_name[name].unit == "MAC/cycle":
        rate *= np.nan if action.frequency_hz is None else action.frequency_hz
    rest_s = w.macs_n / rate + draw.constant(constants, f"overhead.{action.unit}_s")
    return Cell(rest_s, float(unit.power_w[action.step]), weakest("assumed", unit.basis, w.basis))


def _measured(w: Workload, action: Action, unit: Unit, given: Given) -> Cell:
    """From its inferences there in that precision: at the step, between two steps, else scaled by frequency.

    Scaled, it is called assumed: a network that waits for memory does not get faster with its processor.
    """
    steps = _steps(w.rows, action, unit)
    if not steps:
        return Cell()
    here = action.step
    below, above = (
        max((k for k in steps if k <= here), default=None),
        min((k for k in steps if k >= here), default=None),
    )
    if below is None or above is None:
        nearest = steps[below if below is not None else max(steps) if above is None else above]
        speed = unit.frequency_hz[nearest.step] / unit.frequency_hz[here]
        latency_s, basis = _seconds(nearest.row, given.draw) * float(speed), weakest(nearest.row["basis"], "assumed")
    else:
        near, far = steps[below], steps[above]
        first, second = (_seconds(of.row, given.draw) for of in (near, far))
        share = 0.0 if near is far else _share(unit, here, below, above)
        latency_s, nearest = first + share * (second - first), near if share < 0.5 else far
        basis = weakest(near.row["basis"], far.row["basis"])
    exact = nearest.step == here
    spread = _spread(nearest.row)
    # What is drawn is multiplied into the median; a row has the mean.
    median_s = latency_s * float(np.exp(-np.nan_to_num(spread**2) / 2))
    if nearest.row["energy_j"] is None or is_of_a_rail(nearest.row):
        power_w = float(unit.power_w[here])
        return Cell(median_s, power_w, weakest(basis, unit.basis), spread) if np.isfinite(power_w) else Cell()
    # A row's joules are of the whole device, idling included; idle is added again where they are used.
    watts = max(nearest.row["energy_j"] / nearest.row["latency_s"] - given.idle_w, 0.0)
    ratio = 1.0 if exact else float(unit.power_w[here] / unit.power_w[nearest.step])
    return (
        Cell(median_s, watts * ratio, basis if exact else weakest(basis, unit.basis), spread) if ratio > 0 else Cell()
    )


def _spread(row: Row) -> float:
    """Of a log-normal with this mean and 95th percentile: s with ln(p95 / mean) = 1.645 s - s^2 / 2."""
    p95 = row["latency_p95_s"]
    if p95 is None or p95 < row["latency_s"]:
        return float("nan")
    return _P95 - float(np.sqrt(max(_P95**2 - 2 * np.log(p95 / row["latency_s"]), 0.0)))


def _share(unit: Unit, here: int, below: int, above: int) -> float:
    """How far a step is from one to another, in time per cycle."""
    periods = 1 / unit.frequency_hz[[here, below, above]]
    return float((periods[0] - periods[1]) / (periods[2] - periods[1]))


@dataclass(frozen=True, slots=True)
class _Seen:
    step: int
    row: Row


def _steps(rows: Sequence[Row], action: Action, unit: Unit) -> dict[int, _Seen]:
    """The fastest inference alone at each step; one that was not pinned is of the top, where a governor goes.

    Those with joules are preferred.
    """
    mine = [
        r for r in rows
        if kind_of(r["target"] or "") == action.unit and (r["precision"] or "unknown") == action.precision
        and not r["co_cpu_ratio"] and not r["co_memory_ratio"]
    ]  # fmt: skip
    whole = [r for r in mine if r["energy_j"] is not None and not is_of_a_rail(r)]
    chosen = of_one_source(whole) or mine
    found: dict[int, _Seen] = {}
    for row in sorted(chosen, key=lambda r: -float(r["latency_s"])):
        step = len(unit.frequency_hz) - 1
        if row["frequency_hz"] is not None and not np.isnan(unit.frequency_hz).any():
            step = int(np.abs(unit.frequency_hz - row["frequency_hz"]).argmin())
            if abs(unit.frequency_hz[step] - row["frequency_hz"]) > _SAME_HZ * row["frequency_hz"]:
                continue
        found[step] = _Seen(step, row)
    return found


def _seconds(row: Row, draw: Draw) -> float:
    name = f"inference.{row['model']}.{row['target']}.{row['precision']}.{row['frequency_hz']}"
    return draw.row(name, row, "latency_s", ("latency_low_s", "latency_high_s"), 0.0)


def _elsewhere(w: Workload, action: Action, given: Given) -> Cell:
    """What another machine computes for: an exchange that was measured, else MACs by an assumed rate (facts 1.3)."""
    if w.rc_n and (action.place, action.unit) not in (("edge", "cpu"), ("cloud", "cpu"), ("cloud", "gpu")):
        return Cell()
    to = f"{action.place}:{action.unit}"
    for row in given.rows.of("offload"):
        if row["to"] == to and row["model"] == w.name and row["remote_s"]:
            ends = ("remote_low_s", "remote_high_s")
            return Cell(given.draw.row(f"offload.{to}.{w.name}", row, "remote_s", ends, 0.0), 0.0, row["basis"])
    rate = given.draw.constant(given.constants, f"{action.place}.{action.unit}_{action.precision}")
    return Cell(w.macs_n / rate, 0.0, weakest("assumed", w.basis))

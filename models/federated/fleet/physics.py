"""What is known of one kind of device: its processors as targets of training, its radio, memory and co-runners."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from edgewatt.models.federated.fleet.radio import Radio, radio_of
from edgewatt.models.federated.round import TIERS, Floats, Target
from edgewatt.models.scheduling.constants import Constants, Draw
from edgewatt.models.scheduling.phone import Unit, kind_of, of_one_source, units_of, weakest
from edgewatt.models.scheduling.rows import Row, Rows
from edgewatt.profiler.calibration.possible import interval_column
from edgewatt.profiler.errors import UsageError

_KINDS: Final = {"cpu": "cpu", "gpu": "gpu", "dsp": "npu"}


@dataclass(frozen=True, slots=True, eq=False)
class Physics:
    """One kind of device; arrays are over its T targets, the CPU's top step first.

    `top_ratio`: frequency over the top of its processor. `busy_w`: above idle, NaN where only joules of steps tell.
    `of_cpu`, `of_memory`: how much longer a step is per share that a co-runner takes. `training`: the rows of training
    without a co-runner. `sample_s`: where every network takes so long a sample on it, whichever it is (FedScale).
    """

    device_id: str
    name: str
    tier: int
    targets: tuple[Target, ...]
    top_ratio: Floats
    busy_w: Floats
    of_cpu: Floats
    of_memory: Floats
    idle_w: float
    free_b: float
    radio: Radio
    training: tuple[Row, ...]
    basis: str
    notes: tuple[str, ...]
    sample_s: float | None = None


def physics_of(rows: Rows, name: str, tier: int, said: Mapping[str, Any], constants: Constants, draw: Draw) -> Physics:
    """A device of a calibration; `said` are its columns of `devices` that are known.

    What no row says is of the constants, and a note calls it assumed.
    """
    training = [_drawn(row, rows.device_id, constants, draw) for row in trained(rows.of("training_step"))]
    bases, notes = [row["basis"] for row in training], list[str]()
    idle_w = _idle_w(rows, tier, constants, draw, bases, notes)
    units = _units(rows, training, tier, idle_w, constants, draw, notes)
    if not units:
        raise UsageError(
            f"device {rows.device_id!r} trained on {', '.join(sorted({unit_of(row) for row in training}))}, of which "
            "the calibration has no power and no joules; expected rows of `power`, or energy_j in `training_step`"
        )
    bases += [unit.basis for unit in units]
    steps_n = int(constants["frequency.steps_n"])
    targets, top_ratio, busy_w = [], [], []
    for unit in units:
        top = float(unit.frequency_hz[-1])
        for place in chosen_steps(len(unit.frequency_hz), steps_n):
            hz = float(unit.frequency_hz[place])
            kind = _KINDS[unit.kind]
            targets.append(Target(kind if np.isnan(hz) else f"{kind} {hz / 1e6:.0f} MHz", kind, _known(hz)))
            top_ratio.append(1.0 if np.isnan(hz) else hz / top)
            busy_w.append(float(unit.power_w[place]))
        if len(unit.frequency_hz) > steps_n:
            notes.append(f"{unit.kind}: {steps_n} of its {len(unit.frequency_hz)} steps are targets")
        notes.append(f"{unit.kind}: {unit.how}")
    pairs = [beside(rows, target.kind, tier, constants, draw) for target in targets]
    if not rows.of("co_runner"):
        notes.append("no row of co_runner: how much one slows it is assumed")
        bases.append("assumed")
    radio = radio_of(rows, tier, constants, draw)
    free_b = _free_b(said, tier, constants, draw, notes)
    return Physics(
        device_id=rows.device_id,
        name=name,
        tier=tier,
        targets=tuple(targets),
        top_ratio=np.array(top_ratio),
        busy_w=np.array(busy_w),
        of_cpu=np.array([pair[0] for pair in pairs]),
        of_memory=np.array([pair[1] for pair in pairs]),
        idle_w=idle_w,
        free_b=free_b,
        radio=radio,
        training=tuple(training),
        basis=weakest(*bases, radio.basis),
        notes=(*notes, *radio.notes),
    )


def trained(rows: Sequence[Row]) -> list[Row]:
    """The rows of training that say a time, of a model, on a processor that is known, beside nothing."""
    alone = [row for row in rows if not row["co_cpu_ratio"] and not row["co_memory_ratio"]]
    return [row for row in alone if row["step_s"] and row["model"] and unit_of(row)]


def _drawn(row: Row, device_id: str, constants: Constants, draw: Draw) -> Row:
    """The row with its seconds and joules of this draw."""
    columns = [of for of in ("step_s", "energy_j") if row[of]]
    ends = {of: (interval_column(of, "low"), interval_column(of, "high")) for of in columns}
    name = f"training.{device_id}.{row['model']}"
    return {
        **row,
        **{of: draw.row(f"{name}.{of}", row, of, ends[of], constants.variation_ratio) for of in columns},
    }


def unit_of(row: Row) -> str:
    """The kind of processor that a row of training or of a co-runner is of: the CPU where it does not say."""
    return _KINDS.get(kind_of(row["target"] or "cpu") or "", "")


def chosen_steps(count: int, limit: int) -> list[int]:
    """At most `limit` of `count` steps, from the top down: its ends, and evenly between."""
    places = np.linspace(count - 1, 0, min(max(limit, 1), count)).round().astype(int)
    return [int(place) for place in places]


def beside(rows: Rows, kind: str, tier: int, constants: Constants, draw: Draw) -> tuple[float, float]:
    """How much longer a step is per share of the CPU, and of memory, that a co-runner takes.

    A row that does not say its load is taken for the web browsing of the scenarios. A device without a row has that of
    another, or of Figure 2, by the factor of its tier.
    """
    own = [row for row in rows.of("co_runner") if row["slowdown_ratio"] and unit_of(row) == kind]
    if kind != "cpu" and not own:
        return tuple(draw.constant(constants, f"co_runner.gpu_of_{of}") for of in ("cpu", "memory"))  # type: ignore[return-value]
    web = constants.scenarios["interference"]
    usual = (web["co_cpu_ratio"]["mean"], web["co_memory_ratio"]["mean"])
    part = min(draw.constant(constants, "co_runner.cpu_part"), 1.0)
    if own:
        loads = [_load(row, usual) for row in own]
        name, ends = f"co_runner.{rows.device_id}.{kind}", ("slowdown_low_ratio", "slowdown_high_ratio")
        more = np.array([draw.row(name, row, "slowdown_ratio", ends, constants.variation_ratio) - 1 for row in own])
    else:
        factor = draw.constant(constants, f"co_runner.{TIERS[tier]}_factor")
        loads = [usual]
        more = np.array([factor * (draw.constant(constants, "co_runner.cpu_slowdown_ratio") - 1)])
    slopes = []
    for place, share in enumerate((part, 1 - part)):
        load = np.array([pair[place] for pair in loads])
        alone = np.array([share if all(pair) else 1.0 for pair in loads])
        slopes.append(max(float(load @ (alone * more) / max(load @ load, 1e-12)), 0.0))
    return slopes[0], slopes[1]


def _load(row: Row, usual: tuple[float, float]) -> tuple[float, float]:
    """Shares of CPU and memory; what is 0 in a row that says the other was not there."""
    if row["co_cpu_ratio"] is None and row["co_memory_ratio"] is None:
        return usual
    return row["co_cpu_ratio"] or 0.0, row["co_memory_ratio"] or 0.0


def _known(hz: float) -> float | None:
    return None if np.isnan(hz) else hz


def _idle_w(rows: Rows, tier: int, constants: Constants, draw: Draw, bases: list[str], notes: list[str]) -> float:
    known = of_one_source([r for r in rows.of("idle") if r["state"] == "awake" and r["idle_w"] is not None])
    if known:
        bases.append(known[0]["basis"])
        name = f"idle.{rows.device_id}.idle_w"
        return draw.row(name, known[0], "idle_w", ("idle_low_w", "idle_high_w"), constants.variation_ratio)
    bases.append("assumed")
    notes.append("no row of idle (awake): assumed")
    return draw.constant(constants, f"idle.{TIERS[tier]}_w")


def _free_b(said: Mapping[str, Any], tier: int, constants: Constants, draw: Draw, notes: list[str]) -> float:
    if said.get("free_memory_b"):
        return float(said["free_memory_b"])
    memory_b = said.get("memory_b")
    notes.append(f"free memory: assumed, from {'its memory' if memory_b else 'the memory of its tier, assumed too'}")
    whole = float(memory_b) if memory_b else draw.constant(constants, f"work_memory.{TIERS[tier]}_b")
    return whole * min(draw.constant(constants, "work_memory.free_ratio"), 1.0)


def _units(
    rows: Rows, training: Sequence[Row], tier: int, idle_w: float, constants: Constants, draw: Draw, notes: list[str]
) -> list[Unit]:
    """Processors to train on, the CPU first: on which something trained; a GPU too if something did on the CPU."""
    ran = {unit_of(row) for row in training}
    ran |= {"gpu"} if "cpu" in ran else set()
    power = [row for row in rows.of("power") if row["busy_w"] is not None]
    if any(kind_of(row["unit"] or "") == "cpu" for row in power):
        return [
            unit for unit in units_of(rows, constants, draw) if _KINDS[unit.kind] in ran and _has_watts(unit, training)
        ]
    if any(row["energy_j"] for row in training):
        by_kind = {kind: [row for row in training if unit_of(row) == word] for kind, word in _KINDS.items()}
        return [_of_training(kind, of) for kind, of in by_kind.items() if any(row["energy_j"] for row in of)]
    if whole := of_one_source([row for row in power if row["unit"] == "device"]):
        above = max(float(whole[0]["busy_w"]) - idle_w, 0.0)
        return [Unit("cpu", np.array([np.nan]), np.array([above]), whole[0]["basis"], "watts of all of the device")]
    notes.append("no row of power: watts of its CPU are assumed")
    watts = draw.constant(constants, f"power.{TIERS[tier]}.cpu_w")
    return [Unit("cpu", np.array([np.nan]), np.array([watts]), "assumed", "one step, at assumed watts")]


def _has_watts(unit: Unit, training: Sequence[Row]) -> bool:
    """Whether its power is known, or joules of a step on it."""
    told = [row for row in training if unit_of(row) == _KINDS[unit.kind] and row["energy_j"]]
    return bool(told) or not np.isnan(unit.power_w).any()


def _of_training(kind: str, rows: Sequence[Row]) -> Unit:
    """A processor of which only steps of training tell: its frequencies are theirs."""
    steps = sorted({row["frequency_hz"] for row in rows if row["frequency_hz"]}) or [np.nan]
    return Unit(kind, np.array(steps), np.full(len(steps), np.nan), "measured", "watts of steps of training")


def refuse_untrained(device_id: str) -> UsageError:
    """That a device of the fleet has no times of training."""
    return UsageError(
        f"device {device_id!r} is in the fleet, but the calibration has no row of `training_step` with its model, "
        "step_s and a target that is cpu, gpu, npu or not said: measure training on it and calibrate again, or leave "
        "it out of `devices`"
    )

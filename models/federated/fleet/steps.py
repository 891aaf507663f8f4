"""Seconds, joules and memory of a step of training, by target and batch: of rows where they are, else by their shape.

With x the frequency over the top and c the share of a step that follows it, seconds(x) = seconds(1) (c / x + 1 - c).
With the batch b, seconds = unit (fixed + sample b); between two batches that were measured they are linear, and beyond
they grow as the model's constants say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from edgewatt.models.federated.fleet.physics import Physics, unit_of
from edgewatt.models.federated.round import Floats
from edgewatt.models.scheduling.constants import Constants, Draw
from edgewatt.models.scheduling.phone import is_of_a_rail
from edgewatt.models.scheduling.rows import Row
from edgewatt.profiler.errors import UsageError

# Of a batch; a table of a kind's targets is as wide.
BATCH_LIMIT: Final = 512
_BATCHES: Final = np.arange(BATCH_LIMIT + 1, dtype=np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class StepTable:
    """One model on kinds of devices, one after the other, by batch from 0.

    `step_s`, `step_j` (targets of all kinds, batches); `memory_b` (kinds, batches), on top of which come `updates_n`
    (kinds,) times the bytes of an update.
    """

    step_s: Floats
    step_j: Floats
    memory_b: Floats
    updates_n: Floats


@dataclass(frozen=True, slots=True)
class _Asked:
    """A model; its shape in work units, if known; how much longer a GPU takes since it is recurrent (1: it is not)."""

    model: str
    shape: tuple[float, float] | None
    grown: float
    constants: Constants
    draw: Draw


def joined(tables: Sequence[StepTable]) -> StepTable:
    """The tables of kinds, one after the other."""
    parts = ([getattr(one, of) for one in tables] for of in ("step_s", "step_j", "memory_b", "updates_n"))
    return StepTable(*(np.concatenate(part) for part in parts))


def step_table(of: Physics, model: str, constants: Constants, draw: Draw, *, recurrent: bool) -> StepTable:
    """The steps of a model on a kind of device. Raises UsageError where neither rows nor constants know the model."""
    memory_b, updates_n = (np.array([part]) for part in _memory(of, model, constants, draw))
    if of.sample_s is not None:
        step_s = np.tile(of.sample_s * _BATCHES, (len(of.targets), 1))
        return StepTable(step_s, step_s * (of.busy_w + of.idle_w)[:, None], memory_b, updates_n)
    shape = shape_of(model, constants, draw)
    asked = _Asked(model, shape, draw.constant(constants, "gpu.recurrent_ratio") if recurrent else 1.0, constants, draw)
    found = [_of_target(of, place, asked) for place in range(len(of.targets))]
    return StepTable(np.array([s for s, _ in found]), np.array([j for _, j in found]), memory_b, updates_n)


def shape_of(model: str, constants: Constants, draw: Draw) -> tuple[float, float] | None:
    """Work units of a step that do not grow with the batch, and of each sample; None for a model of no constants."""
    names = [f"models.{model}.{of}_ratio" for of in ("fixed", "sample")]
    if names[0] not in constants.by_name:
        return None
    fixed, sample = (draw.constant(constants, name) for name in names)
    return fixed, sample


def unit_s(of: Physics, constants: Constants, draw: Draw) -> float | None:
    """Seconds of one work unit on the CPU at its top frequency: the median of the rows whose model is known.

    Of a device that trained on its GPU alone, what its CPU would take by the constants.
    """
    found: dict[bool, list[float]] = {True: [], False: []}
    for row in of.training:
        kind, shape = unit_of(row), shape_of(row["model"], constants, draw)
        if shape is None or not kind:
            continue
        batch = int(row["batch"] or constants["work_unit.batch"])
        over = _over_cpu(kind, _Asked(row["model"], shape, 1.0, constants, draw))[min(batch, BATCH_LIMIT)]
        slower = _slower(_ratio(of, row), kind, constants, draw)
        found[kind == "cpu"].append(row["step_s"] / (shape[0] + shape[1] * batch) / slower / over)
    told = found[True] or found[False]
    return float(np.median(told)) if told else None


def _of_target(of: Physics, place: int, asked: _Asked) -> tuple[Floats, Floats]:
    """Seconds and joules by batch of one target."""
    model, shape, constants, draw = asked.model, asked.shape, asked.constants, asked.draw
    kind, ratio = of.targets[place].kind, float(of.top_ratio[place])
    mine = [row for row in of.training if row["model"] == model and unit_of(row) == kind]
    on_cpu = [row for row in of.training if row["model"] == model and unit_of(row) == "cpu"]
    slower = _slower(ratio, kind, constants, draw)
    watts: Floats | None = None
    if mine:
        near = _nearest(of, mine, ratio)
        there = _ratio(of, near[0])
        step_s = _by_batch(near, shape, constants) * slower / _slower(there, kind, constants, draw)
        watts = _watts(near, _power_ratio(of, place, there))
    elif on_cpu:
        near = _nearest(of, on_cpu, 1.0)
        top = _by_batch(near, shape, constants) / _slower(_ratio(of, near[0]), "cpu", constants, draw)
        step_s = top * _over_cpu(kind, asked) * slower
    else:
        unit = unit_s(of, constants, draw)
        if shape is None or unit is None:
            raise UsageError(_unknown(of, model, list(constants.under("models")) if unit else []))
        step_s = unit * (shape[0] + shape[1] * _BATCHES) * _over_cpu(kind, asked) * slower
    if watts is None:
        watts = np.full(len(_BATCHES), _total_w(of, place))
    return step_s, step_s * watts


def _unknown(of: Physics, model: str, names: Sequence[str]) -> str:
    known = {name.rpartition(".")[0] for name in names} | {row["model"] for row in of.training}
    return (
        f"model {model!r}: nothing says how long a step of it takes on {of.device_id!r}; expected one of "
        f"{', '.join(sorted(known))}, or rows of `training_step` of it in the calibration"
    )


def _over_cpu(kind: str, asked: _Asked) -> Floats:
    """Seconds by batch over those of the CPU, each at its top."""
    if kind == "cpu":
        return np.ones(len(_BATCHES))
    fixed, sample = asked.shape or _usual(asked.constants)
    of_fixed, of_sample = (asked.draw.constant(asked.constants, f"gpu.{name}_ratio") for name in ("fixed", "sample"))
    own = fixed * of_fixed + sample * of_sample * _BATCHES
    return np.asarray(asked.grown * own / (fixed + sample * _BATCHES))


def _usual(constants: Constants) -> tuple[float, float]:
    """The shape of a model of which one batch was measured and nothing else is known: that of the work unit."""
    fixed = float(constants["work_unit.fixed_ratio"])
    return fixed, (1 - fixed) / float(constants["work_unit.batch"])


def _nearest(of: Physics, rows: Sequence[Row], ratio: float) -> list[Row]:
    """The rows of the frequency that is nearest, the fastest for each batch."""
    away = [abs(np.log(_ratio(of, row) / ratio)) for row in rows]
    near = [row for row, far in zip(rows, away, strict=True) if far <= min(away) + 1e-9]
    best: dict[int | None, Row] = {}
    for row in near:
        if row["batch"] not in best or row["step_s"] < best[row["batch"]]["step_s"]:
            best[row["batch"]] = row
    return list(best.values())


def _ratio(of: Physics, row: Row) -> float:
    """The frequency of a row over the top of its processor; 1 where either is not known: a governor's choice."""
    tops = [
        target.frequency_hz / ratio
        for target, ratio in zip(of.targets, of.top_ratio, strict=True)
        if target.kind == unit_of(row) and target.frequency_hz is not None
    ]
    return 1.0 if not tops or not row["frequency_hz"] else min(float(row["frequency_hz"] / tops[0]), 1.0)


def _by_batch(rows: Sequence[Row], shape: tuple[float, float] | None, constants: Constants) -> Floats:
    """Seconds by batch through what was measured; beyond it as `shape` grows, else as the nearest two do."""
    known = {float(row["batch"] or constants["work_unit.batch"]): float(row["step_s"]) for row in rows}
    batches = np.array(sorted(known))
    seconds = np.array([known[batch] for batch in batches])
    fixed, sample = shape or _shape_of_ends(batches, seconds) or _usual(constants)
    of_shape = fixed + sample * _BATCHES
    within = np.clip(_BATCHES, batches[0], batches[-1])
    return np.asarray(np.interp(_BATCHES, batches, seconds) * of_shape / (fixed + sample * within))


def _shape_of_ends(batches: Floats, seconds: Floats) -> tuple[float, float] | None:
    """The line through the two ends, if it is one that a batch can have."""
    if len(batches) < 2:
        return None
    sample = float(seconds[-1] - seconds[0]) / float(batches[-1] - batches[0])
    fixed = float(seconds[0]) - sample * float(batches[0])
    return (fixed, sample) if sample >= 0 and fixed > 0 else None


def _watts(rows: Sequence[Row], power_ratio: float) -> Floats | None:
    """Watts of the device by batch, of rows that say joules of all of it."""
    known = {
        float(row["batch"] or 1): row["energy_j"] / row["step_s"]
        for row in rows
        if row["energy_j"] and not is_of_a_rail(row)
    }
    if not known:
        return None
    batches = sorted(known)
    return np.asarray(power_ratio * np.interp(_BATCHES, batches, [known[batch] for batch in batches]))


def _power_ratio(of: Physics, place: int, there: float) -> float:
    """Watts of the target over those at the frequency that a row is of, where power is known at both."""
    same = [k for k, target in enumerate(of.targets) if target.kind == of.targets[place].kind]
    ordered = sorted(same, key=lambda k: float(of.top_ratio[k]))
    watts = of.busy_w[ordered] + of.idle_w
    if np.isnan(watts).any():
        return 1.0
    return float((of.busy_w[place] + of.idle_w) / np.interp(there, of.top_ratio[ordered], watts))


def _total_w(of: Physics, place: int) -> float:
    """Watts of the device while it trains; of another step's joules where no power of the target is known."""
    if not np.isnan(of.busy_w[place]):
        return float(of.busy_w[place]) + of.idle_w
    kind = of.targets[place].kind
    told = [
        row["energy_j"] / row["step_s"]
        for row in of.training
        if row["energy_j"] and unit_of(row) == kind and not is_of_a_rail(row)
    ]
    if not told:
        raise UsageError(
            f"{of.device_id}: neither power of its {kind} nor joules of a step on it are in the calibration; "
            "expected rows of `power`, or energy_j in `training_step`"
        )
    return float(np.median(told))


def _slower(ratio: float, kind: str, constants: Constants, draw: Draw) -> float:
    """Seconds at a share of the top frequency over those at the top."""
    share = min(draw.constant(constants, f"frequency.{'cpu' if kind == 'cpu' else 'gpu'}_ratio"), 1.0)
    return share / ratio + 1 - share


def _memory(of: Physics, model: str, constants: Constants, draw: Draw) -> tuple[Floats, float]:
    """Bytes by batch, and how many updates come on top: what rows saw at their peak has them in it already."""
    name = f"models.{model}.sample_b"
    sample_b = draw.constant(constants, name) if name in constants.by_name else 0.0
    peaks = {
        float(r["batch"]): float(r["memory_peak_b"])
        for r in of.training
        if r["model"] == model and r["batch"] and r["memory_peak_b"]
    }
    if not peaks:
        runtime_b = draw.constant(constants, "work_memory.runtime_b")
        return runtime_b + sample_b * _BATCHES, draw.constant(constants, "work_memory.copies_n")
    batches = np.array(sorted(peaks))
    seen = np.array([peaks[batch] for batch in batches])
    slope = (seen[-1] - seen[0]) / (batches[-1] - batches[0]) if len(batches) > 1 else sample_b
    beyond = _BATCHES - np.clip(_BATCHES, batches[0], batches[-1])
    return np.maximum(np.interp(_BATCHES, batches, seen) + max(slope, 0.0) * beyond, 0.0), 0.0

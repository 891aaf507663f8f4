"""What is no processor's: GPU, NPU, DSP by networks that run there, memory by copies, less the processors' part."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from edgewatt.profiler.calibrating.least_squares import Fit, solve
from edgewatt.profiler.calibrating.observations import Observation, digests
from edgewatt.profiler.calibrating.power import PowerFit
from edgewatt.profiler.calibrating.stretches import MEASURE
from edgewatt.profiler.calibrating.values import Found, Value, cells, known, number, together, within

# By how the name of what executes begins; what nobody knows keeps its name.
_UNITS: Final[Mapping[str, str]] = {
    "cpu": "cpu",
    "xnnpack": "cpu",
    "ynnpack": "cpu",
    "gpu": "gpu",
    "cuda": "gpu",
    "tensorrt": "gpu",
    "npu": "npu",
    "nnapi": "npu",
    "edgetpu": "npu",
    "tpu": "npu",
    "hexagon": "dsp",
    "dsp": "dsp",
    "dla": "dla",
}
# A step that a unit had for most of the windows is the one that its power is for.
_MOST: Final = 0.95
_LEAST_LOAD: Final = 0.05


def unit_of(one: Observation) -> str:
    """Which unit executed a measured repeat: what was used, else what was asked for."""
    used, asked = one.stretch.window.attributes.get("target_used"), one.config.get("target_asked")
    names = [part for said in (used, asked) if isinstance(said, str) and said for part in said.lower().split("+")]
    units = [unit for name in names for begins, unit in _UNITS.items() if name.startswith(begins)]
    return next((unit for unit in units if unit != "cpu"), units[0] if units else names[0] if names else "cpu")


@dataclass(frozen=True, slots=True, eq=False)
class Added:
    """What a unit adds per share of its time busy, above base and the processor's part, at a step (None: several)."""

    unit: str
    hz: float | None
    fit: Fit
    used: tuple[Observation, ...]
    predicted_u_w: tuple[float, float]
    gain_rel: float | None

    @property
    def value(self) -> Value:
        """Watts of the unit, busy all the time, with the interval that the processor's part leaves."""
        value, u, df = self.fit.of(np.ones(1))
        return within(value, *together([(u, df), self.predicted_u_w]), gain_rel=self.gain_rel)


def added_by(
    found: PowerFit, seen: Sequence[Observation], unit: str, busy: Callable[[Observation], float]
) -> list[Added]:
    """What a unit adds at each of its steps, from windows in which it is busy by so much."""
    by_step: dict[float | None, list[tuple[Observation, float, float, float, float, float]]] = {}
    for one in seen:
        power, amount = one.power_of(found.source), busy(one)
        predicted = found.predict(one.ran, one.temperature_c)
        if power is None or isinstance(predicted, str) or amount < _LEAST_LOAD:
            continue
        if unit == "memory" and any(map(one.ran.is_mixed, found.design.clusters)):
            continue
        row = (one, amount, power.power_w - predicted[0], power.u_w, predicted[1], predicted[2])
        by_step.setdefault(step_of(one, unit), []).append(row)
    return [_added(found, unit, hz, rows) for hz, rows in by_step.items()]


def _added(
    found: PowerFit, unit: str, hz: float | None, rows: Sequence[tuple[Observation, float, float, float, float, float]]
) -> Added:
    amount = np.asarray([row[1] for row in rows])
    above = np.asarray([row[2] for row in rows])
    u = np.asarray([row[3] for row in rows])
    groups = np.unique([f"{row[0].stretch.window.config_id}{row[1]:.2f}" for row in rows], return_inverse=True)[1]
    fit = solve(amount[:, None], above, u, groups)
    # The processor's part is predicted by one model: it errs alike in all of the windows, each by its weight.
    weights = amount / fit.variances / float(np.sum(amount**2 / fit.variances))
    common = float(weights @ np.asarray([row[4] for row in rows])), min(row[5] for row in rows)
    return Added(unit, hz, fit, tuple(row[0] for row in rows), common, found.gain_rel)


def gpu_busy(unit: str) -> Callable[[Observation], float]:
    """How busy a unit was: by its channel of load, else all the time, as a network that was asked to run there."""

    def busy(one: Observation) -> float:
        return one.ran.loads.get(unit, 1.0)

    return busy


def copying(one: Observation) -> float:
    """How many processors copied memory at a time."""
    cpus, duty = one.stretch.asked.get("cpus"), number(one.stretch.asked.get("duty_ratio", 1.0))
    return len(cpus) * (1.0 if duty is None else duty) if isinstance(cpus, list | tuple) else 0.0


def networks_on(seen: Sequence[Observation], unit: str) -> list[Observation]:
    """The measured repeats that a unit executed, without a co-runner."""
    return [
        one
        for one in seen
        if one.kind == MEASURE
        and one.step != "training"
        and unit_of(one) == unit
        and not any(one.conditions.get(key) for key in ("co_cpu_ratio", "co_memory_ratio"))
    ]


def accelerators_in(seen: Sequence[Observation]) -> list[str]:
    """The units besides processors that executed something; memory where it was copied."""
    found = dict.fromkeys(unit_of(one) for one in seen if one.kind == MEASURE)
    return [unit for unit in found if unit != "cpu"] + (["memory"] if any(one.kind == "memory" for one in seen) else [])


def accelerator_rows(found: PowerFit, seen: Sequence[Observation], units: Sequence[str]) -> Found:
    """The rows of `power` and `fits` of these units by one source."""
    rows = Found()
    copies = [one for one in seen if one.kind == "memory"]
    parts = [
        added
        for unit in units
        for added in (
            added_by(found, copies, unit, copying)
            if unit == "memory"
            else added_by(found, networks_on(seen, unit), unit, gpu_busy(unit))
        )
    ]
    for added in parts:
        value, residual_w = added.value, float(np.sqrt(np.mean(added.fit.residuals**2)))
        about = {"energy_source": found.source, "source": digests([*added.used, *found.used])}
        warm = [one.temperature_c for one in added.used if one.temperature_c is not None]
        rows.add(
            "power",
            {
                "unit": added.unit,
                "frequency_hz": added.hz,
                **cells("busy", "w", value),
                "temperature_c": known(float(np.mean(warm))) if warm else None,
                "observations_n": len(added.used),
                "residual_w": residual_w,
                "energy_boundary": found.boundary,
                **about,
            },
        )
        seen_busy = [(copying if added.unit == "memory" else gpu_busy(added.unit))(one) for one in added.used]
        rows.add(
            "fits",
            {
                "fit": "power",
                "of": added.unit,
                "term": "busy" if added.hz is None else f"busy@{added.hz:.0f}",
                "unit": "w",
                "value": known(value.value),
                "low": value.low,
                "high": value.high,
                "over": "busy",
                "valid_low": min(seen_busy),
                "valid_high": max(seen_busy),
                "residual": residual_w,
                "residual_unit": "w",
                "df_n": known(added.fit.df),
                "observations_n": len(added.used),
                **about,
            },
        )
        if added.fit.misfit_p is not None and added.fit.misfit_df < math.inf:
            rows.notes.append(f"power of {added.unit} by {found.source}: networks differ by more than their repeats")
    return rows


def step_of(one: Observation, unit: str) -> float | None:
    """The frequency that a unit had for nearly all of a window, None for several or one that nobody recorded."""
    shares = one.ran.shares.get(unit, {})
    return next((hz for hz, share in shares.items() if share >= _MOST), None)

"""Observations without a run: windows of known constants, for many seeds."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from edgewatt.profiler.analysis.repeats import Repeat
from edgewatt.profiler.calibrating.observations import Observation
from edgewatt.profiler.calibrating.residency import Residency
from edgewatt.profiler.calibrating.seen_power import SeenPower
from edgewatt.profiler.calibrating.stretches import Stretch
from edgewatt.profiler.window import Window
from tests.calibrating_runs import AT_C, CLUSTERS, METER, STEPS, Step, Truth, power_of

NOISE_W: Final = 0.001
S: Final = 1_000_000_000


def observation(
    number: int,
    kind: str,
    power_w: float | None,
    ran: Residency | None = None,
    temperature_c: float | None = AT_C,
    *,
    gain_rel: float | None = None,
    u_w: float = NOISE_W,
    seconds: float = 10.0,
    at_s: float | None = None,
    rssi_dbm: float | None = None,
    asked: Mapping[str, Any] | None = None,
    seen: Mapping[str, Any] | None = None,
    **more: Any,
) -> Observation:
    """One window, after `number` others; `more` are fields of it, and `step`, `iterations`, `latency_s`, `told`."""
    begin = round((100 + number * (seconds + 1) if at_s is None else at_s) * S)
    step, iterations = more.pop("step", "cpu"), more.pop("iterations", 1)
    name = f"measure/{number}" if kind == "measure" else f"load/{number}"
    window = Window(name, begin, begin + round(seconds * S), attributes=more.pop("attributes", {}))
    repeat = Repeat(
        window,
        number,
        number,
        window.t0_ns,
        window.t1_ns,
        iterations,
        more.pop("told", {}),
        np.empty(0),
        more.pop("latency_s", None),
        None,
        np.nan,
        np.nan,
    )
    powers = {} if power_w is None else {METER: SeenPower(power_w, u_w, 19, 1.0, 100, "battery_bypass", gain_rel)}
    fields = {"run": "r" * 64, "conditions": {}, **more}
    return Observation(
        stretch=Stretch(repeat, kind, step, asked or {}, seen or {}),
        powers=powers,
        refused={},
        ran=ran or residency(),
        temperature_c=temperature_c,
        rssi_dbm=rssi_dbm,
        **fields,
    )


def residency(cluster: str = "", hz: float = 0.0, cores: int = 0, **fields: Any) -> Residency:
    """All clusters idle at their lowest step, but one with so many cores busy at another."""
    return Residency(
        {name: {hz if name == cluster else steps[0]: 1.0} for name, steps in STEPS.items()},
        {name: float(cores) if name == cluster else 0.0 for name in CLUSTERS},
        {name: float(cores > 0) if name == cluster else 0.0 for name in CLUSTERS},
        **fields,
    )


def windows(truth: Truth, plan: Sequence[Step], seed: int) -> list[Observation]:
    """What a meter sees of a plan, with warmth that follows power, noise, and what differs from window to window."""
    rng = np.random.default_rng(seed + 10_000)
    found, warm_c = [], AT_C - 4
    for number, step in enumerate(plan):
        watts = power_of(truth, step, step.hz, step.load.cpus)
        warm_c += 0.4 * (AT_C - 6 + truth.resistance_k_per_w * watts - warm_c)
        power_w = truth.base_w + watts + truth.leakage_w_per_k * (warm_c - AT_C)
        power_w += truth.spread_w * rng.standard_normal() + truth.spread_rel * watts * rng.standard_normal()
        seen_w = truth.gain * (power_w + NOISE_W * rng.standard_normal())
        ran = residency(step.cluster, step.hz, len(step.load.cpus)) if step.cluster else residency()
        found.append(
            observation(
                number,
                step.load.kind,
                seen_w,
                ran,
                round(warm_c + 0.05 * rng.standard_normal(), 1),
                gain_rel=truth.gain_rel,
            )
        )
    return found

"""Looks at a sensor that was never built: its period, window, lag, gain, resolution and noise are as they are drawn.

Written from what docs/lab.md and docs/phones.md say of gauges, and from nobody's code: a load with rise and fall times,
a mean over a window that ends a lag before each update, gain and offset, noise, steps of a resolution, and a script
that looks at it every so often and is late at times.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.gauging import loads

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Sensor:
    """`sign` is the raw sign while the phone drains its battery, `scale` ampere per count."""

    period_s: float = 1.0
    window_s: float = 0.5
    lag_s: float = 0.2
    jitter_s: float = 0.0
    drifts: bool = False
    gain: float = 1.0
    zero_a: float = 0.0
    noise_a: float = 0.001
    step_counts: int = 1
    scale: float = 1e-6
    sign: int = 1
    rise_s: float = 0.01
    idle_a: float = 0.15
    load_a: float = 0.25
    heat: float = 0.02
    heats_s: float = 20.0
    poll_s: float = 0.05
    poll_late_s: float = 0.004
    sees_load: bool = True

    @classmethod
    def drawn(cls, rng: np.random.Generator, **fixed: object) -> "Sensor":
        """One at random."""
        period_s = float(rng.choice([0.25, 0.5, 1.0, 1.0, 2.0]))
        period_s *= 1 + rng.normal() * 0.01
        in_ma = rng.random() < 0.3
        sensor = cls(
            period_s=period_s,
            window_s=period_s * float(rng.choice([0.1, 0.5, 1.0, 1.5])) * rng.uniform(0.8, 1.2),
            lag_s=float(rng.uniform(0, 0.6) * period_s),
            gain=1 + 0.03 * rng.normal(),
            zero_a=0.002 * rng.normal(),
            noise_a=float(10 ** rng.uniform(-3.5, -2.3)),
            step_counts=1 if in_ma else int(rng.choice([1, 156, 1000])),
            scale=1e-3 if in_ma else 1e-6,
            sign=int(rng.choice([-1, 1])),
            rise_s=float(np.clip(0.01 * np.exp(0.82 * rng.normal()), 0.002, 0.05)),
            idle_a=float(rng.uniform(0.05, 0.4)),
            heats_s=float(rng.uniform(8, 60)),
            load_a=float(rng.uniform(0.08, 0.6)),
        )
        return replace(sensor, **fixed)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, eq=False)
class Shown:
    """Looks, shape [n] each; the pulses' edges, shape [p] each; a meter's 1 ms power and the true current it saw."""

    t_s: Floats
    raw: Floats
    begin_s: Floats
    end_s: Floats
    true_t_s: Floats
    true_a: Floats


STEP_S = 0.001


def shown(sensor: Sensor, rng: np.random.Generator, pulses: loads.Pulses | None = None) -> Shown:
    """What is seen of it while pulses are executed, from 2 s before them to 2 s after."""
    if pulses is None:
        pulses = loads.first(int(rng.integers(1 << 30)))
        pulses += loads.scaled(int(rng.integers(1 << 30)), sensor.period_s, 40.0 * max(sensor.period_s, 0.5))
    edges_s = 2.0 + rng.random() + np.concatenate([[0.0], np.cumsum(np.asarray(pulses).ravel())])[:-1]
    begin_s, end_s = edges_s[::2], edges_s[1::2]
    grid_s = np.arange(-5.0, edges_s[-1] + pulses[-1][1] + 2.0, STEP_S)
    load = _follow(edges_s, grid_s, sensor.rise_s) * (1 + sensor.heat * _follow(edges_s, grid_s, sensor.heats_s))
    current_a = sensor.idle_a + (sensor.load_a * load if sensor.sees_load else 0.0 * load)
    area = np.concatenate([[0.0], np.cumsum(current_a) * STEP_S])[:-1]
    count = int((grid_s[-1] + 4) / sensor.period_s)
    late_s = sensor.jitter_s * rng.normal(size=count)
    at_s = -3.0 + rng.random() * sensor.period_s + sensor.period_s * np.arange(count)
    at_s = at_s + (np.cumsum(late_s) if sensor.drifts else late_s)
    window_s = max(sensor.window_s, 2 * STEP_S)
    to_s = at_s - sensor.lag_s
    mean_a = (np.interp(to_s, grid_s, area) - np.interp(to_s - window_s, grid_s, area)) / window_s
    value_a = sensor.gain * mean_a + sensor.zero_a + sensor.noise_a * rng.normal(size=count)
    counts = sensor.sign * value_a / sensor.scale
    published = np.round(counts / sensor.step_counts) * sensor.step_counts
    looks = int((grid_s[-1] - 0.5) / sensor.poll_s)
    t_s = (
        rng.random() * sensor.poll_s
        + sensor.poll_s * np.arange(looks)
        + sensor.poll_late_s * rng.exponential(size=looks)
    )
    t_s = np.maximum.accumulate(t_s)
    which = np.searchsorted(at_s, t_s, "right") - 1
    return Shown(t_s, published[which], begin_s, end_s, grid_s, current_a)


def _follow(edges_s: Floats, t_s: Floats, rise_s: float) -> Floats:
    """A load that is on from each even edge to the next, through an exponential."""
    level, state = 0.0, [0.0]
    for at, after_s in enumerate(np.diff(edges_s)):
        level = float(at % 2 == 0)
        state.append(level + (state[-1] - level) * float(np.exp(-after_s / rise_s)))
    which = np.searchsorted(edges_s, t_s, "right") - 1
    since_s = np.where(which >= 0, t_s - edges_s[which], 0.0)
    level_at = np.where(which >= 0, (which + 1) % 2, 0)
    start = np.where(which >= 0, np.asarray(state)[which], 0.0)
    return np.asarray(level_at + (start - level_at) * np.exp(-since_s / rise_s))

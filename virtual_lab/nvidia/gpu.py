"""One GPU of a lab: what was drawn for it, what it does, what goes wrong, and how the library is told."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np

from edgewatt.virtual_lab.nvidia.families import FAMILIES, Family

# Assumed: what the driver keeps for itself, what a job takes, the room, the cooler, a clock at rest.
_USED_B: Final = 6e8
_BUSY_B: Final = 4e9
_AMBIENT_C: Final = 28.0
_WARM_K: Final = 45.0
_HEAT_S: Final = 20.0
_CLOCK_IDLE_MHZ: Final = 210.0


@dataclass(frozen=True, slots=True)
class Drawn:
    """What was drawn for one GPU; clients cannot know it."""

    gain: float
    period_s: float
    phase_s: float
    counter_start_mj: int
    jitter_seed: int
    uuid: str


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU whose power is led along `power`, (instant in ns, watts), in order and none before the lab's origin.

    Before, it idles. It never draws more than `limit_w`. `errors` are return codes by symbol (`*`: all; `field:186`:
    one field), from an instant on and for a share of the calls: code, (code, from_ns) or (code, from_ns, share).
    `latency_s` by symbol or `*`. `lost_ns`: it is lost from then on. `mig`: it is cut into so many instances.
    `reasons`: (instant, mask) of clock event reasons beside those it has itself. `exact`: no gain and no noise drawn.
    `counter` says what the energy counter adds up: the true power, or the sensor's values, which for a window shorter
    than the period see only a part of it. `counter_period_s`: of its own, else it moves with the sensor.
    `stamp_updates`: field values bear the time of the sensor's update, instead of the query's.
    """

    family: Family
    power: Sequence[tuple[int, float]] = ()
    seed: int = 0
    limit_w: float | None = None
    errors: Mapping[str, int | tuple[int, int] | tuple[int, int, float]] = field(default_factory=dict)
    latency_s: Mapping[str, float] = field(default_factory=dict)
    lost_ns: int | None = None
    mig: int = 0
    reasons: Sequence[tuple[int, int]] = ()
    exact: bool = False
    counter: Literal["integral", "samples"] = "integral"
    counter_period_s: float | None = None
    stamp_updates: bool = False

    @property
    def most_w(self) -> float:
        """What it never exceeds."""
        return self.family.most_w if self.limit_w is None else self.limit_w

    def drawn(self, index: int) -> Drawn:
        """What was drawn for it as the lab's GPU number `index`."""
        rng = np.random.default_rng([self.seed, index])
        gain = 1 + self.family.gain_sd * rng.standard_normal()
        period_s = self.family.period_s * (1 + self.family.period_sd_rel * rng.standard_normal())
        phase_s = rng.uniform(0, period_s)
        start_mj, jitter_seed = int(rng.integers(1 << 34)), int(rng.integers(1 << 62))
        name = f"GPU-{uuid.UUID(bytes=rng.bytes(16), version=4)}"
        return Drawn(1.0 if self.exact else gain, period_s, phase_s, start_mj, jitter_seed, name)

    def lines(self, index: int, origin_ns: int) -> Iterator[str]:
        """The library's configuration of it."""
        family, drawn = self.family, self.drawn(index)
        first_ns = origin_ns - round(drawn.phase_s * 1e9)
        period_s = drawn.period_s if self.counter_period_s is None else self.counter_period_s
        jitter_s = min(family.jitter_s, drawn.period_s / 4)
        numbers = {
            "origin_ns": origin_ns,
            "architecture": family.architecture,
            "idle_w": family.idle_w,
            "limit_w": self.most_w,
            "least_w": family.least_w,
            "most_w": family.most_w,
            "rise_s": family.rise_s,
            "fall_s": family.fall_s,
            "window_s": family.window_s,
            "usage_averages": int(family.usage_averages),
            "has_counter": int(family.has_counter),
            "identity_only": int(family.identity_only),
            "samples": int(family.samples),
            "stamp_updates": int(self.stamp_updates),
            "counter_samples": int(self.counter == "samples"),
            "mig": self.mig,
            "gain": drawn.gain,
            "noise_w": 0.0 if self.exact else family.noise_w,
            "counter_start_mj": drawn.counter_start_mj,
            "memory_b": family.memory_b,
            "used_b": _USED_B,
            "busy_b": _BUSY_B,
            "ambient_c": _AMBIENT_C,
            "k_per_w": _WARM_K / family.most_w,
            "heat_s": _HEAT_S,
            "clock_idle_mhz": _CLOCK_IDLE_MHZ,
            "clock_mhz": family.clock_mhz,
            "memory_mhz": family.memory_mhz,
        }
        yield f"gpu {family.title}"
        yield f"uuid {drawn.uuid}"
        yield from (f"{name} {value!r}" for name, value in numbers.items())
        yield f"sensor {first_ns} {drawn.period_s!r} {jitter_s!r} {drawn.jitter_seed}"
        yield f"counter {first_ns} {period_s!r} {min(jitter_s, period_s / 4)!r} {drawn.jitter_seed}"
        yield from (f"scope {number} {share!r} {more_w!r}" for number, (share, more_w) in family.scopes.items())
        for symbol, error in {**family.errors, **self.errors}.items():
            yield " ".join(["error", symbol, *map(str, (error,) if isinstance(error, int) else error)])
        yield from (f"latency {symbol} {seconds!r}" for symbol, seconds in self.latency_s.items())
        if self.lost_ns is not None:
            yield f"lost_ns {self.lost_ns}"
        yield from (f"reasons {t_ns} {mask}" for t_ns, mask in self.reasons)
        yield from (f"power {t_ns} {float(watts)!r}" for t_ns, watts in self.power)


def gpu(family: str, **how: object) -> Gpu:
    """A GPU of the family called so; `how` are the other fields of Gpu. Raises KeyError."""
    return Gpu(FAMILIES[family], **how)  # type: ignore[arg-type]

"""A device that executes a train of pulses, and a meter with a clock of its own: the lab's timeline as the truth."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.synchronising.locate import Located, NotLocated, Power, locate
from edgewatt.profiler.synchronising.train import Edges, train
from edgewatt.virtual_lab.power.domains import Boundary, Device, Domain, Load
from edgewatt.virtual_lab.power.load import bursts, frequency, level, loop, pulses
from edgewatt.virtual_lab.power.timeline import Timeline

S: Final = 1_000_000_000
MS: Final = 1_000_000
LOWEST_HZ, MIDDLE_HZ, TOP_HZ = 1.0e9, 2.2e9, 2.8e9

Wave = Literal["train", "another", "none", "loop", "periodic"]


@dataclass(frozen=True, slots=True)
class Scene:
    """What goes on beside the pulses, and how the meter looks. Figures of noise and loads are assumed.

    `wave`: what the device under the meter does: the train, that of another phone, nothing, a loop of inferences, or
    a periodic wave that is also what the edges tell of. `mean` is a meter whose readings are means since the last one.
    """

    wave: Wave = "train"
    period_s: float = 2e-4
    mean: bool = False
    noise_w: float = 0.005
    bursts_hz: float = 5.0
    governor: bool = False
    steps: bool = False
    iterations: bool = False
    gaps: int = 0
    rise_fall_s: tuple[float, float] | None = None
    trains_at_s: Sequence[float] = field(default=(4.0,))


@dataclass(frozen=True, slots=True, eq=False)
class Bench:
    """One device, drawn: the edges as it stamps them, the power as the meter does, and how the clocks really lie."""

    edges: list[Edges]
    power: Power
    offset_s: float
    drift: float
    rise_fall_s: tuple[float, float]

    def look(self, place: int = 0) -> Located | NotLocated:
        """What is found of one of its trains."""
        return locate(self.edges[place], self.power)

    def error_s(self, found: Located) -> float:
        """How far off the offset is."""
        true_ns = (found.at_ns - self.offset_s * 1e9) / (1 + self.drift)
        return (found.at_ns + found.offset_ns - true_ns) * 1e-9


def bench(seed: int, scene: Scene) -> Bench:
    """The device's clock is up to 3 s and 50 ppm off; rise and fall times differ, 2 to 50 ms (logarithmic)."""
    rng = np.random.default_rng(seed)
    rise_s, fall_s = scene.rise_fall_s or np.exp(rng.uniform(np.log(0.002), np.log(0.05), 2)).tolist()
    timeline = Timeline(_device(rng, rise_s, fall_s))
    at_ns = [round(at_s * S) for at_s in scene.trains_at_s]
    told = [_edges(_wave(scene.wave, seed + 10_000 * n), at) for n, at in enumerate(at_ns)]
    end_ns = int(told[-1][-1, 1]) + 4 * S
    _happen(rng, timeline, scene, told, seed, end_ns)
    offset_s, drift = float(rng.uniform(-3, 3)), float(rng.uniform(-50e-6, 50e-6))
    edges = [
        Edges.of([(_stamp(a, offset_s, drift), _stamp(b, offset_s, drift)) for a, b in pairs.tolist()])
        for pairs in told
    ]
    return Bench(edges, _metered(rng, timeline, scene, end_ns), offset_s, drift, (rise_s, fall_s))


def _stamp(t_ns: int, offset_s: float, drift: float) -> int:
    return round(t_ns * (1 + drift) + offset_s * 1e9)


def _device(rng: np.random.Generator, rise_s: float, fall_s: float) -> Device:
    cpu = Domain(
        "cpu",
        idle_w=0.1,
        capacitance_f=0.65e-9 * float(np.exp(0.2 * rng.standard_normal())),
        frequencies_hz=(LOWEST_HZ, MIDDLE_HZ, TOP_HZ),
        voltages_v=(0.6, 0.84, 1.05),
        rise_s=rise_s,
        fall_s=fall_s,
    )
    rest = Domain("rest", 0.2, full_w=1.0, rise_s=0.005, fall_s=0.004)
    loads = (
        Load("pulse", {"cpu": 0.5}),
        Load("background", {"rest": 0.6}),
        Load("screen", {"rest": 0.3}),
        Load("inference", {"rest": 0.9}),
    )
    return Device((cpu, rest), loads, boundaries=(Boundary("supply", {"cpu": 1.1, "rest": 1.1}, 0.2),))


def _wave(wave: Wave, seed: int) -> list[tuple[float, float]]:
    return [(0.2, 0.2)] * 12 if wave == "periodic" else train(seed)


def _edges(of: list[tuple[float, float]], at_ns: int) -> NDArray[np.int64]:
    """Begins and ends, shape [n, 2]."""
    lengths_ns = np.rint(np.array(of).ravel() * 1e9).astype(np.int64)
    return (at_ns + np.concatenate([[0], np.cumsum(lengths_ns)[:-1]])).reshape(-1, 2)


def _happen(
    rng: np.random.Generator, timeline: Timeline, scene: Scene, told: list[NDArray[np.int64]], seed: int, end_ns: int
) -> None:
    done = told
    if scene.wave == "another":
        done = [_edges(train(seed + 500_000 + n), int(pairs[0, 0])) for n, pairs in enumerate(told)]
    if scene.wave in {"train", "another", "periodic"}:
        for pairs in done:
            timeline.record(pulses("pulse", pairs[:, 0], pairs[:, 1]))
    if scene.wave == "loop":
        begin_ns, done_ns = loop(rng, S, int((end_ns - 2 * S) / (300 * MS)), latency_s=0.2, spread=0.05, gap_s=0.05)
        timeline.record(pulses("pulse", begin_ns, done_ns))
    if scene.governor:
        _govern(rng, timeline, np.concatenate(done), end_ns)
    if scene.bursts_hz:
        timeline.record(bursts(rng, "background", 0, end_ns, rate_hz=scene.bursts_hz, length_s=0.02))
    if scene.steps:
        at_ns = np.sort(rng.integers(3 * S, end_ns, 8))
        timeline.record(level("screen", at_ns, rng.uniform(0, 1, len(at_ns))))
    if scene.iterations:
        count = int((end_ns - 2 * S) / (7.2 * MS))
        timeline.record(pulses("inference", *loop(rng, S, count, latency_s=0.006, spread=0.1, gap_s=0.001)))


def _govern(rng: np.random.Generator, timeline: Timeline, pairs: NDArray[np.int64], end_ns: int) -> None:
    """The clock goes up in two steps within 24 ms of a pulse's begin, and down 60 to 100 ms after its end."""
    changes = [(0, LOWEST_HZ)]
    for (begin_ns, done_ns), next_ns in zip(pairs.tolist(), [*pairs[1:, 0].tolist(), end_ns], strict=True):
        changes.append((begin_ns + round(rng.uniform(1 * MS, 6 * MS)), MIDDLE_HZ))
        changes.append((begin_ns + round(rng.uniform(8 * MS, 24 * MS)), TOP_HZ))
        down_ns = done_ns + round(rng.uniform(60 * MS, 100 * MS))
        if down_ns < next_ns:
            changes.append((down_ns, LOWEST_HZ))
    timeline.record(frequency("cpu", [at for at, _ in changes], [hz for _, hz in changes]))


def _metered(rng: np.random.Generator, timeline: Timeline, scene: Scene, end_ns: int) -> Power:
    period_ns = round(scene.period_s * 1e9)
    t_ns = np.arange(period_ns, end_ns, period_ns) + int(rng.integers(0, period_ns))
    for _ in range(scene.gaps):
        gap_ns = int(rng.integers(4 * S, 9 * S))
        t_ns = t_ns[(t_ns < gap_ns) | (t_ns > gap_ns + 100 * MS)]
    begin_ns = t_ns - period_ns if scene.mean else t_ns
    if scene.mean:
        power_w = timeline.energy_j(begin_ns, t_ns, "supply") / scene.period_s
    else:
        power_w = timeline.power_w(t_ns, "supply")
    power_w = power_w + scene.noise_w * rng.standard_normal(len(t_ns))
    return Power(begin_ns, t_ns, np.rint(power_w / 5e-4) * 5e-4)

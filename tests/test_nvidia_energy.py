"""Joules of a GPU whose power is known exactly: from the counter, from power alone, and what its sensor is like."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from edgewatt.collectors.nvidia.collector import Nvml
from edgewatt.collectors.nvidia.finding import SEED, TRAIN_S, find_sensor
from edgewatt.collectors.nvidia.window_fit import fit_window
from edgewatt.profiler.batch import Batch
from edgewatt.profiler.clock import ManualClock
from edgewatt.profiler.energy.windows import WindowEnergies, energy_of_windows
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.synchronising.train import Edges, Pulses, Train, train
from tests.nvml_fake import FakeGpu, S, install

COUNTER, POWER = "nvml0/energy", "nvml0/power"


class Bench:
    """A GPU that works in windows of 0.2 to 3 s at random phases, and what was recorded of it."""

    def __init__(self, patch: pytest.MonkeyPatch, seed: int, count: int, **gpu: object) -> None:
        rng = np.random.default_rng(seed)
        t_ns, steps, edges = 12 * S, [(0, 60.0)], []
        for _ in range(count):
            t_ns += int(rng.uniform(0.6, 1.2) * S)
            end_ns = t_ns + int(0.2 * 15 ** rng.random() * S)
            steps += [(t_ns, rng.uniform(150, 350)), (end_ns, 60.0)]
            edges.append((t_ns, end_ns))
            t_ns = end_ns
        clock = ManualClock(10 * S)
        self.gpu = FakeGpu(clock, steps=steps, call_s=0.0001, **gpu)  # type: ignore[arg-type]
        install(patch, self.gpu)
        self.t0_ns, self.t1_ns = np.array(edges).T
        self.truth_j = np.array([self.gpu.energy_j(b) - self.gpu.energy_j(a) for a, b in edges])
        collector = Nvml("0")
        self.opened = collector.open(clock)
        rows = []
        while clock.now_ns() < t_ns + 2 * S:
            item = collector.read(0.2)
            if isinstance(item, Batch) and not item.stream and len(item):
                rows.append(item)
        collector.close()
        columns = {name: np.concatenate([row.columns[name] for row in rows]) for name in rows[0].columns}
        self.rows = Batch(np.concatenate([row.t_ns for row in rows]), columns)

    def energies(self, source: str) -> WindowEnergies:
        channels = {channel.column: channel for channel in self.opened.channels[""]}
        terms = next(s.terms for s in self.opened.sources if s.name == source)
        of = [tuple(channels[column] for column in term) for term in terms]
        return energy_of_windows([self.rows], of, self.t0_ns, self.t1_ns, spread=True)

    def errors(self, source: str) -> np.ndarray:
        found = self.energies(source)
        return (found.energy_j + found.edge_loss_j) / self.truth_j - 1

    def by_difference(self) -> np.ndarray:
        """What reading the counter at both edges gives."""
        phase, period = self.gpu.phase_s * S, self.gpu.period_s * S
        last = [phase + np.floor((at - phase) / period) * period for at in (self.t0_ns, self.t1_ns)]
        joules = [np.array([self.gpu.energy_j(float(t)) for t in at]) for at in last]
        return (joules[1] - joules[0]) / self.truth_j - 1


def rms(errors: np.ndarray) -> float:
    return float(np.sqrt(np.mean(errors**2)))


@pytest.mark.parametrize(
    ("period_s", "window_s", "name", "architecture"),
    [
        (0.1, 0.025, "NVIDIA A100-SXM4-40GB", 7),
        (0.02, 0.01, "Tesla V100-SXM2-16GB", 5),
        (0.1, 0.1, "NVIDIA GeForce RTX 3090", 7),
    ],
)
def test_a_counter_followed_is_far_closer_than_its_readings_at_the_edges(
    monkeypatch: pytest.MonkeyPatch, period_s: float, window_s: float, name: str, architecture: int
) -> None:
    bench = Bench(monkeypatch, 4, 10, period_s=period_s, window_s=window_s, name=name, architecture=architecture)
    errors, found = bench.errors(COUNTER), bench.energies(COUNTER)
    assert np.isfinite(errors).all()
    assert rms(errors) < 0.1 * rms(bench.by_difference())
    assert (found.updates >= 2).all()
    error_j = np.abs(found.energy_j + found.edge_loss_j - bench.truth_j)
    assert (error_j <= 2 * found.u_edge_j).all()


def test_power_alone_is_integrated_with_its_window(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench(monkeypatch, 5, 10, window_s=0.1, name="NVIDIA GeForce RTX 3090")
    (channel,) = [c for c in bench.opened.channels[""] if c.column == "nvml0_instant.power_w"]
    assert (channel.window_s, channel.period_s, channel.kind) == (0.1, 0.1, "gauge")
    assert rms(bench.errors(POWER)) < 0.005


def test_a_sensor_that_looks_away_says_how_uncertain_that_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """An A100 sees a quarter of the time: its power has a term for what it may have missed, its counter has none."""
    bench = Bench(monkeypatch, 6, 2)
    assert bench.energies(POWER).u_sampling_j is not None
    assert bench.energies(COUNTER).u_sampling_j is None


def looked_at(gpu: FakeGpu) -> FakeGpu:
    """With values that differ from one update to the next, as real ones do."""
    rng = np.random.default_rng(0)
    gpu.steps = [(int(k * 0.019 * S), 60 + float(rng.uniform(-1, 1))) for k in range(400, 2200)]
    return gpu


def loads(gpu: FakeGpu, watts: float = 240.0, delay_s: float = 0.004) -> Callable[[str], Pulses]:
    """What executes the pulses on the fake: half a second from when it is asked they add to its power."""

    def pulses(_: str) -> Pulses:
        at_ns, edges = gpu.clock.now_ns() + S // 2, []
        for busy_s, pause_s in train(SEED, TRAIN_S):
            edges.append((at_ns, at_ns + round(busy_s * S)))
            at_ns += round((busy_s + pause_s) * S)
        felt = [(a + round(delay_s * S), b + round(delay_s * S)) for a, b in edges]
        cuts = sorted({t for t, _ in gpu.steps} | {t for pair in felt for t in pair})
        gpu.steps = [(t, gpu.watts_at(t) + watts * any(a <= t < b for a, b in felt)) for t in cuts]
        return lambda _: Edges.of(edges)

    return pulses


@pytest.mark.parametrize(
    ("period_s", "window_s"),
    [(0.1, 0.025), pytest.param(0.1, 0.1, marks=pytest.mark.long), pytest.param(0.02, 0.01, marks=pytest.mark.long)],
)
def test_period_and_window_are_found_on_the_gpu_at_hand(
    monkeypatch: pytest.MonkeyPatch, period_s: float, window_s: float
) -> None:
    gpu = looked_at(FakeGpu(ManualClock(10 * S), period_s=period_s, window_s=window_s, call_s=0.002))
    install(monkeypatch, gpu)
    found = find_sensor("0", gpu.clock, pulses=loads(gpu))
    assert (found.period_basis, found.window_basis) == ("measured", "measured")
    assert found.period_s == pytest.approx(period_s, rel=0.02)
    assert found.window is not None
    assert found.window_s == pytest.approx(window_s, rel=0.2, abs=0.002)
    assert found.window.low_s <= window_s * 1.1
    assert found.window.high_s >= window_s / 1.1
    assert found.share == pytest.approx(min(window_s / period_s, 1), rel=0.25)
    assert found.call_s["DeviceGetTotalEnergyConsumption"] == pytest.approx(0.002)
    assert found.notes == ()
    assert found.to_json()["window"]["explained"] > 0.9


def test_without_a_load_the_window_is_the_published_one_and_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = looked_at(FakeGpu(ManualClock(10 * S), call_s=0.002))
    install(monkeypatch, gpu)
    found = find_sensor("0", gpu.clock, pulses=lambda _: None)
    assert (found.window_s, found.window_basis, found.window) == (0.025, "published", None)
    assert "without torch" in found.notes[0]
    gpu.architecture, gpu.name = 10, "NVIDIA B200"
    found = find_sensor("0", gpu.clock, pulses=lambda _: None)
    assert (found.window_s, found.window_basis, found.share) == (None, "unknown", None)


def test_a_load_that_the_gpu_does_not_feel_proves_no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = looked_at(FakeGpu(ManualClock(10 * S), call_s=0.002))
    install(monkeypatch, gpu)
    found = find_sensor("0", gpu.clock, pulses=loads(gpu, watts=0.0))
    assert found.window_basis == "published"
    assert "does not follow" in found.notes[0]


def test_a_load_that_fails_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = looked_at(FakeGpu(ManualClock(10 * S), call_s=0.004))
    install(monkeypatch, gpu)

    def broken(_: str) -> Pulses:
        def pulses(_train: Train) -> Edges:
            raise DeviceError("torch finds no CUDA device")

        return pulses

    found = find_sensor("0", gpu.clock, pulses=broken)
    assert "torch finds no CUDA device" in found.notes[0]


def test_a_gpu_that_gives_nothing_has_no_sensor(monkeypatch: pytest.MonkeyPatch) -> None:
    gpu = FakeGpu(ManualClock(10 * S), refuse={"*": 3, "GetName": 0})
    install(monkeypatch, gpu)
    with pytest.raises(DeviceError, match=r"neither energy nor power.*not supported"):
        find_sensor("0", gpu.clock)


@pytest.mark.parametrize("window_s", [0.005, 0.05, 1.0])
def test_a_window_is_told_from_pulses_of_any_length(window_s: float) -> None:
    edges = _edges(train(3, 20.0))
    t_s = np.arange(edges.seconds[0] - 1, edges.seconds[-1] + 1, 0.0997)
    noise = np.random.default_rng(1).normal(0, 1.5, len(t_s))
    power_w = 70 + 200 * _share(t_s, edges.seconds, window_s) + noise
    fit = fit_window((t_s * S).astype(np.int64) + edges.middle_ns, power_w, edges)
    assert fit is not None
    assert 0.98 * fit.low_s <= window_s <= 1.02 * fit.high_s
    assert fit.high_s < 2.5 * window_s + 0.01
    assert fit.step_w == pytest.approx(200, rel=0.05)


def _edges(asked: Sequence[tuple[float, float]]) -> Edges:
    at_s = np.concatenate(([0.0], np.cumsum(np.array(asked).ravel())))[:-1]
    edges_ns = (100 * S + at_s * S).astype(np.int64)
    return Edges(edges_ns[::2], edges_ns[1::2])


def _share(t_s: np.ndarray, at_s: np.ndarray, window_s: float) -> np.ndarray:
    """By counting, which is not how it is computed."""
    inside = np.linspace(-window_s, 0, 201)[1:] - window_s / 400
    moments = t_s[:, None] + inside
    busy = np.zeros(moments.shape, bool)
    for begin, end in zip(at_s[::2], at_s[1::2], strict=True):
        busy |= (begin <= moments) & (moments < end)
    return np.asarray(busy.mean(axis=1), np.float64)

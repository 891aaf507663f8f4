"""What sampling costs a device: from blocks to watts, from counters to blocks, and what is kept of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewatt.profiler.batch import Batch
from edgewatt.profiler.channel import Channel, EnergySource, Opened
from edgewatt.profiler.clock import NS_PER_S, ManualClock
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.running import observer, overhead
from edgewatt.profiler.running.beginning import begin_run
from edgewatt.profiler.running.observer import Effect, Observer, keep, kept
from edgewatt.profiler.running.overhead import OverheadOptions, measure
from edgewatt.profiler.running.overhead_blocks import counted_block, counter_sources
from edgewatt.profiler.running.overhead_effect import Block, effect_of, order
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.storage.writer import RunWriter
from edgewatt.profiler.units import Quantity
from tests.recorded_runs import manifest
from tests.shell import called

TRUTH_W, IDLE_W, NOISE_W, DRIFT_W_PER_S = 0.05, 1.0, 0.02, 2e-4
SEEDS = 200


def blocks(seed: int, truth_w: float = TRUTH_W) -> list[Block]:
    random = np.random.default_rng(seed)
    return [
        Block(k * 12.0, float(on), IDLE_W + DRIFT_W_PER_S * k * 12 + truth_w * on + random.normal(0, NOISE_W))
        for k, on in enumerate(order(seed))
    ]


def test_abba_holds_as_many_of_each_and_is_drawn() -> None:
    for seed in range(20):
        plan = order(seed, 5)
        assert all(sum(plan[k : k + 4]) == 2 and plan[k] == plan[k + 3] for k in range(0, 20, 4))
    assert len({tuple(order(seed)) for seed in range(20)}) > 4
    assert order(3) == order(3)


def test_the_interval_holds_the_truth_in_95_of_100_and_a_drift_does_not_move_it() -> None:
    told = [effect_of("m", "gauge", blocks(seed)) for seed in range(SEEDS)]
    effects = [e for e in told if isinstance(e, Effect)]
    assert len(effects) == SEEDS
    assert 0.92 <= np.mean([e.low_w <= TRUTH_W <= e.high_w for e in effects]) <= 0.98
    assert abs(np.mean([e.watts for e in effects]) - TRUTH_W) < 0.002


def test_what_blocks_cannot_tell_is_said_and_not_a_number() -> None:
    assert "3 of 4 blocks" in str(effect_of("m", "gauge", [*blocks(0)[:3], Block(9.0, 1.0, float("nan"))]))
    assert "whatever is done" in str(effect_of("m", "gauge", [Block(k, k % 2, 1.0) for k in range(8)]))
    assert "from the drift" in str(effect_of("m", "gauge", [Block(k, 1.0, 1.0 + k) for k in range(8)]))
    coarse = [Block(b.at_s, b.on, b.power_w, u_w=5.0) for b in blocks(0)]
    assert "longer blocks" in str(effect_of("m", "gauge", coarse))


def stored(path: Path, at_s: float, count: int, volt: float = 4.0, step: int = 1) -> Trace:
    """Three samples of a battery's charge and of a rail, a second apart."""
    charge = Channel("battery", Quantity.CHARGE, "counter", scale=0.0036, boundary="gauge", resolution=0.0036)
    rail = Channel("rail", Quantity.ENERGY, "counter", scale=1e-6, counter_range=1 << 32, boundary="rail")
    gauges = (Channel("battery", Quantity.VOLTAGE), Channel("battery", Quantity.CURRENT))
    sources = (
        EnergySource("p/battery", (("battery.voltage_v", "battery.current_a"),), "gauge"),
        EnergySource("p/cpu", (("rail.energy_j",),), "rail"),
    )
    writer = RunWriter.create(path, manifest())
    writer.add_collector(Opened("p", {"": (charge, rail, *gauges)}, sources=sources))
    t_ns = np.array([at_s, at_s + 1, at_s + 2]) * NS_PER_S
    counts = count + step * np.arange(3)
    values = {"battery.charge_coulomb": counts, "rail.energy_j": (counts * 1_000_000) % (1 << 32)}
    more = {"battery.voltage_v": np.full(3, volt), "battery.current_a": np.full(3, 0.1)}
    writer.batch("p", Batch(t_ns.astype(np.int64), {**values, **more}))
    writer.close()
    return Trace.open(path)


def test_counters_go_on_while_nobody_looks(tmp_path: Path) -> None:
    first, last = stored(tmp_path / "a", 0, 0), stored(tmp_path / "b", 8, 100)
    rail, charge = counter_sources(first)
    assert [rail.name, charge.name] == ["p/cpu", "p/battery_charge"]
    joules = counted_block(first, last, rail, 4.0, 0)
    assert joules is not None
    assert joules.power_w == pytest.approx(102 / 10)
    assert (joules.on, joules.at_s) == (0.4, 5.0)
    coulombs = counted_block(first, last, charge, 20.0, 0)
    assert coulombs is not None
    assert coulombs.power_w == pytest.approx(102 * 0.0036 * 4.0 / 10)
    assert coulombs.u_w == pytest.approx(0.0036 * 4.0 / np.sqrt(6) / 10)
    assert coulombs.on == 1.0


def test_a_counter_that_wraps_or_was_reset(tmp_path: Path) -> None:
    first, last = stored(tmp_path / "a", 0, 4290), stored(tmp_path / "b", 8, 4300)
    wrapped = counted_block(first, last, counter_sources(first)[0], 4.0, 0)
    assert wrapped is not None
    assert wrapped.power_w == pytest.approx(12 / 10)
    reset = stored(tmp_path / "c", 8, 10)
    assert counted_block(last, reset, counter_sources(last)[1], 4.0, 0) is None


FOUND = Observer(
    "f00d", "2026-01-02T03:04:05+00:00", True, "attached", 12, 10.0, (Effect("m", "gauge", 0.1, 0.05, 0.15, 1.0),)
)


def test_what_was_found_is_kept_and_later_runs_carry_it(tmp_path: Path) -> None:
    path = keep(FOUND)
    assert kept("f00d") == FOUND
    device = Device("host", "host", "f00d", ())
    writer = begin_run(tmp_path / "run", device)
    writer.close()
    said = json.loads((tmp_path / "run/run.json").read_text())["device"]["observer"]
    assert (said["watts"], said["low_w"], said["high_w"]) == (0.1, 0.05, 0.15)
    assert said["date"] == FOUND.date
    begin_run(tmp_path / "other", Device("host", "host", "beef", ())).close()
    assert "observer" not in json.loads((tmp_path / "other/run.json").read_text())["device"]
    for junk in (
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b"[" * 5000,
        path.read_bytes().replace(b"gauge", b"moon"),
        b" " * (1 << 20),
    ):
        path.write_bytes(junk)
        assert kept("f00d") is None
    path.unlink()


def test_without_a_source_the_processor_time_is_told_and_the_watts_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the host's load alone; time is virtual, so that nothing waits."""
    monkeypatch.setattr(overhead, "_WITHOUT_COUNTERS", 4)
    load = Channel("cpu", Quantity.LOAD, period_s=1.0)
    device = Device("host", "host", "f00d", (Still(load),), target=Nothing())  # type: ignore[arg-type]
    found = measure(device, options=OverheadOptions(block_s=0.5, quads=1), clock=ManualClock(NS_PER_S))
    assert found.effects == ()
    assert "no source of energy goes on while its sampler is off" in found.reason
    assert found.cpu_ratio is not None
    assert found.to_json()["watts"] is None


class Still:
    """An instrument that says the same whenever it is asked."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel

    def open(self, clock: Any) -> Opened:
        self.clock = clock
        return Opened("still", {"": (self.channel,)})

    def read(self, timeout_s: float) -> Batch:
        self.clock.sleep(timeout_s)
        return Batch(np.array([self.clock.now_ns()], np.int64), {self.channel.column: np.array([0.5])})

    def close(self) -> None:
        """Nothing to undo."""


class Nothing:
    """A target without conditions."""

    apply: Callable[[str, str], None]


def test_what_cannot_be_measured_so_is_refused() -> None:
    meter = Device("m", "m", "m", ())
    with pytest.raises(UsageError, match="executes nothing"):
        measure(meter)
    host = Device("host", "host", "f00d", (), target=Nothing())  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="its own meter"):
        measure(host, [host])
    for words, says in ((("--overhead",), "which device"), (("--overhead", "-d", "host", "--seed", "-1"), "--seed")):
        done = called("doctor", *words)
        assert (done.returncode, says in done.stderr) == (2, True)
    assert observer.ROOM == "observer"

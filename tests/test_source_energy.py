"""Energy sources of stored runs: products, sums over streams, clocks, accuracies."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewatt.profiler.analysis.temperature import temperatures_c
from edgewatt.profiler.batch import Batch, Gap
from edgewatt.profiler.channel import Accuracy, Channel, EnergySource, Opened
from edgewatt.profiler.clock import HOST_CLOCK
from edgewatt.profiler.clockfit import ClockFit
from edgewatt.profiler.energy.sources import energy_of_source, gaps_on_host_clock, instrument_of
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.manifest import Manifest
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.storage.writer import RunWriter
from edgewatt.profiler.units import Quantity

S = 1_000_000_000
METER = "meter.uptime"
T0, T1 = np.array([10 * S]), np.array([20 * S])


def recorded(
    path: Path,
    channels: dict[str, dict[Channel, float]],
    *,
    clock: str = HOST_CLOCK,
    gaps: tuple[Gap, ...] = (),
    **said: Any,
) -> Trace:
    """A run of 30 s at 100 Hz with a constant value per channel; a counter counts that many raw units per second."""
    clocks = {} if clock == HOST_CLOCK else {clock: ClockFit(clock, 0, 2 * S, 0.0, 3_000_000).to_json()}
    manifest = Manifest(
        **{"simulated": True, "created": "", "command": [], "versions": {}, "device": {}, "clocks": clocks, **said}
    )
    writer = RunWriter.create(path, manifest)
    writer.add_collector(Opened("m", {suffix: tuple(of) for suffix, of in channels.items()}, clock=clock))
    at_s = np.arange(3000) / 100
    t_ns = np.rint(at_s * S).astype(np.int64)
    for suffix, of in channels.items():
        columns = {
            channel.column: np.rint(at_s * value).astype(np.int64)
            if channel.kind == "counter"
            else np.full(3000, value)
            for channel, value in of.items()
        }
        writer.batch("m", Batch(t_ns, columns, suffix))
    for gap in gaps:
        writer.gap("m", gap)
    writer.close()
    return Trace.open(path)


def volt(accuracy: Accuracy | None = None) -> Channel:
    return Channel("main", Quantity.VOLTAGE, accuracy=accuracy)


def ampere(accuracy: Accuracy | None = None) -> Channel:
    return Channel("main", Quantity.CURRENT, accuracy=accuracy)


def source(*terms: tuple[Channel, ...]) -> EnergySource:
    return EnergySource("m/x", tuple(tuple(channel.column for channel in term) for term in terms), "board")


def test_volt_times_ampere(tmp_path: Path) -> None:
    trace = recorded(tmp_path / "run", {"": {volt(): 4.0, ampere(): 0.5}})
    got = energy_of_source(trace, source((volt(), ampere())), T0, T1)
    assert got.energy_j == pytest.approx([20.0])


def test_streams_of_one_source_are_added(tmp_path: Path) -> None:
    joules = Channel("package-0", Quantity.ENERGY, "counter", scale=1e-3)
    watts = Channel("dram", Quantity.POWER)
    trace = recorded(tmp_path / "run", {"": {joules: 3000}, "slow": {watts: 2.0}})
    got = energy_of_source(trace, source((joules,), (watts,)), T0, T1)
    assert got.energy_j == pytest.approx([50.0])
    assert got.coverage.tolist() == [1.0]


def test_factors_in_two_streams_are_refused(tmp_path: Path) -> None:
    trace = recorded(tmp_path / "run", {"": {volt(): 4.0}, "slow": {ampere(): 0.5}})
    with pytest.raises(
        UsageError, match=r"m/x multiplies main\.voltage_v and main\.current_a, which lie in the streams m, m-slow"
    ):
        energy_of_source(trace, source((volt(), ampere())), T0, T1)
    with pytest.raises(UsageError, match="names no columns"):
        energy_of_source(trace, source(), T0, T1)


def test_gaps_and_samples_are_on_the_host_clock(tmp_path: Path) -> None:
    watts = Channel("rail", Quantity.POWER)
    gap = Gap(12 * S + 1, 12 * S + 2, "lost", 1)
    trace = recorded(tmp_path / "run", {"": {watts: 2.0}}, clock=METER, gaps=(gap,))
    assert gaps_on_host_clock(trace, "m") == [Gap(14 * S + 1, 14 * S + 2, "lost", 1, "m")]
    got = energy_of_source(trace, source((watts,)), [2 * S, 10 * S, 13 * S], [5 * S, 13 * S, 15 * S])
    assert got.energy_j[:2] == pytest.approx([6.0, 6.0])
    assert math.isnan(got.energy_j[2])
    assert got.coverage[2] == pytest.approx(0.995)


@pytest.mark.parametrize(
    ("clock", "of_windows", "bounds_s"),
    [(HOST_CLOCK, [HOST_CLOCK], ()), (METER, [HOST_CLOCK], (0.003,)), (METER, [METER], ()), (HOST_CLOCK, [], ())],
)
def test_bounds_of_the_clocks_between(
    tmp_path: Path, clock: str, of_windows: list[str], bounds_s: tuple[float, ...]
) -> None:
    watts = Channel("rail", Quantity.POWER)
    trace = recorded(tmp_path / "run", {"": {watts: 2.0}}, clock=clock)
    got = energy_of_source(trace, source((watts,)), T0, T1)
    assert instrument_of(trace, source((watts,)), T0, T1, of_windows, got).bounds_s == bounds_s


def instrument(trace: Trace, of: EnergySource) -> tuple[float | None, float]:
    got = instrument_of(trace, of, T0, T1, [HOST_CLOCK], energy_of_source(trace, of, T0, T1))
    return got.gain_rel, got.offset_w


def test_accuracy_of_a_product(tmp_path: Path) -> None:
    v, a = volt(Accuracy(0.003, 0.01, "x")), ampere(Accuracy(0.004, 0.002, "x"))
    trace = recorded(tmp_path / "run", {"": {v: 4.0, a: 0.5}})
    gain_rel, offset_w = instrument(trace, source((v, a)))
    assert gain_rel == pytest.approx(0.005)
    assert offset_w == pytest.approx(math.hypot(0.01 * 0.5, 0.002 * 4.0), rel=1e-6)


def test_accuracy_of_a_sum_is_that_of_its_worst_term(tmp_path: Path) -> None:
    one, two = (
        Channel(n, Quantity.POWER, accuracy=Accuracy(g, o, "x")) for n, g, o in (("a", 0.01, 0.1), ("b", 0.03, 0.2))
    )
    trace = recorded(tmp_path / "run", {"": {one: 4.0, two: 0.5}})
    assert instrument(trace, source((one,), (two,))) == (0.03, pytest.approx(0.3))


def test_zero_point_of_a_counter_cancels(tmp_path: Path) -> None:
    joules = Channel("package-0", Quantity.ENERGY, "counter", scale=1e-3, accuracy=Accuracy(0.01, 5.0, "x"))
    assert instrument(recorded(tmp_path / "run", {"": {joules: 3000}}), source((joules,))) == (0.01, 0.0)


def test_one_factor_without_accuracy_leaves_the_gain_unknown(tmp_path: Path) -> None:
    v = volt(Accuracy(0.003, 0.01, "x"))
    trace = recorded(tmp_path / "run", {"": {v: 4.0, ampere(): 0.5}})
    assert instrument(trace, source((v, ampere()))) == (None, 0.0)


def test_temperatures(tmp_path: Path) -> None:
    hot, cool, room, skin = (Channel(n, Quantity.TEMPERATURE) for n in ("x86_pkg_temp", "cpu-thermal", "room", "skin"))
    channels = {"": {hot: 70.0, room: 99.0}, "slow": {cool: 50.0, skin: 33.0}}
    at_ns = np.array([0, 15 * S, 35 * S, 45 * S])
    trace = recorded(tmp_path / "run", channels)
    np.testing.assert_array_equal(temperatures_c(trace, at_ns), [70.0, 70.0, 70.0, math.nan])
    named = recorded(tmp_path / "named", channels, conditions={"temperature_channel": "skin"})
    np.testing.assert_array_equal(temperatures_c(named, at_ns), [33.0, 33.0, 33.0, math.nan])
    without = recorded(tmp_path / "without", {"": {room: 20.0}})
    assert np.isnan(temperatures_c(without, at_ns)).all()

"""Joules while they are measured: the same as those of a run, and nothing over a gap."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgewatt.profiler.batch import COUNTER_ABSENT, Batch
from edgewatt.profiler.channel import Channel, EnergySource, Opened
from edgewatt.profiler.energy.windows import energy_of_windows
from edgewatt.profiler.units import Quantity
from edgewatt.profiler.watching.joules import LiveSource
from tests.watching_views import S

VOLT, AMPERE = Channel("main", Quantity.VOLTAGE), Channel("main", Quantity.CURRENT)
WATT = Channel("main", Quantity.POWER)
JOULES = Channel("rail", Quantity.ENERGY, kind="counter", scale=1e-6)


def live(terms: tuple[tuple[str, ...], ...], *channels: Channel) -> LiveSource:
    source = EnergySource("meter/x", terms, "rail")
    return LiveSource(source, Opened("meter", {"": channels}, sources=(source,)))


def fed(source: LiveSource, t_ns: NDArray[np.int64], columns: Mapping[str, NDArray[Any]], by: int = 10) -> LiveSource:
    """The source after these samples, `by` of them at a time."""
    for start in range(0, len(t_ns), by):
        part = slice(start, start + by)
        piece = Batch(t_ns[part], {name: of[part] for name, of in columns.items()})
        source.feed(piece, piece.t_ns, int(piece.t_ns[-1]))
    return source


def test_they_are_those_of_a_run() -> None:
    rng = np.random.default_rng(1)
    t_ns = np.arange(600) * (S // 10) + rng.integers(0, S // 50, 600)
    columns = {"main.voltage_v": rng.normal(4, 0.1, 600), "main.current_a": rng.normal(0.5, 0.2, 600)}
    source = fed(live((("main.voltage_v", "main.current_a"),), VOLT, AMPERE), t_ns, columns)
    once = energy_of_windows([Batch(t_ns, columns)], [(VOLT, AMPERE)], [int(t_ns[0])], [int(t_ns[-1])])
    assert source.energy_j == pytest.approx(once.energy_j[0], rel=1e-3)
    assert source.covered_s == pytest.approx((t_ns[-1] - t_ns[0]) / S)
    assert source.power_w == pytest.approx(float(columns["main.voltage_v"][-1] * columns["main.current_a"][-1]))


def test_a_gap_has_no_joules() -> None:
    t_ns = np.concatenate([np.arange(100), np.arange(400, 500)]) * (S // 10)
    source = fed(live((("main.power_w",),), WATT), t_ns, {"main.power_w": np.full(200, 3.0)})
    assert source.energy_j == pytest.approx(2 * 3.0 * 9.9)
    assert source.covered_s == pytest.approx(2 * 9.9)
    mean, _, _ = source.series(int(t_ns[-1]) + S)
    assert np.isnan(mean[-30:-12]).all()


def test_a_counter_goes_on_over_a_gap_and_absent_is_not_zero() -> None:
    t_ns = np.concatenate([np.arange(100), np.arange(400, 500)]) * (S // 10)
    raw = (t_ns // 1000).astype(np.int64)  # 1 W in microjoules
    raw[50] = COUNTER_ABSENT
    source = fed(live((("rail.energy_j",),), JOULES), t_ns, {"rail.energy_j": raw})
    assert source.energy_j == pytest.approx((t_ns[-1] - t_ns[0]) / S, rel=1e-6)
    assert source.power_w == pytest.approx(1.0)


def test_another_session_bridges_nothing_and_goes_on() -> None:
    t_ns = np.arange(50) * (S // 10)
    source = live((("rail.energy_j",),), JOULES)
    fed(source, t_ns, {"rail.energy_j": t_ns // 1000})
    before_j = source.energy_j
    assert before_j is not None
    source.again()
    assert source.power_w is None
    assert source.energy_j == before_j
    fed(source, t_ns + 100 * S, {"rail.energy_j": t_ns // 1000})  # the device was restarted: its counter too
    assert source.energy_j == pytest.approx(2 * before_j)


def test_it_is_unknown_before_enough_came_and_where_columns_are_missing() -> None:
    source = fed(live((("main.power_w",),), WATT), np.array([0, S // 10]), {"main.power_w": np.array([1.0, 1.0])})
    assert (source.power_w, source.energy_j) == (None, None)
    without = live((("main.power_w",),))
    assert (without.power_w, without.energy_j, without.streams) == (None, None, [])
    no_power = live((("main.voltage_v",),), VOLT)
    fed(no_power, np.arange(100) * S, {"main.voltage_v": np.full(100, 4.0)})
    assert no_power.energy_j is None


def test_nan_is_not_measured() -> None:
    watt = np.full(100, 2.0)
    watt[-1] = np.nan
    source = fed(live((("main.power_w",),), WATT), np.arange(100) * (S // 10), {"main.power_w": watt})
    assert source.power_w is None
    assert source.energy_j == pytest.approx(2 * 9.8)


def test_stamps_that_go_back_end_nothing() -> None:
    t_ns = np.arange(60) * (S // 10)
    source = live((("main.power_w",),), WATT)
    fed(source, t_ns, {"main.power_w": np.full(60, 2.0)})
    fed(source, t_ns[::-1] - S, {"main.power_w": np.full(60, 2.0)})
    fed(source, t_ns + 10 * S, {"main.power_w": np.full(60, 2.0)})
    assert source.energy_j == pytest.approx(2 * 2 * 5.9, rel=0.1)

"""A GPU as an instrument: what it measures, what it does not, and what happens when calls fail or it is lost."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from edgewatt.collectors.nvidia.collector import SLOW, Nvml
from edgewatt.profiler.batch import COUNTER_ABSENT, Batch, End, Gap
from edgewatt.profiler.clock import ManualClock
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.protocols import Learning
from tests.nvml_fake import LOST, NOT_SUPPORTED, FakeGpu, S, install

ENERGY, INSTANT, AVERAGE = "nvml0.energy_j", "nvml0_instant.power_w", "nvml0_average.power_w"


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> FakeGpu:
    made = FakeGpu(ManualClock(10 * S), steps=[(0, 60.0)])
    made.nvml = install(monkeypatch, made)  # type: ignore[attr-defined]
    return made


def rows(collector: Nvml, gpu: FakeGpu, seconds: float) -> dict[str, list[Batch]]:
    found: dict[str, list[Batch]] = {"": [], SLOW: []}
    end_ns = gpu.clock.now_ns() + seconds * S
    while gpu.clock.now_ns() < end_ns:
        item = collector.read(0.2)
        assert isinstance(item, Batch), item
        if len(item):
            found[item.stream].append(item)
    return found


def column(batches: list[Batch], name: str) -> np.ndarray:
    return np.concatenate([batch.columns[name] for batch in batches])


def test_what_answers_is_measured_ten_times_a_second_and_once(gpu: FakeGpu) -> None:
    collector = Nvml("0")
    opened = collector.open(gpu.clock)
    assert [c.column for c in opened.channels[""]] == [ENERGY, INSTANT, AVERAGE]
    assert {u.what for u in opened.unavailable} == {"nvml0_module.power_w", "nvml0_memory.power_w"}
    assert [(s.name, s.boundary) for s in opened.sources] == [("nvml0/energy", "board"), ("nvml0/power", "board")]
    by_column = {c.column: c for of in opened.channels.values() for c in of}
    assert (by_column[ENERGY].kind, by_column[ENERGY].scale, by_column[ENERGY].period_s) == ("counter", 1e-3, 0.1)
    assert (by_column[INSTANT].window_s, by_column[AVERAGE].window_s) == (0.025, 1.0)
    found = rows(collector, gpu, 10)
    assert 95 <= len(found[""]) <= 101
    assert 10 <= len(found[SLOW]) <= 11
    assert np.allclose(column(found[""], INSTANT), 60)
    assert (np.diff(column(found[""], ENERGY)) > 0).all()
    slow = {name: values[0] for name, values in found[SLOW][-1].columns.items()}
    assert slow["nvml0_sm.frequency_hz"] == 1411e6
    assert (slow["nvml0_gpu.temperature_c"], slow["nvml0_memory.temperature_c"]) == (54, 71)
    assert (slow["nvml0_gpu.load_ratio"], slow["nvml0_used.memory_b"]) == (pytest.approx(0.37), 3 << 30)
    assert (slow["nvml0_power_capped.state_code"], slow["nvml0_thermal.state_code"]) == (1, 0)
    collector.close()


def test_the_period_is_measured_and_the_cost_of_asking_told(gpu: FakeGpu) -> None:
    gpu.call_s, gpu.period_s = 0.0003, 0.04
    collector = Nvml("0")
    assert isinstance(collector, Learning)
    opened = collector.open(gpu.clock)
    assert opened.channels[""][0].period_s == pytest.approx(0.04, rel=0.03)
    rows(collector, gpu, 10)
    collector.close()
    learnt = collector.learnt().facts
    assert learnt["update_period_s"] == pytest.approx(0.04, rel=1e-3)
    assert learnt["update_period_basis"] == "measured"
    assert learnt["updates_caught"] > 0.9 * learnt["updates_followed"]
    assert learnt["stamp_bound_s"] < 0.003
    assert 0.001 < learnt["polling"]["share"] < 0.1
    assert learnt["polling"]["calls"]["DeviceGetTotalEnergyConsumption"]["mean_s"] == pytest.approx(0.0003)


def test_each_holder_gives_nvml_back_once(gpu: FakeGpu) -> None:
    first, second = Nvml("0"), Nvml("0", "other")
    first.open(gpu.clock)
    second.open(gpu.clock)
    assert gpu.nvml.held == 2  # type: ignore[attr-defined]
    first.close()
    first.close()
    second.open(gpu.clock)
    assert gpu.nvml.held == 1  # type: ignore[attr-defined]
    second.close()
    assert gpu.nvml.held == 0  # type: ignore[attr-defined]


def test_a_call_that_fails_in_the_middle_leaves_null_and_comes_back(gpu: FakeGpu) -> None:
    collector = Nvml("0")
    collector.open(gpu.clock)
    rows(collector, gpu, 2)
    gpu.refuse |= {"GetTotalEnergyConsumption": 10, "GetUtilizationRates": NOT_SUPPORTED, "185.0": 999}
    found = rows(collector, gpu, 2)
    assert len(found[""]) >= 19
    assert (column(found[""][1:], ENERGY) == COUNTER_ABSENT).all()
    assert np.isnan(column(found[""][1:], AVERAGE)).all()
    assert np.allclose(column(found[""], INSTANT), 60)
    assert np.isnan(column(found[SLOW], "nvml0_gpu.load_ratio")).all()
    assert (column(found[SLOW], "nvml0_gpu.temperature_c") == 54).all()
    gpu.refuse.clear()
    found = rows(collector, gpu, 2)
    assert (column(found[""][2:], ENERGY) > 0).all()
    collector.close()


def test_a_lost_gpu_is_a_gap_and_then_the_end_with_its_reason(gpu: FakeGpu) -> None:
    collector = Nvml("0")
    collector.open(gpu.clock)
    last_ns = max(int(batch.t_ns[-1]) for batch in rows(collector, gpu, 2)[""])
    gpu.refuse["*"] = LOST
    seen = []
    while not seen or not isinstance(seen[-1], End):
        item = collector.read(0.2)
        if not isinstance(item, Batch) or len(item):
            seen.append(item)
    fast, slow, end = seen
    assert isinstance(fast, Gap)
    assert isinstance(slow, Gap)
    assert isinstance(end, End)
    assert (fast.stream, slow.stream) == ("", SLOW)
    assert fast.t0_ns == last_ns < fast.t1_ns
    assert all("the GPU is lost" in item.cause for item in (fast, slow, end))
    assert isinstance(collector.read(0.2), End)
    collector.close()
    with pytest.raises(DeviceError, match="the GPU is lost"):
        collector.open(gpu.clock)
    assert gpu.nvml.held == 0  # type: ignore[attr-defined]


def test_a_gpu_that_supports_nothing_has_reasons_and_no_zero(gpu: FakeGpu) -> None:
    """As an Orin: init and name succeed, everything else is NotSupported."""
    kept = {"GetName": 0, "GetIndex": 0, "GetUUID": 0}
    gpu.refuse |= {"*": NOT_SUPPORTED, **kept}
    opened = Nvml("0").open(gpu.clock)
    assert not opened.channels
    assert not opened.sources
    assert len(opened.unavailable) > 10
    assert all("not supported" in u.reason for u in opened.unavailable[:-1])
    assert "jetson" in opened.unavailable[-1].fix


def test_a_counter_that_stands_still_is_no_counter(gpu: FakeGpu) -> None:
    gpu.stuck = True
    opened = Nvml("0").open(gpu.clock)
    assert [s.name for s in opened.sources] == ["nvml0/power"]
    assert ENERGY not in [c.column for c in opened.channels[""]]
    why = next(u.reason for u in opened.unavailable if u.what == ENERGY)
    assert "stayed at 5000000 mJ" in why


@pytest.mark.parametrize(
    ("refuse", "left", "source"),
    [
        ({"GetTotalEnergyConsumption": 3}, [INSTANT, AVERAGE], INSTANT),
        ({"GetTotalEnergyConsumption": 13, "186.0": 3}, [AVERAGE], AVERAGE),
        ({"GetTotalEnergyConsumption": 3, "GetFieldValues": 13}, ["nvml0_usage.power_w"], "nvml0_usage.power_w"),
    ],
)
def test_without_the_best_the_next_best_is_taken(
    gpu: FakeGpu, refuse: dict[str, int], left: list[str], source: str
) -> None:
    gpu.refuse |= refuse
    collector = Nvml("0")
    opened = collector.open(gpu.clock)
    assert [c.column for c in opened.channels[""]] == left
    assert opened.sources[0].terms == ((source,),)
    assert np.allclose(column(rows(collector, gpu, 1)[""], source), 60)
    collector.close()


def test_power_that_is_new_at_another_time_than_the_counter_gives_no_joules(gpu: FakeGpu) -> None:
    gpu.lag_s = 0.05
    gpu.steps = [(int(at * S), 60.0 + 7 * math.sin(at)) for at in np.arange(8, 14, 0.05)]
    opened = Nvml("0").open(gpu.clock)
    assert [s.name for s in opened.sources] == ["nvml0/energy"]
    assert "nvml0/power" in [u.what for u in opened.unavailable]
    gpu.lag_s = 0.0
    assert [s.name for s in Nvml("0").open(gpu.clock).sources] == ["nvml0/energy", "nvml0/power"]


def test_old_names_serve_where_new_ones_are_missing(gpu: FakeGpu) -> None:
    gpu.refuse |= {"GetCurrentClocksEventReasons": 13, "GetTemperatureV": 13}
    collector = Nvml("0")
    collector.open(gpu.clock)
    slow = rows(collector, gpu, 1)[SLOW][0].columns
    assert (slow["nvml0_gpu.temperature_c"][0], slow["nvml0_reasons.state_code"][0]) == (55, 0x20)
    assert (slow["nvml0_power_capped.state_code"][0], slow["nvml0_thermal.state_code"][0]) == (0, 1)
    collector.close()


def test_a_zero_is_not_measured(gpu: FakeGpu, monkeypatch: pytest.MonkeyPatch) -> None:
    collector = Nvml("0")
    collector.open(gpu.clock)
    answers: list[Callable[..., int]] = [lambda *_, **__: 0]
    monkeypatch.setattr(FakeGpu, "power_mw", answers[0])
    assert np.isnan(column(rows(collector, gpu, 1)[""][1:], INSTANT)).all()
    collector.close()
    opened = collector.open(gpu.clock)
    assert [c.column for c in opened.channels[""]] == [ENERGY]
    assert any(u.what == INSTANT and "not measured" in u.reason for u in opened.unavailable)

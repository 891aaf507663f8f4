"""From a recorded run to its tables."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from edgewatt.profiler.analysis.process import process
from edgewatt.profiler.channel import Accuracy, Unavailable
from edgewatt.profiler.errors import NotMeasuredError
from edgewatt.profiler.identity import config_id
from edgewatt.profiler.storage.manifest import read_manifest, write_manifest
from edgewatt.profiler.tables import REPEATS, RESULTS
from tests.measured_runs import (
    BUSY_W,
    CONFIG,
    FACTS,
    IDLE_W,
    ITERATIONS,
    REPEAT_S,
    Instrument,
    Plan,
    rail,
    rapl,
    tables,
    written,
)

GROSS_J = BUSY_W * REPEAT_S / ITERATIONS
NET_J = (BUSY_W - IDLE_W) * REPEAT_S / ITERATIONS
RAPL = Instrument(rapl())


def test_a_run_with_a_counter(tmp_path: Path) -> None:
    told = {0: {"memory_peak_b": 1000, "init_s": 0.4}, 1: {"memory_peak_b": 3000, "init_s": 0.6}}
    trace = process(written(tmp_path / "run", [RAPL], Plan(told=told)))
    for name, schema in (("repeats", REPEATS), ("results", RESULTS)):
        assert pq.read_schema(tmp_path / "run" / f"{name}.parquet").remove_metadata() == schema
    repeats, [result] = tables(trace)
    assert [row["repeat"] for row in repeats] == [0, 1, 2]
    for row in repeats:
        assert row["energy_gross_j"] == pytest.approx(GROSS_J, rel=1e-6)
        assert row["energy_net_j"] == pytest.approx(NET_J, rel=1e-6)
        assert row["power_w"] == pytest.approx(BUSY_W, rel=1e-6)
        assert row["power_idle_w"] == pytest.approx(IDLE_W, rel=1e-6)
        assert row["latency_s"] == pytest.approx(REPEAT_S / ITERATIONS)
        assert row["t1_ns"] - row["t0_ns"] == REPEAT_S * 1e9
        facts = {"config_id": CONFIG, **FACTS, "target_used": "xnnpack", "session": "monday", "simulated": True}
        assert {key: row[key] for key in facts} == facts
        said = {"energy_source": "rapl/package-0", "energy_boundary": "rail", "idle_state": "awake", "coverage": 1.0}
        assert {key: row[key] for key in said} == said
        assert (row["quality"], row["quality_reasons"]) == ("good", [])
        assert (row["iterations"], row["latency_stat"], row["throttled"]) == (ITERATIONS, "median", None)
        assert row["temperature_start_c"] is None
    assert [row["order"] for row in repeats] == [0, 1, 2]
    assert result["energy_gross_j_mean"] == pytest.approx(GROSS_J, rel=1e-6)
    assert result["energy_gross_j_low"] <= GROSS_J <= result["energy_gross_j_high"]
    assert result["energy_net_j_low"] <= NET_J <= result["energy_net_j_high"]
    assert result["energy_net_j_mean"] == pytest.approx(NET_J, rel=1e-6)
    assert result["energy_gross_j_accuracy_low"] is None
    assert (result["power_w"], result["power_idle_w"]) == (pytest.approx(BUSY_W, rel=1e-6), pytest.approx(IDLE_W))
    assert (result["memory_peak_b"], result["init_s"], result["first_s"]) == (
        3000,
        pytest.approx(0.5),
        pytest.approx(0.2),
    )
    assert (result["latency_s_n"], result["latency_s_p99"]) == (3, pytest.approx(0.1))
    assert (result["quality"], result["quality_reasons"]) == ("good", [])
    assert (trace.manifest.quality, trace.manifest.quality_reasons) == ("good", [])
    assert trace.verify() == []
    assert set(trace.manifest.files) >= {"repeats.parquet", "results.parquet", "windows.parquet"}


def test_accuracy_is_given_where_the_gain_was_stated(tmp_path: Path) -> None:
    channel = rapl(accuracy=Accuracy(0.02, 0.3, "datasheet"))
    _, [result] = tables(process(written(tmp_path / "run", [Instrument(channel)])))
    assert result["energy_gross_j_accuracy_high"] == pytest.approx(GROSS_J * (1 + 1.96 * 0.02), rel=1e-3)
    assert result["energy_net_j_accuracy_low"] == pytest.approx(NET_J * (1 - 1.96 * 0.02), rel=1e-3)


def test_zero_point_of_a_gauge_counts_for_gross(tmp_path: Path) -> None:
    channel = rail(accuracy=Accuracy(0.0, 0.5, "datasheet"), period_s=0.001)
    _, [result] = tables(process(written(tmp_path / "run", [Instrument(channel, 0.001)])))
    half_j = 1.96 * 0.5 * REPEAT_S / ITERATIONS
    assert result["energy_gross_j_accuracy_high"] == pytest.approx(result["energy_gross_j_mean"] + half_j, rel=1e-3)
    assert result["energy_net_j_accuracy_high"] == pytest.approx(result["energy_net_j_high"])


def test_without_an_energy_source_there_is_a_row_that_says_why(tmp_path: Path) -> None:
    missing = (
        Unavailable("cpu.load_ratio", "no reason"),
        Unavailable("package-0.energy_j", "permission denied", "chmod"),
    )
    trace = process(written(tmp_path / "run", plan=Plan(unavailable=missing, idle=False)))
    repeats, [result] = tables(trace)
    assert len(repeats) == 3
    for row in (*repeats, result):
        nothing = [name for name in row if name.startswith(("energy_", "power_"))]
        assert len(nothing) >= 6
        assert {row[name] for name in nothing} == {None}
        assert row["quality_reasons"] == ["no_energy_source:package-0.energy_j: permission denied"]
        assert row["quality"] == "good"
    assert result["latency_s_mean"] == pytest.approx(0.1)
    assert repeats[0]["coverage"] is None


def test_a_row_per_source_in_the_order_of_the_run(tmp_path: Path) -> None:
    board = Instrument(rail(period_s=0.005), 0.005, "ina", "board")
    repeats, results = tables(process(written(tmp_path / "run", [RAPL, board])))
    assert [row["energy_source"] for row in results] == ["rapl/package-0", "ina/vdd_in"]
    assert [row["energy_boundary"] for row in results] == ["rail", "board"]
    assert [(row["energy_source"], row["repeat"]) for row in repeats[:4]] == [
        *(("rapl/package-0", repeat) for repeat in range(3)),
        ("ina/vdd_in", 0),
    ]
    assert [row["energy_gross_j_mean"] for row in results] == pytest.approx([GROSS_J] * 2, rel=2e-3)
    assert results[0]["conditions_sha256"] != results[1]["conditions_sha256"]


def test_interleaved_configurations_come_in_the_order_of_their_first_window(tmp_path: Path) -> None:
    other = {**FACTS, "threads": 1}
    b = config_id(other)
    plan = Plan(order=(b, CONFIG, CONFIG, b), configs={CONFIG: FACTS, b: other}, busy_w={0: 6.0, 3: 6.0})
    repeats, results = tables(process(written(tmp_path / "run", [RAPL], plan)))
    assert [row["config_id"] for row in results] == [b, CONFIG]
    assert [row["threads"] for row in results] == [1, 4]
    assert [row["power_w"] for row in results] == pytest.approx([6.0, BUSY_W], rel=1e-6)
    assert [(row["threads"], row["repeat"], row["order"]) for row in repeats] == [
        (1, 0, 0),
        (1, 1, 3),
        (4, 0, 1),
        (4, 1, 2),
    ]


def test_one_repeat_has_energy_bounds_and_no_latency_bounds(tmp_path: Path) -> None:
    plan = Plan(order=(CONFIG,))
    _, [result] = tables(process(written(tmp_path / "run", [Instrument(rail(period_s=0.1), 0.1)], plan)))
    assert (result["latency_s_n"], result["latency_s_std"], result["latency_s_low"]) == (1, None, None)
    assert "one_repeat" in result["quality_reasons"]
    assert result["energy_gross_j_low"] < result["energy_gross_j_mean"] < result["energy_gross_j_high"]
    assert result["energy_gross_j_low"] < GROSS_J < result["energy_gross_j_high"]


def test_void_repeats_are_left_out_and_said(tmp_path: Path) -> None:
    plan = Plan(told={1: {"reasons": ["suspended"]}}, busy_w={1: 1.0})
    repeats, [result] = tables(process(written(tmp_path / "run", [RAPL], plan)))
    assert [row["quality"] for row in repeats] == ["good", "void", "good"]
    assert repeats[1]["energy_gross_j"] is None
    assert result["energy_gross_j_mean"] == pytest.approx(GROSS_J, rel=1e-6)
    assert (result["latency_s_n"], result["quality"], result["quality_reasons"]) == (2, "marked", ["some_void"])


def test_a_configuration_of_void_repeats_is_void(tmp_path: Path) -> None:
    told = {0: {"iterations": 0}, 1: {"reasons": ["failed"]}, 2: {"reasons": ["failed"]}}
    trace = process(written(tmp_path / "run", [RAPL], Plan(told=told, iterations=False)))
    _, [result] = tables(trace)
    assert (result["quality"], trace.manifest.quality) == ("void", "void")
    assert result["quality_reasons"] == ["all_void", "no_iterations", "no_latency", "failed"]
    assert result["latency_s_mean"] is None
    assert result["energy_gross_j_mean"] is None


def test_reasons_mark(tmp_path: Path) -> None:
    plan = Plan(told={0: {"steady": False}, 1: {"throttled": True, "reasons": ["partly_delegated"]}})
    trace = process(written(tmp_path / "run", [RAPL], plan))
    repeats, [result] = tables(trace)
    assert [row["quality_reasons"] for row in repeats] == [["not_steady"], ["partly_delegated", "throttled"], []]
    assert [row["throttled"] for row in repeats] == [None, True, None]
    assert result["quality_reasons"] == ["not_steady", "partly_delegated", "throttled"]
    assert trace.manifest.quality_reasons == [f"results:{reason}" for reason in result["quality_reasons"]]
    assert tables(process(tmp_path / "run")) == (repeats, [result])


def test_a_gap_refuses_the_energy_of_its_repeat(tmp_path: Path) -> None:
    gauge = Instrument(rail(period_s=0.001), 0.001, lost=[(106.0, 106.5)])
    repeats, [result] = tables(process(written(tmp_path / "run", [gauge])))
    assert repeats[0]["energy_gross_j"] is None
    assert repeats[0]["coverage"] == pytest.approx(0.75, abs=0.01)
    assert repeats[0]["quality_reasons"] == ["gaps"]
    assert repeats[0]["latency_s"] is not None
    assert repeats[1]["energy_gross_j"] == pytest.approx(GROSS_J, rel=1e-3)
    assert result["energy_gross_j_mean"] == pytest.approx(GROSS_J, rel=1e-3)
    assert (result["latency_s_n"], result["quality_reasons"]) == (3, ["gaps"])


def test_a_few_lost_samples_carry_their_coverage(tmp_path: Path) -> None:
    gauge = Instrument(rail(period_s=0.0005), 0.0005, lost=[(106.0001, 106.0009)])
    repeats, [result] = tables(process(written(tmp_path / "run", [gauge])))
    assert 0.999 <= repeats[0]["coverage"] < 1.0
    assert repeats[0]["energy_gross_j"] == pytest.approx(GROSS_J * repeats[0]["coverage"], rel=2e-4)
    assert (repeats[0]["quality"], result["quality"]) == ("good", "good")


def test_a_counter_bridges_what_a_gauge_cannot(tmp_path: Path) -> None:
    lossy = Instrument(rapl(), lost=[(106.0, 106.5)])
    repeats, _ = tables(process(written(tmp_path / "run", [lossy])))
    assert repeats[0]["energy_gross_j"] == pytest.approx(GROSS_J, rel=1e-6)
    assert repeats[0]["coverage"] == 1.0


def test_idle_that_drifts_is_flagged(tmp_path: Path) -> None:
    _, [result] = tables(process(written(tmp_path / "run", [RAPL], Plan(idle_after_w=IDLE_W * 1.04))))
    assert result["quality_reasons"] == ["idle_drift"]
    _, [steady] = tables(process(written(tmp_path / "steady", [RAPL], Plan(idle_after_w=IDLE_W * 1.02))))
    assert steady["quality_reasons"] == []
    assert IDLE_W < steady["power_idle_w"] < IDLE_W * 1.02


def test_without_idle_there_is_no_net(tmp_path: Path) -> None:
    repeats, [result] = tables(process(written(tmp_path / "run", [RAPL], Plan(idle=False))))
    assert result["quality_reasons"] == ["no_idle"]
    assert (result["energy_net_j_mean"], result["power_idle_w"], repeats[0]["energy_net_j"]) == (None, None, None)
    assert result["energy_gross_j_mean"] == pytest.approx(GROSS_J, rel=1e-6)


def test_a_sensor_with_too_few_updates_gives_nothing(tmp_path: Path) -> None:
    slow = Instrument(rail(period_s=3.0), 3.0)
    repeats, [result] = tables(process(written(tmp_path / "run", [slow], Plan(order=(CONFIG,) * 2))))
    assert {row["energy_gross_j"] for row in repeats} == {None}
    assert "too_few_updates" in result["quality_reasons"]


def test_a_point_sensor_slower_than_an_iteration_is_undersampled(tmp_path: Path) -> None:
    slow = Instrument(rail(period_s=0.2), 0.2)
    _, [result] = tables(process(written(tmp_path / "slow", [slow])))
    assert result["quality_reasons"] == ["undersampled"]
    averaging = Instrument(rail(period_s=0.2, window_s=0.2), 0.2)
    _, [result] = tables(process(written(tmp_path / "averaging", [averaging])))
    assert result["quality_reasons"] == []


def test_a_meter_with_its_own_clock(tmp_path: Path) -> None:
    meter = Instrument(rail(period_s=0.001), 0.001, "meter", "wall", "meter.uptime", ahead_s=1234.5, bound_ns=5_000_000)
    repeats, [result] = tables(process(written(tmp_path / "run", [meter])))
    lost_j = (BUSY_W - IDLE_W) * 0.0025 / ITERATIONS
    assert repeats[0]["energy_gross_j"] == pytest.approx(GROSS_J + lost_j, rel=2e-4)
    half_j = 1.96 * (BUSY_W - IDLE_W) * 0.005 / 12**0.5 / ITERATIONS
    assert result["energy_gross_j_high"] - result["energy_gross_j_mean"] == pytest.approx(half_j, rel=0.02)


def test_a_clock_that_was_never_compared_is_not_measured(tmp_path: Path) -> None:
    meter = Instrument(rail(), 0.01, clock="meter.uptime", ahead_s=5.0)
    written(tmp_path / "run", [meter])
    write_manifest(tmp_path / "run", replace(read_manifest(tmp_path / "run"), clocks={}))
    with pytest.raises(NotMeasuredError, match=r"meter\.uptime"):
        process(tmp_path / "run")


def test_a_runtime_that_gives_only_a_mean(tmp_path: Path) -> None:
    told = {k: {"latency_s": 0.1 + k / 100, "latency_stat": "mean"} for k in range(3)}
    repeats, [result] = tables(process(written(tmp_path / "run", [RAPL], Plan(told=told, iterations=False))))
    assert [row["latency_stat"] for row in repeats] == ["mean"] * 3
    assert result["latency_s_mean"] == pytest.approx(0.11)
    assert (result["latency_s_p50"], result["latency_s_p90"], result["latency_s_p99"]) == (None, None, None)
    assert result["quality"] == "good"


def test_temperatures_and_their_class(tmp_path: Path) -> None:
    def hashed(name: str, shift_c: float) -> tuple[dict[str, Any], str]:
        warm = [(at, 40.0 + (at - 105.5) + shift_c) for at in range(100, 125)]
        repeats, [result] = tables(process(written(tmp_path / name, [RAPL], Plan(temperatures=warm))))
        assert len({row["conditions_sha256"] for row in (*repeats, result)}) == 1
        return repeats[0], result["conditions_sha256"]

    row, cool = hashed("cool", 1.0)
    assert (row["temperature_start_c"], row["temperature_end_c"]) == (
        pytest.approx(40.5, abs=0.51),
        pytest.approx(42.5, abs=0.51),
    )
    assert hashed("same", 2.0)[1] == cool
    assert hashed("warm", 9.0)[1] != cool


def test_the_named_temperature_channel_counts(tmp_path: Path) -> None:
    said = {"conditions": {"temperature_channel": "skin"}}
    plan = Plan(temperatures=[(105.5, 40.0)], manifest=said)
    repeats, _ = tables(process(written(tmp_path / "run", [RAPL], plan)))
    assert repeats[0]["temperature_start_c"] is None


def test_a_configuration_that_the_run_does_not_describe(tmp_path: Path) -> None:
    _, [result] = tables(process(written(tmp_path / "run", [RAPL], Plan(configs={}))))
    assert result["quality_reasons"] == ["config_unknown"]
    assert (result["model"], result["device"]) == (None, "board")

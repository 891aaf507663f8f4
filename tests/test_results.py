"""Rows from repeats, without files."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from edgewatt.profiler.analysis.conditions import COMPARABILITY_KEYS, comparability, conditions_sha256
from edgewatt.profiler.analysis.repeats import Repeat
from edgewatt.profiler.analysis.results import Analysis, repeat_rows, result_rows, table_of
from edgewatt.profiler.analysis.seen import Seen
from edgewatt.profiler.channel import EnergySource
from edgewatt.profiler.energy.budget import Instrument, RepeatEnergy
from edgewatt.profiler.energy.idle import IdlePower
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.statistics import t_quantile
from edgewatt.profiler.storage.manifest import Manifest
from edgewatt.profiler.tables import REPEATS, RESULTS
from edgewatt.profiler.window import Window

S = 1_000_000_000
CONFIG = "0123456789ab"
SOURCE = EnergySource("rapl/package-0", (("package-0.energy_j",),), "rail")
IDLE = IdlePower(np.array([0, 200 * S]), np.array([1.0, 1.0]), 0.01, 30, 0.0)


def manifest(**fields: Any) -> Manifest:
    said: dict[str, Any] = {
        "simulated": False,
        "created": "",
        "command": [],
        "versions": {},
        "device": {"name": "board", "device_id": "f00d", "session": "monday"},
        "conditions": {"governor": "performance"},
        "configs": {CONFIG: {"model": "net.tflite", "threads": 4}},
    }
    return Manifest(**{**said, **fields})


def repeat(
    number: int,
    latency_s: float | None = 0.1,
    *,
    config: str | None = CONFIG,
    reasons: tuple[str, ...] = (),
    **told: Any,
) -> Repeat:
    latencies_s = np.full(100, latency_s) if latency_s is not None else np.empty(0)
    t0_ns = (10 + 20 * number) * S
    window = Window(f"measure/{number}", t0_ns, t0_ns + 10 * S, config_id=config)
    return Repeat(
        window,
        number,
        number,
        t0_ns,
        t0_ns + 10 * S,
        100,
        told,
        latencies_s,
        latency_s,
        "median",
        math.nan,
        math.nan,
        reasons,
    )


def energy(energy_j: float, **fields: Any) -> RepeatEnergy:
    return RepeatEnergy(energy_j, 10.0, 15 * S, 100, 0.01, **{"updates": 50, **fields})


def seen(energies: list[RepeatEnergy | None], *, idle: IdlePower | None = IDLE, reasons: tuple[str, ...] = ()) -> Seen:
    n = len(energies)
    return Seen(SOURCE, energies, [1.0] * n, [()] * n, idle, Instrument(gain_rel=0.01), reasons)


def analysis(
    repeats: list[Repeat], *views: Seen, reasons: tuple[str, ...] = (), said: Mapping[str, Any] | None = None
) -> Analysis:
    return Analysis(manifest(**(said or {})), reasons, repeats, views or (Seen.nothing(len(repeats), "none"),))


def test_rows_have_exactly_the_columns_of_the_tables() -> None:
    of = analysis([repeat(0), repeat(1)], seen([energy(50.0), energy(52.0)]))
    for rows, schema in ((repeat_rows(of), REPEATS), (result_rows(of), RESULTS)):
        assert [set(row) for row in rows] == [set(schema.names)] * len(rows)
        assert table_of(rows, schema, "run").schema == schema


def test_latency_over_repeats_and_percentiles_over_iterations() -> None:
    [row] = result_rows(analysis([repeat(0, 0.1), repeat(1, 0.2), repeat(2, 0.3)]))
    assert (row["latency_s_mean"], row["latency_s_n"]) == (pytest.approx(0.2), 3)
    assert row["latency_s_std"] == pytest.approx(0.1)
    half_s = t_quantile(0.975, 2) * 0.1 / math.sqrt(3)
    assert (row["latency_s_low"], row["latency_s_high"]) == (pytest.approx(0.2 - half_s), pytest.approx(0.2 + half_s))
    assert (row["latency_s_p50"], row["latency_s_p90"]) == (pytest.approx(0.2), pytest.approx(0.3))


def test_energy_of_repeats() -> None:
    of = analysis([repeat(0), repeat(1)], seen([energy(50.0), energy(52.0)]))
    [row] = result_rows(of)
    assert row["energy_gross_j_mean"] == pytest.approx(0.51)
    half_j = t_quantile(0.975, 1) * 0.01
    assert row["energy_gross_j_low"] == pytest.approx(0.51 - half_j)
    assert row["energy_gross_j_accuracy_high"] == pytest.approx(0.51 + math.hypot(half_j, 1.96 * 0.0051), rel=1e-4)
    assert row["energy_net_j_mean"] == pytest.approx(0.41)
    assert (row["power_w"], row["power_idle_w"]) == (pytest.approx(5.1), 1.0)
    assert [r["energy_net_j"] for r in repeat_rows(of)] == pytest.approx([0.40, 0.42])


def test_an_interval_above_half_of_the_value_is_no_value() -> None:
    [row] = result_rows(analysis([repeat(0), repeat(1)], seen([energy(50.0), energy(60.0)])))
    assert row["energy_gross_j_mean"] is None  # 12.7 x 5 / 100 against 0.55
    assert (row["power_w"], row["energy_gross_j_low"], row["energy_net_j_mean"]) == (None, None, None)
    assert row["quality_reasons"] == ["interval_above_half"]


def test_net_alone_can_be_too_uncertain() -> None:
    idle = IdlePower(IDLE.at_ns, np.array([4.95, 4.95]), 0.1, 30, 0.0)
    [row] = result_rows(analysis([repeat(0), repeat(1)], seen([energy(50.0), energy(50.1)], idle=idle)))
    assert row["energy_gross_j_mean"] == pytest.approx(0.5005)
    assert row["energy_net_j_mean"] is None
    assert "interval_above_half" in row["quality_reasons"]


def test_repeats_without_energy_leave_those_with() -> None:
    [row] = result_rows(analysis([repeat(0), repeat(1), repeat(2)], seen([energy(50.0), None, energy(50.2)])))
    assert row["energy_gross_j_mean"] == pytest.approx(0.501)
    assert row["latency_s_n"] == 3
    [row] = result_rows(analysis([repeat(0)], seen([None])))
    assert (row["energy_gross_j_mean"], row["power_w"], row["power_idle_w"]) == (None, None, None)


def test_repeats_that_ran_elsewhere_are_said() -> None:
    of = analysis([repeat(0, target_used="gpu"), repeat(1, target_used="cpu")])
    [row] = result_rows(of)
    assert row["target_used"] is None
    assert row["quality_reasons"][-1] == "target_differs"
    assert [r["target_used"] for r in repeat_rows(of)] == ["gpu", "cpu"]


def test_what_the_recording_said_stands_in_every_row() -> None:
    of = analysis([repeat(0), repeat(1)], seen([energy(50.0), energy(50.1)]), reasons=("hot",))
    assert [row["quality_reasons"] for row in (*repeat_rows(of), *result_rows(of))] == [["hot"]] * 3
    void = analysis([repeat(0), repeat(1)], seen([energy(50.0), energy(50.1)]), reasons=("suspended",))
    assert [row["quality"] for row in (*repeat_rows(void), *result_rows(void))] == ["void"] * 3


def test_a_window_without_a_configuration_is_a_row_of_its_own() -> None:
    rows = result_rows(analysis([repeat(0, config=None), repeat(0)]))
    assert [row["config_id"] for row in rows] == [None, CONFIG]
    assert "config_unknown" in rows[0]["quality_reasons"]
    assert rows[0]["device"] == "board"


def test_no_repeats_no_rows() -> None:
    assert repeat_rows(analysis([])) == []
    assert table_of(result_rows(analysis([])), RESULTS, "run").num_rows == 0


@pytest.mark.parametrize("wrong", ["four", 2**40, 4.5, [4]])
def test_a_fact_that_no_column_can_hold_is_named(wrong: Any) -> None:
    of = analysis([repeat(0)], said={"configs": {CONFIG: {"threads": wrong}}})
    with pytest.raises(UsageError, match="out/run: threads cannot be stored, expected int32"):
        table_of(result_rows(of), RESULTS, "out/run")


def test_a_text_that_is_no_unicode_is_named() -> None:
    with pytest.raises(UsageError, match="model cannot be stored, expected string"):
        table_of([{"model": "\ud800"}], pa.schema([("model", pa.string())]), "run")


# Conditions


def test_the_hash_is_over_what_decides_and_nothing_else() -> None:
    base = {"governor": "performance", "os_build": "x", "load_before": 0.1, "temperature_c": 31.0}
    same = {**base, "load_before": 3.0, "temperature_c": 34.9}
    assert conditions_sha256(base) == conditions_sha256(same)
    assert conditions_sha256(base) != conditions_sha256({**base, "temperature_c": 35.0})
    for key in COMPARABILITY_KEYS:
        assert conditions_sha256({**base, key: "changed"}) != conditions_sha256(base), key


def test_comparability_has_every_key() -> None:
    found = comparability({"temperature_start_c": -3.0, "temperature_c": 40.0, "governor": "powersave"})
    assert set(found) == {*COMPARABILITY_KEYS, "temperature_class"}
    assert (found["temperature_class"], found["governor"], found["wifi"]) == (-5.0, "powersave", None)
    assert comparability({"temperature_c": "hot"})["temperature_class"] is None
    assert comparability({"temperature_c": math.nan})["temperature_class"] is None
    assert comparability({"temperature_c": True})["temperature_class"] is None


def test_rows_of_two_meters_differ_in_their_hash() -> None:
    def hashed(meter: Any) -> str:
        of = analysis([repeat(0)], seen([energy(50.0)]), said={"meter": meter})
        return str(result_rows(of)[0]["conditions_sha256"])

    one = {"monsoon:1": {"device_id": "12431", "name": "HVPM"}}
    assert hashed(one) == hashed({"monsoon:/dev/ttyACM0": {"device_id": "12431"}})
    assert len({hashed(one), hashed({"monsoon:2": {"device_id": "9"}}), hashed(None)}) == 3

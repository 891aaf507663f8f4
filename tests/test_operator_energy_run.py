"""From a recorded run of a network and its parts, or of one with the times of its operators, to operators.parquet."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from edgewatt.profiler.analysis.process import process
from edgewatt.profiler.identity import config_id
from edgewatt.profiler.operator_energy.in_run import group_name
from edgewatt.profiler.operator_energy.stretches import CONDITION, Stretch, facts_of, stretches_of
from edgewatt.profiler.protocols import Operator
from edgewatt.profiler.storage.trace import Trace
from edgewatt.reports.operator_table import operators_report, operators_text, parts_of
from tests.measured_runs import CONFIG, FACTS, ITERATIONS, REPEAT_S, Instrument, Plan, rail, rapl, written

PER_W = REPEAT_S / ITERATIONS
OPERATORS = [("CONV_2D", "a"), ("RELU", "b"), ("\x1b[31mSOFTMAX", "c"), ("DENSE", "d")]
# What each inference costs whatever it computes, then each operator, in joules.
TRUTH = [0.02, 0.5, 0.001, 0.2, 0.3]
ENDS = [3, 0, 1, 2]
BOARD = Instrument(rail(), 0.02, "ina", "board")


def stretch(end: int) -> Stretch:
    return Stretch(f"{end:02d}" * 32, 0, end)


def facts(end: int) -> dict[str, Any]:
    return {**FACTS, "model": f"net.to-{end}.tflite", "model_sha256": stretch(end).model_sha256}


def designed(
    path: Path, *instruments: Instrument, spread: float = 0.005, more: Mapping[str, Any] | None = None
) -> Path:
    """Four rounds of the network and three prefixes, whose power is that of their operators, off by `spread`."""
    draw = np.random.default_rng(5)
    configs = {config_id(facts(end)): facts(end) for end in ENDS}
    order = [config for number in range(4) for config in (list(configs) if number % 2 else list(configs)[::-1])]
    energy_j = {config: sum(TRUTH[: end + 2]) for config, end in zip(configs, ENDS, strict=True)}
    busy_w = {
        place: energy_j[config] / PER_W * (1 + spread * draw.standard_normal()) for place, config in enumerate(order)
    }
    conditions = {CONDITION: facts_of(stretch(3), [stretch(end) for end in ENDS[1:]])}
    operators = {config: OPERATORS[: end + 1] for config, end in zip(configs, ENDS, strict=True)}
    plan = Plan(order, configs, busy_w=busy_w, manifest={"conditions": conditions, **(more or {})}, operators=operators)
    return written(path, instruments, plan)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    """Processed, of a meter of the whole board."""
    return process(designed(tmp_path_factory.mktemp("designed") / "run", BOARD))


def rows_of(trace: Trace, end: int = 3) -> list[dict[str, Any]]:
    return [row for row in trace.operators().to_pylist() if row["config_id"] == config_id(facts(end))]


def test_operators_are_told_by_the_designs(measured: Trace) -> None:
    trace = measured
    rows = rows_of(trace)
    assert [row["basis"] for row in rows] == ["group", "group", "measured", "measured"]
    assert [row["group"] for row in rows] == ["each inference + 0-1", "each inference + 0-1", None, None]
    assert rows[1]["energy_j"] is None, "the first of a group carries the sum"
    for row, truth in zip((rows[0], *rows[2:]), (sum(TRUTH[:3]), *TRUTH[3:]), strict=True):
        assert row["energy_low_j"] <= truth <= row["energy_high_j"]
        assert row["energy_j"] == pytest.approx(truth, rel=0.05)
    results = trace.results()
    assert results is not None
    (whole,) = [row for row in results.to_pylist() if row["config_id"] == config_id(facts(3))]
    assert sum(row["energy_j"] or 0.0 for row in rows) == pytest.approx(whole["energy_gross_j_mean"])
    assert all(row["energy_j"] is None for row in rows_of(trace, 2)), "a part is no network of its own"
    assert trace.verify() == []


def test_the_report_has_rank_condition_and_covariance(measured: Trace) -> None:
    trace = measured
    report = operators_report(trace)
    assert report is not None
    (source,) = report["sources"]
    assert (source["rank"], source["unknowns"], source["designs"]) == (4, 5, 4)
    assert source["condition"] > 1
    covariance = np.array(source["covariance_j2"])
    assert covariance.shape == (3, 3)
    assert np.allclose(covariance, covariance.T)
    assert math.sqrt(covariance[1, 1]) * 4 > source["groups"][1]["energy_high_j"] - source["groups"][1]["energy_j"]
    assert source["whole"]["energy_j"] == pytest.approx(sum(TRUTH), rel=0.02)
    assert parts_of(trace) == {config_id(facts(end)) for end in ENDS[1:]}


def test_a_source_of_the_whole_device_is_preferred_to_a_rail(tmp_path: Path) -> None:
    instruments = (Instrument(rapl(), 0.01), Instrument(rail(), 0.05, "ina", "board"))
    report = operators_report(process(designed(tmp_path / "run", *instruments)))
    assert report is not None
    assert [(one["energy_source"], one["in_operators_parquet"]) for one in report["sources"]] == [
        ("rapl/package-0", False),
        ("ina/vdd_in", True),
    ]


def test_the_table_is_short_and_harmless(measured: Trace) -> None:
    lines = operators_text(measured)
    assert "rank 4 of 5 unknowns, condition" in lines[0]
    assert "each inference + 0-1  CONV_2D, RELU" in lines[2]
    assert "\x1b" not in "".join(lines)
    assert lines[-1].split()[0] == "all"
    assert len(lines) == 6


def test_without_energy_there_are_times_and_no_joules(tmp_path: Path) -> None:
    trace = process(designed(tmp_path / "run"))
    rows = rows_of(trace)
    assert rows[0]["latency_s"] == pytest.approx(PER_W)
    assert all(row["energy_j"] is None and row["basis"] is None for row in rows)
    assert "no energy" in operators_text(trace)[0]


def test_what_is_too_coarse_to_tell_is_one_group_without_joules(tmp_path: Path) -> None:
    trace = process(designed(tmp_path / "run", BOARD, spread=0.4))
    rows = rows_of(trace)
    assert {row["group"] for row in rows} == {"each inference + 0-3"}
    assert any("undecided" in line for line in operators_text(trace)) == (rows[0]["energy_j"] is None)


def test_processing_again_changes_nothing(tmp_path: Path) -> None:
    run = designed(tmp_path / "run", BOARD)
    recorded = pq.read_table(run / "operators.parquet")
    first, again = rows_of(process(run)), rows_of(process(run))
    assert first == again
    kept = pq.read_table(run / "operators.method-unknown.parquet")
    assert kept.equals(recorded), "what was recorded stays beside it"


def test_a_table_that_somebody_changed_gets_no_joules(tmp_path: Path) -> None:
    run = designed(tmp_path / "run", BOARD)
    table = pq.read_table(run / "operators.parquet")
    names = pa.array(["EDITED"] * len(table))
    pq.write_table(table.set_column(table.schema.get_field_index("op"), "op", names), run / "operators.parquet")
    trace = process(run)
    assert "results:edited:operators.parquet" in trace.manifest.quality_reasons
    assert all(row["energy_j"] is None for row in rows_of(trace))


@pytest.mark.parametrize(
    "told",
    [
        None,
        [],
        {"models": "many"},
        {"models": []},
        {"models": [["aa", 0]]},
        {"models": [["aa", 0, True]]},
        {"models": [["aa", 1, 3]]},
        {"models": [["aa", 0, 3], ["bb", 0, 4]]},
        {"models": [["aa", 0, 10**9]]},
        {"models": [["aa", 3, 0]]},
        {"models": [["aa", 0, 3], None]},
    ],
)
def test_conditions_that_say_no_designs_are_none(told: object) -> None:
    assert stretches_of({CONDITION: told}) == []


def test_designs_are_read_as_they_were_written() -> None:
    said = json.loads(json.dumps(facts_of(stretch(3), [stretch(1)])))
    assert stretches_of({CONDITION: said}) == [stretch(3), stretch(1)]


def test_operators_with_times_get_shares_of_the_energy(tmp_path: Path) -> None:
    times_s = [0.03, 0.01, 0.05]
    operators = [Operator("CONV_2D", str(k), s, "measured") for k, s in enumerate(times_s)]
    run = written(tmp_path / "run", [BOARD], Plan(operators={CONFIG: operators}))
    trace = process(run)
    rows, results = trace.operators().to_pylist(), trace.results()
    assert results is not None
    (whole,) = results.to_pylist()
    assert [row["basis"] for row in rows] == ["allocated"] * 3
    assert math.fsum(row["energy_j"] for row in rows) == whole["energy_gross_j_mean"]
    relative = (whole["energy_gross_j_high"] - whole["energy_gross_j_mean"]) / whole["energy_gross_j_mean"]
    for row, time_s in zip(rows, times_s, strict=True):
        assert row["energy_j"] == pytest.approx(whole["energy_gross_j_mean"] * time_s / sum(times_s))
        assert (row["energy_high_j"] - row["energy_j"]) / row["energy_j"] == pytest.approx(relative, abs=1e-9)
        assert row["latency_s"] == time_s
    assert "allocated" in operators_text(trace)[0]
    assert process(run).operators().to_pylist() == rows


def test_operators_without_all_their_times_get_nothing(tmp_path: Path) -> None:
    operators = [Operator("CONV_2D", "a", 0.1, "measured"), Operator("RELU", "b")]
    run = written(tmp_path / "run", [BOARD], Plan(operators={CONFIG: operators}))
    trace = process(run)
    assert [row["basis"] for row in trace.operators().to_pylist()] == ["measured", None]
    assert operators_text(trace) == []


@pytest.mark.parametrize(
    ("columns", "name"),
    [((0,), "each inference"), ((0, 1), "each inference + 0"), ((2, 3, 4), "1-3"), ((2, 4, 5), "1,3-4"), ((7,), "6")],
)
def test_groups_are_named_by_their_operators(columns: tuple[int, ...], name: str) -> None:
    assert group_name(columns) == name

"""The budget of a run: every term in its table, in exports, in JSON, and in a line of the answer."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewatt.profiler.analysis.process import process
from edgewatt.profiler.channel import Accuracy
from edgewatt.profiler.energy.edges import clock_loss_s, clock_loss_spread_s
from edgewatt.profiler.energy.terms import (
    SHRINKS,
    Term,
    combined_u_j,
    coverage_factor,
    dominating,
    effective_df,
    half_width_j,
    shares,
)
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.statistics import t_quantile
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.tables import BUDGET
from edgewatt.reports.answer import answer
from edgewatt.reports.budget import as_json, in_a_line, of_row
from edgewatt.reports.export import export
from tests.measured_runs import Instrument, Plan, rapl, tables, written
from tests.sample_runs import RESULT, make_run, repeat_rows

SPREAD = {0: 10.0, 1: 10.2, 2: 9.9}


@pytest.fixture(scope="module")
def trace(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    """Three repeats that differ by a per cent; the sensor's gain is stated with 5 %."""
    channel = rapl(accuracy=Accuracy(0.05, 0.3, "datasheet"))
    plan = Plan(busy_w=SPREAD, idle_after_w=2.02)
    return process(written(tmp_path_factory.mktemp("budget") / "run", [Instrument(channel)], plan))


def rows_of(trace: Trace) -> list[dict[str, Any]]:
    table = trace.budget()
    assert table is not None
    assert table.schema == BUDGET
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def by_interval(rows: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], list[Mapping[str, Any]]]:
    found: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        found.setdefault((row["quantity"], row["interval"]), []).append(row)
    return found


# Terms


def test_every_term_says_what_would_shrink_it() -> None:
    names = ("repeats", "edges", "sampling", "clock offset", "gaps", "idle", "idle drift", "gain", "zero point")
    assert set(SHRINKS) == set(names)


def test_how_terms_combine() -> None:
    terms = [Term("repeats", 3.0, "A", 4), Term("gain", 4.0, "B")]
    assert combined_u_j(terms) == 5.0
    assert shares(terms) == pytest.approx([0.36, 0.64])
    assert dominating(terms) is terms[1]
    assert effective_df(terms) == pytest.approx(4.0)
    assert coverage_factor(terms) == pytest.approx(half_width_j(terms) / 5)
    assert coverage_factor(terms[:1]) == pytest.approx(t_quantile(0.975, 4))


def test_nothing_uncertain_has_no_dominating_term() -> None:
    still = [Term("repeats", 0.0, "A", 4)]
    assert (dominating(still), shares(still), effective_df(still)) == (None, [0.0], math.inf)
    assert coverage_factor([]) == pytest.approx(1.96, abs=1e-3)


@pytest.mark.parametrize(
    ("widths_s", "bounds_s"),
    [((), (0.03,)), ((), (0.03, 0.01)), ((0.05, 0.05, 0.0), (0.03, 0.02)), ((0.2, 0.2), (0.03,)), ((), ())],
)
def test_the_spread_of_what_clocks_lose(widths_s: tuple[float, ...], bounds_s: tuple[float, ...]) -> None:
    rng = np.random.default_rng(3)
    smear = sum((rng.uniform(-w / 2, w / 2, 2000) for w in widths_s), np.zeros(2000))
    offsets = sum((rng.uniform(-b, b, 2000) for b in bounds_s), np.zeros(2000))
    lost_s = np.array([np.abs(smear + offset).mean() for offset in offsets]) - np.abs(smear).mean()
    assert clock_loss_spread_s(widths_s, bounds_s) == pytest.approx(float(lost_s.std()), rel=0.15, abs=1e-12)
    assert clock_loss_s(widths_s, bounds_s) == pytest.approx(float(lost_s.mean()), rel=0.15, abs=1e-12)


# The table


def test_each_interval_has_its_terms(trace: Trace) -> None:
    found = by_interval(rows_of(trace))
    names = {key: [row["term"] for row in rows] for key, rows in found.items()}
    assert names == {
        ("energy_gross_j", "repeatability"): ["repeats"],
        ("energy_gross_j", "accuracy"): ["repeats", "gain"],
        ("energy_net_j", "repeatability"): ["repeats", "idle", "idle drift"],
        ("energy_net_j", "accuracy"): ["repeats", "idle", "idle drift", "gain"],
    }
    for rows in found.values():
        assert sum(row["variance_ratio"] for row in rows) == pytest.approx(1.0)
        assert sum(row["dominates"] for row in rows) == 1
        assert math.hypot(*(row["u_j"] for row in rows)) == pytest.approx(rows[0]["combined_u_j"])
        assert {row["shrinks"] for row in rows} == {SHRINKS[row["term"]] for row in rows}
        assert not any(row["is_refused"] for row in rows)
    assert [row["df_n"] for row in found["energy_gross_j", "accuracy"]] == [2.0, math.inf]
    assert [row["term"] for rows in found.values() for row in rows if row["dominates"]] == [
        *("repeats", "gain", "repeats", "gain"),
    ]


def test_its_half_widths_are_those_of_the_results(trace: Trace) -> None:
    _, [result] = tables(trace)
    for (quantity, interval), rows in by_interval(rows_of(trace)).items():
        high = "accuracy_high" if interval == "accuracy" else "high"
        half_j = result[f"{quantity}_{high}"] - result[f"{quantity}_mean"]
        assert rows[0]["half_width_j"] == pytest.approx(half_j, rel=1e-9)
        assert rows[0]["coverage_factor_ratio"] * rows[0]["combined_u_j"] == pytest.approx(half_j, rel=1e-9)


def test_without_a_stated_gain_there_is_no_accuracy(tmp_path: Path) -> None:
    trace = process(written(tmp_path / "run", [Instrument(rapl())], Plan(busy_w=SPREAD)))
    assert {row["interval"] for row in rows_of(trace)} == {"repeatability"}


def test_what_is_refused_keeps_its_budget(tmp_path: Path) -> None:
    plan = Plan(busy_w={0: 3.0, 1: 30.0, 2: 11.0})
    trace = process(written(tmp_path / "run", [Instrument(rapl())], plan))
    _, [result] = tables(trace)
    assert result["energy_gross_j_mean"] is None
    assert all(row["is_refused"] for row in rows_of(trace))
    lines = answer(trace).splitlines()
    place = next(n for n, line in enumerate(lines) if line.startswith("energy"))
    assert "interval_above_half: The interval reaches further than half of the value" in lines[place]
    assert lines[place + 1].startswith("  budget")
    assert "measure more repeats" in lines[place + 1]


def test_without_joules_there_is_a_table_without_rows(tmp_path: Path) -> None:
    assert rows_of(process(written(tmp_path / "run"))) == []


# Where it is said


def test_the_answer_has_a_line_of_it(trace: Trace) -> None:
    [line] = [line for line in answer(trace).splitlines() if line.startswith("  budget")]
    assert "100 % repeats" in line
    assert "2 degrees of freedom: measure more repeats, or longer ones; accuracy " in line
    assert line.endswith("gain: calibrate the sensor against a meter")
    _, [result] = tables(trace)
    assert in_a_line([], result) is None
    assert len(of_row(rows_of(trace), result, "energy_net_j", "accuracy")) == 4


def test_in_json_infinitely_many_degrees_of_freedom_are_null(trace: Trace) -> None:
    told = as_json(rows_of(trace))
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert [(one["quantity"], one["interval"], one["dominating"]) for one in told][1] == (
        *("energy_gross_j", "accuracy", "gain"),
    )
    assert [term["df_n"] for term in told[1]["terms"]] == [2.0, None]


@pytest.mark.parametrize("to", ["csv", "json", "markdown", "parquet"])
def test_it_is_exported(trace: Trace, tmp_path: Path, to: str) -> None:
    export([trace], to, tmp_path / "out", table="budget")
    if to == "json":
        assert len(json.loads((tmp_path / "out").read_text())["rows"]) == len(rows_of(trace))
    elif to != "parquet":
        text = (tmp_path / "out").read_text()
        assert "calibrate the sensor against a meter" in text
        assert "inf" not in text


def test_a_run_of_before_has_none_and_the_way_to_it_is_said(tmp_path: Path) -> None:
    run = Trace.open(make_run(tmp_path / "run", repeats=repeat_rows(), results=[RESULT]))
    assert run.budget() is None
    assert "  budget" not in answer(run)
    with pytest.raises(UsageError, match=r"holds no budget: .*`edgewatt process"):
        export([run], "json", tmp_path / "out", table="budget")

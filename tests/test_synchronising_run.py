"""Synchronising in a stored run: whose energies move, what is refused, and what the manifest says of it."""

from pathlib import Path
from typing import Any

import pytest

from edgewatt.profiler.analysis.process import process
from edgewatt.profiler.analysis.synchronised import DRIFT_UNKNOWN, ONE_TRAIN
from edgewatt.profiler.clockfit import ClockFit
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.trace import Trace
from edgewatt.reports.answer import about
from tests.synchronised_runs import AHEAD_S, DRIFT, ECHO_BOUND_NS, GAUGE, METER, PHONE, Plan, recorded

TIE = f"{METER}~{PHONE}"


def by_source(trace: Trace) -> dict[str, dict[str, Any]]:
    results = trace.results()
    assert results is not None
    return {row["energy_source"]: row for row in results.to_pylist()}


def test_the_meter_s_energies_are_those_of_its_own_clock(tmp_path: Path) -> None:
    true_j = recorded(tmp_path / "run")
    trace = process(tmp_path / "run")
    row = by_source(trace)[METER]
    assert row["quality"] == "good"
    assert row["energy_gross_j_mean"] == pytest.approx(sum(true_j) / len(true_j), rel=5e-4)
    fit = ClockFit.from_json(trace.manifest.clocks[TIE])
    assert fit.offset_ns == pytest.approx(-AHEAD_S * 1e9, abs=1.5e6)
    assert fit.drift == pytest.approx(-DRIFT, abs=15e-6)
    assert fit.bound_ns < ECHO_BOUND_NS / 5
    assert trace.manifest.clocks[PHONE]["bound_ns"] == ECHO_BOUND_NS, "that of the echoes stays what it was"
    assert about(trace).clock_bound_s == fit.bound_ns / 1e9, "the answer says how near the clocks are that count"


def test_without_trains_the_echoes_have_to_do(tmp_path: Path) -> None:
    recorded(tmp_path / "with")
    recorded(tmp_path / "without", Plan(trains=False))
    trace = process(tmp_path / "without")
    assert TIE not in trace.manifest.clocks
    row, better = by_source(trace)[METER], by_source(process(tmp_path / "with"))[METER]
    wide, narrow = (r["energy_gross_j_high"] - r["energy_gross_j_low"] for r in (row, better))
    assert narrow < wide / 2


def test_a_meter_on_another_phone_gives_no_energy(tmp_path: Path) -> None:
    recorded(tmp_path / "run", Plan(wrong_phone=True))
    trace = process(tmp_path / "run")
    rows = by_source(trace)
    assert rows[METER]["energy_gross_j_mean"] is None
    assert rows[METER]["power_w"] is None
    assert any(reason.startswith("no_sync_peak:") for reason in rows[METER]["quality_reasons"])
    assert rows[METER]["quality"] == "marked"
    assert rows[GAUGE]["energy_gross_j_mean"] is not None, "the phone's own gauge is on the phone"
    assert not any(reason.startswith("no_sync") for reason in rows[GAUGE]["quality_reasons"])
    assert TIE not in trace.manifest.clocks
    assert any(reason.startswith("results:no_sync_peak:") for reason in trace.manifest.quality_reasons)


@pytest.mark.parametrize("plan", [Plan(end_train=False), Plan(ends_at_s=21.0)])
def test_with_one_train_the_drift_is_that_of_the_echoes(tmp_path: Path, plan: Plan) -> None:
    recorded(tmp_path / "run", plan)
    trace = process(tmp_path / "run")
    fit = ClockFit.from_json(trace.manifest.clocks[TIE])
    assert fit.drift == 0.0
    assert fit.bound_ns > DRIFT_UNKNOWN * 3e9
    assert any(reason.startswith(ONE_TRAIN) for reason in by_source(trace)[METER]["quality_reasons"])


def test_a_run_of_loads_alone_keeps_how_the_clocks_lie(tmp_path: Path) -> None:
    recorded(tmp_path / "run", Plan(repeats=False))
    recorded(tmp_path / "repeats")
    recorded(tmp_path / "one", Plan(repeats=False, end_train=False))
    name = f"{METER}~{PHONE}"
    found = process(tmp_path / "run").manifest.clocks
    assert found[name] == process(tmp_path / "repeats").manifest.clocks[name]
    assert name not in process(tmp_path / "one").manifest.clocks  # its drift is not known: who needs it has to look


def test_processing_again_changes_nothing(tmp_path: Path) -> None:
    recorded(tmp_path / "run")
    first = process(tmp_path / "run")
    again = process(tmp_path / "run")
    assert (again.manifest.clocks, again.manifest.quality) == (first.manifest.clocks, first.manifest.quality)
    assert again.results() == first.results()
    assert not again.verify()


@pytest.mark.parametrize(
    "attributes",
    [
        {"edges_ns": None},
        {"edges_ns": [[1, 2, 3]]},
        {"edges_ns": [[5, 4]]},
        {"edges_ns": []},
        {"edges_ns": "x"},
        {"bound_ns": "wide"},
        {"sources": 7},
    ],
)
def test_a_damaged_train_is_named(tmp_path: Path, attributes: dict[str, Any]) -> None:
    recorded(tmp_path / "run", Plan(attributes=attributes))
    with pytest.raises(UsageError, match="window 'sync/start'"):
        process(tmp_path / "run")

"""Measurements from elsewhere, compared with each other and with a run: what they leave unsaid is told."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgewatt.profiler.comparing.compare import compare_paths
from edgewatt.profiler.errors import UsageError
from edgewatt.reports.comparison import comparison_text
from tests.sample_runs import ENERGIES_J, LATENCIES_S, make_run, repeat_rows, row_of

SLOWER = tuple(1.1 * value for value in LATENCIES_S)


def plain(folder: Path, name: str, lines: list[str]) -> Path:
    path = folder / name
    path.write_text("\n".join(lines))
    return path


def test_plain_tables_are_one_session_with_a_notice(tmp_path: Path) -> None:
    old = plain(tmp_path, "old.csv", ["repeat,latency_s,energy_j", "0,1.0,5", "1,1.1,5.5", "2,0.9,6"])
    new = plain(tmp_path, "new.csv", ["repeat;latency_s", "0;2,0", "1;2,2", "2;1,8"])
    comparison = compare_paths(old, new)
    assert row_of(comparison).ratio == pytest.approx(2.0)
    assert row_of(comparison).session_basis == "one session"
    assert row_of(comparison, "energy_gross_j").reason == "not measured on the new side"
    said = " ".join(comparison.notices)
    assert "taken as one common session" in said
    assert said.count("does not say under which conditions") == 2
    assert comparison.exit_code == 0


def test_a_plain_table_with_sessions_against_one_without(tmp_path: Path) -> None:
    old = plain(tmp_path, "old.csv", ["repeat,session,latency_s", "0,mon,1.0", "1,mon,1.1"])
    new = plain(tmp_path, "new.csv", ["repeat,latency_s", "0,1.0", "1,1.1"])
    comparison = compare_paths(old, new)
    assert row_of(comparison).session_basis == "assumed 2 %"
    assert any("new.csv does not say in which session" in notice for notice in comparison.notices)


def test_plain_tables_match_on_what_both_say(tmp_path: Path) -> None:
    old = plain(tmp_path, "old.csv", ["repeat,model,kernel,latency_s", "0,a,x,1", "1,a,x,1.1", "0,b,y,3", "1,b,y,3.1"])
    new = plain(
        tmp_path,
        "new.csv",
        ["repeat,model,device,kernel,latency_s", "0,b,p,y,6", "1,b,p,y,6.2", "0,a,p,x,1", "1,a,p,x,1.1"],
    )
    assert [row.ratio for row in compare_paths(old, new).rows] == [1.0, pytest.approx(2.0)]
    assert [row.key for row in compare_paths(old, new, match=["kernel"]).rows] == [{"kernel": "x"}, {"kernel": "y"}]


def test_a_plain_table_that_needs_match(tmp_path: Path) -> None:
    lines = ["repeat,kernel,latency_s", "0,x,1", "0,y,2", "1,x,1", "1,y,2"]
    path = plain(tmp_path, "t.csv", lines)
    with pytest.raises(UsageError, match=r"2 rows for repeat 0.*--match"):
        compare_paths(path, path)
    assert compare_paths(path, path, match=["kernel"]).exit_code == 0


def test_a_run_against_a_plain_table(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", repeats=repeat_rows())
    lines = [f"{n},mobilenet_v2.tflite,{s},{j}" for n, (s, j) in enumerate(zip(SLOWER, ENERGIES_J, strict=True))]
    comparison = compare_paths(run, plain(tmp_path, "new.csv", ["repeat,model,latency_s,energy_j", *lines]))
    assert comparison.match == ("model",)
    assert row_of(comparison).ratio == pytest.approx(1.1)
    energy = row_of(comparison, "energy_gross_j")
    assert energy.ratio == pytest.approx(1.0)
    assert energy.notes == ("one side does not name its energy source; the other's is monsoon/main",)
    assert row_of(comparison, "memory_peak_b").status == "not_measured"


TABLE_LINES = st.lists(
    st.tuples(
        st.sampled_from(["0", "1", "2"]),
        st.sampled_from(["", "mon", "tue"]),
        st.sampled_from(["a", "b", ""]),
        st.sampled_from(["1", "1.5", "0", "-2", "nan", "inf", ""]),
        st.sampled_from(["3", "1e308", "1e-308", ""]),
    ).map(",".join),
    min_size=1,
    max_size=8,
)


@given(TABLE_LINES, TABLE_LINES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_two_tables_compare_or_say_why(tmp_path: Path, old: list[str], new: list[str]) -> None:
    header = "repeat,session,model,latency_s,energy_j"
    paths = plain(tmp_path, "old.csv", [header, *old]), plain(tmp_path, "new.csv", [header, *new])
    if duplicated(old) or duplicated(new):
        with pytest.raises(UsageError, match="rows for"):
            compare_paths(*paths)
        return
    comparison = compare_paths(*paths)
    json.dumps(comparison.to_json(), allow_nan=False)
    assert comparison_text(comparison)
    for row in comparison.rows:
        assert (row.status == "compared") == (row.ratio is not None)
        assert row.status == "compared" or row.reason
        assert row.low is None or row.ratio is None or row.low <= row.ratio <= (row.high or 0)
    assert comparison.exit_code in ({0, 4} if any(row.ratio is not None for row in comparison.rows) else {3})


def duplicated(lines: list[str]) -> bool:
    keys = [line.split(",")[:3] for line in lines]
    return any(keys.count(key) > 1 for key in keys)

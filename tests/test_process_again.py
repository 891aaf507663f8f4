"""Processing again, and processing what is not as it was recorded."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgewatt.profiler.analysis import process as module
from edgewatt.profiler.analysis.process import METHOD_KEY, METHOD_VERSION, process
from edgewatt.profiler.errors import EdgewattError, UsageError
from edgewatt.profiler.storage.manifest import FILE_NAME, read_manifest
from tests.measured_runs import (
    BUSY_W,
    CONFIG,
    FACTS,
    ITERATIONS,
    REPEAT_S,
    Instrument,
    Plan,
    rapl,
    tables,
    written,
)

RAPL = Instrument(rapl())


def test_again_keeps_the_old_tables_once(tmp_path: Path) -> None:
    run = written(tmp_path / "run", [RAPL])
    first = tables(process(run))
    assert tables(process(str(run))) == first
    assert {file.name for file in run.glob("re*")} == {
        *("repeats.parquet", "results.parquet"),
        *("repeats.method-2.parquet", "results.method-2.parquet"),
    }
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in run.iterdir() if file.is_file()}
    trace = process(run)
    assert {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in run.iterdir() if file.is_file()} == before
    assert trace.verify() == []


def test_tables_of_another_method_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = written(tmp_path / "run", [RAPL])
    monkeypatch.setattr(module, "METHOD_VERSION", 0)
    process(run)
    old = pq.read_table(run / "results.parquet")
    monkeypatch.undo()
    trace = process(run)
    assert pq.read_schema(run / "results.parquet").metadata[METHOD_KEY] == str(METHOD_VERSION).encode()
    assert pq.read_table(run / "results.method-0.parquet").equals(old)
    assert (run / "repeats.method-0.parquet").exists()
    assert set(trace.manifest.files) >= {"results.method-0.parquet", "repeats.method-0.parquet"}
    assert trace.verify() == []


def test_a_table_that_was_edited_is_kept_and_made_again(tmp_path: Path) -> None:
    run = written(tmp_path / "run", [RAPL])
    _, [first] = tables(process(run))
    for power_w in (0.1, 0.1, 0.2):
        table = pq.read_table(run / "results.parquet")
        field = table.schema.field("power_w")
        edited = table.set_column(table.schema.get_field_index("power_w"), field, pa.array([power_w]))
        pq.write_table(edited, run / "results.parquet")
        assert tables(process(run))[1] == [first]
    assert {file.name for file in run.glob("results*")} == {
        *("results.parquet", "results.method-2.parquet", "results.method-2.2.parquet"),
    }


@pytest.mark.parametrize("damage", ["cut", "empty", "column"])
def test_a_table_that_cannot_be_read_is_put_away_and_made_again(tmp_path: Path, damage: str) -> None:
    run = written(tmp_path / "run", [RAPL])
    before = tables(process(run))
    file = run / "repeats.parquet"
    if damage == "column":
        pq.write_table(pq.read_table(file).drop_columns(["repeat"]), file)
    else:
        file.write_bytes(file.read_bytes()[:500] if damage == "cut" else b"")
    assert tables(process(run)) == before
    assert (run / "repeats.unreadable.parquet").exists()


def test_a_run_that_was_not_closed_is_closed_and_said(tmp_path: Path) -> None:
    trace = process(written(tmp_path / "run", [RAPL], Plan(closed=False)))
    repeats, [result] = tables(trace)
    assert trace.manifest.status == "recovered"
    assert result["quality_reasons"] == ["not_closed"]
    assert result["energy_gross_j_mean"] == pytest.approx(BUSY_W * REPEAT_S / ITERATIONS, rel=1e-6)
    assert tables(process(tmp_path / "run")) == (repeats, [result])


def test_a_run_without_measured_windows_has_no_tables(tmp_path: Path) -> None:
    trace = process(written(tmp_path / "run", [RAPL], Plan(order=())))
    assert trace.repeats() is None
    assert trace.results() is None
    assert trace.manifest.quality == "good"


def test_an_edited_manifest_stays_marked(tmp_path: Path) -> None:
    run = written(tmp_path / "run", [RAPL])
    file = run / FILE_NAME
    file.write_text(file.read_text().replace('"performance"', '"powersave"'))
    with pytest.raises(UsageError, match=r"run\.json is not what was recorded: .* --accept-edits` takes it as it is"):
        process(run)
    for accepted in (True, False):
        _, [result] = tables(process(run, accept_edits=accepted))
        assert result["quality_reasons"] == ["edited:run.json"]


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no run"):
        process(tmp_path)
    with pytest.raises(UsageError, match="is no run"):
        process(tmp_path / "missing")


# Bad input


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"iterations": "many"}, "iterations is 'many', expected a whole number from 0 on"),
        ({"iterations": 2**40}, "iterations is 1099511627776, which no repeat reaches"),
        ({"init_s": -1.0}, r"init_s is -1\.0, expected a number from 0 on"),
        ({"steady": 1}, "steady is 1, expected true or false"),
        ({"reasons": "bad"}, "reasons is 'bad', expected a list"),
    ],
)
def test_bad_attributes_are_named(tmp_path: Path, told: dict[str, Any], said: str) -> None:
    run = written(tmp_path / "run", [RAPL], Plan(told={1: told}))
    with pytest.raises(UsageError, match=f"window 'measure/1': {said}"):
        process(run)


@pytest.mark.parametrize("name", ["measure/", "measure/one", "measure/-1", "measure/99999999999"])
def test_a_measured_window_without_a_number_is_named(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.measured_runs.measure_window", lambda _: name)
    run = written(tmp_path / "run", [RAPL], Plan(iterations=False))
    with pytest.raises(UsageError, match=f"window '{name}', expected measure/ and the number of a repeat"):
        process(run)


def test_bad_facts_are_named(tmp_path: Path) -> None:
    run = written(tmp_path / "run", [RAPL], Plan(configs={CONFIG: {**FACTS, "threads": "four"}}))
    with pytest.raises(UsageError, match="threads cannot be stored, expected int32"):
        process(run)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    told=st.dictionaries(
        st.sampled_from(["iterations", "order", "init_s", "latency_s", "reasons", "steady", "target_used"]), JSON
    ),
    facts=st.dictionaries(st.sampled_from(["model", "threads", "frequency_hz", "batch"]), JSON),
)
def test_whatever_was_told_gives_rows_or_a_named_error(
    tmp_path: Path, told: dict[str, Any], facts: dict[str, Any]
) -> None:
    run = tmp_path / "run"
    shutil.rmtree(run, ignore_errors=True)
    try:
        written(run, plan=Plan(told={0: told}, configs={CONFIG: {**FACTS, **facts}}, idle=False))
        repeats, results = tables(process(run))
    except EdgewattError as error:
        assert str(error)  # noqa: PT017
    else:
        assert (len(repeats), len(results)) == (3, 1)


def _replaced(run: Path, **fields: Any) -> Any:
    return replace(read_manifest(run), **fields)

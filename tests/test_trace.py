"""A run opened for reading: lazy, honest about what was edited or lost, and never surprised by a file."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewatt.profiler.batch import COUNTER_ABSENT, Batch
from edgewatt.profiler.clock import HOST_CLOCK
from edgewatt.profiler.clockfit import IDENTITY
from edgewatt.profiler.errors import NotMeasuredError, UsageError
from edgewatt.profiler.storage import streams
from edgewatt.profiler.storage.manifest import read_manifest, write_manifest
from edgewatt.profiler.storage.recover import recover
from edgewatt.profiler.storage.series import Series
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.tables import REPEATS, RESULTS
from tests.recorded_runs import CONFIG, METER_CLOCK, METER_FIT, begin, everything, recorded, rows_by_stream, samples

FIXTURES = Path(__file__).parent / "fixtures" / "runs"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed run that tests copy."""
    return recorded(tmp_path_factory.mktemp("kept") / "run")


@pytest.fixture
def run(kept: Path, tmp_path: Path) -> Path:
    """A closed run that a test may damage."""
    return Path(shutil.copytree(kept, tmp_path / "run"))


def rewritten(file: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    """Edit a Parquet file as somebody with pyarrow would."""
    pq.write_table(change(pq.read_table(file)), file)


# Schema 1, for ever


def test_runs_of_schema_1_stay_readable(tmp_path: Path) -> None:
    trace = Trace.open(FIXTURES / "schema1")
    assert trace.manifest.schema == 1
    assert trace.notices == []
    assert trace.verify() == []
    assert rows_by_stream(trace) == {"load": 4, "meter": 80, "meter-slow": 4}
    t_ns, current_a = trace.series("main.current_a").to_numpy()
    assert t_ns[:2].tolist() == [5_000_000_000, 5_005_000_100]
    assert current_a[:5] == pytest.approx([0.25, 0.26, 0.27, np.nan, 0.29], nan_ok=True)
    _, joules = trace.series("package-0.energy_j").to_numpy()
    assert joules == pytest.approx([(2**32 - 3000) * 6.1e-5, (2**32 - 2000) * 6.1e-5, (2**32 - 1000) * 6.1e-5, 0.0])
    assert [window.name for window in trace.windows()] == [f"measure/{n}" for n in range(4)]
    assert trace.iterations()["latency_s"].to_pylist() == pytest.approx([300e-9, 500e-9] * 4)
    crashed = Path(shutil.copytree(FIXTURES / "schema1-crashed", tmp_path / "crashed"))
    assert everything(Trace.open(crashed)) == everything(trace)
    assert everything(recover(crashed)) == everything(trace)


# Series and chunks


def test_stamps_are_mapped_to_the_host(run: Path) -> None:
    trace = Trace.open(run)
    [stamped] = trace.chunks("meter", host_clock=False)
    [mapped] = trace.chunks("meter", ["main.voltage_v"])
    assert mapped.t_ns.tolist() == METER_FIT.to_host(stamped.t_ns).tolist()
    assert list(mapped.columns) == ["main.voltage_v"]
    assert trace.clock_fit(METER_CLOCK) == METER_FIT
    assert trace.clock_fit(HOST_CLOCK) == IDENTITY


def test_columns_read_together_are_those_read_alone(run: Path) -> None:
    trace = Trace.open(run)
    for column, (t_ns, values) in trace.together(list(trace.columns)).items():
        alone_ns, alone = trace.series(column).to_numpy()
        np.testing.assert_array_equal(t_ns, alone_ns)
        np.testing.assert_array_equal(values, alone)
    assert trace.together([]) == {}


def test_a_counter_comes_raw_and_in_si(run: Path) -> None:
    series = Trace.open(run).series("package-0.energy_j")
    [(_, raw)] = series.raw_chunks()
    [(_, joules)] = series.chunks()
    assert raw.dtype == np.int64
    assert raw[4] == raw[9] == COUNTER_ABSENT
    assert raw[:4].tolist() == [2**32 - 3000, 2**32 - 2000, 2**32 - 1000, 0]
    assert joules[:4] == pytest.approx(raw[:4] * 6.1e-5)
    assert np.isnan(joules[[4, 9]]).all()
    with pytest.raises(UsageError, match="is a gauge"):
        list(Trace.open(run).series("main.voltage_v").raw_chunks())


def long_run(path: Path) -> Trace:
    """A run of three and a half row groups, one sample a millisecond."""
    writer = begin(path)
    for start in range(0, 3_500_000, 500_000):
        t_ns = np.arange(start, start + 500_000) * 1_000_000
        writer.batch("load", Batch(t_ns, {"cpu.load_ratio": (t_ns % 97) / 97}))
        writer.flush(sync=False)
    writer.close()
    return Trace.open(path)


def test_a_trace_is_read_row_group_by_row_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = long_run(tmp_path / "run")
    read: list[int] = []
    original = pq.ParquetFile.iter_batches

    def watched(file: pq.ParquetFile, size: int, *, row_groups: list[int], columns: list[str]) -> Any:
        read.extend(row_groups if size == streams.ROW_GROUP_ROWS else ())  # smaller ones only look where a group begins
        return original(file, size, row_groups=row_groups, columns=columns)

    monkeypatch.setattr(streams.pq.ParquetFile, "iter_batches", watched)
    series = trace.series("cpu.load_ratio")
    assert len(series) == 3_500_000
    assert [len(t) for t, _ in series.chunks()] == [1_000_000, 1_000_000, 1_000_000, 500_000]
    assert read == [0, 1, 2, 3]
    read.clear()
    t_ns, _ = series.between(1_999_999_500_000, 2_000_002_500_000).to_numpy()
    assert t_ns.tolist() == [2_000_000_000_000, 2_000_001_000_000, 2_000_002_000_000]
    assert read == [1, 2]  # the one before could have ended with the first of them
    read.clear()
    assert len(series.between(2_500_000_000_000, 2_500_002_000_000)) == 3
    assert read == [2]
    read.clear()
    assert len(series.between(3_499_999_000_000, None)) == 1
    assert read == [3]
    read.clear()
    assert len(series.between(None, -1)) == 0
    assert read == []
    first = next(iter(series.chunks()))
    assert first[0][0] == 0
    assert read == [0]


@settings(deadline=None, derandomize=True)
@given(bounds=st.lists(st.integers(4_900_000_000, 6_100_000_000), min_size=2, max_size=4))
def test_between_is_what_a_comparison_would_keep(kept: Path, bounds: list[int]) -> None:
    whole = Trace.open(kept).series("main.voltage_v")
    t_ns, values = whole.to_numpy()
    cut: Series = whole
    keep = np.full(len(t_ns), True)
    for low, high in zip(bounds[::2], bounds[1::2], strict=False):
        cut = cut.between(low, high)
        keep &= (t_ns >= low) & (t_ns <= high)
    found_t, found = cut.to_numpy()
    assert found_t.tolist() == t_ns[keep].tolist()
    assert found.tolist() == values[keep].tolist()
    assert len(cut) == keep.sum()


def test_what_the_run_does_not_have_is_said(run: Path) -> None:
    trace = Trace.open(run)
    with pytest.raises(NotMeasuredError, match=r"has no gpu\.power_w; it has cpu\.load_ratio, main\.voltage_v"):
        trace.series("gpu.power_w")
    with pytest.raises(UsageError, match="has no stream gpu; it has load, meter"):
        trace.chunks("gpu")
    with pytest.raises(UsageError, match=r"stream load has no x\.power_w"):
        trace.chunks("load", ["x.power_w"])
    with pytest.raises(NotMeasuredError, match="clock phone was never compared"):
        trace.clock_fit("phone")


# Tables


def test_windows_and_iterations_are_chosen(run: Path) -> None:
    trace = Trace.open(run)
    assert [w.name for w in trace.windows("measure/1")] == ["measure/1"]
    assert trace.windows("measure", "no such config") == []
    assert len(trace.windows(config_id=CONFIG)) == 10
    assert trace.iterations(CONFIG, 2)["iteration"].to_pylist() == [0, 1, 2, 3]
    assert trace.iterations("no such config").num_rows == 0
    assert {gap.stream for gap in trace.gaps()} == {"meter-slow"}
    assert trace.gaps("load") == []


def test_results_are_read_once_they_are_there(run: Path) -> None:
    assert Trace.open(run).results() is None
    pq.write_table(RESULTS.empty_table(), run / "results.parquet")
    pq.write_table(REPEATS.empty_table().drop_columns(["latency_s"]), run / "repeats.parquet")
    with pytest.raises(UsageError, match=r"repeats\.parquet: expected one column latency_s.*edgewatt process"):
        Trace.open(run)
    pq.write_table(REPEATS.empty_table(), run / "repeats.parquet")
    trace = Trace.open(run)
    assert trace.results().schema == RESULTS
    assert trace.repeats().schema == REPEATS


# Edited by hand


def test_an_edited_run_is_noticed(run: Path) -> None:
    (run / "raw" / "runner.txt").write_text("nicer")
    (run / "iterations.parquet").unlink()
    data = json.loads((run / "run.json").read_text())
    data["conditions"]["screen"] = "on"
    (run / "run.json").write_text(json.dumps(data))
    trace = Trace.open(run)
    assert trace.notices == [
        "run.json was edited since it was recorded",
        "iterations.parquet is missing: it was recorded",
        "raw/runner.txt was edited since it was recorded",
    ]
    assert trace.verify() == ["run.json", "iterations.parquet", "raw/runner.txt"]


def test_an_edit_of_the_same_size_is_found_by_verify(run: Path) -> None:
    text = (run / "raw" / "runner.txt").read_text()
    (run / "raw" / "runner.txt").write_text(text.replace("1", "7"))
    assert Trace.open(run).notices == []
    assert Trace.open(run).verify() == ["raw/runner.txt"]


def test_unknown_and_missing_columns_are_named(run: Path) -> None:
    file = run / "streams" / "meter.parquet"
    rewritten(file, lambda t: t.drop_columns(["main.current_a"]).append_column("mine", pa.array([1.0] * len(t))))
    rewritten(run / "gaps.parquet", lambda t: t.append_column("comment", pa.array(["?"] * len(t))))
    trace = Trace.open(run)
    assert "meter.parquet: column 'mine' is unknown and was not read" in trace.notices
    assert "meter.parquet: column 'main.current_a' is missing: run.json names it" in trace.notices
    assert "gaps.parquet: column 'comment' is unknown and was not read" in trace.notices
    assert "main.current_a" not in trace.columns
    assert trace.sources == []
    assert len(trace.gaps()) == 4


def test_a_missing_stream_and_a_stray_file_are_named(run: Path) -> None:
    (run / "streams" / "load.parquet").unlink()
    (run / "streams" / "notes.txt").write_text("mine")
    trace = Trace.open(run)
    assert "streams/load is missing: run.json names it" in trace.notices
    assert "streams/'notes.txt' is no stream and was not read" in trace.notices
    assert trace.rows("load") == 0
    assert samples(trace, "load") == {"t_ns": [], "cpu.load_ratio": []}
    assert len(trace.series("cpu.load_ratio")) == 0


def test_run_json_has_the_last_word_on_a_channel(run: Path) -> None:
    stored = read_manifest(run)
    channel = {**stored.channels["meter-slow"]["package-0.energy_j"], "scale": 1.0}
    stored.channels["meter-slow"]["package-0.energy_j"] = channel
    write_manifest(run, stored)
    trace = Trace.open(run)
    assert trace.series("package-0.energy_j").channel.scale == 1.0
    assert trace.notices == [
        "meter-slow.parquet: column package-0.energy_j is described differently in run.json, which was believed"
    ]


def test_a_stream_that_run_json_forgot_describes_itself(run: Path) -> None:
    stored = read_manifest(run)
    before = Trace.open(run).columns
    stored.channels.clear()
    write_manifest(run, stored)
    assert Trace.open(run).columns == before
    assert len(Trace.open(run).notices) == len(before)


def without(name: str) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.drop_columns([name])


def cast(name: str, kind: pa.DataType) -> Callable[[pa.Table], pa.Table]:
    return lambda t: t.set_column(
        t.schema.get_field_index(name), t.schema.field(name).with_type(kind), t[name].cast(kind)
    )


def backwards(table: pa.Table) -> pa.Table:
    return table.take(list(range(len(table)))[::-1])


def with_text(name: str, text: str | None) -> Callable[[pa.Table], pa.Table]:
    return lambda t: t.set_column(t.schema.get_field_index(name), name, pa.array([text] * len(t), pa.string()))


EDITS = [
    ("streams/load.parquet", without("t_ns"), "expected one column t_ns"),
    ("streams/load.parquet", cast("t_ns", pa.float64()), "t_ns is double with 0 nulls, expected int64"),
    ("streams/load.parquet", cast("cpu.load_ratio", pa.string()), "gauge cpu.load_ratio is string, expected float"),
    ("streams/meter-slow.parquet", cast("package-0.energy_j", pa.float64()), "counter .* is double, expected int64"),
    ("streams/load.parquet", backwards, "t_ns goes back after"),
    ("windows.parquet", without("attributes"), "expected one column attributes"),
    ("windows.parquet", with_text("attributes", "{"), "attributes of window 'measure/0' are no JSON"),
    ("windows.parquet", with_text("attributes", "[1]"), "are \\[1\\], expected an object"),
    ("windows.parquet", with_text("name", None), "column name has nulls"),
    ("windows.parquet", with_text("name", "x" * 5000), "has a text of 5000 characters, expected at most 4096"),
    ("gaps.parquet", cast("samples_lost", pa.string()), ""),
    ("gaps.parquet", with_text("samples_lost", "many"), "column samples_lost is string, expected int64"),
]


@pytest.mark.parametrize(("file", "edit", "said"), EDITS, ids=[f"{n}-{file}" for n, (file, _, _) in enumerate(EDITS)])
def test_what_cannot_be_read_is_named(run: Path, file: str, edit: Callable[[pa.Table], pa.Table], said: str) -> None:
    rewritten(run / file, edit)
    if not said:
        assert everything(Trace.open(run))["gaps"]
        return
    with pytest.raises(UsageError, match=said) as wrong:
        everything(Trace.open(run))
    assert Path(file).name.partition(".")[0] in str(wrong.value)


def test_a_stream_that_lost_its_clock_is_refused_where_that_matters(run: Path) -> None:
    rewritten(
        run / "streams" / "load.parquet",
        lambda t: t.replace_schema_metadata().cast(pa.schema(list(zip(t.schema.names, t.schema.types, strict=True)))),
    )
    with pytest.raises(UsageError, match=r"load\.parquet: does not say which clock stamped it"):
        Trace.open(run)
    stored = read_manifest(run)
    del stored.clocks[METER_CLOCK]
    write_manifest(run, stored)
    assert Trace.open(run).columns["cpu.load_ratio"].clock == HOST_CLOCK


def test_one_column_in_two_streams_is_refused(run: Path) -> None:
    shutil.copy(run / "streams" / "load.parquet", run / "streams" / "copy.parquet")
    with pytest.raises(UsageError, match=r"streams copy and load both hold cpu\.load_ratio"):
        Trace.open(run)

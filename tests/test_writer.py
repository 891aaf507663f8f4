"""The writer of a run: what it is given is stored as it was given, and what it cannot store is said."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewatt.profiler.batch import COUNTER_ABSENT, Batch, Gap
from edgewatt.profiler.channel import Channel, Opened
from edgewatt.profiler.errors import EdgewattError, UsageError
from edgewatt.profiler.storage.checked import TEXT_LIMIT
from edgewatt.profiler.storage.recover import recover
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.storage.writer import RunWriter
from edgewatt.profiler.tables import GAPS, ITERATIONS, OPERATORS, WINDOWS
from edgewatt.profiler.units import Quantity
from edgewatt.profiler.window import Window
from tests.recorded_runs import (
    CONFIG,
    LOAD,
    METER,
    METER_CLOCK,
    batches,
    begin,
    everything,
    manifest,
    recorded,
    rows_by_stream,
    samples,
    step,
)

STEPS = 10


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[RunWriter]:
    opened = begin(tmp_path / "run")
    yield opened
    opened.abandon()


def given_to_it(stream: str, column: str) -> list[float | None]:
    """What all steps together hold of a column, in float32 where it is a gauge; None where nothing was measured."""
    values: list[float | None] = []
    for number in range(STEPS):
        for collector, batch in batches(number):
            if column in batch.columns and stream == f"{collector}{'-' if batch.stream else ''}{batch.stream}":
                array = batch.columns[column]
                stored = array if column.endswith("energy_j") else array.astype(np.float32)
                values += [None if v != v or v == COUNTER_ABSENT else v for v in stored.tolist()]  # noqa: PLR0124
    return values


def test_everything_given_is_read_back(tmp_path: Path) -> None:
    trace = Trace.open(recorded(tmp_path / "run", STEPS))
    assert trace.notices == []
    assert trace.streams == ["load", "meter", "meter-slow"]
    for name, stored in trace.columns.items():
        assert samples(trace, stored.stream)[name] == given_to_it(stored.stream, name)
        assert None in samples(trace, stored.stream)[name] or name in {"main.voltage_v", "meter.temperature_c"}
    assert trace.columns["package-0.energy_j"].channel == METER.channels["slow"][0]
    assert trace.columns["main.current_a"].clock == METER_CLOCK
    assert trace.sources == list(METER.sources)
    assert trace.windows("measure/3") == [
        Window("measure/3", 5_300_000_000, 5_300_001_000, config_id=CONFIG, attributes={"iterations": 2})
    ]
    assert trace.gaps("meter-slow")[1] == Gap(5_299_999_990, 5_300_000_000, "1 frame lost", 1, "meter-slow")
    assert trace.iterations(CONFIG, 1)["iteration"].to_pylist() == list(range(8))
    assert trace.iterations(CONFIG, 1)["latency_s"].to_pylist()[:2] == pytest.approx([300e-9, 500e-9])
    assert [row["name"] for row in trace.operators().to_pylist()] == ["first", "last"]
    assert (trace.path / "raw" / "runner.txt").read_text().splitlines() == [f"step {n}" for n in range(STEPS)]
    assert trace.verify() == []


def test_closed_and_crashed_runs_read_alike(tmp_path: Path) -> None:
    closed = everything(Trace.open(recorded(tmp_path / "closed")))
    assert everything(Trace.open(recorded(tmp_path / "open", closed=False))) == closed


def test_the_format_is_the_one_that_is_written_down(tmp_path: Path) -> None:
    run = recorded(tmp_path / "run")
    file = pq.ParquetFile(run / "streams" / "meter-slow.parquet")
    group = file.metadata.row_group(0)
    columns = {group.column(i).path_in_schema: group.column(i) for i in range(group.num_columns)}
    assert {c.compression for c in columns.values()} == {"ZSTD"}
    assert "DELTA_BINARY_PACKED" in columns["t_ns"].encodings
    assert "DELTA_BINARY_PACKED" in columns["package-0.energy_j"].encodings
    assert "BYTE_STREAM_SPLIT" in columns["meter.temperature_c"].encodings
    assert not any("DICTIONARY" in encoding for c in columns.values() for encoding in c.encodings)
    schema = file.schema_arrow
    assert [str(kind) for kind in schema.types] == ["int64", "int64", "float"]
    assert schema.field("t_ns").metadata[b"clock"] == METER_CLOCK.encode()
    for name, expected in (("windows", WINDOWS), ("iterations", ITERATIONS), ("operators", OPERATORS), ("gaps", GAPS)):
        assert pq.read_schema(run / f"{name}.parquet").equals(expected)
    assert not list(run.rglob("*.arrows"))
    assert not list(run.rglob("*.tmp"))


def test_a_row_group_holds_at_most_a_million_rows(tmp_path: Path) -> None:
    writer = begin(tmp_path / "run")
    sizes = (400_000, 400_000, 400_000, 2_300_000)
    for start, rows in zip((0, 400_000, 800_000, 1_200_000), sizes, strict=True):
        writer.batch("load", Batch(np.arange(start, start + rows), {"cpu.load_ratio": np.zeros(rows)}))
        writer.flush(sync=False)
    writer.close()
    metadata = pq.read_metadata(tmp_path / "run" / "streams" / "load.parquet")
    groups = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
    assert groups == [800_000, 400_000, 1_000_000, 1_000_000, 300_000]


def test_memory_is_bounded_without_a_flush(writer: RunWriter) -> None:
    for start in range(0, 3_000_000, 500_000):
        writer.batch("load", Batch(np.arange(start, start + 500_000), {"cpu.load_ratio": np.zeros(500_000)}))
    assert (writer.path / "streams" / "load.arrows").stat().st_size > 3_000_000 * 12
    writer.raw("huge.txt", b"x" * (17 << 20))
    assert (writer.path / "raw" / "huge.txt").stat().st_size == 17 << 20


def test_nothing_measured_leaves_empty_tables_not_missing_ones(tmp_path: Path) -> None:
    writer = RunWriter.create(tmp_path / "run", manifest())
    writer.add_collector(LOAD)
    writer.close()
    assert sorted(p.name for p in (tmp_path / "run").glob("*.parquet")) == ["gaps.parquet", "windows.parquet"]
    trace = Trace.open(tmp_path / "run")
    assert samples(trace, "load") == {"t_ns": [], "cpu.load_ratio": []}
    assert trace.gaps() == []
    assert trace.iterations().num_rows == trace.operators().num_rows == 0
    assert trace.results() is None


def test_status_and_fields_of_the_manifest(tmp_path: Path) -> None:
    writer = begin(tmp_path / "run")
    assert Trace.open(writer.path).manifest.status == "recording"
    writer.update(quality="marked", quality_reasons=["hot"])
    writer.flush()
    assert Trace.open(writer.path).manifest.quality_reasons == ["hot"]
    writer.close("interrupted")
    writer.close("complete")
    trace = Trace.open(writer.path)
    assert trace.manifest.status == "interrupted"
    assert trace.manifest.quality == "marked"
    assert trace.manifest.unavailable == [{"what": "usb", "reason": "passthrough is off", "fix": "switch it on"}]
    assert trace.manifest.clocks[METER_CLOCK]["offset_ns"] == 5_000_000_000
    assert set(trace.manifest.channels) == {"meter", "meter-slow", "load"}


@pytest.mark.parametrize("there", ["file", "folder"])
def test_a_folder_that_is_taken_is_refused(tmp_path: Path, there: str) -> None:
    run = tmp_path / "run"
    if there == "file":
        run.write_text("precious")
    else:
        recorded(run, 1)
    with pytest.raises(UsageError, match="exists already"):
        RunWriter.create(run, manifest())


def test_an_empty_folder_and_missing_parents_are_taken(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for run in (tmp_path / "empty", tmp_path / "a" / "b" / "run"):
        assert Trace.open(recorded(run, 1)).notices == []
        assert [p for p in run.parent.iterdir() if p.name.endswith(".tmp")] == []


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot make a run in"):
        RunWriter.create(tmp_path / "file" / "run", manifest())


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"columns": {}}, "its columns are none, opened were cpu.load_ratio"),
        ({"columns": {"cpu.load_ratio": np.zeros(2), "x.power_w": np.zeros(2)}}, "its columns are cpu.load_ratio, x"),
        ({"columns": {"cpu.load_ratio": np.zeros(3)}}, r"float64 of shape \[3\], but t_ns is int64 of shape \[2\]"),
        ({"t_ns": np.zeros(2)}, "t_ns is float64"),
        ({"stream": "fast"}, "for a stream load-fast; opened are"),
    ],
)
def test_a_batch_that_does_not_fit_is_named(writer: RunWriter, changed: dict[str, Any], said: str) -> None:
    fitting = Batch(np.arange(2), {"cpu.load_ratio": np.zeros(2)})
    writer.batch("load", fitting)
    with pytest.raises(EdgewattError, match=said):
        writer.batch("load", replace(fitting, **changed))


def test_a_counter_is_an_integer(writer: RunWriter) -> None:
    row = {"package-0.energy_j": None, "meter.temperature_c": 20.0}
    with pytest.raises(EdgewattError, match=r"counter package-0\.energy_j is float64"):
        writer.batch("meter", Batch.row(1, row, stream="slow"))


@pytest.mark.parametrize(
    ("name", "column", "said"),
    [("load", "gpu", "call a stream load"), ("other", "cpu", "both have a column cpu.load_ratio")],
)
def test_names_are_unique_in_a_run(writer: RunWriter, name: str, column: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        writer.add_collector(Opened(name, {"": (Channel(column, Quantity.LOAD),)}))


@pytest.mark.parametrize(
    "impossible",
    [{"period_s": 0.0}, {"window_s": -1.0}, {"counter_range": 0}, {"boundary": "moon"}, {"source": "x" * 5000}],
    ids=str,
)
def test_a_channel_that_cannot_be_is_refused_at_once(writer: RunWriter, impossible: dict[str, Any]) -> None:
    channel = replace(Channel("gpu", Quantity.POWER), **impossible)
    with pytest.raises(EdgewattError, match=f"collector new describes .*{next(iter(impossible))} is"):
        writer.add_collector(Opened("new", {"": (channel,)}))
    writer.close()
    assert "new" not in Trace.open(writer.path).streams


@pytest.mark.parametrize("name", ["../x", "a/b", "", ".hidden", "x" * 200, "a\nb", "é"])
def test_a_name_of_a_file_is_checked(writer: RunWriter, name: str) -> None:
    with pytest.raises(EdgewattError, match="expected letters, digits"):
        writer.raw(name, b"")
    with pytest.raises(EdgewattError, match="expected letters, digits"):
        writer.add_collector(Opened(name, {"": (Channel("x", Quantity.LOAD),)}))


def test_long_and_odd_texts_are_stored_bounded(writer: RunWriter) -> None:
    writer.gap("load", Gap(0, 1, "x\udcff" * TEXT_LIMIT))
    writer.operators(CONFIG, [("CONV_2D", "é" * 9999)])
    writer.window(Window("odd\udcff", 0, 1, attributes={"nan": float("nan"), "n": np.int64(3), "t": (1, 2)}))
    writer.close()
    trace = Trace.open(writer.path)
    assert trace.gaps()[0].cause == ("x?" * TEXT_LIMIT)[:TEXT_LIMIT]
    assert trace.operators()["name"].to_pylist()[-1] == "é" * TEXT_LIMIT
    assert trace.windows()[0] == Window("odd?", 0, 1, attributes={"nan": None, "n": 3, "t": [1, 2]})


def test_attributes_that_are_no_json_or_endless_are_refused(writer: RunWriter) -> None:
    with pytest.raises(EdgewattError, match="a object cannot be stored"):
        writer.window(Window("measure/0", 0, 1, attributes={"it": object()}))
    with pytest.raises(EdgewattError, match="characters of JSON"):
        writer.window(Window("measure/0", 0, 1, attributes={"it": "x" * (2 << 20)}))


def test_a_run_that_is_being_recorded_cannot_be_closed_by_another(writer: RunWriter) -> None:
    writer.flush()
    with pytest.raises(UsageError, match="is being recorded by another process"):
        recover(writer.path)
    step(writer, 0)
    writer.close()
    assert rows_by_stream(Trace.open(writer.path)) == {"load": 1, "meter": 20, "meter-slow": 1}


def test_samples_stamped_before_their_predecessors_become_a_gap(writer: RunWriter) -> None:
    for stamps in ([10, 20, 15, 18, 30], [25], [26, 29], [31]):
        t_ns = np.array(stamps)
        writer.batch("load", Batch(t_ns, {"cpu.load_ratio": t_ns / 100}))
    writer.batch("load", Batch(np.array([5]), {"cpu.load_ratio": np.array([0.05])}))
    writer.close()
    trace = Trace.open(writer.path)
    assert samples(trace, "load")["t_ns"] == [10, 20, 30, 31]
    assert samples(trace, "load")["cpu.load_ratio"] == pytest.approx([0.1, 0.2, 0.3, 0.31])
    assert [(g.t0_ns, g.t1_ns, g.cause, g.samples_lost) for g in trace.gaps("load")] == [
        (20, 30, "clock went back", 2),
        (30, 31, "clock went back", 3),
        (31, 31, "clock went back", 1),
    ]


@settings(deadline=None, derandomize=True)
@given(
    pieces=st.lists(
        st.tuples(st.lists(st.integers(0, 50), min_size=1, max_size=8), st.booleans()), min_size=1, max_size=8
    )
)
def test_every_sample_is_stored_or_counted_as_lost(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[tuple[list[int], bool]]
) -> None:
    writer = RunWriter.create(tmp_path_factory.mktemp("back") / "run", manifest())
    writer.add_collector(LOAD)
    for stamps, flushed in pieces:
        writer.batch("load", Batch(np.array(stamps), {"cpu.load_ratio": np.array(stamps) / 1.0}))
        if flushed:
            writer.flush(sync=False)
    writer.flush(sync=False)
    writer.abandon()
    trace = Trace.open(writer.path)
    stored = samples(trace, "load")
    everything_given = [t for stamps, _ in pieces for t in stamps]
    assert stored["t_ns"] == sorted(stored["t_ns"]) == stored["cpu.load_ratio"]
    assert len(stored["t_ns"]) + sum(gap.samples_lost or 0 for gap in trace.gaps()) == len(everything_given)
    assert stored["t_ns"][-1] == max(everything_given)

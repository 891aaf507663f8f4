"""Runs that were put together or changed by hand: refused, by the name of the file."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from edgewatt.profiler.analysis.process import process
from edgewatt.profiler.comparing.tables import read_repeats, table_of_run
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.tables import SCHEMA_KEY, SCHEMA_VERSION
from tests.measured_runs import Instrument, Plan, rapl, tables, written
from tests.shell import called

RAPL = Instrument(rapl())


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A processed run that tests copy."""
    run = written(tmp_path_factory.mktemp("kept") / "run", [RAPL])
    process(run)
    return run


@pytest.fixture
def run(kept: Path, tmp_path: Path) -> Path:
    """One that a test may damage."""
    return Path(shutil.copytree(kept, tmp_path / "run"))


def other_schema(file: Path, version: bytes | None) -> None:
    table = pq.read_table(file)
    said = dict(table.schema.metadata or {})
    said.pop(SCHEMA_KEY, None)
    said |= {} if version is None else {SCHEMA_KEY: version}
    pq.write_table(table.replace_schema_metadata(said), file)


# Schemas


@pytest.mark.parametrize("file", ["windows.parquet", "streams/rapl.parquet", "results.parquet"])
def test_every_file_says_its_schema(kept: Path, file: str) -> None:
    assert pq.read_schema(kept / file).metadata[SCHEMA_KEY] == str(SCHEMA_VERSION).encode()


@pytest.mark.parametrize(
    ("file", "version"), [("windows.parquet", b"2"), ("streams/rapl.parquet", b"\xff"), ("repeats.parquet", b"0")]
)
def test_files_of_two_schemas_are_refused(run: Path, file: str, version: bytes) -> None:
    other_schema(run / file, version)
    with pytest.raises(UsageError, match=rf"{file}: written in schema .* and run\.json beside it is of schema 1"):
        Trace.open(run)


def test_files_that_do_not_say_their_schema_are_read(run: Path) -> None:
    for file in ("windows.parquet", "streams/rapl.parquet"):
        other_schema(run / file, None)
    assert Trace.open(run).results() is not None


# What was recorded


def longer(run: Path) -> None:
    table = pq.read_table(run / "windows.parquet")
    t1_ns = pa.array([value + 1 for value in table["t1_ns"].to_pylist()])
    pq.write_table(table.set_column(table.schema.get_field_index("t1_ns"), "t1_ns", t1_ns), run / "windows.parquet")


def one_byte(run: Path) -> None:
    file = run / "streams" / "rapl.parquet"
    content = bytearray(file.read_bytes())
    content[100] ^= 1
    file.write_bytes(content)


def nicer(run: Path) -> None:
    data = json.loads((run / "run.json").read_text())
    data["conditions"]["governor"] = "powersave"
    (run / "run.json").write_text(json.dumps(data))


EDITS: list[tuple[Callable[[Path], None], str]] = [
    (longer, "windows.parquet"),
    (one_byte, "streams/rapl.parquet"),
    (nicer, "run.json"),
    (lambda run: (run / "iterations.parquet").unlink(), "iterations.parquet"),
]


@pytest.mark.parametrize(("edit", "name"), EDITS, ids=[name for _, name in EDITS])
def test_what_was_changed_by_hand_is_refused_by_name(run: Path, edit: Callable[[Path], None], name: str) -> None:
    edit(run)
    before = {file: file.read_bytes() for file in run.rglob("*") if file.is_file()}
    with pytest.raises(UsageError, match=rf"{name} is not what was recorded.*--accept-edits"):
        process(run)
    assert {file: file.read_bytes() for file in run.rglob("*") if file.is_file()} == before


@pytest.mark.parametrize("edit", [longer, nicer])
def test_what_is_accepted_is_marked_for_good(run: Path, edit: Callable[[Path], None]) -> None:
    edit(run)
    for accepted in (True, False):
        trace = process(run, accept_edits=accepted)
        repeats, [result] = tables(trace)
        [reason] = result["quality_reasons"]
        assert reason in {"edited:windows.parquet", "edited:run.json"}
        assert {row["quality"] for row in (*repeats, result)} == {"marked"}
        assert trace.verify() == []
        assert trace.manifest.quality_reasons == [reason]


def test_several_files_are_named_together(run: Path) -> None:
    longer(run)
    (run / "gaps.parquet").unlink()
    with pytest.raises(UsageError, match=r"(windows|gaps)\.parquet, (windows|gaps)\.parquet are not what was recorded"):
        process(run)


# What was made of it


def test_a_table_that_was_changed_is_not_compared_and_can_be_made_again(run: Path) -> None:
    table = pq.read_table(run / "repeats.parquet")
    nicer_j = pa.array([0.5 * value for value in table["energy_gross_j"].to_pylist()])
    place = table.schema.get_field_index("energy_gross_j")
    pq.write_table(table.set_column(place, table.schema.field(place), nicer_j), run / "repeats.parquet")
    with pytest.raises(
        UsageError, match=r"repeats\.parquet is not the table that was made of this run.*edgewatt process"
    ):
        read_repeats(run)
    assert table_of_run(Trace.open(run), "results").num_rows == 1
    process(run)
    assert read_repeats(run).table["energy_gross_j"][0].as_py() == pytest.approx(2 * nicer_j[0].as_py())


def test_the_table_of_another_run_is_refused(run: Path, tmp_path: Path) -> None:
    other = written(tmp_path / "other", [RAPL], Plan(busy_w=dict.fromkeys(range(3), 5.0)))
    process(other)
    shutil.copy(other / "results.parquet", run / "results.parquet")
    with pytest.raises(UsageError, match=r"results\.parquet is not the table that was made"):
        table_of_run(Trace.open(run), "results")


def test_a_changed_run_json_is_not_compared(run: Path) -> None:
    nicer(run)
    with pytest.raises(UsageError, match=r"run\.json is not what was recorded"):
        read_repeats(run)


def test_a_run_without_sums_is_read(run: Path) -> None:
    data = json.loads((run / "run.json").read_text())
    data |= {"files": {}, "digest": None}
    (run / "run.json").write_text(json.dumps(data))
    assert read_repeats(run).table.num_rows == 3
    assert process(run).verify() == []


def test_from_the_shell(run: Path) -> None:
    longer(run)
    refused = called("process", str(run))
    assert refused.returncode == 2
    assert "windows.parquet is not what was recorded" in refused.stderr
    accepted = called("process", str(run), "--accept-edits")
    assert accepted.returncode == 0
    assert "marked      edited:windows.parquet: A file was changed by hand" in accepted.stdout

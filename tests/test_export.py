"""Exports: the same bytes as the golden files, the same table when read back, and never half a file."""

import csv
import io
import json
import os
import stat
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgewatt.profiler.comparing.compare import compare_paths
from edgewatt.profiler.comparing.tables import read_table
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.tables import REPEATS, RESULTS
from edgewatt.reports.escape import csv_text, display_width, markdown, printable
from edgewatt.reports.export import FORMATS, export
from edgewatt.reports.source import Source
from edgewatt.reports.text import text_table
from tests.sample_runs import HOSTILE, RESULT, make_run, repeat_rows, table_of

GOLDEN = Path(__file__).parent / "golden"
PLAIN = ("csv", "json", "markdown", "parquet")
# What has a golden file; formats that are made of results alone are named after their reader.
ENDINGS = {
    **dict(zip(PLAIN, ("csv", "json", "md", "parquet"), strict=True)),
    "github-action-benchmark": "github-action-benchmark.json",
    "otava": "otava.csv",
}

NOT_MEASURED = {name: None for name in RESULTS.names if name.startswith(("energy_", "power_"))}
NOT_MEASURED_REPEAT = {
    name: None for name in REPEATS.names if name.startswith(("energy_net", "energy_source", "power_"))
}
SIMULATED = {
    **RESULT,
    **NOT_MEASURED,
    "config_id": "ba9876543210",
    "device": "virtual phone",
    "model": "=1+1|`x`",
    "target_used": "gpu",
    "frequency_hz": 1.8e9,
    "simulated": True,
    "latency_s_n": 1,
    "latency_s_low": None,
    "latency_s_high": None,
    "quality": "marked",
    "quality_reasons": ["hot", "energy: no rail; none can be read"],
}


@pytest.fixture
def traces(tmp_path: Path) -> list[Trace]:
    first = make_run(tmp_path / "s10e", repeats=repeat_rows(), results=[RESULT])
    second = make_run(
        tmp_path / "virtual",
        repeats=repeat_rows(energies_j=None, **NOT_MEASURED_REPEAT, simulated=True),
        results=[SIMULATED],
        simulated=True,
    )
    return [Trace.open(first), Trace.open(second)]


@pytest.mark.parametrize(
    ("table", "to"), [("results", to) for to in FORMATS if to in ENDINGS] + [("repeats", to) for to in PLAIN]
)
def test_golden(traces: list[Trace], tmp_path: Path, to: str, table: Any) -> None:
    """To make the golden files again after a change that is meant: EDGEWATT_GOLDEN=write pytest tests/test_export.py"""
    output, golden = tmp_path / "out", GOLDEN / f"{table}.{ENDINGS[to]}"
    export(traces, to, output, table=table)
    if os.environ.get("EDGEWATT_GOLDEN") == "write":
        golden.write_bytes(output.read_bytes())
    if to == "parquet":  # its bytes name the version of Arrow that wrote them
        assert pq.read_table(output).equals(pq.read_table(golden))
        assert pq.read_schema(output).equals({"results": RESULTS, "repeats": REPEATS}[table])
    else:
        assert output.read_text() == golden.read_text()


@pytest.mark.parametrize("to", ["csv", "json", "parquet"])
@pytest.mark.parametrize("table", ["results", "repeats"])
def test_what_was_exported_reads_back(traces: list[Trace], tmp_path: Path, to: str, table: Any) -> None:
    export(traces, to, tmp_path / "out", table=table)
    rows = Source(traces, table).rows().to_pylist()
    if to == "csv":  # the one thing that CSV cannot hold
        rows = [
            {**row, "quality_reasons": [reason.replace(";", ",") for reason in row["quality_reasons"]]} for row in rows
        ]
    read = read_table(tmp_path / "out")
    assert read.schema.equals({"results": RESULTS, "repeats": REPEATS}[table])
    assert read.to_pylist() == rows


@pytest.mark.parametrize("to", ["csv", "json", "parquet"])
def test_what_was_exported_compares(traces: list[Trace], tmp_path: Path, to: str) -> None:
    export(traces[:1], to, tmp_path / "out", table="repeats")
    comparison = compare_paths(tmp_path / "out", traces[0].path)
    assert {row.ratio for row in comparison.rows} == {1.0}
    assert comparison.exit_code == 0
    export(traces[:1], to, tmp_path / "results")
    with pytest.raises(UsageError, match=r"holds results.*--table repeats"):
        compare_paths(tmp_path / "results", traces[0].path)


FINITE = st.floats(allow_nan=False, allow_infinity=False)
ROW = st.fixed_dictionaries(
    {
        "device": st.none() | st.text(min_size=1).map(lambda text: text.replace("\0", "0")),
        "model": st.sampled_from(["=1", "'=1", "''", "@a", "-", "\t", "a;b", 'a"b', "a\r\nb", "\u202e", "NA", " "]),
        "latency_s_mean": st.none() | FINITE,
        "memory_peak_b": st.none() | st.integers(-(2**63), 2**63 - 1),
        "threads": st.none() | st.integers(-(2**31), 2**31 - 1),
        "simulated": st.none() | st.booleans(),
        "quality_reasons": st.lists(st.text("ab,' ", min_size=1), max_size=3).map(
            lambda reasons: [r for r in reasons if r.strip("'")]
        ),
    }
)


@given(st.lists(ROW, min_size=1, max_size=3))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=10)
def test_any_rows_read_back(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    """Every float bit by bit, every text character by character, whatever a spreadsheet would have made of it."""
    table = table_of(rows, RESULTS)
    for to in ("csv", "json", "parquet"):
        path = tmp_path / to
        with path.open("wb") as file:
            FORMATS[to](Rows(table), file)  # type: ignore[arg-type]
        assert read_table(path).equals(table)


class Rows:
    """A source whose rows are already there."""

    table = "results"

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def rows(self) -> pa.Table:
        return self._table


def test_csv_is_what_other_readers_expect(traces: list[Trace], tmp_path: Path) -> None:
    export(traces, "csv", tmp_path / "out")
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out").read_text())))
    assert list(rows[0]) == RESULTS.names
    assert float(rows[0]["latency_s_p99"]) == 0.1 + 0.2
    assert rows[1]["energy_gross_j_mean"] == ""
    assert rows[1]["model"] == "'=1+1|`x`"
    assert rows[1]["quality_reasons"] == "hot;energy: no rail, none can be read"


def test_what_is_not_finite_is_absent(tmp_path: Path) -> None:
    run = Trace.open(make_run(tmp_path / "run", results=[{**RESULT, "power_w": float("nan"), "init_s": float("inf")}]))
    for to in ("csv", "json"):
        export([run], to, tmp_path / to)
        row = read_table(tmp_path / to).to_pylist()[0]
        assert (row["power_w"], row["init_s"]) == (None, None)
    assert "NaN" not in (tmp_path / "json").read_text()


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    hostile = HOSTILE[:4000]
    run = Trace.open(
        make_run(
            tmp_path / "run", results=[{**RESULT, "model": hostile, "device": hostile, "quality_reasons": [hostile]}]
        )
    )
    for to in ("csv", "json", "parquet"):
        export([run], to, tmp_path / to)
        assert read_table(tmp_path / to)["model"].to_pylist() == [hostile]
    export([run], "markdown", tmp_path / "md")
    page = (tmp_path / "md").read_text()
    lines = page.splitlines()
    assert len(lines) == 11
    assert all(line.isprintable() and len(line) < 5000 for line in lines)
    assert not any(line.startswith("#") for line in lines)
    assert lines[2].count("|") == len([i for i, c in enumerate(lines[4]) if c == "|" and lines[4][i - 1] != "\\"])
    assert "\\<script\\>" in page


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain_name v2", "plain_name v2"),
        ("a|b", "a\\|b"),
        ("\\|", "\\\\\\|"),
        ("a\nb", "a\\\\nb"),
        ("[a](http://b)", "\\[a\\](http:\\//b)"),
        ("_em_ **b** `c` <i>", "\\_em\\_ \\*\\*b\\*\\* \\`c\\` \\<i\\>"),
        ("&lt;", "\\&lt;"),
        ("y" * 100, "y" * 59 + "…"),
    ],
)
def test_markdown_text(text: str, shown: str) -> None:
    assert markdown(text) == shown


@given(st.text(), st.integers(0, 50))
def test_printable_is_one_bounded_line(text: str, limit: int) -> None:
    shown = printable(text, limit)
    assert shown.isprintable()
    assert len(shown) <= max(limit, 1)


@given(st.text())
def test_no_cell_is_a_formula(text: str) -> None:
    assert not csv_text(text).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert "\0" not in csv_text(text)


@given(st.lists(st.tuples(st.text(max_size=80), st.text(max_size=80)), min_size=1, max_size=5))
def test_terminal_tables_are_aligned(rows: list[tuple[str, str]]) -> None:
    """Lines whose last cell ends flush right are all as wide as the table."""
    lines = text_table(["left", "right"], [(left, f"{right}.") for left, right in rows], right=[1]).split("\n")
    assert len(lines) == len(rows) + 1
    assert len({display_width(line) for line in lines[1:]}) == 1


def test_wide_characters_take_two_columns() -> None:
    assert text_table(["a", "b"], [["機", "1"], ["x", "2"]]) == "a   b\n機  1\nx   2"


def test_standard_output(traces: list[Trace], capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    export(traces, "json", "-")
    assert json.loads(capfdbinary.readouterr().out)["table"] == "results"


def test_parquet_is_not_for_a_terminal(traces: list[Trace], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with pytest.raises(UsageError, match="no text for a terminal"):
        export(traces, "parquet", "-")


def test_unknown_format(traces: list[Trace], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--to excel: no such format; known are csv, .*parquet"):
        export(traces, "excel", tmp_path / "out")


def test_a_run_without_results(tmp_path: Path) -> None:
    run = Trace.open(make_run(tmp_path / "run"))
    with pytest.raises(UsageError, match="holds no results"):
        export([run], "csv", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_old_file_stays_until_the_new_one_is_whole(
    traces: list[Trace], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "out.csv"
    output.write_text("old")

    def breaks_off(_source: Source, file: io.BytesIO) -> None:
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("edgewatt.reports.export.FORMATS", {"csv": breaks_off})
    with pytest.raises(UsageError, match=r"out\.csv: cannot be written \(No space left on device\)"):
        export(traces, "csv", output)
    assert output.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.csv", "s10e", "virtual"]


def test_places_that_cannot_be_written(traces: list[Trace], tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for output in (
        tmp_path / "missing" / "out",
        tmp_path,
        tmp_path / "s10e" / "run.json" / "x",
        loop,
        tmp_path / ("n" * 300),
    ):
        with pytest.raises(UsageError, match="cannot be written"):
            export(traces, "csv", output)
    with pytest.raises(UsageError, match="no file can have a NUL"):
        export(traces, "csv", "a\0b")


def test_a_link_and_a_pipe_stay_what_they_are(traces: list[Trace], tmp_path: Path) -> None:
    link = tmp_path / "link.csv"
    link.symlink_to(tmp_path / "behind.csv")
    export(traces, "csv", link)
    assert link.is_symlink()
    assert (tmp_path / "behind.csv").read_text().startswith("config_id,")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    export(traces, "csv", pipe)
    assert pipe.is_fifo()
    assert os.read(reader, 100).startswith(b"config_id,")
    os.close(reader)


def test_a_new_file_has_the_usual_permissions(traces: list[Trace], tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        export(traces, "csv", tmp_path / "out.csv")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out.csv").stat().st_mode) == 0o644

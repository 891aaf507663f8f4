"""Whatever a file holds: the repeats in it, or one sentence that says what is wrong with it."""

import json
import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from edgewatt.profiler.comparing import columns
from edgewatt.profiler.comparing.tables import Repeats, read_repeats, read_table
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.tables import REPEATS, RESULTS
from tests.sample_runs import RESULT, make_run, repeat_rows, table_of

PER_TEST_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def written(folder: Path, content: bytes | str, name: str = "t.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def values(path: Path, column: str = "latency_s") -> list[Any]:
    return read_repeats(path).table[column].to_pylist()


@pytest.mark.parametrize(
    "content",
    [
        b"repeat,latency_s\n0,0.5\n1,0.25\n",
        b"\xef\xbb\xbfrepeat,latency_s\r\n0,0.5\r\n1,0.25\r\n",
        b"repeat,latency_s\r0,0.5\r1,0.25\r",
        b'"repeat","latency_s"\n"0","0.5"\n"1","0.25"\n',
        b"repeat; latency_s\n0; 0,5\n1; 0,25\n",
        b"repeat\tlatency_s\n0\t0,5\n1\t0.25e0\n".replace(b"0.25e0", b"0,25"),
        b"\nrepeat, latency_s\n\n0, 5e-1\n1, .25\n\n",
        b",repeat,latency_s\n0,0.0,0.5\n1,1.0,0.25\n",
    ],
    ids=["plain", "bom and crlf", "cr", "quoted", "semicolons", "tabs", "blank lines and spaces", "of pandas"],
)
def test_csv_as_programs_write_it(tmp_path: Path, content: bytes) -> None:
    repeats = read_repeats(written(tmp_path, content))
    assert repeats.table["latency_s"].to_pylist() == [0.5, 0.25]
    assert repeats.table["repeat"].to_pylist() == [0, 1]
    assert repeats.table.select(REPEATS.names).num_columns == len(REPEATS)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf\n\n", "is empty"),
        (b"repeat,latency_s\n", "a header and no rows"),
        (b"repeat,latency_s", "a header and no rows"),
        (b"a,b\n1,2\n", "no known column to compare: seen are a, b; known are latency_s"),
        (b"latency_s\n1\n", "no column repeat"),
        (b"repeat,latency_ms\n0,5\n", "rename it to latency_s and divide by 1e3"),
        (b"repeat,energy_mWh\n0,5\n", "rename it to energy_j and multiply by 3.6"),
        (b"repeat,memory_peak_KiB\n0,5\n", "rename it to memory_peak_b and multiply by 1024"),
        (b"repeat,latency_s\n0,fast\n", "column 'latency_s', row 1 holds 'fast', expected a number"),
        (b"repeat,latency_s\n0,1\n1,0x10\n", "row 2 holds '0x10'"),
        (b'repeat,latency_s\n0,"1,5"\n', "holds '1,5', expected a number, with a point for decimals"),
        (b"repeat;latency_s\n0;1,5\n1;2.5\n", "row 2 holds '2.5'"),
        (b"repeat;latency_s\n0;1.234,5\n", "row 1 holds '1.234,5'"),
        (b"repeat,latency_s\n0.5,1\n", "expected a whole number"),
        (b"repeat,latency_s\n,1\n", "1 rows have no repeat"),
        (b"repeat,latency_s\n0,1\n1\n", "Row #3: Expected 2 columns, got 1"),
        (b"repeat,repeat,latency_s\n0,0,1\n", "has the column 'repeat' 2 times"),
        (b"repeat,energy_j,energy_gross_j\n0,1,1\n", "both energy_j and energy_gross_j"),
        (b"repeat,latency_s\n0,1\x00\n", "is NUL"),
        ("repeat,latency_s\n0,1\n".encode("utf-16"), "is UTF-16"),
        (b"repeat,model,latency_s\n0,\xff,1\n", "invalid UTF8"),
        (b"rep\xffeat,latency_s\n0,1\n", "no readable CSV"),
        (b"\x1f\x8b\x08", "is compressed"),
        (b'repeat,model,latency_s\n0,"a,1\n1,b,2\n', "never closed"),
        (b'repeat,latency_s,model\n0,1,"a\n1,2,"b\n2,3,c\n', "rows would be lost"),
        (b"repeat,iteration,latency_s\n0,0,1\n0,0,1\n", "repeat an iteration of the same repeat"),
        (b"config_id,latency_s_mean,latency_s_std\na,1,1\n", "holds results"),
        (b"repeat,simulated,latency_s\n0,perhaps,1\n", "expected true or false"),
        (b"[1]", "[1] is not what `edgewatt export` writes"),
        (b"{", "no valid JSON"),
        (b'{"rows": [NaN]}', "NaN"),
        (b'{"schema": 1, "rows": [1]}', "not what `edgewatt export` writes"),
        (b'{"schema": 99, "table": "repeats", "rows": []}', "schema 99 is newer"),
        (b'{"schema": 1, "table": "repeats", "rows": [{"repeat": 0, "latency_s": true}]}', "holds True"),
        (b'{"schema": 1, "table": "repeats", "rows": [{"repeat": 0.5, "latency_s": 1}]}', "holds 0.5"),
        (b'{"schema": 1, "table": "repeats", "rows": [{"repeat": 0, "latency_s": [1]}]}', "holds [1]"),
        (b"[" * 100_000, "nested deeper"),
        (b'{"a":' * 100_000, "nested deeper"),
        (b"PAR1", "no readable Parquet"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(UsageError) as raised:
        read_repeats(written(tmp_path, content))
    assert said in str(raised.value)
    assert str(tmp_path) in str(raised.value)
    assert len(str(raised.value)) < 1200


@pytest.mark.parametrize("name", ["x.parquet", "x.json"])
def test_a_name_that_lies_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="whatever its name says"):
        read_repeats(written(tmp_path, b"repeat,latency_s\n0,1\n", name))


def test_a_path_that_is_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_repeats(tmp_path / "missing.csv")
    with pytest.raises(UsageError, match=r"no run.*run\.json"):
        read_repeats(tmp_path)


def test_iterations_become_repeats(tmp_path: Path) -> None:
    lines = [
        "repeat,iteration,latency_s,energy_j,memory_peak_b",
        "0,0,9,1,5",
        "0,1,2,2,7",
        "0,2,3,6,6",
        "1,0,4,,",
        "1,1,6,,",
    ]
    repeats = read_repeats(written(tmp_path, "\n".join(lines)))
    assert repeats.table["latency_s"].to_pylist() == [3.0, 5.0]  # medians
    assert repeats.table["energy_gross_j"].to_pylist() == [3.0, None]  # means; no joules are not 0 J
    assert repeats.table["memory_peak_b"].to_pylist() == [7.0, None]  # maxima
    assert "5 iterations became 2 repeats" in repeats.notices[0]


def test_what_varies_between_iterations_does_not_tell_repeats_apart(tmp_path: Path) -> None:
    lines = ["repeat,iteration,t0_ns,temperature_start_c,latency_s_std,latency_s", "0,0,5,30,1,1", "0,1,6,31,2,3"]
    repeats = read_repeats(written(tmp_path, "\n".join(lines)))
    assert repeats.table["latency_s"].to_pylist() == [2.0]
    assert repeats.table["latency_stat"].to_pylist() == ["median"]
    assert repeats.notices[0].endswith("columns not used: latency_s_std")


def test_a_nan_among_iterations_stays_one(tmp_path: Path) -> None:
    path = written(tmp_path, "repeat,iteration,latency_s\n0,0,1\n0,1,nan\n0,2,3\n1,0,2\n")
    first, second = values(path)
    assert math.isnan(first)
    assert second == 2.0


def test_sessions_and_configurations_keep_iterations_apart(tmp_path: Path) -> None:
    lines = ["model,session,repeat,iteration,latency_s", "a,mon,0,0,1", "a,tue,0,0,2", "b,mon,0,0,3", "b,,0,0,4"]
    assert values(written(tmp_path, "\n".join(lines))) == [1.0, 2.0, 3.0, 4.0]


def test_absent_is_null_and_nan_is_nan(tmp_path: Path) -> None:
    found = values(written(tmp_path, "repeat,latency_s\n0,\n1,NA\n2,null\n3,nan\n4,inf\n5,-1\n"))
    assert found[:3] == [None, None, None]
    assert math.isnan(found[3])
    assert found[4:] == [math.inf, -1.0]


def test_aliases_and_other_columns(tmp_path: Path) -> None:
    path = written(tmp_path, "repeat,target,energy_j,kernel,latency_us\n0,gpu,1,conv,7\n")
    repeats = read_repeats(path, keep=["kernel"])
    assert repeats.table["target_asked"].to_pylist() == ["gpu"]
    assert repeats.table["energy_gross_j"].to_pylist() == [1.0]
    assert repeats.table["kernel"].to_pylist() == ["conv"]
    assert repeats.notices[0].endswith("columns not used: latency_us")
    assert repeats.notices[1].endswith("'latency_us' is not read: rename it to latency_s and divide by 1e6")


@pytest.mark.parametrize(
    "kind", [pa.int32(), pa.int64(), pa.float64(), pa.string(), pa.dictionary(pa.int32(), pa.string())]
)
def test_parquet_of_others(tmp_path: Path, kind: pa.DataType) -> None:
    repeat = pa.array(["0", "1"]).cast(kind) if "string" in str(kind) else pa.array([0, 1], kind)
    pq.write_table(pa.table({"repeat": repeat, "latency_s": pa.array([1, 2], pa.int64())}), tmp_path / "t.parquet")
    assert read_repeats(tmp_path / "t.parquet").table["repeat"].to_pylist() == [0, 1]
    assert values(tmp_path / "t.parquet") == [1.0, 2.0]


@pytest.mark.parametrize(
    "latency",
    [
        pa.array([True]),
        pa.array([[1.0]]),
        pa.array([1], pa.timestamp("s")),
        pa.array([1], pa.duration("s")),
        pa.array(["a"]),
        pa.array([2**60 + 1], pa.int64()),
        pa.array([b"\xff"]).view(pa.string()),
    ],
)
def test_parquet_of_other_types(tmp_path: Path, latency: pa.Array) -> None:
    pq.write_table(pa.table({"repeat": [0], "latency_s": latency}), tmp_path / "t.parquet")
    with pytest.raises(UsageError):
        read_repeats(tmp_path / "t.parquet")


def test_parquet_twice_the_same_name(tmp_path: Path) -> None:
    pq.write_table(
        pa.table([pa.array([0]), pa.array([1.0]), pa.array([1.0])], ["repeat", "latency_s", "latency_s"]),
        tmp_path / "t",
    )
    with pytest.raises(UsageError, match="'latency_s' 2 times"):
        read_repeats(tmp_path / "t")


def test_a_small_file_that_claims_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    many = pa.table(
        {"repeat": pa.array([0] * 1000), "latency_s": pa.array([1.0] * 1000), "model": pa.array(["x" * 1000] * 1000)}
    )
    pq.write_table(many, tmp_path / "t.parquet")
    assert (tmp_path / "t.parquet").stat().st_size < 10_000
    monkeypatch.setattr(columns, "BYTES_LIMIT", 10_000)
    with pytest.raises(UsageError, match="column 'model'"):
        read_repeats(tmp_path / "t.parquet")
    monkeypatch.setattr(columns, "ROWS_LIMIT", 999)
    with pytest.raises(UsageError, match="1000 rows, more than 999"):
        read_repeats(tmp_path / "t.parquet")


def test_a_run(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", repeats=repeat_rows(), results=[RESULT], conditions={"governor": "performance"})
    repeats = read_repeats(run)
    assert repeats.table.equals(table_of(repeat_rows(), REPEATS))
    assert repeats.conditions == {"governor": "performance", "meter": "none"}
    assert read_table(run).equals(table_of([RESULT], RESULTS))


def test_a_run_without_tables(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    with pytest.raises(UsageError, match=r"holds no repeats.*edgewatt process"):
        read_repeats(run)
    with pytest.raises(UsageError, match="no rows"):
        read_repeats(make_run(tmp_path / "empty", repeats=[]))


def test_what_is_no_export_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not those of results or repeats; seen are repeat, latency_s"):
        read_table(written(tmp_path, "repeat,latency_s\n0,1\n"))


HEADERS = st.lists(
    st.sampled_from(["repeat", "iteration", "session", "latency_s", "energy_j", "model", "x", '"', ""]), max_size=5
)
CELLS = st.one_of(
    st.sampled_from(["0", "1", "0.5", "", "nan", "inf", "-1", '"', '"a"', "a;b", "1,5", "\x00", "\n", "é"]),
    st.text(max_size=4),
)
LIKE_CSV = st.builds(
    lambda header, rows, comma, end: end.join(comma.join(row) for row in [header, *rows]).encode(
        "utf-8", "surrogatepass"
    ),
    HEADERS,
    st.lists(st.lists(CELLS, max_size=5), max_size=4),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["\n", "\r\n"]),
)


@given(st.one_of(st.binary(max_size=200), LIKE_CSV))
@example(b'repeat,latency_s\n0,"')
@example(b'"\n"')
@PER_TEST_FOLDER
def test_any_csv_is_a_table_or_a_sentence(tmp_path: Path, content: bytes) -> None:
    assert_table_or_sentence(written(tmp_path, content))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["repeat", "latency_s", "a"]), inner, max_size=3)
    ),
    max_leaves=5,
)
ROWS = st.lists(
    st.dictionaries(st.sampled_from(["repeat", "latency_s", "model", "energy_j", "quality_reasons"]), JSON), max_size=3
)


@given(
    st.one_of(st.builds(lambda rows: {"schema": 1, "table": "repeats", "rows": rows}, ROWS), JSON), st.integers(0, 9)
)
@PER_TEST_FOLDER
def test_any_json_is_a_table_or_a_sentence(tmp_path: Path, data: Any, cut: int) -> None:
    text = json.dumps(data)
    assert_table_or_sentence(written(tmp_path, text[: len(text) - cut], "t.json"))


@given(st.data())
@PER_TEST_FOLDER
def test_any_parquet_is_a_table_or_a_sentence(tmp_path: Path, data: st.DataObject) -> None:
    whole = bytearray(good_parquet(tmp_path))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)) | st.just(len(whole)))
    assert_table_or_sentence(written(tmp_path, bytes(whole[:cut]), "t.parquet"))


def good_parquet(folder: Path) -> bytes:
    path = folder / "good"
    if not path.exists():
        pq.write_table(table_of(repeat_rows(), REPEATS), path)
    return path.read_bytes()


def assert_table_or_sentence(path: Path) -> None:
    repeats = repeats_or_sentence(path)
    if isinstance(repeats, str):
        assert len(repeats) < 1500
    else:
        assert repeats.table.num_rows > 0
        assert set(REPEATS.names) <= set(repeats.table.column_names)
        repeats.table.to_pylist()


def repeats_or_sentence(path: Path) -> Repeats | str:
    try:
        return read_repeats(path)
    except UsageError as error:
        return str(error)

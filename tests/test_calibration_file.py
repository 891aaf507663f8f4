"""A calibration as a file: the same again after any round trip, and a damaged or foreign one refused in words."""

import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewatt.profiler.calibration import contents
from edgewatt.profiler.calibration.calibration import (
    Calibration,
    calibration_of_rows,
    merged,
    read_calibration,
    table_of,
    write_calibration,
)
from edgewatt.profiler.calibration.head import CalibratedDevice, Given, Head, UsedMeter, UsedRun, head_from, head_text
from edgewatt.profiler.calibration.possible import bounds_of, interval_column, plain_column
from edgewatt.profiler.calibration.tables import BASES, TABLES
from edgewatt.profiler.errors import UsageError

PHONE = {"device_id": "1a2b", "basis": "measured", "source": "aa11"}
CORE = {**PHONE, "unit": "cpu4", "frequency_hz": 1.8e9, "busy_w": 0.8, "busy_low_w": 0.7, "busy_high_w": 0.9}
HEAD = Head(
    created="2026-11-26T10:00:00+00:00",
    versions={"edgewatt": "0.1.0"},
    devices={"1a2b": CalibratedDevice('A "phone"\x7f\n', "soc", simulated=True)},
    meters=(UsedMeter("monsoon/main", "battery_bypass", 0.005, "its datasheet"), UsedMeter("gauge", "gauge")),
    runs=(UsedRun("aa11", "cpu", "monday", "1a2b", "runs/cpu"),),
    inputs=(Given("models.qos_s", "net", 0.05),),
    notes=("cpu0 and cpu4 were never busy alone",),
)


def refusal_of(call: Callable[[], object], none: str = "head: ") -> str:
    """How it was refused; `none` if it was not."""
    try:
        call()
    except UsageError as error:
        return str(error)
    return none


def small(**rows: Any) -> Calibration:
    return calibration_of_rows(HEAD, {"power": [CORE], **{name: [of] for name, of in rows.items()}})


@pytest.mark.parametrize("name", ["s10e", "s10e.zip"])
def test_it_is_the_same_again(tmp_path: Path, name: str) -> None:
    written = small(idle={**PHONE, "state": "awake", "idle_w": 0.6})
    read = read_calibration(write_calibration(written, tmp_path / name))
    assert read == written
    assert read.notices == ()
    assert read.rows("power", unit="cpu4")[0]["busy_w"] == 0.8
    assert read.table("radio").num_rows == 0
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_nothing_is_written_that_no_reader_takes(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="gain_ratio is 3"):
        write_calibration(Calibration(replace(HEAD, meters=(UsedMeter("m", "gauge", 3.0),))), tmp_path / "new")
    many = calibration_of_rows(HEAD, {"power": [{**CORE, "source": " ".join(["ab" * 32] * 900)}]})
    assert read_calibration(write_calibration(many, tmp_path / "many.zip")) == many


def test_a_zip_has_the_same_bytes_whenever_it_is_made(tmp_path: Path) -> None:
    first, second = (write_calibration(small(), tmp_path / f"{n}.zip").read_bytes() for n in "ab")
    assert first == second


TEXTS = st.text(max_size=12)
DEVICES = st.builds(CalibratedDevice, TEXTS, TEXTS, st.booleans())
METERS = st.builds(UsedMeter, TEXTS, TEXTS, st.none() | st.floats(0, 1), TEXTS)
HEADS = st.builds(
    Head,
    created=TEXTS,
    versions=st.dictionaries(TEXTS, TEXTS, max_size=2),
    devices=st.dictionaries(TEXTS, DEVICES, max_size=2),
    meters=st.lists(METERS, max_size=2).map(tuple),
    runs=st.lists(st.builds(UsedRun, TEXTS, TEXTS, TEXTS, TEXTS, TEXTS), max_size=2).map(tuple),
    inputs=st.lists(st.builds(Given, TEXTS, TEXTS, st.floats(-1e9, 1e9)), max_size=2).map(tuple),
    notes=st.lists(TEXTS, max_size=2).map(tuple),
)


@settings(max_examples=8, deadline=None)
@given(HEADS)
def test_any_head_is_the_same_after_toml(head: Head) -> None:
    assert head_from(head_text(head).encode(), "head") == head


def values_of(table: str, field: pa.Field) -> st.SearchStrategy[Any]:
    if pa.types.is_string(field.type):
        return TEXTS
    bounds = bounds_of(table, field.name)
    least, most = max(bounds.least, -1e6), min(bounds.most, 1e6)
    return st.integers(int(least), int(most)) if pa.types.is_integer(field.type) else st.floats(least, most)


@st.composite
def tables(draw: st.DrawFn) -> dict[str, list[dict[str, Any]]]:
    """A row or two of one table: some of its columns, within what is possible, without intervals."""
    name = draw(st.sampled_from(sorted(TABLES)))
    fields = [field for field in TABLES[name] if plain_column(field.name) == field.name and field.name not in PHONE]
    chosen = draw(st.lists(st.sampled_from(fields), max_size=4, unique=True))
    row = {field.name: draw(st.none() | values_of(name, field)) for field in chosen}
    return {name: [{**PHONE, **row}] * draw(st.integers(1, 2))}


@settings(max_examples=8, deadline=None)
@given(tables())
def test_any_possible_rows_are_the_same_after_a_zip(
    tmp_path_factory: pytest.TempPathFactory, rows: dict[str, list[dict[str, Any]]]
) -> None:
    written = calibration_of_rows(HEAD, rows)
    path = tmp_path_factory.mktemp("rows") / "one.zip"
    assert read_calibration(write_calibration(written, path)) == written


@settings(max_examples=15, deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda text: f"schema = 1\n{text}".encode()))
def test_any_bytes_are_a_head_or_refused(raw: bytes) -> None:
    assert refusal_of(lambda: head_from(raw, "head")).startswith("head: ")


@settings(max_examples=12, deadline=None)
@given(st.data())
def test_a_cut_or_changed_file_is_refused_or_read(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("cut")
    raw = bytearray(write_calibration(small(), folder / "whole.zip").read_bytes())
    at = data.draw(st.integers(0, len(raw) - 1))
    if data.draw(st.booleans()):
        raw = raw[:at]
    else:
        raw[at] ^= data.draw(st.integers(1, 255))
    (folder / "cut.zip").write_bytes(raw)
    assert "cut.zip" in refusal_of(lambda: read_calibration(folder / "cut.zip"), none="cut.zip")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (
            {**CORE, "busy_w": 2500.0, "busy_high_w": None},
            "power: row 1, busy_w is 2500.0, expected a number from 0 to 100",
        ),
        ({**CORE, "busy_w": float("nan")}, "busy_w is nan"),
        ({**CORE, "busy_w": -0.5, "busy_low_w": -1.0, "busy_high_w": -0.1}, "busy_w is -0.5"),
        ({**CORE, "busy_w": float("inf"), "busy_high_w": None}, "busy_w is inf"),
        ({**CORE, "busy_w": 0.95}, "expected a value within its own interval, 0.7 to 0.9"),
        ({**CORE, "frequency_hz": 1800.0}, "is it in kHz or MHz?"),
        ({**CORE, "basis": "guessed"}, "basis is 'guessed', expected one of measured"),
        ({**CORE, "basis": None}, "basis is None"),
        ({**CORE, "unit": "x" * 5000}, "at most 4096 characters"),
        ({**CORE, "device_id": "another"}, "rows of 'another', which calibration.toml does not know"),
    ],
)
def test_a_row_that_cannot_be_is_named(tmp_path: Path, row: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as refused:
        write_calibration(calibration_of_rows(HEAD, {"power": [row]}), tmp_path / "new")
    assert said in str(refused.value)
    assert not (tmp_path / "new").exists()
    folder = write_calibration(small(), tmp_path / "old")
    pq.write_table(table_of("power", [row]), folder / "power.parquet")
    with pytest.raises(UsageError) as refused:
        read_calibration(folder)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("radio", "rssi_low_dbm", 60.0),
        ("radio", "send_w", 900.0),
        ("inference", "accuracy_ratio", 71.0),
        ("inference", "latency_s", 2e5),
        ("components", "pue_ratio", 0.09),
        ("models", "conv_n", -1),
        ("thermal", "trip_c", 85_000.0),
    ],
)
def test_another_unit_is_seen(tmp_path: Path, table: str, column: str, value: float) -> None:
    with pytest.raises(UsageError, match=f"{table}: row 1, {column} is"):
        write_calibration(small(**{table: {**PHONE, column: value}}), tmp_path / "new")


def test_an_interval_may_end_below_zero(tmp_path: Path) -> None:
    row = {**CORE, "busy_w": -0.01, "busy_low_w": -0.02, "on_w": -0.01, "on_low_w": -0.1, "on_high_w": 0.08}
    write_calibration(calibration_of_rows(HEAD, {"power": [row]}), tmp_path / "new")


def test_every_column_has_bounds_or_is_text() -> None:
    without = {
        f"{name}.{field.name}"
        for name, schema in TABLES.items()
        for field in schema
        if not pa.types.is_string(field.type) and bounds_of(name, field.name).most == float("inf")
    }
    assert without == {
        f"fits.{c}" for c in ("value", "low", "high", "valid_low", "valid_high", "residual", "condition_number")
    }
    assert plain_column("send_low_b_per_s") == "send_b_per_s"
    assert plain_column("rssi_low_dbm") == "rssi_low_dbm"
    assert interval_column("busy_w", "low") == "busy_low_w"


def test_what_is_no_calibration_is_refused(tmp_path: Path) -> None:
    folder = write_calibration(small(), tmp_path / "one")
    head = (folder / "calibration.toml").read_text()
    for text, said in (
        (head.replace("schema = 1", "schema = 2"), "schema is 2, newer than 1"),
        (head.replace("simulated = true", "simulated = 1"), "simulated is 1, expected true or false"),
        (head + "[extra]\n", "key 'extra' is unknown"),
        ("schema = ", "not TOML"),
    ):
        (folder / "calibration.toml").write_text(text)
        with pytest.raises(UsageError, match=said):
            read_calibration(folder)
    (folder / "calibration.toml").unlink()
    for path, said in ((folder, "it has no calibration.toml"), (tmp_path / "absent", "is no calibration")):
        with pytest.raises(UsageError, match=said):
            read_calibration(path)
    with pytest.raises(UsageError, match="exists already"):
        write_calibration(small(), folder)


def test_what_is_unknown_is_said(tmp_path: Path) -> None:
    folder = write_calibration(small(), tmp_path / "one")
    (folder / "notes.txt").write_text("mine")
    table = pq.read_table(folder / "power.parquet")
    pq.write_table(table.append_column("volt_v", pa.array([1.0])).drop_columns(["cores_n"]), folder / "power.parquet")
    read = read_calibration(folder)
    assert read.rows("power")[0]["cores_n"] is None
    assert ["volt_v" in read.notices[1], "notes.txt" in read.notices[0]] == [True, True]


def test_a_column_of_another_type_is_refused(tmp_path: Path) -> None:
    folder = write_calibration(small(), tmp_path / "one")
    table = pq.read_table(folder / "power.parquet")
    at = table.schema.get_field_index("busy_w")
    pq.write_table(table.set_column(at, "busy_w", pa.array(["much"])), folder / "power.parquet")
    with pytest.raises(UsageError, match="column busy_w is"):
        read_calibration(folder)


def test_a_zip_made_by_hand_is_read_and_a_path_leads_nowhere(tmp_path: Path) -> None:
    folder = write_calibration(small(), tmp_path / "one")
    with zipfile.ZipFile(tmp_path / "hand.zip", "w") as packed:
        for file in folder.iterdir():
            packed.write(file, file.name)
        packed.writestr("../../escaped.parquet", b"x")
    read = read_calibration(tmp_path / "hand.zip")
    assert read.tables == small().tables
    assert "escaped" in read.notices[0]
    with zipfile.ZipFile(tmp_path / "hand.zip", "a") as packed:
        packed.writestr("other/power.parquet", b"x")
    with pytest.raises(UsageError, match="twice"):
        read_calibration(tmp_path / "hand.zip")


def test_what_no_calibration_is_as_large_as_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_calibration(small(), tmp_path / "one")
    pq.write_table(pa.table({"device_id": pa.nulls(300_000, pa.string())}), folder / "power.parquet")
    with pytest.raises(UsageError, match="says that it has 300000 rows"):
        read_calibration(folder)
    monkeypatch.setattr(contents, "SIZE_LIMIT_B", 100)
    with pytest.raises(UsageError, match="which no calibration does"):
        read_calibration(folder)
    monkeypatch.setattr(contents, "FILES_LIMIT", 0)
    with pytest.raises(UsageError, match="more than 0 files"):
        read_calibration(folder)


def test_two_devices_become_one_file(tmp_path: Path) -> None:
    board = replace(HEAD, devices={"board": CalibratedDevice("board")}, notes=("b",), created="2027")
    other = calibration_of_rows(board, {"idle": [{**PHONE, "device_id": "board", "state": "awake", "idle_w": 3.0}]})
    both = merged(small(), other)
    assert read_calibration(write_calibration(both, tmp_path / "both.zip")) == both
    assert list(both.head.devices) == ["1a2b", "board"]
    assert both.head.created == "2027"
    assert len(both.head.runs) == 1
    with pytest.raises(UsageError, match="rows of '1a2b' in power"):
        merged(small(), small())
    renamed = replace(HEAD, devices={"1a2b": CalibratedDevice("another")})
    with pytest.raises(UsageError, match="not of the same device"):
        merged(small(), Calibration(renamed))


def test_bases_are_the_four_words() -> None:
    assert BASES == ("measured", "published", "assumed", "simulated")

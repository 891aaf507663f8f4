"""Lines and rows of meters: what TOML files say of them, where they are cut, garbage, and stamps."""

import math
import textwrap
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.generic.described import described, si_value
from edgewatt.collectors.generic.line_rows import LINE_LIMIT, Lines, Row, Rows
from edgewatt.collectors.generic.line_stamps import DRIFT_LIMIT, OwnStamps, spread
from edgewatt.device_profiles.meter import load_meter, meter_names, parse_meter
from edgewatt.profiler.device import parse_uri
from edgewatt.profiler.errors import UsageError

MS = 1_000_000
S = 1_000_000_000
HEADED = b"""
name = "headed"
kind = "meter"
title = "a meter with a header"
source = "test"
[line]
separator = ";"
fields = 3
[channels.main.power]
named = "P"
unit = "mW"
high = 10
invalid = ["-1", "OL"]
"""


def rows_of(name: str, *lines: bytes) -> list[Row | str | None]:
    rows = Rows(load_meter(name))
    return [rows.parse(line) for line in lines]


def values(found: Row | str | None) -> list[float]:
    assert isinstance(found, Row), found
    return list(found.values)


def test_a_row_of_each_meter_that_lines_are_known_of() -> None:
    (watts_up,) = rows_of("watts_up_pro", b"#d,-,18,105,2301,87,0,0,0,0,100,60,0,0,0,0,0,0,0,0,0;")
    assert values(watts_up) == pytest.approx([10.5, 230.1, 0.087])
    (ptd,) = rows_of(
        "ptdaemon", b"Time,11-26-2026 10:00:00.123,Watts,12.345,Volts,230.1,Amps,0.09,PF,0.6,Mark,edgewatt"
    )
    assert values(ptd) == pytest.approx([12.345, 230.1, 0.09])
    (arduino,) = rows_of("arduino_ina219", b"1234,4.02,612.5")
    assert values(arduino) == pytest.approx([4.02, 0.6125])
    assert isinstance(arduino, Row)
    assert arduino.time_ns == 1234 * MS
    header, row = rows_of("um25c_bridge", b"A,t,V", b"0.5,17,5.1")
    assert header is None
    assert values(row) == pytest.approx([5.1, 0.5])


def test_an_invalid_sample_is_null_and_the_rest_of_its_row_is_kept() -> None:
    (row,) = rows_of("ptdaemon", b"Time,x,Watts,-1.000000,Volts,230.1,Amps,-1,PF,-1,Mark,m")
    assert math.isnan(values(row)[0])
    assert values(row)[1] == pytest.approx(230.1)
    assert isinstance(row, Row)
    assert not row.wrong, "a marker is no error"


def test_what_cannot_be_true_is_null_and_counted() -> None:
    (row,) = rows_of("arduino_ina219", b"1,99,612.5")
    assert math.isnan(values(row)[0])
    assert isinstance(row, Row)
    assert row.wrong == ("99 v is not between 0 and 26",)


def test_chatter_is_passed_over_and_garbage_says_what_it_was() -> None:
    assert rows_of("watts_up_pro", b"#h,-,18,W,V,A", b"hello", b"") == [None, None, None]
    no_number, short, no_time = rows_of("arduino_ina219", b"1,x,y", b"1,4.0", b"?,4.0,600")
    assert no_number == "'x' is no number: '1,x,y'"
    assert short == "2 fields in place of 3: '1,4.0'"
    assert no_time == "no time of the meter: '?,4.0,600'"


def test_a_header_may_come_again_with_its_columns_elsewhere() -> None:
    rows = Rows(parse_meter(HEADED, "headed.toml"))
    assert rows.parse(b"1;2;3") is None
    assert rows.waits_for_header
    assert rows.parse(b"t;P;x", whole=False) is None, "a header is whole by what it holds"
    assert values(rows.parse(b"0;1500;7")) == [1.5]
    assert rows.parse(b"P;t;x") is None
    assert values(rows.parse(b"2500;0;7")) == [2.5]
    assert math.isnan(values(rows.parse(b"OL;0;7"))[0])
    assert rows.parse(b"20000;0;7") == "20 w is not between -100000 and 10: '20000;0;7'"


def test_who_joins_in_midway_does_not_take_the_end_of_a_number_for_one() -> None:
    lines = Lines(skip_first=True)
    assert [whole for _, whole in lines.feed(b"2.5\r\n13.5\n1")] == [False, True]
    assert list(lines.feed(b"4.5\r")) == [(b"14.5", True)]
    assert list(Lines(skip_first=False).feed(b"2.5\n")) == [(b"2.5", True)]


def test_what_has_no_end_is_thrown_away_up_to_the_next_line() -> None:
    lines = Lines(skip_first=False)
    for _ in range(100):
        assert list(lines.feed(b"x" * 1000)) == []
    assert lines.too_long == 1, "one line, however long"
    tail, row = lines.feed(b"tail\n1,2\n")
    assert tail[1] is False
    assert row == (b"1,2", True)


@given(st.lists(st.binary(max_size=2 * LINE_LIMIT), max_size=6), st.sampled_from(meter_names("line")))
def test_any_bytes_give_rows_reasons_or_nothing(pieces: list[bytes], name: str) -> None:
    lines, rows = Lines(skip_first=False), Rows(load_meter(name))
    for piece in pieces:
        for line, whole in lines.feed(piece):
            assert len(line) <= LINE_LIMIT
            found = rows.parse(line, whole=whole)
            if isinstance(found, Row):
                assert all(math.isnan(value) or math.isfinite(value) for value in found.values)
            elif found is not None:
                assert found.isprintable()
                assert len(found) < 500


FIELDS = st.lists(
    st.one_of(
        st.floats().map(str), st.integers().map(str), st.text(max_size=8), st.sampled_from(["#d", "Time", "Watts"])
    ),
    max_size=24,
)


@given(FIELDS, st.sampled_from(meter_names("line")))
def test_rows_that_nearly_are_some_keep_to_their_bounds(fields: list[str], name: str) -> None:
    meter = load_meter(name)
    rows = Rows(meter)
    rows.parse(b"V,A")
    for text in (",".join(fields), ",".join(["#d", *fields]), ",".join(["Time", "x", "Watts", *fields])):
        found = rows.parse(text.encode(errors="replace"))
        if isinstance(found, Row):
            for column, value in zip(meter.columns, found.values, strict=True):
                assert math.isnan(value) or column.low <= value <= column.high


def test_scpis_infinity_and_words_for_nothing_are_null() -> None:
    column = load_meter("scpi_supply").columns[0]
    for text in ("9.91E37", "9.9E+37", "-9.9E37", "NAN", "nan", " ---- ", ""):
        value = si_value(column, text)
        assert isinstance(value, float)
        assert math.isnan(value), text
    assert si_value(column, "inf") == pytest.approx(math.nan, nan_ok=True)
    assert si_value(column, "1_000") == "'1_000' is no number"
    assert si_value(column, "\u0661") == "'\u0661' is no number"


def test_a_current_alone_becomes_a_power_only_where_the_voltage_is_stated() -> None:
    meter = load_meter("ppk2_csv")
    plain = described(parse_uri("import:x?as=ppk2_csv"), meter)
    assert plain.sources() == ()
    stated = described(parse_uri("import:x?as=ppk2_csv&supply_v=3.7&boundary=battery_bypass"), meter)
    assert stated.sources()[0].terms == (("ppk2_csv_main.power_w",),)
    assert si_value(stated.meter.columns[0], "1000") == pytest.approx(3.7e-3)
    assert stated.facts["supply_v_stated"] == 3.7
    with pytest.raises(UsageError, match="boundary is missing"):
        described(parse_uri("import:x?as=ppk2_csv&supply_v=3.7"), meter)


def test_rows_that_came_together_were_not_measured_together() -> None:
    assert spread(1, 0, S, 0.01).tolist() == [S]
    assert spread(2, 0, S, 0.01).tolist() == [S - 10 * MS, S]
    assert spread(4, S, S + 4 * MS, 0.01).tolist() == [S + n * MS for n in (1, 2, 3, 4)]
    assert spread(2, S, S + 10, None).tolist() == [S + 5, S + 10]
    assert spread(2, S, S, None).tolist() == [S, S]


def test_the_meters_own_time_is_kept_however_unevenly_it_arrives() -> None:
    rng = np.random.default_rng(3)
    own = OwnStamps(2**32 * 1000)
    start = 2**32 - 3_000_000  # wraps after 3 s of microseconds
    true_ns = np.arange(0, 60 * S, 20 * MS)
    read_ns = (start + np.round(true_ns * (1 + 50e-6) / 1000).astype(np.int64)) % 2**32 * 1000
    arrived_ns = np.maximum.accumulate(true_ns + rng.exponential(3 * MS, len(true_ns)).astype(np.int64))
    placed = np.concatenate([own.place([int(r)], int(a)) for r, a in zip(read_ns, arrived_ns, strict=True)])
    assert own.restarts == 0
    assert (np.diff(placed) >= 0).all()
    error_ns = placed[500:] - true_ns[500:]
    assert abs(error_ns).max() < 1 * MS, "arrivals are off by up to 20 ms"
    assert abs(arrived_ns - true_ns)[500:].max() > 10 * MS


def test_a_meter_that_begins_anew_is_placed_anew() -> None:
    own = OwnStamps(None)
    assert own.place([5 * S, 6 * S], 100 * S).tolist() == [99 * S, 100 * S]
    assert own.place([1 * S], 103 * S).tolist() == [103 * S]
    assert own.restarts == 1
    assert own.place([2 * S], 104 * S + 10 * MS).tolist() == [104 * S + round(S * DRIFT_LIMIT)]
    assert own.place([200 * S], 105 * S).tolist() == [105 * S]
    assert own.restarts == 2


@given(st.lists(st.tuples(st.integers(0, 2**70), st.integers(0, 10 * S)), max_size=20), st.sampled_from([None, 2**32]))
def test_whatever_time_a_meter_says_stamps_do_not_go_back_or_ahead(
    said: list[tuple[int, int]], wraps_ns: int | None
) -> None:
    own, now_ns, last_ns = OwnStamps(wraps_ns), 0, 0
    for read_ns, step_ns in said:
        now_ns += step_ns
        (placed,) = own.place([read_ns], now_ns).tolist()
        assert last_ns <= placed <= now_ns
        last_ns = placed


BROKEN = {
    "no way": (b'[line]\nseparator = ";"\nfields = 3\n', b"", "the file has none of the tables line, scpi, recording"),
    "two ways": (b"[line]", b"[scpi]\n[line]", "line and scpi of the tables"),
    "unknown key": (b"fields = 3", b"field = 3", "line: key 'field' is unknown"),
    "unit": (b'"mW"', b'"dBm"', "channels.main.power: unit is 'dBm', expected one of W, kW"),
    "quantity": (b"main.power", b"main.energy", "'energy' is unknown, expected one of power"),
    "place": (b'named = "P"', b'named = "P"\nfield = 2', "channels.main.power has field and named, expected one of"),
    "name": (b'"headed"', b'"Head ed"', "name is 'Head ed'"),
    "bounds": (b"high = 10", b"high = 10\nlow = 11", "low is 11 and high 10"),
    "source": (b'"test"', b'" "', "expected a text that says where"),
    "toml": (b"fields = 3", b"fields =", r"not TOML \(Invalid value \(at line 8, column 9\)\)"),
    "scale": (b"high = 10", b"scale = 1e-330", "scale is 0.0"),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_wrong_file_is_one_line_that_names_the_key(broken: str) -> None:
    old, new, message = BROKEN[broken]
    assert old in HEADED
    with pytest.raises(UsageError, match=message) as caught:
        parse_meter(HEADED.replace(old, new, 1), "my.toml")
    assert str(caught.value).startswith("meter my.toml: ")
    assert "\n" not in str(caught.value)


@given(st.binary(max_size=200))
def test_any_file_is_a_meter_or_a_reason(raw: bytes) -> None:
    with pytest.raises(UsageError):
        parse_meter(raw, "any.toml")


def test_every_meter_that_is_shipped_says_how_it_is_known() -> None:
    words = ("documented", "second-hand", "remembered", "assumed")
    assert len(meter_names()) >= 8
    assert all(load_meter(name).source.startswith(words) for name in meter_names())
    assert all(load_meter(name).name == name for name in meter_names())


def test_the_meter_that_the_guide_adds_is_one() -> None:
    guide = (Path(__file__).parents[1] / "docs/meters.md").read_text()
    start = guide.index('    name = "my_meter"')
    text = textwrap.dedent(guide[start : guide.index("    edgewatt record", start)])
    meter = parse_meter(text.encode(), "docs/meters.md")
    rows = Rows(meter)
    assert values(rows.parse(b"17,4.0,500")) == [4.0, 0.5]
    assert all(f"`{name}`" in guide for name in meter_names())

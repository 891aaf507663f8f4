"""Recordings of other programs: columns, units, times and their clock, holes, and files that are none."""

import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.generic.recording_import import FAMILY
from edgewatt.profiler.batch import Batch, End, Gap
from edgewatt.profiler.channel import Opened
from edgewatt.profiler.clock import ManualClock
from edgewatt.profiler.device import Device, parse_uri
from edgewatt.profiler.energy.sources import energy_of_source
from edgewatt.profiler.errors import NotMeasuredError, UsageError
from edgewatt.profiler.running.record import record
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.window import Window

S = 1_000_000_000
MS = 1_000_000


def opened(uri: str) -> tuple[Device, Opened, list[Batch | Gap]]:
    device = FAMILY.open(parse_uri(uri))
    (collector,) = device.collectors
    answer = collector.open(ManualClock())
    items: list[Batch | Gap] = []
    while not isinstance(item := collector.read(0.0), End):
        items.append(item)
    collector.close()
    return device, answer, items


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_a_csv_of_a_ppk2_at_its_stated_supply(tmp_path: Path) -> None:
    path = write(tmp_path / "ppk.csv", "Timestamp(ms),Current(uA),D0-D7\n0,1000,0\n0.01,2000,0\n0.02,3000,1\n")
    device, answer, (batch,) = opened(f"import:{path}?as=ppk2_csv&supply_v=3.7&boundary=battery_bypass")
    assert isinstance(batch, Batch)
    assert batch.t_ns.tolist() == [0, 10_000, 20_000]
    assert batch.columns["ppk2_csv_main.power_w"] == pytest.approx([3.7e-3, 7.4e-3, 11.1e-3])
    assert answer.clock == "import"
    assert answer.can_wait
    assert answer.sources[0].boundary == "battery_bypass"
    assert device.facts == {
        "described_by": "ppk2_csv",
        "boundary": "battery_bypass",
        "supply_v_stated": 3.7,
        "file": "ppk.csv",
    }


def test_columns_that_the_uri_names(tmp_path: Path) -> None:
    path = write(tmp_path / "my.csv", "when;U (mV);I;note\n0,5;4000;0,5;a\n1,5;;-1;b\n2,5;99999999;1,5;c\n")
    uri = f"import:{path}?time=when:s&voltage=U%20(mV):mV&current=I:A&boundary=battery_series&name=scope"
    device, answer, (batch,) = opened(uri)
    assert isinstance(batch, Batch)
    assert batch.t_ns.tolist() == [500 * MS, 1500 * MS, 2500 * MS]
    assert np.isnan(batch.columns["scope_main.voltage_v"]).tolist() == [False, True, True]
    assert batch.columns["scope_main.current_a"].tolist() == [0.5, -1.0, 1.5]
    assert answer.sources[0].terms == (("scope_main.voltage_v", "scope_main.current_a"),)
    assert answer.channels[""][0].period_s == 1.0
    assert device.collectors[0].learnt().reasons == ("meter_values_unreadable:scope:1",)  # type: ignore[attr-defined]


def test_parquet_with_holes(tmp_path: Path) -> None:
    t_ns = np.concatenate([np.arange(100) * MS, 500 * MS + np.arange(100) * MS])
    path = tmp_path / "meter.parquet"
    pq.write_table(pa.table({"t": t_ns, "W": pa.array(np.full(200, 2.0, np.float32))}), path)
    _, answer, items = opened(f"import:{path}?time=t:ns&power=W:W&boundary=wall")
    first, hole, second = items
    assert isinstance(first, Batch)
    assert isinstance(second, Batch)
    assert len(first) == len(second) == 100
    assert hole == Gap(99 * MS, 500 * MS, "the file has no samples", 400)
    assert answer.facts == {"rows": 200, "holes": 1}


def test_an_offset_places_it_and_says_how_well(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "t,P\n0,2\n1,2\n2,2\n3,2\n")
    uri = f"import:{path}?time=t:s&power=P:W&boundary=wall&offset=100.5&within=0.01"
    trace = record(FAMILY.open(parse_uri(uri)), tmp_path / "run")
    (source,) = trace.sources
    fit = trace.clock_fit("import")
    assert fit.u_offset_s == pytest.approx(0.01 / 3**0.5)
    found = energy_of_source(trace, source, [101 * S], [102 * S])
    assert found.energy_j[0] == pytest.approx(2.0)
    assert trace.manifest.device["offset_s"] == 100.5
    plain = record(FAMILY.open(parse_uri(uri.partition("&offset")[0])), tmp_path / "plain")
    with pytest.raises(NotMeasuredError, match="clock import was never compared"):
        energy_of_source(plain, plain.sources[0], [101 * S], [102 * S])


def test_what_has_wall_clock_times_joins_a_run_that_was_made_without_it(tmp_path: Path) -> None:
    phone = write(tmp_path / "phone.csv", "t,P\n0,1\n1,1\n")
    first = record(
        FAMILY.open(parse_uri(f"import:{phone}?time=t:s&power=P:W&boundary=gauge&name=phone&offset=1&within=0")),
        tmp_path / "first",
    )
    realtime = first.clock_fit("host.realtime")
    now_ns = time.time_ns()
    t_ns = now_ns + np.arange(0, 4 * S, 100 * MS)
    host_ns = realtime.to_host(np.array([now_ns]))[0]
    path = tmp_path / "meter.parquet"
    stamps = pa.array(t_ns).cast(pa.timestamp("ns", "UTC"))
    pq.write_table(pa.table({"when": stamps, "P": np.full(len(t_ns), 1500.0)}), path)
    from edgewatt.collectors.generic.replay import FAMILY as REPLAY  # noqa: PLC0415

    run = REPLAY.open(parse_uri(f"replay:{tmp_path / 'first'}"))
    meter = FAMILY.open(parse_uri(f"import:{path}?time=when:iso&power=P:mW&boundary=wall"))
    record(run, tmp_path / "joined", meters=[meter])
    joined = Trace.open(tmp_path / "joined")
    assert joined.clock_fit("host.realtime") == realtime, "of the run that is joined, not of the joining"
    source = next(source for source in joined.sources if source.name == "import/main")
    found = energy_of_source(joined, source, [host_ns + S], [host_ns + 2 * S])
    assert found.energy_j[0] == pytest.approx(1.5, rel=1e-6)
    assert Window("x", 0, 1, "host.monotonic").clock in joined.manifest.clocks


def test_iso_times_as_text(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "t,P\n2026-11-26T10:00:00.125Z,2\n2026-11-26T11:00:00.25+01:00,2\n")
    _, answer, (batch,) = opened(f"import:{path}?time=t:iso&power=P:W&boundary=wall")
    assert isinstance(batch, Batch)
    assert np.diff(batch.t_ns).tolist() == [125 * MS]
    assert answer.clock == "host.realtime"


WRONG = {
    "": "expected as=METER, or time=NAME:UNIT and one of power=NAME:UNIT",
    "time=t:s": "expected as=METER, or time=NAME:UNIT",
    "time=t&power=P:W": "time is 't', expected NAME:UNIT",
    "time=t:h&power=P:W&boundary=wall": "recording.time: unit is 'h', expected one of s, ms, us, ns, iso",
    "time=t:s&power=P:VA&boundary=wall": "channels.main.power: unit is 'VA', expected one of W",
    "time=t:s&power=P:W": "boundary is missing",
    "time=x:s&power=P:W&boundary=wall": "has no column 'x'; its columns are t, P, bad, back, word",
    "time=bad:s&power=P:W&boundary=wall": "column 'bad', row 2 holds ",
    "time=back:s&power=P:W&boundary=wall": "column 'back', row 3: time goes back",
    "time=word:iso&power=P:W&boundary=wall": "expected times such as 2026-11-26T10:00:00.125Z",
    "time=word:s&power=P:W&boundary=wall": "column 'word', row 1 holds 'a', expected a number",
    "time=t:s&power=word:W&boundary=wall": "column 'word', row 1 holds 'a', expected a number",
    "time=t:s&power=P:W&boundary=wall&offset=1": "within is missing",
    "time=t:s&power=P:W&boundary=wall&offset=x": "offset is 'x'",
    "time=t:s&power=P:W&boundary=wall&wall=maybe": "wall is 'maybe'",
    "time=t:s&power=P:W&boundary=wall&wall=yes&within=1": "within is for times of the recording's own",
    "as=ppk2_csv&time=t:s": "as= names the columns already; leave time= out",
    "as=watts_up_pro": "watts_up_pro is read as line:..., not as recording:...",
}


@pytest.mark.parametrize("options", WRONG)
def test_what_is_wrong_is_one_line(tmp_path: Path, options: str) -> None:
    path = write(tmp_path / "a.csv", "t,P,bad,back,word\n0,1,0,0,a\n1,1,,2,b\n2,1,2,1,c\n")
    with pytest.raises(UsageError) as caught:
        FAMILY.open(parse_uri(f"import:{path}" + (f"?{options}" if options else "")))
    assert WRONG[options] in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.csv", None, "cannot be read (No such file or directory); expected a recording"),
        ("empty.csv", b"", "is empty"),
        ("header.csv", b"t,P\n", "no rows"),
        ("zip.csv", b"PK\x03\x04rest", "is compressed"),
        ("cut.parquet", b"PAR1garbage", "no readable Parquet"),
        ("twice.csv", b"t,P,P\n0,1,2\n", "has the column 'P' 2 times"),
        ("huge.csv", b"t,P\n1e300,1\n", "row 1 holds '1e300', expected a time"),
    ],
)
def test_a_file_that_is_none_is_one_line(tmp_path: Path, name: str, content: bytes | None, message: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        FAMILY.open(parse_uri(f"import:{path}?time=t:s&power=P:W&boundary=wall"))
    assert message in str(caught.value)


def test_a_folder_is_no_recording(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        FAMILY.open(parse_uri(f"import:{tmp_path}?time=t:s&power=P:W&boundary=wall"))


CELLS = st.one_of(st.floats().map(str), st.integers().map(str), st.text(max_size=6), st.just(""))


@given(st.one_of(st.binary(max_size=300), st.lists(st.tuples(CELLS, CELLS), max_size=8)))
def test_any_file_is_a_recording_or_a_reason(
    tmp_path_factory: pytest.TempPathFactory, content: bytes | list[tuple[str, str]]
) -> None:
    path = tmp_path_factory.mktemp("any") / "any.csv"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text("t,P\n" + "".join(f"{t},{p}\n" for t, p in content), errors="replace")
    try:
        _, _, items = opened(f"import:{path}?time=t:s&power=P:W&boundary=wall")
        problem = ""
    except UsageError as error:
        items, problem = [], str(error)
    assert "\n" not in problem
    for item in items:
        if isinstance(item, Batch):
            assert (np.diff(item.t_ns) >= 0).all()
            watts = item.columns["import_main.power_w"]
            assert (np.isnan(watts) | (abs(watts) <= 1e5)).all()

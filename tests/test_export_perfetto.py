"""Traces for ui.perfetto.dev: written, and read back with the format's own classes; and the same as JSON."""

import json
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from edgewatt.profiler.energy.sources import energy_of_source
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.trace import Trace
from edgewatt.reports.export import export
from edgewatt.reports.traces import events, perfetto
from edgewatt.reports.traces.events import Slice
from edgewatt.reports.traces.lanes import on_lanes
from tests.figure_runs import recorded
from tests.sample_runs import HOSTILE

WALL_NS = 1_795_702_368_000_000_000
CLOCKS = {
    "host.realtime": {
        "clock": "host.realtime",
        "origin_ns": WALL_NS,
        "offset_ns": 101_000_000_000 - WALL_NS,
        "drift": 0.0,
        "bound_ns": 1000,
    }
}


def chrome(runs: list[Trace], folder: Path) -> dict[str, Any]:
    export(runs, "chrome", folder / "trace.json")
    found: dict[str, Any] = json.loads((folder / "trace.json").read_text(), parse_float=str)
    return found


def ns(us: str) -> int:
    whole, _, rest = us.partition(".")
    return int(whole) * 1000 + int(rest)


def test_json_holds_every_counter_and_slice(tmp_path: Path) -> None:
    run = recorded(tmp_path, lost=True, clocks=CLOCKS)
    trace = chrome([run], tmp_path)
    of = trace["traceEvents"]
    assert {event["ph"] for event in of} == {"M", "C", "X"}
    power = [event for event in of if event["name"] == "power rapl/vdd_in (W)"]
    assert {event["args"]["W"] for event in power} == {"2.0", "10.0"}
    t_ns, values = run.series("vdd_in.power_w").to_numpy()
    raw = [event for event in of if event["name"] == "rapl/vdd_in power (W)"]
    assert [(ns(event["ts"]), float(event["args"]["W"])) for event in raw] == list(
        zip(t_ns.tolist(), values, strict=True)
    )
    names = {event["args"]["name"] for event in of if event["name"] in {"process_name", "thread_name"}}
    assert {"SIMULATED board (run)", "iterations", "windows: measure", "no samples: rapl"} <= names
    measured = [event for event in of if event["name"].startswith("measure/")]
    windows = run.windows("measure/")
    assert [(ns(one["ts"]), ns(one["dur"])) for one in measured] == [(w.t0_ns, w.t1_ns - w.t0_ns) for w in windows]
    assert trace["otherData"]["simulated"] is True
    clocks = trace["otherData"]["runs"][0]["clocks"]
    assert (clocks["host.monotonic_ns"], clocks["wall_ns"]) == (101_000_000_000, WALL_NS)


def test_operators_lie_in_a_row_and_say_so(tmp_path: Path) -> None:
    of = chrome([recorded(tmp_path)], tmp_path)["traceEvents"]
    first, second = (event for event in of if event["name"] in {"0 CONV_2D", "1 SOFTMAX"})
    assert ns(first["dur"]) == 60_000_000
    assert ns(first["ts"]) + ns(first["dur"]) == ns(second["ts"])
    track = next(e for e in of if e["name"] == "thread_name" and e["tid"] == first["tid"])
    assert "not when each ran" in track["args"]["name"]


def test_several_runs_begin_together(tmp_path: Path) -> None:
    runs = [recorded(tmp_path, "a"), recorded(tmp_path, "b", energy=False)]
    notices = export(runs, "chrome", tmp_path / "trace.json")
    assert any("begins where the first one does" in said for said in notices)
    of = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert {event["pid"] for event in of} == {1, 2}
    begins = [min(event["ts"] for event in of if event["pid"] == pid and "ts" in event) for pid in (1, 2)]
    assert begins[0] == begins[1]


def test_long_runs_are_reduced_to_their_extremes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "VALUES_LIMIT", 200)
    monkeypatch.setattr(events, "SLICES_LIMIT", 25)
    run = recorded(tmp_path)
    notices = export([run], "chrome", tmp_path / "trace.json")
    assert any("least and greatest values" in said for said in notices)
    assert any("35 of 60 iterations are left out" in said for said in notices)
    of = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    values = [event for event in of if event["ph"] == "C"]
    assert len(values) < 2 * 200
    assert {event["args"]["W"] for event in values if "W" in event["args"]} == {2.0, 10.0}


def test_hostile_names_stay_names(tmp_path: Path) -> None:
    run = recorded(tmp_path, device={"name": HOSTILE, "device_id": "f00d"})
    trace = chrome([run], tmp_path)
    name = next(event for event in trace["traceEvents"] if event["name"] == "process_name")["args"]["name"]
    assert name.isprintable()
    assert len(name) <= events.NAME_LIMIT


def test_slices_of_a_lane_never_overlap() -> None:
    given = [
        Slice("a", str(n), begin, end) for n, (begin, end) in enumerate([(0, 10), (5, 7), (7, 20), (10, 8), (10, 12)])
    ]
    lanes: dict[int, int] = {}
    for track, lane, one in on_lanes(given):
        assert track == "a"
        assert one.t0_ns >= lanes.get(lane, 0)
        lanes[lane] = max(one.t1_ns, one.t0_ns)
    assert len(lanes) == 2


def test_without_the_package_it_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(_name: str) -> None:
        raise ImportError

    monkeypatch.setattr(perfetto, "import_module", absent)
    with pytest.raises(UsageError, match=r"pip install 'edgewatt\[reports\]'"):
        export([recorded(tmp_path)], "perfetto", tmp_path / "trace.pftrace")
    assert not (tmp_path / "trace.pftrace").exists()


@pytest.mark.extra
def test_what_lies_before_the_clock_began_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pb2 = pytest.importorskip("perfetto.protos.perfetto.trace.perfetto_trace_pb2")
    runs = [recorded(tmp_path, "a"), recorded(tmp_path, "b")]
    monkeypatch.setattr(
        "edgewatt.reports.traces.told.begin_of", lambda run, _: 0 if run is runs[0] else 106_000_000_000
    )
    export(runs, "perfetto", tmp_path / "trace.pftrace")
    trace = pb2.Trace.FromString((tmp_path / "trace.pftrace").read_bytes())
    begun = Counter(packet.track_event.name for packet in trace.packet if packet.HasField("track_event"))
    assert begun["idle/before"] == 1  # of the first run alone
    assert begun["measure/2"] == 2


@pytest.mark.extra
def test_perfetto_reads_back_with_its_own_classes(tmp_path: Path) -> None:
    """By its protobuf classes; its trace processor is a program that it downloads, and is not at hand."""
    pb2 = pytest.importorskip("perfetto.protos.perfetto.trace.perfetto_trace_pb2")
    run = recorded(tmp_path, lost=True, clocks=CLOCKS)
    export([run], "perfetto", tmp_path / "trace.pftrace")
    trace = pb2.Trace.FromString((tmp_path / "trace.pftrace").read_bytes())
    clocks = trace.packet[0].clock_snapshot
    assert clocks.primary_trace_clock == pb2.BUILTIN_CLOCK_MONOTONIC
    assert {one.clock_id: one.timestamp for one in clocks.clocks} == {
        pb2.BUILTIN_CLOCK_MONOTONIC: 101_000_000_000,
        pb2.BUILTIN_CLOCK_REALTIME: WALL_NS,
    }
    tracks = {p.track_descriptor.uuid: p.track_descriptor for p in trace.packet if p.HasField("track_descriptor")}
    process, *others = tracks.values()
    assert process.process.process_name == "SIMULATED board (run)"
    assert {track.parent_uuid for track in others} == {process.uuid}
    units = {track.name: track.counter.unit_name for track in others if track.HasField("counter")}
    assert units["power rapl/vdd_in"] == "W"
    assert units["also0/cpu temperature"] == "°C"
    of = [packet for packet in trace.packet if packet.HasField("track_event")]
    assert {(p.timestamp_clock_id, p.trusted_packet_sequence_id) for p in of} == {(pb2.BUILTIN_CLOCK_MONOTONIC, 1)}
    event = pb2.TrackEvent
    assert energy_of(of, tracks, event) == pytest.approx(energy_in(run), rel=0.01)
    slices = Counter(p.track_event.type for p in of)
    assert slices[event.TYPE_SLICE_BEGIN] == slices[event.TYPE_SLICE_END] > 60
    begun = {p.track_event.name: p for p in of if p.track_event.type == event.TYPE_SLICE_BEGIN}
    assert begun["measure/0"].timestamp == run.windows("measure/0")[0].t0_ns
    notes = {one.name: one for one in begun["measure/0"].track_event.debug_annotations}
    assert notes["iterations"].int_value == 20
    assert "unplugged" in begun


def energy_of(of: list[Any], tracks: dict[int, Any], event: Any) -> float:
    """The joules under the counter of power, up to its gap, each value held until the next."""
    mine = [p for p in of if p.track_event.type == event.TYPE_COUNTER]
    power = [p for p in mine if tracks[p.track_event.track_uuid].name == "power rapl/vdd_in"]
    pairs = [(p.timestamp / 1e9, p.track_event.double_counter_value) for p in power if p.timestamp < 107e9]
    return sum((t1 - t0) * w for (t0, w), (t1, _) in pairwise(pairs))


def energy_in(run: Trace) -> float:
    t_ns, _ = run.series("vdd_in.power_w").to_numpy()
    last = t_ns[t_ns < 107_000_000_000][-1]
    return float(energy_of_source(run, run.sources[0], [int(t_ns[0])], [int(last)]).energy_j[0])

"""The envelope of a timeline: few elements, and never an extreme less."""

import base64
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from edgewatt.profiler.channel import Channel, EnergySource
from edgewatt.profiler.progress import Silent
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.units import Quantity
from edgewatt.reports.page.section import ToldRun
from edgewatt.reports.page.timeline.choose import MOST, chosen_of, samples_each
from edgewatt.reports.page.timeline.envelope import Asked, Block, Envelope, envelopes_of
from edgewatt.reports.page.timeline.marks import marks_of
from edgewatt.reports.page.timeline.packing import NONE, packed
from edgewatt.reports.page.timeline.series import Series, series_of
from tests.measured_runs import BUSY_W, IDLE_W, Instrument, Plan, rail, rapl, written

S = 1_000_000_000


def envelope(blocks: list[Block], samples: int, gap_ns: int | None = None) -> Envelope:
    return envelopes_of([Asked(blocks, samples, gap_ns)])[0]


def cut(t_ns: np.ndarray, values: np.ndarray, places: list[int]) -> list[Block]:
    edges = [0, *sorted({min(place, len(t_ns)) for place in places}), len(t_ns)]
    return [(t_ns[a:b], values[a:b]) for a, b in pairwise(edges)]


def series_in(path: Path, samples: int = 1) -> list[Series]:
    trace = Trace.open(path)
    shown, _ = chosen_of(trace)
    return series_of(trace, shown, [samples] * len(shown), Silent())


@pytest.mark.parametrize("gap_ns", [None, 5])
@pytest.mark.parametrize("seed", range(40))
def test_no_extreme_vanishes_however_it_is_cut(seed: int, gap_ns: int | None) -> None:
    rng = np.random.default_rng(seed)
    n, samples = int(rng.integers(1, 80)), int(rng.integers(1, 20))
    t_ns, of = np.cumsum(rng.integers(0, 10, n)), np.where(rng.random(n) < 0.2, np.nan, rng.normal(0, 10, n))
    places = rng.integers(0, 80, int(rng.integers(0, 6))).tolist()
    found = envelope(cut(t_ns, of, places), samples, gap_ns)
    known = of[np.isfinite(of)]
    assert found.readings == len(known)
    if len(known):
        assert np.nanmin(found.low) == known.min()
        assert np.nanmax(found.high) == known.max()
    assert (np.diff(found.t_ns) >= 0).all()
    ordered = ~np.isnan(found.mean)
    assert (found.low[ordered] <= found.mean[ordered] + 1e-6).all()
    assert (found.mean[ordered] <= found.high[ordered] + 1e-6).all()
    whole = envelope([(t_ns, of)], samples, gap_ns)
    np.testing.assert_array_equal(found.t_ns, whole.t_ns)
    np.testing.assert_array_equal(found.high, whole.high)


def test_a_gap_ends_an_element_and_leaves_one_without_values() -> None:
    t_ns = np.array([0, 1, 2, 100, 101, 102, 103], np.int64)
    found = envelope([(t_ns, np.arange(7.0))], 4, gap_ns=5)
    assert found.t_ns.tolist() == [0, 2, 100]
    np.testing.assert_array_equal(found.mean, [1.0, np.nan, 4.5])
    assert found.end_ns == 103


def test_a_gap_between_two_blocks_is_one_too() -> None:
    found = envelope([(np.array([0, 1]), np.zeros(2)), (np.array([50, 51]), np.ones(2))], 2, gap_ns=5)
    assert found.t_ns.tolist() == [0, 1, 50]
    assert np.isnan(found.mean[1])


def test_short_series_stay_whole_and_leave_room_for_long_ones() -> None:
    assert samples_each([100, 1_000_000, 1_000_000], 20_100) == [1, 100, 100]
    assert samples_each([], 10) == []
    assert samples_each([0, 5], 10) == [1, 1]


@pytest.mark.parametrize("samples", [1, 3])
def test_packed_values_are_what_they_were_within_a_step(samples: int) -> None:
    t_ns = np.arange(0, 90, 10, dtype=np.int64) + 1000
    values = np.array([1.0, 2.0, 40.0, np.nan, np.nan, np.nan, -3.0, 0.5, 0.5])
    found = envelope([(t_ns, values)], samples)
    said = packed(found, 1000, 80, 1000.0)
    t = np.frombuffer(base64.b64decode(said["t"]), "<u4") / (2**32 - 1) * 80
    np.testing.assert_allclose(t, np.append(found.t_ns, found.end_ns) - 1000, atol=1e-6)
    if samples == 1:
        np.testing.assert_allclose(np.frombuffer(base64.b64decode(said["value"]), "<f4"), values * 1000)
        return
    for name in ("low", "mean", "high"):
        steps = np.frombuffer(base64.b64decode(said[name]), "<u2")
        back = np.where(steps == NONE, np.nan, said["from"] + steps * said["step"])
        np.testing.assert_allclose(back, getattr(found, name) * 1000, atol=said["step"] * 0.51)


def test_a_counter_shows_the_power_between_its_readings(tmp_path: Path) -> None:
    (power,) = series_in(written(tmp_path / "run", [Instrument(rapl())]))
    assert power.is_flat
    assert np.nanmax(power.envelope.high) == pytest.approx(BUSY_W, rel=0.01)
    assert np.nanmedian(power.envelope.mean[:300]) == pytest.approx(IDLE_W, rel=0.01)
    busy = power.envelope.mean > (BUSY_W + IDLE_W) / 2
    took_s = np.diff(np.append(power.envelope.t_ns, power.envelope.end_ns))[busy].sum() / S
    assert took_s == pytest.approx(6.0, abs=0.1)  # three repeats of two seconds


def test_a_gauge_is_shown_as_it_was_read_in_few_elements(tmp_path: Path) -> None:
    path = written(tmp_path / "run", [Instrument(rail(), boundary="board", name="rails")])
    whole, few = series_in(path)[0].envelope, series_in(path, 50)[0].envelope
    assert len(few) < len(whole) / 40
    assert few.readings == whole.readings == Trace.open(path).rows("rails")
    assert np.nanmax(few.high) == np.nanmax(whole.high) == BUSY_W


def test_marks_are_windows_gaps_and_heat_on_the_hosts_clock(tmp_path: Path) -> None:
    meter = Instrument(rail(), boundary="board", name="rails", clock="meter.uptime", ahead_s=50, lost=[(104.0, 104.5)])
    status = Channel("thermal_status", Quantity.STATE)
    plan = Plan(also=[(status, [(100.0, 0), (103.0, 2), (105.0, 0), (110.0, 1), (111.0, 1)])])
    run = ToldRun(Trace.open(written(tmp_path / "run", [meter], plan)), "run")
    marks = marks_of(run)
    assert [mark.name for mark in marks if mark.kind == "measure"] == ["measure/0", "measure/1", "measure/2"]
    (gap,) = [mark for mark in marks if mark.kind == "gap"]
    assert (gap.t0_ns / S, gap.t1_ns / S, gap.name) == (104.0, 104.5, "rails: unplugged")
    hot = [(mark.t0_ns / S, mark.t1_ns / S) for mark in marks if mark.kind == "throttled"]
    assert hot == [(103.0, 105.0), (110.0, 111.0)]
    assert marks == sorted(marks, key=lambda mark: mark.t0_ns)


def test_a_panel_holds_as_many_series_as_colours_and_names_the_others(tmp_path: Path) -> None:
    zones = [Channel(f"zone{n}", Quantity.TEMPERATURE) for n in range(9)]
    limits = [Channel("cpu0_max", Quantity.FREQUENCY), Channel("cpu0", Quantity.FREQUENCY)]
    plan = Plan(also=[(channel, [(100.0, 30.0), (101.0, 31.0)]) for channel in (*zones, *limits)])
    shown, left = chosen_of(Trace.open(written(tmp_path / "run", [], plan)))
    assert [one.name for one in shown if one.panel.key == "temperature"] == [f"zone{n}" for n in range(MOST)]
    assert [one.name for one in shown if one.panel.key == "frequency"] == ["cpu0"]
    assert {one.name for one in left} == {"zone6", "zone7", "zone8", "cpu0_max"}


def test_series_without_a_reading_are_left_out(tmp_path: Path) -> None:
    plan = Plan(also=[(Channel("cpu-thermal", Quantity.TEMPERATURE), [(100.0, float("nan"))])])
    assert series_in(written(tmp_path / "run", [], plan)) == []


def test_a_source_in_two_streams_is_told_stream_by_stream(tmp_path: Path) -> None:
    path = written(tmp_path / "run", [Instrument(rapl("a"), name="one"), Instrument(rapl("b"), name="two")])
    trace = Trace.open(path)
    both = EnergySource("both", (("a.energy_j",), ("b.energy_j",)), "rail")
    trace.manifest.sources[:] = [both.to_json()]
    assert [one.name for one in chosen_of(trace)[0]] == ["both: a", "both: b"]


def test_samples_on_a_clock_that_nobody_knows_are_not_placed_in_time(tmp_path: Path) -> None:
    meter = Instrument(rail(), boundary="board", name="rails", clock="meter.uptime", lost=[(104.0, 104.5)])
    trace = Trace.open(written(tmp_path / "run", [meter]))
    del trace.manifest.clocks["meter.uptime"]
    shown, left = chosen_of(trace)
    assert (shown, [one.name for one in left]) == ([], ["rails/vdd_in"])
    assert [mark.kind for mark in marks_of(ToldRun(trace, "run"))] == ["idle", "measure", "measure", "measure", "idle"]

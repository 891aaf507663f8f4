"""What the samples show against a run, whatever was told of it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewatt.profiler.analysis.detected import fell_back, tells_of_heat
from edgewatt.profiler.analysis.process import process
from edgewatt.profiler.analysis.stepped import is_stepped
from edgewatt.profiler.channel import Boundary, Channel
from edgewatt.profiler.clockfit import ClockFit, Echo, fit_echoes
from edgewatt.profiler.identity import config_id
from edgewatt.profiler.units import Quantity
from tests.measured_runs import BUSY_W, FACTS, ITERATIONS, REPEAT_S, Instrument, Plan, rail, rapl, tables, written

GROSS_J = BUSY_W * REPEAT_S / ITERATIONS
# Repeats are from 105.5, 108.5 and 111.5 s on, for 2 s each.
SECONDS = np.arange(100.0, 119.0, 0.25)


def over(channel: Channel, begin_s: float, end_s: float, inside: float, outside: float = 0.0) -> Any:
    """The channel with one value from `begin_s` to `end_s` and another one before and after."""
    return channel, [(at, inside if begin_s <= at < end_s else outside) for at in SECONDS.tolist()]


# Throttling


def test_a_sensor_that_tells_of_throttling_marks_its_repeat(tmp_path: Path) -> None:
    plan = Plan(also=[over(Channel("thermal_status", Quantity.STATE), 109.0, 110.0, 2.0)])
    repeats, [result] = tables(process(written(tmp_path / "run", [Instrument(rapl())], plan)))
    assert [row["throttled"] for row in repeats] == [False, True, False]
    assert [row["quality_reasons"] for row in repeats] == [[], ["throttled"], []]
    assert result["quality_reasons"] == ["throttled"]
    assert result["energy_gross_j_mean"] == pytest.approx(GROSS_J, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "tells"),
    [
        ("thermal_status", True),
        ("cooling_cpufreq-cpu4", True),
        ("gpu0_thermal", True),
        ("cpu-throttle-alert", True),
        ("battery_level", False),
        ("gpu0_power_capped", False),
        ("gpu0_reasons", False),
    ],
)
def test_which_states_tell_of_heat(name: str, tells: bool) -> None:  # noqa: FBT001
    assert tells_of_heat(name, Channel(name, Quantity.STATE).column) is tells
    assert not tells_of_heat(name, Channel(name, Quantity.TEMPERATURE).column)


def test_what_was_told_of_throttling_stays(tmp_path: Path) -> None:
    cool = over(Channel("thermal_status", Quantity.STATE), 0.0, 1.0, 1.0)
    plan = Plan(told={1: {"throttled": True}}, also=[cool])
    repeats, _ = tables(process(written(tmp_path / "run", [Instrument(rapl())], plan)))
    assert [row["throttled"] for row in repeats] == [False, True, False]


# Charging

CURRENT = Channel("battery", Quantity.CURRENT, boundary="gauge")
PLUGGED = over(CURRENT, 111.0, 114.0, -0.4, 0.5)


def gauge(boundary: Boundary) -> Instrument:
    return Instrument(rail("vbat", period_s=0.01), 0.01, "phone", boundary)


@pytest.mark.parametrize("boundary", ["gauge", "usb_inline"])
def test_current_into_the_battery_spoils_the_joules_of_its_repeat(tmp_path: Path, boundary: Boundary) -> None:
    repeats, [result] = tables(process(written(tmp_path / "run", [gauge(boundary)], Plan(also=[PLUGGED]))))
    assert [row["energy_gross_j"] is None for row in repeats] == [False, False, True]
    assert repeats[2]["quality_reasons"] == ["charging"]
    assert repeats[2]["latency_s"] is not None
    assert result["energy_gross_j_mean"] == pytest.approx(GROSS_J, rel=1e-3)
    assert "charging" in result["quality_reasons"]


@pytest.mark.parametrize("boundary", ["battery_bypass"])
def test_other_boundaries_do_not_see_the_charger(tmp_path: Path, boundary: Boundary) -> None:
    repeats, _ = tables(process(written(tmp_path / "run", [gauge(boundary)], Plan(also=[PLUGGED]))))
    assert all(row["energy_gross_j"] is not None for row in repeats)


def test_a_gauge_that_fills_up_has_no_joules(tmp_path: Path) -> None:
    plan = Plan(busy_w={0: -3.0, 1: -3.0, 2: -3.0})
    repeats, [result] = tables(process(written(tmp_path / "run", [gauge("gauge")], plan)))
    assert [row["quality_reasons"] for row in repeats] == [["charging"]] * 3
    assert result["energy_gross_j_mean"] is None


def test_a_gauge_that_nobody_can_read_is_said(tmp_path: Path) -> None:
    silent = over(CURRENT, 0.0, 0.0, 0.0, float("nan"))
    raw = over(Channel("battery_current_raw", Quantity.COUNT), 0.0, 200.0, -412.0)
    repeats, [result] = tables(process(written(tmp_path / "run", [Instrument(rapl())], Plan(also=[silent, raw]))))
    assert result["quality_reasons"] == ["gauge_undecided"]
    assert (result["quality"], repeats[0]["quality"]) == ("good", "good")
    known = over(CURRENT, 0.0, 200.0, 0.4)
    _, [result] = tables(process(written(tmp_path / "known", [Instrument(rapl())], Plan(also=[known, raw]))))
    assert result["quality_reasons"] == []


# Delegates


@pytest.mark.parametrize(
    ("asked", "used", "reasons", "fell"),
    [
        ("gpu", "xnnpack", [], True),
        ("gpu", "gpu+cpu", [], False),
        ("gpu", "cpu", ["delegate_failed"], False),
        ("nnapi:dsp", "nnapi", [], False),
        ("cpu", "gpu", [], True),
        ("cpu", "xnnpack", ["restarted:connection lost"], False),
        (None, "cpu", [], False),
        ("gpu", None, [], False),
    ],
)
def test_falling_back(asked: str | None, used: str | None, reasons: list[str], fell: bool) -> None:  # noqa: FBT001
    assert fell_back(asked, used, reasons) is fell


def test_a_delegate_that_fell_back_marks(tmp_path: Path) -> None:
    facts = {**FACTS, "target_asked": "gpu"}
    asked = config_id(facts)
    plan = Plan(order=(asked,) * 2, configs={asked: facts}, told={1: {"target_used": "gpu"}})
    repeats, [result] = tables(process(written(tmp_path / "run", [Instrument(rapl())], plan)))
    assert [row["quality_reasons"] for row in repeats] == [["fell_back"], []]
    assert set(result["quality_reasons"]) == {"fell_back", "target_differs"}


# Clocks that step

METER = Instrument(rail(period_s=0.001), 0.001, "meter", "board", "meter.uptime", bound_ns=1_000_000)


def fits(drift: float) -> dict[str, Any]:
    return {"meter.uptime": ClockFit("meter.uptime", 109 * 10**9, 0, drift, 1_000_000).to_json()}


def test_a_clock_that_was_set_meanwhile_is_refused_by_name(tmp_path: Path) -> None:
    run = written(tmp_path / "run", [METER], Plan(manifest={"clocks": fits(0.002)}))
    repeats, [result] = tables(process(run))
    assert all(row["energy_gross_j"] is None for row in repeats)
    [reason] = result["quality_reasons"]
    assert reason.startswith("clock_stepped:meter.uptime: it seems to drift by 2000 ppm")
    assert result["latency_s_mean"] is not None


def test_a_clock_that_drifts_is_not(tmp_path: Path) -> None:
    _, [result] = tables(process(written(tmp_path / "run", [METER], Plan(manifest={"clocks": fits(1e-4)}))))
    assert result["energy_gross_j_mean"] == pytest.approx(GROSS_J, rel=1e-3)


@pytest.mark.parametrize(("step_s", "is_set"), [(0.0, False), (0.02, False), (0.2, True), (-0.2, True), (40.0, True)])
def test_two_looks_at_a_clock_tell_of_a_step(step_s: float, is_set: bool) -> None:  # noqa: FBT001
    """Over a minute, with round trips of 10 ms: clocks drift by 36 ms at most, and the looks are wrong by 10."""
    minute_ns = 60 * 10**9
    start = [Echo(0, 7 * 10**9, 10_000_000)]
    end = [Echo(minute_ns, 7 * 10**9 + minute_ns + round(step_s * 1e9), minute_ns + 10_000_000)]
    assert is_stepped(fit_echoes("phone", start, end), minute_ns) is is_set


def test_short_runs_allow_for_what_the_looks_are_wrong_by() -> None:
    fit = ClockFit("phone", drift=0.005, bound_ns=5_000_000)
    assert not is_stepped(fit, 10**9)
    assert is_stepped(fit, 10 * 10**9)

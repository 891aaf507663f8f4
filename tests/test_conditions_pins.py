"""Frequency pins are verified from what was recorded in each window, and without one the shares of time are kept."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from edgewatt.profiler.analysis.process import process
from edgewatt.profiler.channel import Channel
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.units import Quantity
from tests.measured_runs import CONFIG, Plan, written

PIN = {"cpu0": 1.8e9, "cpu4": 2.4e9}
Points = Sequence[tuple[float, float]]
# Repeats are at 105.5 to 107.5, 108.5 to 110.5 and 111.5 to 113.5 s of the host's clock.
TIMES = [100 + 0.25 * k for k in range(72)]
FIRST, SECOND = 105.5, 108.5


def sampled(name: str, hz: float, *dips: tuple[float, float, float]) -> tuple[Channel, Points]:
    """A frequency that is another one between two times."""
    points = [(at, next((other for a, b, other in dips if a <= at < b), hz)) for at in TIMES]
    return Channel(name, Quantity.FREQUENCY), points


def counted(name: str, khz: int, rate: float) -> tuple[Channel, Points]:
    """Time in a state, which grows at a rate, in ticks."""
    channel = Channel(f"{name}_{khz}khz", Quantity.DURATION, "counter", scale=0.01)
    return channel, [(at, round(100 * rate * (at - 90))) for at in TIMES]


def run(
    tmp_path: Path, *also: tuple[Channel, Points], pinned: Any = PIN, told: Mapping[str, Any] | None = None
) -> Trace:
    conditions = {"conditions": {} if pinned is None else {"pinned_hz": pinned}}
    of_all = dict.fromkeys(range(3), told or {})
    return process(written(tmp_path / "run", plan=Plan(also=also, manifest=conditions, told=of_all)))


def rows(trace: Trace, name: str = "repeats") -> list[dict[str, Any]]:
    table = trace.repeats() if name == "repeats" else trace.results()
    assert table is not None
    found: list[dict[str, Any]] = table.to_pylist()
    return found


def of_pins(row: Mapping[str, Any]) -> list[str]:
    return [reason for reason in row["quality_reasons"] if reason.startswith("pin_")]


def test_the_repeats_are_where_these_tests_think(tmp_path: Path) -> None:
    spans = [(row["t0_ns"] / 1e9, row["t1_ns"] / 1e9) for row in rows(run(tmp_path))]
    assert spans == [(FIRST, 107.5), (SECOND, 110.5), (111.5, 113.5)]


def test_a_pin_that_held_fills_the_column(tmp_path: Path) -> None:
    trace = run(tmp_path, sampled("cpu0", 1.8e9), sampled("cpu4", 2.41e9))
    assert [row["frequency_hz"] for row in (*rows(trace), *rows(trace, "results"))] == [2.4e9] * 4
    assert not of_pins(rows(trace, "results")[0])


def test_a_pin_that_did_not_hold_marks_the_repeat_alone(tmp_path: Path) -> None:
    dip = (SECOND + 0.5, SECOND + 0.8, 1.2e9)
    trace = run(tmp_path, sampled("cpu0", 1.8e9), sampled("cpu4", 2.4e9, dip))
    assert [row["frequency_hz"] for row in rows(trace)] == [2.4e9, None, 2.4e9]
    assert [of_pins(row) for row in rows(trace)] == [[], ["pin_not_held:cpu4"], []]
    assert rows(trace)[1]["quality"] == "marked"
    (result,) = rows(trace, "results")
    assert (result["frequency_hz"], of_pins(result)) == (None, ["pin_not_held:cpu4"])


def test_what_changes_outside_of_the_windows_does_not_count(tmp_path: Path) -> None:
    trace = run(tmp_path, sampled("cpu0", 1.8e9), sampled("cpu4", 2.4e9, (107.6, 108.4, 0.5e9), (100, 105.4, 0.5e9)))
    assert not of_pins(rows(trace, "results")[0])


def test_time_in_state_sees_what_samples_miss(tmp_path: Path) -> None:
    trace = run(
        tmp_path,
        sampled("cpu4", 2.4e9),
        counted("cpu4", 2400000, 0.9),
        counted("cpu4", 500000, 0.1),
        pinned={"cpu4": 2.4e9},
    )
    assert of_pins(rows(trace)[0]) == ["pin_not_held:cpu4"]


def test_a_pin_that_nothing_shows_is_not_believed(tmp_path: Path) -> None:
    trace = run(tmp_path, sampled("cpu0", 1.8e9))
    assert of_pins(rows(trace)[0]) == ["pin_not_verified:cpu4"]
    assert rows(trace)[0]["frequency_hz"] is None


def test_a_repeat_has_its_own_pins(tmp_path: Path) -> None:
    trace = run(tmp_path, sampled("cpu0", 1.0e9), pinned=None, told={"pinned_hz": {"cpu0": 1.0e9}})
    assert [row["frequency_hz"] for row in rows(trace)] == [1.0e9] * 3


@pytest.mark.parametrize(("target", "hz"), [("gpu", None), ("cpu", 1.8e9), ("xnnpack", 1.8e9), ("hexagon", None)])
def test_the_column_is_of_what_executed(tmp_path: Path, target: str, hz: float | None) -> None:
    trace = run(tmp_path, sampled("cpu0", 1.8e9), pinned={"cpu0": 1.8e9}, told={"target_used": target})
    assert rows(trace)[0]["frequency_hz"] == hz


def test_without_a_pin_the_shares_of_time_are_kept(tmp_path: Path) -> None:
    states = [counted("cpu4", 2400000, 0.75), counted("cpu4", 500000, 0.25), counted("cpu4", 1000000, 0.0)]
    trace = run(
        tmp_path, sampled("cpu0", 1.0e9, (FIRST, FIRST + 0.5, 2.0e9)), sampled("cpu4", 2.4e9), *states, pinned=None
    )
    shares = trace.manifest.configs[CONFIG]["frequency_shares"]["0"]
    assert shares["cpu0"] == {"1000000000": 0.75, "2000000000": 0.25}
    assert shares["cpu4"] == pytest.approx({"2400000000": 0.75, "500000000": 0.25}, abs=0.01)
    assert rows(trace)[0]["frequency_hz"] is None
    assert not of_pins(rows(trace)[0])


def test_fans_and_caps_are_no_clusters(tmp_path: Path) -> None:
    fan = (Channel("fan", Quantity.FREQUENCY), [(at, 30.0) for at in TIMES])
    trace = run(tmp_path, fan, sampled("cpu0_max", 1e9), pinned=None)
    assert "frequency_shares" not in trace.manifest.configs[CONFIG]


@pytest.mark.parametrize("pinned", [[], {"cpu0": "fast"}, {"cpu0": -1}, {"../x": 1e9}, {"cpu0": True}])
def test_pins_that_are_none_are_refused_by_name(tmp_path: Path, pinned: Any) -> None:
    with pytest.raises(UsageError, match=r"conditions: pinned_hz is .*expected hertz by cluster"):
        run(tmp_path, pinned=pinned)

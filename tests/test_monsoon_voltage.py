"""The output voltage: only when asked, never below what runs on it, in small steps from the live value, read back."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.monsoon.meter import Meter, Status
from edgewatt.collectors.monsoon.voltage import LEAST_LIVE_V, STEP_V, Range, set_voltage, steps
from edgewatt.profiler.errors import DeviceError, UsageError

LVPM, HVPM = Range(2.01, 4.55), Range(0.8, 13.5)
STATUS = Status("lvpm", "serial", 1, 20, 16, 3, 4.2, "auto", 8.0, 8.0)
HV_STATUS = replace(STATUS, model="hvpm", wire="usb", dac=(0xE000, 0xC800))


class Bench:
    """A meter with something on its output; `sent` are the voltages it was set to."""

    where = "/dev/test"

    def __init__(self, status: Status, *, off_by_v: float = 0.0, follows: bool = True) -> None:
        self._status, self._off_by_v, self._follows = status, off_by_v, follows
        self.sent: list[float] = []

    def status(self) -> Status:
        return self._status

    def set_voltage(self, volt: float) -> None:
        self.sent.append(volt)
        if self._follows:
            self._status = replace(self._status, output_v=volt)

    def measured(self, _meter: Meter) -> float:
        return (self._status.output_v or 0.0) + self._off_by_v


def change(bench: Bench, volt: float, allowed: Range = LVPM) -> float:
    meter: Meter = bench  # type: ignore[assignment]  (only what is asked of it here)
    return set_voltage(meter, bench.status(), volt, allowed, bench.measured, sleep=lambda _: None)


@given(live=st.integers(301, 455), volt=st.integers(300, 455))
def test_the_ramp_lies_between_the_live_voltage_and_the_end(live: int, volt: int) -> None:
    path = [live / 100, *steps(live / 100, volt / 100)]
    assert path[-1] == volt / 100
    assert all(min(live, volt) / 100 <= at <= max(live, volt) / 100 for at in path)
    assert all(abs(b - a) <= STEP_V + 1e-3 for a, b in pairwise(path))


def test_it_rises_from_the_live_value_in_steps() -> None:
    bench = Bench(STATUS)
    assert change(bench, 4.4) == pytest.approx(4.4)
    assert bench.sent == pytest.approx([4.25, 4.3, 4.35, 4.4])


def test_what_is_set_already_is_left_alone() -> None:
    bench = Bench(STATUS)
    change(bench, 4.2)
    assert bench.sent == []


def test_from_off_and_to_off_it_is_one_step() -> None:
    bench = Bench(replace(STATUS, output_v=0.0))
    change(bench, 3.9)
    assert bench.sent == [3.9]
    change(bench, 0.0)
    assert bench.sent == [3.9, 0.0]


@pytest.mark.parametrize(
    ("status", "volt", "allowed", "words"),
    [
        (STATUS, 5.0, LVPM, "an LVPM gives 0 .* 2.01 to 4.55 V"),
        (STATUS, 1.5, LVPM, "an LVPM gives"),
        (HV_STATUS, 50.0, HVPM, "an HVPM gives .* 13.5 V"),
        (STATUS, 2.5, LVPM, f"would not survive below {LEAST_LIVE_V:g} V"),
        (HV_STATUS, 12.0, HVPM, "more than 1 V above that is refused"),
    ],
)
def test_a_voltage_that_kills_is_refused_before_anything_is_touched(
    status: Status, volt: float, allowed: Range, words: str
) -> None:
    bench = Bench(status)
    with pytest.raises(UsageError, match=words):
        change(bench, volt, allowed)
    assert bench.sent == []


@pytest.mark.parametrize("dac", [(0xD000, 0xC800), (0xF000, 0xC800), (0xE000, 0xC000), (0xE000, 0xD000), (0, 0)])
def test_a_dac_that_is_off_is_refused(dac: tuple[int, int]) -> None:
    bench = Bench(replace(HV_STATUS, dac=dac))
    with pytest.raises(DeviceError, match="DAC calibration of this meter is off"):
        change(bench, 4.0, HVPM)
    assert bench.sent == []


def test_a_meter_that_does_not_follow_is_found_out() -> None:
    with pytest.raises(DeviceError, match=r"was set to 4.3 V and reads back 4.2 V"):
        change(Bench(STATUS, follows=False), 4.3)


def test_what_is_measured_has_to_be_what_was_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgewatt.collectors.monsoon.voltage.SETTLE_S", 0.0)
    bench = Bench(replace(STATUS, output_v=0.0), off_by_v=-0.2)
    with pytest.raises(DeviceError, match=r"set to 4.3 V and 4.10 V are measured .* It is off again"):
        change(bench, 4.3)
    assert bench.sent == [4.3, 0.0]


@pytest.mark.parametrize("off_by_v", [-0.2, 1.2])
def test_what_does_not_come_out_now_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch, off_by_v: float) -> None:
    monkeypatch.setattr("edgewatt.collectors.monsoon.voltage.SETTLE_S", 0.0)
    bench = Bench(STATUS, off_by_v=off_by_v)
    with pytest.raises(DeviceError, match=r"set to 4.2 V and .* Nothing was changed"):
        change(bench, 4.3)
    assert bench.sent == []
    assert change(bench, 0.0) == pytest.approx(off_by_v)


def test_an_output_that_stops_following_is_put_back_in_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgewatt.collectors.monsoon.voltage.SETTLE_S", 0.0)
    bench = Bench(STATUS)
    monkeypatch.setattr(bench, "measured", lambda _: 4.2)
    with pytest.raises(DeviceError, match=r"It is back at 4\.2 V"):
        change(bench, 4.4)
    assert bench.sent == pytest.approx([4.25, 4.3, 4.35, 4.4, 4.35, 4.3, 4.25, 4.2])


def test_where_the_setting_is_unknown_the_measured_voltage_is_the_live_one() -> None:
    bench = Bench(replace(HV_STATUS, output_v=None), off_by_v=4.2)
    with pytest.raises(UsageError, match=r"the output is at 4\.2 V now"):
        change(bench, 12.0, HVPM)
    assert bench.sent == []

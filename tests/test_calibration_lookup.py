"""Looking up a calibration: exact, between neighbours, or refused; never beyond what was measured."""

import math
from typing import Any

import pytest

from edgewatt.profiler.calibration.calibration import Calibration, calibration_of_rows
from edgewatt.profiler.calibration.head import CalibratedDevice, Head
from edgewatt.profiler.calibration.lookup import Known, OutOfRangeError, inference_at, power_at, radio_at, step_time_at
from edgewatt.profiler.errors import UsageError

ORIGIN = {"device_id": "p", "basis": "measured", "source": "a"}


def of(**tables: list[dict[str, Any]]) -> Calibration:
    head = Head(created="2026", devices={"p": CalibratedDevice("p")})
    return calibration_of_rows(head, {name: [{**ORIGIN, **row} for row in rows] for name, rows in tables.items()})


def core(frequency_hz: float, busy_w: float, **more: Any) -> dict[str, Any]:
    ends = {"busy_low_w": busy_w - 0.1, "busy_high_w": busy_w + 0.1}
    row = {"unit": "cpu4", "frequency_hz": frequency_hz, "busy_w": busy_w, **ends, "energy_source": "m"}
    return {**row, **more}


STEPS = of(power=[core(1e9, 1.0), core(2e9, 3.0), {**core(1.5e9, 1.9), "busy_w": None, "busy_low_w": None}])


def test_a_measured_step_is_exact() -> None:
    assert power_at(STEPS, "cpu4", 2e9) == Known(3.0, 2.9, 3.1, "measured")


def test_between_two_steps_it_is_interpolated_and_says_so() -> None:
    found = power_at(STEPS, "cpu4", 1.25e9, device_id="p")
    assert (found.value, found.how) == (1.5, "linear between 1000 MHz and 2000 MHz")
    assert (found.low, found.high) == (pytest.approx(1.4), pytest.approx(1.6))
    with pytest.raises(OutOfRangeError, match="1250 MHz was not measured; measured is 1000 MHz, 2000 MHz"):
        power_at(STEPS, "cpu4", 1.25e9, interpolate=False)


@pytest.mark.parametrize("frequency_hz", [0.9e9, 2.1e9])
def test_nothing_is_extrapolated(frequency_hz: float) -> None:
    with pytest.raises(OutOfRangeError, match="measured is 1000 MHz, 2000 MHz"):
        power_at(STEPS, "cpu4", frequency_hz)
    with pytest.raises(OutOfRangeError, match="measured is nothing"):
        power_at(STEPS, "gpu", frequency_hz)


def test_two_meters_are_not_guessed_between() -> None:
    both = of(power=[core(1e9, 1.0), core(1e9, 1.1, energy_source="gauge")])
    with pytest.raises(UsageError, match="say which by energy_source: gauge, m"):
        power_at(both, "cpu4", 1e9)
    assert power_at(both, "cpu4", 1e9, energy_source="gauge").value == 1.1
    apart = of(power=[core(1e9, 1.0), core(2e9, 3.0, energy_source="gauge")])
    with pytest.raises(UsageError, match="its neighbours are of different things"):
        power_at(apart, "cpu4", 1.5e9)


def test_the_weaker_word_counts() -> None:
    mixed = of(power=[core(1e9, 1.0), core(2e9, 3.0, basis="assumed")])
    assert power_at(mixed, "cpu4", 1.5e9).basis == "assumed"


def test_a_step_of_training_between_batches() -> None:
    steps = of(training_step=[{"model": "net", "batch": b, "step_s": s} for b, s in ((1, 0.4), (4, 1.0), (16, 5.0))])
    assert step_time_at(steps, "net", 4) == Known(1.0, None, None, "measured")
    assert step_time_at(steps, "net", 2).value == pytest.approx(0.6)
    with pytest.raises(OutOfRangeError, match="measured is 1, 4, 16"):
        step_time_at(steps, "net", 32)


def test_a_row_of_inference_is_matched() -> None:
    rows = [
        {"model": "net", "target": "cpu", "precision": precision, "latency_s": s, "energy_source": meter}
        for precision, s, meter in (("int8", 0.01, "a"), ("int8", 0.01, "b"), ("fp32", 0.03, "a"))
    ]
    table = of(inference=rows)
    assert inference_at(table, model="net", precision="int8").value == 0.01
    with pytest.raises(UsageError, match="say which by energy_source: a, b; precision: fp32, int8"):
        inference_at(table, model="net")
    with pytest.raises(OutOfRangeError, match="nearest is model net, precision int8"):
        inference_at(table, model="net", precision="fp16")


def bins(*lows: float) -> list[dict[str, Any]]:
    return [
        {
            "interface": "wlan0",
            "rssi_low_dbm": low,
            "rssi_high_dbm": low + 5,
            "send_w": -low / 100,
            "energy_source": "m",
        }
        for low in lows
    ]


def line(low: float, high: float) -> list[dict[str, Any]]:
    common = {"fit": "radio_send", "of": "wlan0", "energy_source": "m", "valid_low": low, "valid_high": high}
    values = {"ln_level": (0.0, 0.1), "ln_slope": (-0.02, 0.01), "pivot": (-60.0, None)}
    return [
        {**common, "term": term, "value": v, "low": None if u is None else v - u, "high": None if u is None else v + u}
        for term, (v, u) in values.items()
    ]


def test_a_radio_has_its_bin_then_its_fit_then_nothing() -> None:
    radio = of(radio=bins(-50, -80), fits=line(-78, -48))
    assert radio_at(radio, "wlan0", -47, "send_w").value == 0.5
    assert radio_at(radio, "wlan0", -75, "send_w", energy_source="m").value == 0.8
    fitted = radio_at(radio, "wlan0", -70, "send_w")
    assert fitted.value == pytest.approx(math.exp(0.2))
    half = math.hypot(0.1, 0.1)
    assert (fitted.low, fitted.high) == (pytest.approx(math.exp(0.2 - half)), pytest.approx(math.exp(0.2 + half)))
    assert "log-linear fit from -78 to -48 dBm" in fitted.how
    with pytest.raises(OutOfRangeError, match="bins are -50 to -45, -80 to -75 dBm, and a fit from -78 to -48 dBm"):
        radio_at(radio, "wlan0", -90, "send_w")


def test_one_signal_strength_is_a_bin_without_a_slope() -> None:
    radio = of(radio=bins(-50))
    assert radio_at(radio, "wlan0", -50, "send_w").value == 0.5
    with pytest.raises(OutOfRangeError, match="bins are -50 to -45 dBm, and no fit"):
        radio_at(radio, "wlan0", -60, "send_w")


def test_a_radio_of_unknown_signal_says_so() -> None:
    stated = of(radio=[{"interface": "wlan", "send_w": 0.9, "basis": "published"}])
    assert "whatever the signal" in radio_at(stated, "wlan", -60, "send_w").how

"""What a calibration says to people: the same once, every step of frequency, every fit with its range."""

from edgewatt.commands.calibration_notes import gathered
from edgewatt.commands.calibration_text import as_json, as_text
from edgewatt.profiler.calibration.calibration import calibration_of_rows
from edgewatt.profiler.calibration.head import CalibratedDevice, Head, UsedMeter

ORIGIN = {"device_id": "p", "basis": "measured", "source": "a"}
HEAD = Head(
    created="2026-11-26T10:00:00+00:00",
    devices={"p": CalibratedDevice("a \x1b[31mphone", "soc")},
    meters=(UsedMeter("m", "gauge", 0.01, "stated"),),
    notes=("one strength gives no slope",),
)
STEPS = [
    {**ORIGIN, "unit": "cpu4", "frequency_hz": 1e9, "busy_w": 0.5, "energy_source": "m"},
    {**ORIGIN, "unit": "cpu4", "frequency_hz": 2e9, "busy_w": None, "energy_source": "m"},
]
TERM = {"fit": "radio_send", "of": "wlan0", "energy_source": "m", "term": "ln_slope", "unit": "1/dB"}
VALUE = {"value": -0.02, "low": -0.03, "high": -0.01, "over": "rssi_dbm", "valid_low": -80.0, "valid_high": -50.0}
QUALITY = {"residual": 0.1, "residual_unit": "w", "observations_n": 12}


def test_it_says_what_it_holds_and_how_well_it_fits() -> None:
    lines = as_text(calibration_of_rows(HEAD, {"power": STEPS, "fits": [{**ORIGIN, **TERM, **VALUE, **QUALITY}]}))
    text = " ".join(" ".join(lines).split())
    assert lines[0] == r"a \x1b[31mphone · soc · p"
    assert "cpu4 by m: busy_w at 1000 MHz; none at 2000 MHz" in text
    assert "radio_send of wlan0 by m: ln_slope -0.02 [-0.03, -0.01] 1/dB; valid for rssi_dbm -80 to -50" in text
    assert "residual 0.1 W, 12 observations" in text
    assert "m at gauge, gain within 1 %" in text
    assert "one strength gives no slope" in text
    assert "safe training: training_step; cpu: idle" in text


def test_as_json_it_has_every_note() -> None:
    answer = as_json(calibration_of_rows(HEAD, {"power": STEPS}), "file")
    assert (answer["notes"], answer["written"], answer["rows"]) == (
        list(HEAD.notes),
        "file",
        {"power": {"measured": 2}},
    )


def test_the_same_of_many_is_said_once() -> None:
    notes = [
        *(f"load/{n} of run ab12 is left out of power by gauge: too_few_updates" for n in range(5)),
        "load/9 of run ab12 is left out of power by rail: failed",
        "power by a: nobody states its gain",
        "another",
        "power by b: nobody states its gain",
    ]
    assert gathered(notes) == [
        "5 windows of run ab12 (load/0 to load/4) are left out of power by gauge: too_few_updates",
        "load/9 of run ab12 is left out of power by rail: failed",
        "power by a, b: nobody states its gain",
        "another",
    ]

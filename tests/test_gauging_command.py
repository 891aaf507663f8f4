"""`calibrate sensor` from the command line: what it refuses before it touches a device, and what it says."""

import json
from contextlib import nullcontext

import pytest

from edgewatt.cli import main
from edgewatt.commands import calibrate_report as report
from edgewatt.commands import calibrate_sensor
from edgewatt.profiler.device import Device
from edgewatt.profiler.gauging.against import Line
from edgewatt.profiler.gauging.found import Found, Undecided
from edgewatt.profiler.gauging.gauged import Gauged
from edgewatt.profiler.gauging.meaning import Meaning
from edgewatt.profiler.running.gauging_judge import Against, Alone

PHONE = Device("adb:1", "A \x1b[31mphone", "1", (), simulated=True)
WHY = Undecided("no step is seen in it where the load begins and ends")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "which device?"),
        (["-d", "host", "--meter-gain", "1"], 2, "name it with --against"),
        (["-d", "host"], 5, "host has no current of a battery that can be read"),
        (["-d", "nokia:3310"], 2, "nothing is registered for 'nokia'"),
        (["-d", "host", "--set", "screen"], 2, "expected NAME=VALUE"),
        (["-d", "host", "--sensor", "x"], 2, "has no meter beside it"),
        (["-d", "host?proc=/proc", "--against", "host"], 2, "is itself measured, not a meter"),
    ],
)
def test_wrong_requests_are_refused_in_words(
    words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["calibrate", "sensor", *words]) == code
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("words", [["thermometer"], ["sensor", "--meter-gain", "0"], ["sensor", "--seconds", "-1"]])
def test_words_that_mean_nothing_are_usage_errors(words: list[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["calibrate", *words])


def test_what_is_undecided_is_said_with_its_reason() -> None:
    found = Alone("battery_current_raw.count_n", Gauged(WHY, WHY, WHY, WHY, WHY, None, WHY, 7, None), "how")
    text = "\n".join(report.as_text(found, PHONE, None, WHY.reason, keep=True))
    assert text.startswith(r"SIMULATED A \x1b[31mphone")
    assert "unit, sign   undecided: no step is seen" in text
    assert "nothing is written and nothing was" in text
    answer = json.loads(json.dumps(report.as_json(found, PHONE, None, WHY.reason)))
    assert answer["meaning"] == {"undecided": WHY.reason}
    assert answer["saved"] is None


def test_what_was_found_is_said_in_ampere_and_seconds() -> None:
    one = Found(1.0, 0.9, 1.1, 0.05)
    step = Found(-163_000.0, -164_000.0, -162_000.0, 500.0)
    found = Gauged(one, one, one, Found(156.0, 156.0, 156.0, 0.0), step, 1.0, Meaning("uA", 1e-6, -1), 900, 0.05)
    text = "\n".join(report.as_text(Alone("x", found, "how"), PHONE, None, None, keep=False))
    assert "unit         uA" in text
    assert "inverted    positive while charging: load moves it down" in text
    assert "163 mA" in text
    assert "156 µA (156 counts)" in text
    assert "not written; --save writes" in text


def test_what_was_found_is_said_even_if_it_cannot_be_saved(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Minutes of measuring are not thrown away because the meter's gain is stated by nobody."""
    one = Found(0.95, 0.94, 0.96, 0.004)
    line = Line(one, one, 0.0, None, None, 0.01, 0.002, 0.5, 2.5, 2, 90, one, one)
    against = Against(("a", "b"), "monsoon/main", "battery_bypass", line, Meaning("uA", 1e-6, -1), 4.0, None, (), "how")
    monkeypatch.setattr(calibrate_sensor, "gauge", lambda *_, **__: None)
    monkeypatch.setattr(calibrate_sensor, "judge_against", lambda *_: against)
    monkeypatch.setattr(calibrate_sensor, "opened", lambda *_: nullcontext((PHONE, (PHONE, Device("m", "m", "m", ())))))
    assert main(["calibrate", "sensor", "-d", "adb:1", "--against", "monsoon:", "--save"]) == 5
    said = capsys.readouterr().out
    assert "gain         0.9500 [0.9400, 0.9600]" in said
    assert "nothing was: nobody states how far off monsoon/main may be" in said
    assert main(["calibrate", "sensor", "-d", "adb:1", "--against", "monsoon:", "--save", "--json"]) == 5
    answer = json.loads(capsys.readouterr().out)
    assert (answer["line"]["gain"]["value"], answer["saved"]) == (0.95, None)
    assert "nobody states" in answer["refused"]

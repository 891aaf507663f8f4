"""A phone's own profile: written, found before those that are shipped, and what its gauge makes of it."""

from pathlib import Path

import pytest

from edgewatt.collectors.android.files import battery
from edgewatt.device_profiles import own
from edgewatt.device_profiles.loader import Fact, load, own_folder
from edgewatt.device_profiles.measured import facts_of_gauge, facts_of_line
from edgewatt.device_profiles.phones import choose
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.gauging.against import Line
from edgewatt.profiler.gauging.found import Found, Undecided
from edgewatt.profiler.gauging.gauged import Gauged
from edgewatt.profiler.gauging.meaning import Meaning
from tests.android_looks import look, read, reasons

PIXEL = {"ro.product.manufacturer": "Google", "ro.product.model": "Pixel 7"}
SUPPLY = "sys/class/power_supply/battery"
UA = Meaning("uA", 1e-6, -1)
WHY = Undecided("nobody knows")


def found(value: float, u: float = 0.01) -> Found:
    return Found(value, value - 2 * u, value + 2 * u, u)


LINE = Line(
    gain=found(0.97),
    zero=found(0.02),
    covariance=-1e-4,
    gain_true=found(0.97, 0.0097),
    zero_true=found(0.02, 0.008),
    residual=0.01,
    bend=0.002,
    low=0.5,
    high=2.5,
    levels=8,
    values=100,
    lag=found(0.1),
    window=found(1.0),
)


@pytest.fixture(autouse=True)
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))


def gauge(meaning: Meaning | Undecided = UA) -> Gauged:
    return Gauged(
        found(1.0, 1e-4), found(0.2), WHY, Found(156.0, 156.0, 156.0, 0.0), found(-1e5), 2e5, meaning, 9, 0.05
    )


def remembered(line: Line | None = LINE) -> Path:
    facts = dict(facts_of_gauge(gauge(), "10 pulses", "measured", "2026-11-26"))
    if line is not None:
        facts |= facts_of_line(line, UA, 4.0, "against a meter", "measured", "2026-11-26")
    return own.remember("1A2B3C", 'a "Pixel"\n7', "google_pixel", facts)


def test_what_was_found_comes_back_before_the_shipped_profile_and_on_top_of_it() -> None:
    path = remembered()
    assert path == own_folder() / "1a2b3c.toml"
    mine = choose(PIXEL, "1A2B3C")
    assert (mine.name, mine.base) == ("1a2b3c", "google_pixel")
    assert mine.rails == load("google_pixel").rails
    assert mine.facts["battery_gain_ratio"] == Fact(
        0.97, mine.facts["battery_gain_ratio"].source, 0.0097, "measured", "2026-11-26"
    )
    assert mine.facts["battery_current_unit"].value == "uA"
    assert mine.facts["battery_current_positive"].value == "charging"
    assert mine.facts["battery_current_resolution_a"].value == pytest.approx(156e-6)
    assert mine.facts["odpm_period_s"] == load("google_pixel").facts["odpm_period_s"]
    assert "battery_window_s" not in mine.facts
    assert choose(PIXEL, "another").name == "pixel_7"


def test_a_second_calibration_keeps_what_the_first_found() -> None:
    remembered()
    own.remember("1A2B3C", "x", "android_phone", {"battery_lag_s": Fact(0.5, "by hand", 0.1, "measured", "2026-11-27")})
    mine = choose(PIXEL, "1A2B3C")
    assert mine.base == "google_pixel"
    assert (mine.number("battery_lag_s"), mine.number("battery_gain_ratio")) == (0.5, 0.97)


def test_nothing_is_written_of_what_is_undecided() -> None:
    assert facts_of_gauge(gauge(WHY), "x", "measured", "2026-11-26") == {}
    assert facts_of_line(LINE, None, 4.0, "x", "measured", "2026-11-26") == {}


@pytest.mark.parametrize("serial", ["", "***", "x" * 65, "\x1b"])
def test_a_phone_without_a_serial_number_has_no_profile_of_its_own(serial: str) -> None:
    with pytest.raises(UsageError, match="no serial number"):
        own.remember(serial, "x", "android_phone", {})


def test_a_file_of_somebody_else_is_not_overwritten() -> None:
    own_folder().mkdir(parents=True)
    file = own_folder() / "1a2b3c.toml"
    file.write_text('name = "1a2b3c"\nkind = "phone"\ntitle = "by hand"\n')
    with pytest.raises(UsageError, match="not of the phone '1A2B3C' alone"):
        remembered()
    assert "by hand" in file.read_text()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('name = "a"\nkind = "phone"\ntitle = "b"\nbase = "nokia"\n', "base is 'nokia'"),
        ('name = "a"\nkind = "phone"\ntitle = "b"\nbase = "linux_rapl"\n', "expected a phone"),
        ('name = "a"\nkind = "phone"\ntitle = "b"\n[facts.x_s]\nvalue = 1\nsource = "s"\nu = -1\n', "u is -1"),
        ('name = "a"\nkind = "phone"\ntitle = "b"\n[facts.x_s]\nvalue = 1\nsource = "s"\nbasis = "felt"\n', "basis"),
        ("\0", "not TOML"),
    ],
)
def test_an_own_profile_that_is_wrong_is_named(text: str, reason: str) -> None:
    own_folder().mkdir(parents=True)
    (own_folder() / "bad.toml").write_text(text)
    with pytest.raises(UsageError, match=r"bad\.toml.*") as caught:
        choose(PIXEL, "x")
    assert reason in str(caught.value)


def phone(current: str, status: str = "Discharging") -> dict[str, str | None]:
    files = {"type": "Battery", "status": status, "current_now": current, "voltage_now": "4000000"}
    return {f"{SUPPLY}/{file}": text for file, text in files.items()}


def test_the_gauge_is_corrected_and_states_its_accuracy() -> None:
    remembered()
    texts = phone("-490000")
    seen = battery.find(look(texts, choose(PIXEL, "1A2B3C")))
    assert read(seen, texts)["battery.current_a"] == pytest.approx((0.49 - 0.005) / 0.97)
    channels = {c.column: c for node in seen.nodes for c in node.channels}
    current, volt = channels["battery.current_a"], channels["battery.voltage_v"]
    assert current.accuracy is not None
    assert volt.accuracy is not None
    assert current.accuracy.gain_rel == pytest.approx(0.01)
    assert current.accuracy.offset == pytest.approx(0.002)
    assert volt.accuracy.gain_rel == 0.0
    assert current.period_s == 1.0
    assert current.resolution == pytest.approx(156e-6)
    assert seen.facts["lags_s"] == {"battery.current_a": [0.2, 0.01]}


def test_a_measured_sign_stands_and_tells_of_charging_that_the_status_denies() -> None:
    remembered(None)
    texts = phone("490000")
    seen = battery.find(look(texts, choose(PIXEL, "1A2B3C")))
    assert seen.sources == ()
    assert "0.49 A flow into it: it charges" in reasons(seen)["battery.energy_j"]
    assert read(seen, texts)["battery.current_a"] == pytest.approx(-0.49)

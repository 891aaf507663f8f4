"""`dumpsys battery` of a Galaxy and of others: units by magnitude, signs by status, and what is never believed."""

import pytest

from edgewatt.collectors.android.services import BATTERY, Offer
from edgewatt.collectors.android.services.batteryservice import Unit, battery
from tests import services_phone as said


def offered(offer: Offer | str) -> Offer:
    assert isinstance(offer, Offer), offer
    return offer


def test_a_galaxy_on_its_battery() -> None:
    found = offered(BATTERY.offer("dumpsys battery", said.BATTERY))
    row = dict(zip([c.column for c in found.service.channels], found.service.parse(said.BATTERY), strict=True))
    assert row == {
        "svc_battery.voltage_v": pytest.approx(4.063),
        "svc_battery.current_a": pytest.approx(0.321),
        "svc_battery.temperature_c": pytest.approx(32.6),
        "svc_battery.charge_coulomb": pytest.approx(11_523.6),
        "svc_battery_level_percent.count_n": 84,
        "svc_battery_status.state_code": 3,
        "svc_battery_plugged.state_code": 0,
        "svc_battery_raw_current.count_n": -321,
    }
    (source,) = found.sources
    assert (source.name, source.boundary) == ("services/battery", "gauge")
    assert source.terms == (("svc_battery.voltage_v", "svc_battery.current_a"),)


@pytest.mark.parametrize(
    ("volts", "expected"),
    [("4063", 4.063), ("4063000", 4.063), ("4", 4.0), ("4,1", 4.1), ("8126", 8.126), ("0", None), ("-1", None)],
)
def test_volts_go_by_magnitude(volts: str, expected: float | None) -> None:
    found = battery(said.BATTERY.replace("voltage: 4063", f"voltage: {volts}")).voltage_v
    assert found == (None if expected is None else pytest.approx(expected))


def test_a_current_counted_in_microampere_stays_so() -> None:
    unit = Unit()
    assert unit.amperes(-321) == pytest.approx(0.321)
    assert unit.amperes(-427_943) == pytest.approx(0.427943)
    assert unit.amperes(9000) == pytest.approx(0.009)
    assert unit.amperes(0) is None
    assert Unit().amperes(10**9) is None


@pytest.mark.parametrize(
    ("status_code", "usb", "feeds"),
    [
        (3, "false", True),
        (3, "true", True),
        (2, "true", False),
        (2, "false", False),
        (5, "true", False),
        (4, "true", False),
        (4, "false", True),
        (1, "false", True),
        (1, "true", False),
    ],
)
def test_a_current_is_the_phones_only_while_the_battery_feeds_it(
    status_code: int,
    usb: str,
    feeds: bool,  # noqa: FBT001
) -> None:
    text = said.BATTERY.replace("status: 3", f"status: {status_code}").replace(
        "USB powered: false", f"USB powered: {usb}"
    )
    found = offered(BATTERY.offer("dumpsys battery", text))
    columns = [c.column for c in found.service.channels]
    current_a = found.service.parse(text)[columns.index("svc_battery.current_a")]
    assert (current_a is not None) == feeds
    assert bool(found.sources) == feeds
    assert feeds or found.unavailable[0].what == "services/battery"


def test_without_a_current_there_are_no_joules() -> None:
    for text in (said.BATTERY.replace("  current now: -321\n", ""), said.BATTERY.replace("-321", "0")):
        found = offered(BATTERY.offer("dumpsys battery", text))
        assert "svc_battery.current_a" not in [c.column for c in found.service.channels]
        assert found.sources == ()
        assert "prints no current" in found.unavailable[0].reason


def test_a_state_that_is_set_by_hand_is_not_measured() -> None:
    faked = said.BATTERY.replace("state:\n", "state:\n  (UPDATES STOPPED -- use 'reset' to restart)\n")
    assert "UPDATES STOPPED" in str(BATTERY.offer("dumpsys battery", faked))
    found = offered(BATTERY.offer("dumpsys battery", said.BATTERY))
    assert set(found.service.parse(faked)) == {None}


def test_absent_is_not_zero() -> None:
    text = "  level: 0\n  scale: 0\n  Charge counter: 0\n  temperature: -3000\n  status: 9\n  voltage: n/a\n"
    seen = battery(text)
    assert (seen.level_percent, seen.charge_coulomb, seen.temperature_c) == (0.0, None, None)
    assert (seen.status, seen.plugged, seen.voltage_v) == (None, None, None)
    assert "no voltage" in str(BATTERY.offer("dumpsys battery", "Battery: none\n"))

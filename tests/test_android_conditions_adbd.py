"""Conditions, facts and states of phones behind the real adbd, in mksh, as uid 2000."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edgewatt.collectors.android.conditions import Conditions
from edgewatt.collectors.android.discover import discover
from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.android.state import sleep as state
from edgewatt.collectors.android.state.blocked import blocked
from edgewatt.collectors.android.state.facts import phone_facts
from edgewatt.collectors.android.state.identity import identify
from edgewatt.collectors.transports import adb_direct, adb_server
from edgewatt.profiler.errors import DeviceError
from tests.adbd.running import PeerPhone, StartPhone
from tests.adbd.server import AdbServer

pytest_plugins = ["tests.adbd.fixtures"]
pytestmark = pytest.mark.peer


def reached(peer: PeerPhone) -> Phone:
    return Phone(peer.uri, lambda: adb_direct.connect(peer.host, peer.port))


@pytest.fixture
def phone(pixel: PeerPhone) -> Iterator[Phone]:
    phone = reached(pixel)
    yield phone
    phone.guard.close()
    phone.hang_up()
    assert pixel.files() == []


@pytest.mark.parametrize("name", ["pixel", "xiaomi_ma", "adreno", "samsung"])
def test_facts_are_what_the_phone_is(request: pytest.FixtureRequest, name: str) -> None:
    peer: PeerPhone = request.getfixturevalue(name)
    phone = reached(peer)
    facts, who = phone_facts(phone), identify(phone)
    highest = [float(max(steps)) for _, steps in sorted(peer.truth.frequencies_hz.items())]
    assert facts["frequency_max_hz"] is not None
    assert set(facts["frequency_max_hz"]) - {None} <= set(highest)
    assert facts["os_build"] == peer.personality.properties["ro.build.fingerprint"]
    assert facts["battery_level_ratio"] == pytest.approx(peer.truth.level / 100)
    assert (facts["charging"], facts["power_supply"], facts["root"]) == (False, "battery", False)
    assert (facts["screen"], facts["has_epochrealtime"]) == ("on", True)
    assert who.model == peer.personality.properties["ro.product.model"]
    assert who.android is not None
    assert f"Android {who.android}" in who.name
    assert {"wakelock", "energy of the model alone"} <= {line.what for line in blocked(phone, facts)}
    phone.hang_up()


def test_hottest_sensor_is_one_of_the_processor(pixel: PeerPhone) -> None:
    phone = reached(pixel)
    facts = phone_facts(phone)
    assert facts["temperature_channel"] == "big"
    assert facts["temperature_c"] == pytest.approx(pixel.truth.temperatures_c["BIG"], abs=15)
    phone.hang_up()


def test_charging_is_seen_however_the_service_is_faked(xiaomi_ma: PeerPhone) -> None:
    phone = reached(xiaomi_ma)
    xiaomi_ma.set_state("plugged", "1")
    until_it_charges(phone)
    phone.sh("dumpsys battery unplug")
    facts = phone_facts(phone)
    assert facts["charging"] is True
    assert "gauge" in facts["charging_basis"]
    phone.hang_up()


def until_it_charges(phone: Phone) -> None:
    """The peer's kernel looks at its states 50 times a second."""
    end_s = phone.monotonic_s() + 10.0
    while phone_facts(phone)["charging"] is not True:
        assert phone.monotonic_s() < end_s


@pytest.mark.parametrize(
    ("name", "value", "where", "set_to"),
    [
        ("screen", "off", "wakefulness", "Asleep"),
        ("brightness", "9", "settings/system/screen_brightness", "9"),
        ("airplane", "on", "settings/global/airplane_mode_on", "1"),
    ],
)
def test_set_and_put_back(pixel: PeerPhone, phone: Phone, name: str, value: str, where: str, set_to: str) -> None:
    before = pixel.state(where)
    conditions = Conditions(phone)
    conditions.apply(name, value)
    assert pixel.state(where) == set_to
    conditions.undo(name)
    assert pixel.state(where) == before


def test_put_back_after_adbd_was_restarted(pixel: PeerPhone, phone: Phone) -> None:
    conditions = Conditions(phone)
    conditions.apply("screen", "off")
    pixel.kill_adbd()
    pixel.start_adbd()
    conditions.undo("screen")
    assert pixel.state("wakefulness") == "Awake"


def test_wakelock_of_a_plugged_phone(pixel: PeerPhone, phone: Phone) -> None:
    pixel.set_state("plugged", "1")
    conditions = Conditions(phone)
    conditions.apply("wakelock", "on")
    assert pixel.state("settings/global/stay_on_while_plugged_in") == "15"
    conditions.undo("wakelock")
    assert pixel.state("settings/global/stay_on_while_plugged_in") == "0"


def test_charging_is_cut_where_the_maker_wired_it(pixel: PeerPhone, phone: Phone) -> None:
    pixel.set_state("plugged", "1")
    until_it_charges(phone)
    conditions = Conditions(phone)
    conditions.apply("charging", "off")
    assert pixel.state("suspended") == "1"
    conditions.undo("charging")
    with pytest.raises(OSError, match="suspended"):
        pixel.state("suspended")


@pytest.mark.parametrize("name", ["wakelock", "governor", "frequency"])
def test_what_an_unplugged_phone_without_root_cannot(phone: Phone, name: str) -> None:
    value = {"wakelock": "on", "governor": "performance", "frequency": "max"}[name]
    with pytest.raises(DeviceError, match="root"):
        Conditions(phone).apply(name, value)


def test_wifi_is_not_cut_under_this_connection(phone: Phone) -> None:
    with pytest.raises(DeviceError, match="cannot set wifi=off"):
        Conditions(phone).apply("wifi", "off")


def test_phone_that_did_not_sleep(phone: Phone) -> None:
    before = state.look(phone)
    phone.sh("sleep 0.3")
    assert state.suspended_s(before, state.look(phone)) == 0.0


def test_discovered_through_a_real_server(
    adb_server_: AdbServer, fresh_phone: StartPhone, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(adb_server_.port))
    peer = fresh_phone("samsung")
    serial = adb_server_.connect(peer)
    (found,) = [one for one in discover(tmp_path) if one.uri == f"adb:{serial}"]
    assert found.blocked == ()
    phone = Phone(found.uri, lambda: adb_server.connect(serial))
    assert identify(phone).model == peer.personality.properties["ro.product.model"]
    phone.hang_up()
    adb_server_.disconnect(serial)


@pytest.fixture
def adb_server_(request: pytest.FixtureRequest) -> AdbServer:
    server: AdbServer = request.getfixturevalue("adb_server")
    return server

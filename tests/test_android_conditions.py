"""What is set on a phone is verified, and put back: against scripts of a phone's own programs in a real shell."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edgewatt.collectors.android.conditions import Conditions
from edgewatt.profiler.errors import DeviceError, UsageError
from tests.stub_phone import StubPhone, stub_phone


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[StubPhone]:
    with stub_phone(tmp_path) as stub:
        yield stub


@pytest.mark.parametrize(
    ("name", "value", "changed"),
    [
        ("screen", "off", {"wakefulness": "Asleep"}),
        ("screen", "on", {"settings/system/screen_off_timeout": "1800000"}),
        (
            "brightness",
            "12",
            {"settings/system/screen_brightness": "12", "settings/system/screen_brightness_mode": "0"},
        ),
        ("wifi", "off", {"settings/global/wifi_on": "0"}),
        ("bluetooth", "off", {"settings/global/bluetooth_on": "0"}),
        (
            "airplane",
            "on",
            {
                "settings/global/airplane_mode_on": "1",
                "settings/global/airplane_mode_radios": "cell,bluetooth,nfc,wimax",
            },
        ),
    ],
)
def test_set_and_put_back(stub: StubPhone, name: str, value: str, changed: dict[str, str]) -> None:
    before = stub.states()
    conditions = Conditions(stub.phone)
    conditions.apply(name, value)
    assert stub.states() == {**before, **changed}
    conditions.undo(name)
    assert stub.states() == before
    conditions.undo(name)
    assert not list(stub.shell.tmp.glob("edgewatt-*/undo/*"))


def test_what_is_there_already_is_left_alone(stub: StubPhone) -> None:
    conditions = Conditions(stub.phone)
    conditions.apply("wifi", "on")
    conditions.undo("wifi")
    assert not list(stub.shell.tmp.iterdir())
    assert not [command for command in stub.shell.commands if "svc wifi" in command]


def test_second_value_keeps_what_is_put_back(stub: StubPhone) -> None:
    before = stub.states()
    conditions = Conditions(stub.phone)
    conditions.apply("brightness", "10")
    conditions.apply("brightness", "200")
    assert stub.get("settings/system/screen_brightness") == "200"
    conditions.undo("brightness")
    assert stub.states() == before


def test_setting_that_was_not_set_is_unset_again(stub: StubPhone) -> None:
    stub.phone.sh("settings delete global airplane_mode_radios")
    before = stub.states()
    conditions = Conditions(stub.phone)
    conditions.apply("airplane", "on")
    conditions.undo("airplane")
    assert stub.states() == before


def test_killed_run_is_put_back_by_the_phone(stub: StubPhone) -> None:
    conditions = Conditions(stub.phone)
    conditions.apply("screen", "off")
    (undo,) = stub.shell.tmp.glob("edgewatt-*/undo/*")
    stub.phone.sh(f"sh {undo}")
    assert stub.get("wakefulness") == "Awake"
    conditions.undo("screen")
    assert stub.get("wakefulness") == "Awake"


def test_put_back_on_a_new_connection(stub: StubPhone) -> None:
    conditions = Conditions(stub.phone)
    conditions.apply("screen", "off")
    stub.shell.unplug()
    conditions.undo("screen")
    assert stub.get("wakefulness") == "Awake"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("wakelock", "off"),
        ("screen", "dim"),
        ("brightness", "256"),
        ("brightness", "1; reboot"),
        ("airplane", "yes"),
        ("wifi", "$(reboot)"),
        ("bluetooth", ""),
        ("charging", "on"),
        ("governor", "a b"),
        ("governor", "`x`"),
        ("frequency", "1 GHz"),
        ("frequency", "-1"),
        ("gravity", "off"),
    ],
)
def test_wrong_values_never_reach_the_phone(stub: StubPhone, name: str, value: str) -> None:
    with pytest.raises(UsageError):
        Conditions(stub.phone).apply(name, value)
    assert stub.shell.commands == []


@pytest.mark.parametrize(
    ("name", "value", "deaf"),
    [
        ("screen", "off", "input"),
        ("brightness", "3", "settings"),
        ("wifi", "off", "svc"),
        ("airplane", "on", "airplane"),
    ],
)
def test_what_the_phone_does_not_do_is_said_and_undone(stub: StubPhone, name: str, value: str, deaf: str) -> None:
    stub.deafen(deaf)
    before = stub.states()
    with pytest.raises(DeviceError, match=rf"{name}={value} was not taken: .* expected ") as caught:
        Conditions(stub.phone).apply(name, value)
    assert "adb:R58M12ABCDE" in str(caught.value)
    assert stub.states() == before
    assert not list(stub.shell.tmp.glob("edgewatt-*/undo/*"))


def test_what_cannot_be_put_back_says_how(stub: StubPhone) -> None:
    conditions = Conditions(stub.phone)
    conditions.apply("wifi", "off")
    stub.deafen("svc")
    with pytest.raises(DeviceError, match=r"wifi could not be put back: off, expected on .*not today.*svc wifi enable"):
        conditions.undo("wifi")


def test_always_on_display_is_not_off(stub: StubPhone) -> None:
    stub.set("asleep", "Dozing")
    with pytest.raises(DeviceError, match=r"screen=off was not taken: doze .*doze_always_on"):
        Conditions(stub.phone).apply("screen", "off")
    assert stub.get("wakefulness") == "Awake"


def test_setting_that_makes_no_sense_is_not_changed(stub: StubPhone) -> None:
    stub.set("settings/system/screen_brightness", "$(reboot)")
    with pytest.raises(DeviceError, match=r"nobody could put back"):
        Conditions(stub.phone).apply("brightness", "5")
    assert stub.get("settings/system/screen_brightness") == "$(reboot)"


def test_wakelock_of_the_kernel_with_root(stub: StubPhone) -> None:
    stub.set("uid", "0")
    lock, unlock = stub.node("power/wake_lock", ""), stub.node("power/wake_unlock", "")
    conditions = Conditions(stub.phone)
    conditions.apply("wakelock", "on")
    assert lock.read_text().split() == ["edgewatt"]
    lock.write_text("")  # as the kernel does when the name is written to wake_unlock
    conditions.undo("wakelock")
    assert unlock.read_text().split() == ["edgewatt"]


def test_wakelock_that_does_not_stay_is_an_error(stub: StubPhone) -> None:
    stub.set("uid", "0")
    stub.node("power/wake_unlock", "")
    (stub.sysfs / "power/wake_lock").symlink_to("/dev/null")
    with pytest.raises(DeviceError, match=r"wakelock=on was not taken: free"):
        Conditions(stub.phone).apply("wakelock", "on")


def test_plugged_phone_stays_awake_by_its_screen(stub: StubPhone) -> None:
    stub.set("plugged", "1")
    stub.set("wakefulness", "Asleep")
    before = stub.states()
    conditions = Conditions(stub.phone)
    conditions.apply("wakelock", "on")
    assert stub.get("wakefulness") == "Awake"
    with pytest.raises(DeviceError, match=r"cannot set screen=off: without root only its lit screen"):
        conditions.apply("screen", "off")
    conditions.undo("wakelock")
    assert stub.states() == before


def test_dark_phone_is_not_kept_awake_by_its_screen(stub: StubPhone) -> None:
    stub.set("plugged", "1")
    stub.set("wakefulness", "Asleep")
    conditions = Conditions(stub.phone)
    conditions.apply("screen", "off")
    with pytest.raises(DeviceError, match=r"screen=off was asked for"):
        conditions.apply("wakelock", "on")
    assert stub.get("wakefulness") == "Asleep"


def test_dark_screen_is_not_lit_unasked(stub: StubPhone) -> None:
    stub.set("plugged", "1")
    stub.set("wakefulness", "Asleep")
    before = stub.states()
    with pytest.raises(DeviceError, match=r"cannot set wakelock=unlit: .* only a lit screen"):
        Conditions(stub.phone).apply("wakelock", "unlit")
    assert stub.states() == before
    stub.set("wakefulness", "Awake")
    Conditions(stub.phone).apply("wakelock", "unlit")


def test_unplugged_phone_without_root_has_no_wakelock(stub: StubPhone) -> None:
    with pytest.raises(DeviceError, match=r"shell there is not root, and the phone is not plugged in"):
        Conditions(stub.phone).apply("wakelock", "on")

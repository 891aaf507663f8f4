"""What is changed on a phone is noted on this machine too, and a note is followed only as far as conditions go."""

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewatt.collectors.android.conditions import Conditions, noted
from edgewatt.profiler import undo
from edgewatt.profiler.errors import DeviceError
from tests.stub_phone import StubPhone, stub_phone

CPUFREQ = "devices/system/cpu/cpufreq/policy0"
FILES = {
    "scaling_min_freq": "300000",
    "scaling_max_freq": "1800000",
    "cpuinfo_min_freq": "300000",
    "cpuinfo_max_freq": "1800000",
    "scaling_available_frequencies": "300000 1800000",
    "scaling_available_governors": "schedutil performance",
    "scaling_governor": "schedutil",
}
NOBODY = (1 << 31) - 1


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StubPhone]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    with stub_phone(tmp_path) as stub:
        stub.set("uid", "0")
        for name, text in FILES.items():
            stub.node(f"{CPUFREQ}/{name}", text)
        yield stub


def conditions(stub: StubPhone) -> Conditions:
    return Conditions(stub.phone, device_id="R58M12ABCDE")


def state(stub: StubPhone) -> list[str | None]:
    settings = (
        "system/screen_brightness",
        "system/screen_brightness_mode",
        "global/wifi_on",
        "global/airplane_mode_on",
    )
    files = [(stub.sysfs / CPUFREQ / name).read_text().strip() for name in FILES]
    return [*(stub.get(f"settings/{name}") for name in settings), *files]


def killed(stub: StubPhone, name: str, value: str) -> undo.Note:
    """As a run leaves it that was killed together with the phone, whose guard put nothing back."""
    one = conditions(stub)
    one.apply(name, value)
    (note,) = undo.notes("adb")
    dead = replace(note, pid=NOBODY)
    note.path.write_text(json.dumps(asdict(dead)))
    stub.phone.guard.remove(name)
    return dead


CASES = [("brightness", "10"), ("wifi", "off"), ("airplane", "on"), ("frequency", "max"), ("governor", "performance")]


@pytest.mark.parametrize(("name", "value"), [*CASES[:1], CASES[3]])
def test_a_note_lies_there_while_it_is_changed(stub: StubPhone, name: str, value: str) -> None:
    before, one = state(stub), conditions(stub)
    one.apply(name, value)
    (note,) = undo.notes("adb")
    assert (note.device_id, note.what, note.pid) == ("R58M12ABCDE", name, os.getpid())
    assert f"sysfs={str(stub.sysfs).replace('/', '%2F')}" in note.uri
    one.undo(name)
    assert undo.notes() == []
    assert state(stub) == before


@pytest.mark.parametrize(("name", "value"), CASES)
def test_it_puts_back_what_a_phone_lost_with_its_guard(stub: StubPhone, name: str, value: str) -> None:
    before = state(stub)
    note = killed(stub, name, value)
    assert state(stub) != before
    again = conditions(stub)
    assert again.left() == [note]
    again.put_back(note)
    assert state(stub) == before
    assert again.left() == []
    assert undo.notes() == []


def test_a_run_that_sets_the_same_puts_back_what_there_was_first(stub: StubPhone) -> None:
    before = state(stub)
    killed(stub, "brightness", "10")
    again = conditions(stub)
    again.apply("brightness", "20")
    again.undo("brightness")
    assert state(stub) == before
    assert undo.notes() == []
    killed(stub, "governor", "performance")
    again = conditions(stub)
    again.apply("governor", "performance")
    again.undo("governor")
    assert state(stub) == before
    assert undo.notes() == []


def test_what_is_pinned_is_told(stub: StubPhone) -> None:
    one = conditions(stub)
    one.apply("frequency", "min")
    assert one.pinned_hz == {"cpu0": 300_000_000.0}
    one.undo("frequency")
    assert one.pinned_hz == {}


def test_a_phone_without_an_id_has_no_note(stub: StubPhone) -> None:
    one = Conditions(stub.phone)
    one.apply("brightness", "10")
    assert undo.notes() == []
    one.undo("brightness")


@pytest.mark.parametrize(
    "text",
    [
        "reboot",
        "settings put secure adb_enabled 0",
        "settings put system screen_brightness $(reboot)",
        "svc wifi enable && reboot",
        "svc data disable",
        "input keyevent 26",
        "input keyevent 224; rm -rf /sdcard",
        "echo 1 >/sys/../data/local/tmp/x",
        "echo 1 >/dev/block/sda",
        "echo '1\n2' >{sysfs}/class/power_supply/battery/charging_enabled",
        "echo 99 >{sysfs}/devices/system/cpu/cpufreq/policy0/scaling_min_freq",
        "echo 1 >{sysfs}/class/power_supply/battery/../../../x",
        "trap '' HUP",
        "'",
    ],
)
def test_a_note_that_says_anything_else_is_not_followed(stub: StubPhone, text: str) -> None:
    before, commands = state(stub), len(stub.shell.commands)
    note = undo.Note("adb", "R58M12ABCDE", "wifi", text.replace("{sysfs}", str(stub.sysfs)), "adb:R58M12ABCDE")
    with pytest.raises(DeviceError, match="nothing of it is executed"):
        conditions(stub).put_back(note)
    assert stub.shell.commands[commands:] == []
    assert state(stub) == before


def test_a_note_of_another_phone_is_not_followed(stub: StubPhone) -> None:
    with pytest.raises(DeviceError, match="which is not here"):
        conditions(stub).put_back(undo.Note("adb", "OTHER", "wifi", "svc wifi enable", "adb:OTHER"))


@settings(max_examples=40)
@given(
    st.text(max_size=80)
    | st.lists(st.sampled_from(["echo", "1", ">", ";", "/sys/x", "svc", "wifi", "'"])).map(" ".join)
)
def test_any_text_is_known_words_or_refused(text: str) -> None:
    phone = StubPhone.anywhere()
    try:
        pieces = noted.pieces_of(phone, text)
    except DeviceError:
        return
    assert all(piece.words[0] in {"settings", "svc", "cmd", "input", "echo"} for piece in pieces)


@pytest.mark.parametrize("way", ["{}", "su -c '{}'", "su 0 sh -c '{}'"])
def test_how_it_became_root_is_not_noted(way: str) -> None:
    phone = StubPhone.anywhere()
    file = "/sys/class/power_supply/battery"
    command = "; ".join(
        way.format(f"echo {n} >{file}/{name}") for n, name in ((0, "input_suspend"), (1, "charging_enabled"))
    )
    text = noted.words_of(command)
    assert "su " not in text.replace("_suspend", "")
    assert [(piece.path.rpartition("/")[2], piece.value) for piece in noted.pieces_of(phone, text)] == [
        ("input_suspend", "0"),
        ("charging_enabled", "1"),
    ]

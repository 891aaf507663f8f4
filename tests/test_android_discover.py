"""Which phones are at hand and what blocks them: a USB tree in a folder, and a server that lists what it is given."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from adbutils.errors import AdbError

from edgewatt.collectors.android.discover import discover, phones_on_usb
from edgewatt.collectors.android.state.blocked import blocked
from edgewatt.collectors.transports import adb_server
from tests.stub_phone import StubPhone, stub_phone
from tests.trees import write

Serve = Callable[[str, str], None]
SERIAL = "R58M12ABCDE"
GOOD = {
    "root": True,
    "charging": False,
    "power_supply": "battery",
    "screen": "off",
    "thermal_status": 0,
    "free_space_b": 1 << 33,
    "frequency_max_hz": [1.8e9, None],
    "frequency_highest_hz": [1.8e9, None],
    "has_epochrealtime": True,
    "tools": {"timeout": True, "taskset": True},
}


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """An adb server of a few lines: `serve(version, listing)`."""
    listener = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(listener.getsockname()[1]))
    said: dict[bytes, bytes] = {}

    def answer() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, suppress(OSError, ValueError):
                connection.settimeout(5)
                size = int(connection.recv(4, socket.MSG_WAITALL) or b"0", 16)
                text = said.get(connection.recv(size, socket.MSG_WAITALL), b"") if size else b""
                connection.sendall(b"OKAY%04x" % len(text) + text)

    def begin(version: str, listing: str) -> None:
        said.update({b"host:version": version.encode(), b"host:devices-l": listing.encode()})
        thread.start()

    thread = threading.Thread(target=answer, daemon=True)
    yield begin
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    if thread.ident is not None:
        thread.join(5)


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """No server runs."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(free.getsockname()[1]))


def plug(usb: Path, *, kind: tuple[str, str, str] = ("ff", "42", "01"), port: str = "1-1.4") -> Path:
    """A phone with two interfaces on USB, as the kernel shows it."""
    write(usb / port / "product", "Galaxy S10e\x1b[2J")
    write(usb / port / "manufacturer", "SAMSUNG")
    for number, triple in ((0, ("06", "01", "01")), (1, kind)):
        for name, text in zip(("bInterfaceClass", "bInterfaceSubClass", "bInterfaceProtocol"), triple, strict=True):
            write(usb / f"{port}:1.{number}" / name, text)
    return usb


@pytest.mark.usefixtures("nobody")
def test_no_phone_and_no_server_is_silent(tmp_path: Path) -> None:
    assert discover(tmp_path / "nothing") == []
    assert discover(plug(tmp_path, kind=("ff", "00", "01"))) == []


@pytest.mark.usefixtures("nobody")
def test_phone_without_adb_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise AdbError("No adb exe could be found. Install adb on your system")

    monkeypatch.setattr(adb_server, "adb_path", none)
    (found,) = discover(plug(tmp_path))
    assert (found.uri, found.name) == ("adb:", "SAMSUNG Galaxy S10e [2J")
    (why,) = found.blocked
    assert why.reason == "there is no adb on this host"
    assert "platform-tools" in why.fix


def test_usb_names_every_phone_once(tmp_path: Path) -> None:
    plug(tmp_path)
    plug(tmp_path, port="2-1")
    write(tmp_path / "usb1/product", "xHCI")
    assert phones_on_usb(tmp_path) == ["SAMSUNG Galaxy S10e [2J"] * 2


def test_states_of_the_server_have_their_fix(tmp_path: Path, serve: Serve) -> None:
    serve(
        "0029",
        f"{SERIAL}            device usb:1-1 product:beyond0 model:SM_G970F device:beyond0 transport_id:3\n"
        "A1                     unauthorized usb:1-2 transport_id:4\n"
        "B2                     offline transport_id:5\n"
        "C3                     no permissions (missing udev rules? user is in the plugdev group); see [http://x.y/z] "
        "usb:1-3\n"
        "192.168.1.20:5555 recovery product:x model:Pixel_6 device:y\n",
    )
    found = {one.uri: one for one in discover(tmp_path)}
    assert [*found] == [f"adb:{SERIAL}", "adb:A1", "adb:B2", "adb:C3", "adb:192.168.1.20:5555"]
    assert (found[f"adb:{SERIAL}"].name, found[f"adb:{SERIAL}"].blocked) == ("SM G970F", ())
    fixes = {uri: one.blocked[0].fix for uri, one in found.items() if one.blocked}
    assert "tap Allow" in fixes["adb:A1"]
    assert "adb reconnect" in fixes["adb:B2"]
    assert "udev rule" in fixes["adb:C3"]
    assert "adb reboot" in fixes["adb:192.168.1.20:5555"]
    assert found["adb:A1"].blocked[0].reason == "adb:A1 does not allow this computer yet"


def test_phone_that_the_server_does_not_see(tmp_path: Path, serve: Serve) -> None:
    serve("0029", "")
    (found,) = discover(plug(tmp_path))
    assert found.blocked[0].reason == "it is on USB with debugging switched on, and the adb server does not see it"
    assert "plugdev" in found.blocked[0].fix


def test_server_without_phones_is_silent(tmp_path: Path, serve: Serve) -> None:
    serve("0029", "")
    assert discover(tmp_path) == []


def test_old_server_is_named(tmp_path: Path, serve: Serve) -> None:
    serve("001f", f"{SERIAL} device\n")
    (found,) = discover(tmp_path)
    assert "version 1.0.31; expected 1.0.39" in found.blocked[0].reason
    assert found.blocked[0].fix.startswith("update platform-tools")


@pytest.mark.parametrize("port", ["nonsense", "0"])
def test_wrong_address_of_the_server_never_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, port: str) -> None:
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", port)
    assert "ANDROID_ADB_SERVER_PORT" in discover(tmp_path)[0].blocked[0].reason


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[StubPhone]:
    with stub_phone(tmp_path) as stub:
        yield stub


def test_nothing_blocks_a_good_phone(stub: StubPhone) -> None:
    assert blocked(stub.phone, GOOD) == []


@pytest.mark.parametrize(
    ("facts", "what", "reason", "fix"),
    [
        ({"root": False}, "wakelock", "it is not plugged in", f"adb -s {SERIAL} root"),
        ({"root": False, "power_supply": "usb"}, "wakelock with the screen off", "not root", "wakelock=on"),
        ({"charging": True, "charging_basis": "the current's sign"}, "energy from", "it charges .the cu", "tcpip 5555"),
        ({"battery_faked": True}, "battery state", "UPDATES STOPPED", f"adb -s {SERIAL} shell dumpsys battery reset"),
        ({"screen": "on"}, "energy of the model alone", "screen is on", f"adb -s {SERIAL} shell input keyevent 223"),
        ({"thermal_status": 3}, "full speed", "severe, thermal status 3", "cool"),
        ({"frequency_max_hz": [9e8, None]}, "full speed", "0.90 of 1.80 GHz", "cool"),
        ({"battery_saver": True}, "full speed", "battery saver", "settings put global low_power 0"),
        ({"free_space_b": 50 << 20}, "room for models", "has 50 MB left", "ls -la"),
        ({"has_epochrealtime": False}, "times below 10 ms", "EPOCHREALTIME", ""),
        ({"tools": {"taskset": False}}, "pinning", "taskset", "toybox"),
        ({"tools": {"timeout": False}}, "limits on", "timeout", ""),
    ],
)
def test_each_obstacle_has_one_line_and_its_fix(
    stub: StubPhone, facts: dict[str, object], what: str, reason: str, fix: str
) -> None:
    (line,) = blocked(stub.phone, {**GOOD, **facts})
    assert line.what.startswith(what)
    assert reason in line.reason or reason.replace(".", "(", 1) in line.reason
    assert fix in line.fix


def test_facts_that_nobody_knows_block_nothing(stub: StubPhone) -> None:
    assert blocked(stub.phone, dict.fromkeys(GOOD)) == []


@pytest.mark.parametrize("serial", ["a b", "x;reboot", "10.0.0.7:5555"])
def test_fixes_can_be_pasted(stub: StubPhone, serial: str) -> None:
    (line,) = blocked(stub.named(f"adb:{serial}"), {**GOOD, "battery_saver": True})
    assert line.fix == f"adb -s {serial if ':' in serial else repr(serial)} shell settings put global low_power 0"

"""Every way in which a phone is not reached gives one line that says what to do, and LinkLost only if waiting helps."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.transports import adb_direct, adb_server
from edgewatt.collectors.transports.adb_errors import Listed, choose, no_adbd, not_copied, refused, said, unusable
from edgewatt.collectors.transports.link import LinkLost
from edgewatt.profiler.errors import DeviceError, UsageError

GONE_S = 20.0

# As `adb devices -l` prints it (ours, in its format).
DEVICES = """\
R58M12ABCDE            device usb:1-4 product:a52q model:SM_A525F device:a52q transport_id:3
192.168.1.20:5555      offline transport_id:7
0A041FDD4003BW         unauthorized usb:1-2 transport_id:9
0123456789             no permissions (user bob is not in the plugdev group); see [http://x.example/device.html] usb:1-3
emulator-5554          authorizing transport_id:1
"""


def test_the_servers_list_is_read_in_every_state() -> None:
    assert adb_server._listed(DEVICES) == [
        Listed("R58M12ABCDE", "device", "usb:1-4 product:a52q model:SM_A525F device:a52q transport_id:3"),
        Listed("192.168.1.20:5555", "offline", "transport_id:7"),
        Listed("0A041FDD4003BW", "unauthorized", "usb:1-2 transport_id:9"),
        Listed(
            "0123456789",
            "no permissions (user bob is not in the plugdev group); see [http://x.example/device.html]",
            "usb:1-3",
        ),
        Listed("emulator-5554", "authorizing", "transport_id:1"),
    ]


@given(st.text(max_size=200))
def test_any_list_is_read(text: str) -> None:
    assert all(one.serial and one.state for one in adb_server._listed(text))


def test_the_only_device_is_taken() -> None:
    one, other = Listed("A", "device", ""), Listed("B", "offline", "")
    assert choose("", [one]) == one
    assert choose("", [other]) == other
    assert choose("", [other, one]) == one
    assert choose("B", [one, other]) == other


def test_no_device_and_an_unknown_one_may_still_come() -> None:
    with pytest.raises(LinkLost, match=r"no phone is connected: plug one in and switch on USB debugging"):
        choose("", [])
    with pytest.raises(LinkLost, match=r"no device 'C': plug it in .* it knows A \(device\), B \(offline\)"):
        choose("C", [Listed("A", "device", ""), Listed("B", "offline", "")])
    with pytest.raises(LinkLost, match=r"`adb connect 10.0.0.9:5555` first; it knows none"):
        choose("10.0.0.9:5555", [])


def test_two_devices_have_to_be_named() -> None:
    with pytest.raises(
        DeviceError, match=r"2 devices .* -d adb:SERIAL; there are A \(device\), B \(device\)"
    ) as raised:
        choose("", [Listed("A", "device", ""), Listed("B", "device", "")])
    assert not isinstance(raised.value, LinkLost)


@pytest.mark.parametrize(
    ("state", "message", "again"),
    [
        ("unauthorized", "tap Allow in 'Allow USB debugging.'.*Revoke USB debugging", False),
        ("authorizing", "tap Allow", False),
        ("offline", "plug it in again, or `adb reconnect`", True),
        ("no permissions (missing udev rules? user is in the plugdev group)", "udev rule", False),
        ("recovery", "in the state 'recovery'; expected a phone that runs Android", False),
    ],
)
def test_each_state_says_what_to_do(state: str, message: str, again: bool) -> None:  # noqa: FBT001
    error = unusable(Listed("A", state, ""))
    assert error is not None
    assert isinstance(error, LinkLost) == again
    with pytest.raises(DeviceError, match=message):
        raise error
    assert unusable(Listed("A", "device", "")) is None


@pytest.mark.parametrize(
    ("text", "message", "again"),
    [
        ("device 'A' not found", "adb:A is gone", True),
        ("device offline", "adb:A is gone", True),
        ("closed", "adb:A is gone", True),
        ("device unauthorized.\nThis adb server's $ADB_VENDOR_KEYS is not set", "tap Allow", False),
        ("device still authorizing", "tap Allow", False),
        ("insufficient permissions for device: user bob", "udev rule", False),
        ("something new", "the adb server refused adb:A: something new", False),
    ],
)
def test_each_refusal_says_what_to_do(text: str, message: str, again: bool) -> None:  # noqa: FBT001
    error = refused("adb:A", text)
    assert isinstance(error, LinkLost) == again
    with pytest.raises(DeviceError, match=message):
        raise error


def test_a_file_that_is_not_copied_says_why() -> None:
    assert "free some" in str(not_copied("push x", b"write failed: No space left on device"))
    assert "/data/local/tmp" in str(not_copied("push x", b"couldn't create file: Permission denied"))
    assert str(not_copied("pull x", b"")) == "cannot pull x: the phone gave no reason"


def test_a_port_of_wireless_debugging_is_told_from_what_is_no_adbd() -> None:
    assert "`adb pair`" in str(no_adbd("h:1", wants_tls=True))
    assert "is no adbd" in str(no_adbd("h:1", wants_tls=False))


@given(st.binary(max_size=1000))
def test_what_a_device_says_is_one_short_line(text: bytes) -> None:
    line = said(text)
    assert len(line) <= 300
    assert line.isprintable()


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, ("127.0.0.1", 5037)),
        ({"ANDROID_ADB_SERVER_PORT": "15037"}, ("127.0.0.1", 15037)),
        ({"ANDROID_ADB_SERVER_ADDRESS": "10.0.0.2"}, ("10.0.0.2", 5037)),
        ({"ADB_SERVER_SOCKET": "tcp:6000", "ANDROID_ADB_SERVER_PORT": "15037"}, ("127.0.0.1", 6000)),
        ({"ADB_SERVER_SOCKET": "tcp:build.example:6000"}, ("build.example", 6000)),
    ],
)
def test_the_server_is_where_adb_looks(environ: dict[str, str], expected: tuple[str, int]) -> None:
    assert adb_server.address(environ) == expected


@pytest.mark.parametrize(
    "environ",
    [
        {"ANDROID_ADB_SERVER_PORT": "many"},
        {"ANDROID_ADB_SERVER_PORT": "65536"},
        {"ANDROID_ADB_SERVER_PORT": "٣"},
        {"ADB_SERVER_SOCKET": "localfilesystem:/tmp/adb"},
        {"ADB_SERVER_SOCKET": "tcp:"},
    ],
)
def test_a_wrong_place_of_the_server_is_named(environ: dict[str, str]) -> None:
    with pytest.raises(UsageError, match=f"cannot use {next(iter(environ))}=.*: expected"):
        adb_server.address(environ)


@contextmanager
def answering(*answers: bytes) -> Iterator[int]:
    """Something that takes connections one after the other, says that much, and hangs up; its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(GONE_S)

        def answer() -> None:
            for text in answers:
                connection, _ = listener.accept()
                with connection, suppress(OSError):  # whoever has heard enough may be gone
                    if text:
                        connection.recv(1024)
                        connection.sendall(text)
                        connection.shutdown(socket.SHUT_WR)
                    while connection.recv(1024):
                        pass

        answerer = threading.Thread(target=answer)
        answerer.start()
        yield int(listener.getsockname()[1])
        answerer.join(GONE_S)


def use_port(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    for name in ("ADB_SERVER_SOCKET", "ANDROID_ADB_SERVER_ADDRESS", "ANDROID_SERIAL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(port))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            b"OKAY0004001f",
            r"is version 1\.0\.31; expected 1\.0\.39 or newer: update platform-tools, then `adb kill-server`",
        ),
        (b"HTTP/1.0 400 Bad Request\r\n\r\n", r"is no adb server \(it said .*set ANDROID_ADB_SERVER_PORT"),
        (b"OKAY0004zzzz", "is no adb server"),
        (b"OKAYzzzz", "went away"),
        (b"OKAY", "closed the connection"),
        (b"FAIL0006not me", "the adb server refused adb: not me"),
    ],
)
def test_what_answers_in_the_servers_place(monkeypatch: pytest.MonkeyPatch, answer: bytes, message: str) -> None:
    with answering(b"", b"", answer) as port:
        use_port(monkeypatch, port)
        assert adb_server.is_running()
        with pytest.raises(DeviceError, match=message) as raised:
            adb_server.connect("A")
        assert "\n" not in str(raised.value)


def test_without_an_adb_it_says_where_one_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
    use_port(monkeypatch, port)
    assert not adb_server.is_running()
    assert adb_server.version() is None
    monkeypatch.setenv("ADBUTILS_ADB_PATH", "/bin/false")
    with pytest.raises(DeviceError, match=rf"cannot start the adb server on 127.0.0.1:{port}: exit code 1"):
        adb_server.devices()
    monkeypatch.setenv("ANDROID_ADB_SERVER_ADDRESS", "localhost.example.invalid")
    with pytest.raises(LinkLost, match=r"no adb server answers on localhost\.example\.invalid"):
        adb_server.devices()


WANTS_TLS = b"STLS" + (0x01000000).to_bytes(4, "little") + bytes(12) + bytes(b ^ 0xFF for b in b"STLS")


@pytest.mark.parametrize(
    ("answers", "message", "again"),
    [
        ([b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"], "is no adbd; expected the port", False),
        ([WANTS_TLS], "adb pair", False),
        ([b"short"] * adb_direct._TRIES, "closed the connection", True),
    ],
)
def test_what_answers_in_adbds_place(answers: list[bytes], message: str, again: bool) -> None:  # noqa: FBT001
    with answering(*answers) as port, pytest.raises(DeviceError, match=message) as raised:
        adb_direct.connect("127.0.0.1", port, connect_s=GONE_S)
    assert isinstance(raised.value, LinkLost) == again


def test_an_adbd_that_says_nothing_is_not_waited_for_longer_than_asked() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        pytest.raises(LinkLost, match=r"did not answer within 0\.5 s"),
    ):
        adb_direct.connect("127.0.0.1", listener.getsockname()[1], connect_s=0.5)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_wrong_port_is_named(port: int) -> None:
    with pytest.raises(UsageError, match=f"{port} is no port: expected 1 to 65535"):
        adb_direct.connect("127.0.0.1", port)

"""Both transports against a real adbd: what a Link promises, also when the phone or the way to it misbehaves."""

import hashlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgewatt.collectors.transports import adb_direct, adb_server
from edgewatt.collectors.transports.adb_link import AdbLink
from edgewatt.collectors.transports.link import STDERR_LIMIT_B, LinkLost, LinkTimeout
from edgewatt.profiler.errors import DeviceError, UsageError
from tests.adbd.running import PeerPhone, StartPhone
from tests.adbd.server import AdbServer

pytestmark = pytest.mark.peer
pytest_plugins = ["tests.adbd.fixtures"]

LONG_S = 30.0
TMP = "/data/local/tmp"
Connect = Callable[[PeerPhone], AdbLink]


@pytest.fixture(params=["direct", "server"])
def connect(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Connect]:
    """Makes a Link to a phone, over either transport."""
    monkeypatch.setenv("HOME", str(tmp_path))
    links: list[AdbLink] = []

    def direct(phone: PeerPhone) -> AdbLink:
        return adb_direct.connect(phone.host, phone.port)

    def served(phone: PeerPhone) -> AdbLink:
        server: AdbServer = request.getfixturevalue("adb_server")
        monkeypatch.setenv("ANDROID_ADB_SERVER_PORT", str(server.port))
        return adb_server.connect(server.connect(phone))

    def make(phone: PeerPhone) -> AdbLink:
        links.append((direct if request.param == "direct" else served)(phone))
        return links[-1]

    yield make
    for link in links:
        link.close()
    if request.param == "server":
        request.getfixturevalue("adb_server").run("disconnect")


@pytest.fixture
def link(connect: Connect, pixel: PeerPhone) -> AdbLink:
    return connect(pixel)


def out(link: AdbLink, command: str) -> bytes:
    done = link.run(command, timeout_s=LONG_S)
    assert done.returncode == 0, done
    return done.stdout


def gone(phone: PeerPhone, words: str) -> bool:
    """Whether the phone's process ends, which it does on its own time."""
    end_s = time.monotonic() + LONG_S
    while time.monotonic() < end_s:
        if not any(words in line for line in phone.processes().values()):
            return True
        time.sleep(0.01)
    return False


def test_exit_code_output_and_errors_are_kept_apart(link: AdbLink) -> None:
    done = link.run("echo out; echo err >&2; exit 3", timeout_s=LONG_S)
    assert (done.returncode, done.stdout) == (3, b"out\n")
    assert done.stderr.endswith(b"err\n")
    assert "shell_v2" in link.features


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("cat; echo 'its input is at its end'", b"its input is at its end\n"),
        ("printf 'a b\\n\\0\\377\\r\\n'", b"a b\n\0\xff\r\n"),
        ("echo one\necho 'two\n2'", b"one\ntwo\n2\n"),
        ("echo ünïcødé", "ünïcødé\n".encode()),
        (": " + "x" * 60_000, b""),
        ("", b""),
    ],
)
def test_any_command_and_any_output(link: AdbLink, command: str, expected: bytes) -> None:
    assert out(link, command) == expected


def test_a_megabyte_comes_back_whole(link: AdbLink) -> None:
    printed = out(link, f"head -c 1000000 /dev/urandom >{TMP}/m; md5sum <{TMP}/m; cat {TMP}/m; rm {TMP}/m")
    assert hashlib.md5(printed[-1_000_000:]).hexdigest().encode() == printed[:32]


def test_endless_output_is_stopped(link: AdbLink, pixel: PeerPhone) -> None:
    with pytest.raises(DeviceError, match=r"'cat /dev/zero' printed more than 1000000 bytes on adb.* was stopped"):
        link.run("cat /dev/zero", timeout_s=LONG_S, limit_b=1_000_000)
    with pytest.raises(DeviceError, match="printed more than 1000"):
        link.run("cat /dev/zero >&2", timeout_s=LONG_S, limit_b=1000)
    assert gone(pixel, "cat /dev/zero")
    assert out(link, "echo still here") == b"still here\n"


def test_what_cannot_be_asked_is_refused_before_it_is_sent(link: AdbLink) -> None:
    for command in ("echo \0", "x" * 70_000):
        with pytest.raises(UsageError):
            link.run(command, timeout_s=LONG_S)
        with pytest.raises(UsageError):
            link.stream(command)


def test_a_command_that_takes_too_long_is_hung_up_on(link: AdbLink, pixel: PeerPhone) -> None:
    with pytest.raises(LinkTimeout, match=r"'sleep 1234' was not done within 0\.2 s"):
        link.run("sleep 1234", timeout_s=0.2)
    assert out(link, "echo usable") == b"usable\n"
    assert gone(pixel, "sleep 1234")


def test_a_stream_is_quiet_and_goes_on(link: AdbLink) -> None:
    """It says nothing until told to, so that nothing here depends on time."""
    stream = link.stream(f"echo first; until [ -e {TMP}/go ]; do :; done; rm {TMP}/go; echo second; exit 4")
    assert stream.read(LONG_S) == b"first\n"
    assert [stream.read(0.01), stream.read(0.0)] == [b"", b""]
    assert stream.returncode is None
    assert out(link, f"echo no command waits for a stream; touch {TMP}/go").startswith(b"no command")
    assert stream.read(LONG_S) == b"second\n"
    assert stream.read(LONG_S) is None
    assert stream.returncode == 4
    assert stream.read(LONG_S) is None
    stream.close()
    assert out(link, "echo and after it") == b"and after it\n"


def test_a_stream_keeps_its_input_open_and_ends_when_closed(link: AdbLink, pixel: PeerPhone) -> None:
    stream = link.stream("echo up; read line; echo down")
    assert stream.read(LONG_S) == b"up\n"
    assert stream.read(0.05) == b"", "its input is not at its end"
    link.stream("sleep 4321")
    while "sleep 4321" not in pixel.processes().values():
        pass
    stream.close()
    stream.close()
    assert stream.read(LONG_S) is None
    link.close()
    assert gone(pixel, "sleep 4321"), "closing the link ends what runs over it"
    with pytest.raises(LinkLost):
        link.run("echo", timeout_s=LONG_S)


def test_only_the_first_of_a_streams_errors_is_kept(link: AdbLink) -> None:
    stream = link.stream("head -c 300000 /dev/zero >&2; echo done")
    while stream.read(LONG_S) is not None:
        pass
    assert len(stream.stderr) == STDERR_LIMIT_B


def test_files_go_there_and_back(link: AdbLink, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    for size_b in (0, 1, 65_536, 3_000_001):
        source = tmp_path / "source"
        source.write_bytes(os.urandom(size_b))
        link.push(source, f"{TMP}/a 'file", mode=0o755, sent=lambda done, all_: seen.append((done, all_)))
        link.pull(f"{TMP}/a 'file", tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == source.read_bytes()
    assert seen[-1] == (3_000_001, 3_000_001)
    assert out(link, f"[ -x {TMP}/a* ] && echo executable; rm {TMP}/a*") == b"executable\n"
    link.push(b"bytes", f"{TMP}/b")
    assert out(link, f"cat {TMP}/b; rm {TMP}/b") == b"bytes"


def test_a_file_that_is_not_copied_is_named_and_nothing_is_left(link: AdbLink, tmp_path: Path) -> None:
    for remote, reason in (
        ("/no/file", "No such file"),
        (TMP, "Is a directory"),
        ("/dev/zero", "larger than 1000"),
    ):
        with pytest.raises(DeviceError, match=rf"cannot pull {remote} from adb.*: .*{reason}"):
            link.pull(remote, tmp_path / "x", limit_b=1000)
    with pytest.raises(DeviceError, match=r"cannot pull /proc/version .* No such file"):
        link.pull("/proc/version", tmp_path / "no" / "x")
    with pytest.raises(DeviceError, match=r"cannot push .*/absent to /data/local/tmp/x"):
        link.push(tmp_path / "absent", f"{TMP}/x")
    with pytest.raises(DeviceError, match=r"cannot push 1 bytes to /system/x on adb.*: .*(Permission|Read-only)"):
        link.push(b"x", "/system/x")
    with pytest.raises(UsageError, match="no path"):
        link.push(b"x", "a" * 2000)
    assert list(tmp_path.iterdir()) == []
    assert out(link, f"ls {TMP}/x || echo none").endswith(b"none\n")


def test_a_full_phone_says_so(connect: Connect, fresh_phone: StartPhone) -> None:
    phone = fresh_phone("pixel", tmp_size_b=2 << 20)
    link = connect(phone)
    with pytest.raises(DeviceError, match="No space left on device; free some of the phone's storage"):
        link.push(bytes(20 << 20), f"{TMP}/big")
    assert "big" not in phone.files()
    assert out(link, "echo usable") == b"usable\n"


def test_a_large_file_passes_a_small_buffer(
    connect: Connect, pixel: PeerPhone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An SO_SNDBUF of 16 KiB is what stops the stock adb-shell; segments are as small as on a real network."""

    def narrow(address: tuple[str, int], timeout: float) -> socket.socket:
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 << 10)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1400)
        made.settimeout(timeout)
        try:
            made.connect(address)
        except OSError:
            made.close()
            raise
        return made

    monkeypatch.setattr(socket, "create_connection", narrow)
    link = connect(pixel)
    source, back = tmp_path / "source", tmp_path / "back"
    source.write_bytes(os.urandom(1 << 20) * 100)
    link.push(source, f"{TMP}/large")
    expected = hashlib.md5(source.read_bytes()).hexdigest().encode()
    assert out(link, f"md5sum <{TMP}/large").split()[0] == expected
    link.pull(f"{TMP}/large", back)
    assert hashlib.md5(back.read_bytes()).hexdigest().encode() == expected
    out(link, f"rm {TMP}/large")


def test_a_dead_adbd_is_lost_and_comes_back(connect: Connect, pixel: PeerPhone) -> None:
    link = connect(pixel)
    stream = link.stream("echo up; sleep 60")
    assert stream.read(LONG_S) == b"up\n"
    pixel.kill_adbd(shells=True)
    with pytest.raises(LinkLost):
        stream.read(LONG_S)
    with pytest.raises(LinkLost):
        link.run("echo", timeout_s=LONG_S)
    pixel.start_adbd()
    assert out(connect(pixel), "echo back") == b"back\n"


def test_a_connection_that_is_cut_is_lost(link: AdbLink, pixel: PeerPhone) -> None:
    caught: list[Exception] = []

    def wait() -> None:
        try:
            link.run("sleep 60", timeout_s=LONG_S)
        except DeviceError as error:
            caught.append(error)

    waiter = threading.Thread(target=wait)
    waiter.start()
    while "sleep 60" not in pixel.processes().values():
        assert waiter.is_alive()
    pixel.cut()
    waiter.join(LONG_S)
    assert [type(error) for error in caught] == [LinkLost]


def test_an_adbd_that_stands_still_is_waited_for(link: AdbLink, pixel: PeerPhone) -> None:
    stream = link.stream("for i in 1 2 3; do echo $i; sleep 1; done")
    pixel.stop_adbd()
    with pytest.raises(LinkTimeout):
        link.run("echo", timeout_s=0.3)
    pixel.freeze_adbd(8.0)
    assert out(link, "echo thawed") == b"thawed\n"
    lines = b""
    while (data := stream.read(LONG_S)) is not None:
        lines += data
    assert lines == b"1\n2\n3\n"


def test_a_slow_way_is_no_failure(link: AdbLink, pixel: PeerPhone, tmp_path: Path) -> None:
    pixel.delay(0.04)
    assert out(link, "echo slow") == b"slow\n"
    link.push(bytes(3_000_000), f"{TMP}/slow")
    link.pull(f"{TMP}/slow", tmp_path / "slow")
    assert (tmp_path / "slow").stat().st_size == 3_000_000
    assert out(link, f"rm {TMP}/slow; echo done") == b"done\n"


def test_an_old_phone_without_shell_v2(connect: Connect, fresh_phone: StartPhone) -> None:
    """No adbd of those days is at hand: the same one, which is not heard to offer it."""
    phone = fresh_phone("pixel")
    phone.hide("shell_v2")
    link = connect(phone)
    assert "shell_v2" not in link.features
    done = link.run("cat; echo out; echo err >&2; exit 3 # as it is", timeout_s=LONG_S)
    assert (done.returncode, done.stderr) == (3, b"")
    assert done.stdout.endswith(b"out\nerr\n")
    assert link.run("if", timeout_s=LONG_S).returncode != 0
    stream = link.stream("echo up; exit 3")
    printed = b""
    while (data := stream.read(LONG_S)) is not None:
        printed += data
    assert printed.endswith(b"up\n")
    assert stream.returncode is None


@pytest.mark.parametrize("connect", ["server"], indirect=True)
def test_the_server_names_what_it_has(connect: Connect, pixel: PeerPhone, monkeypatch: pytest.MonkeyPatch) -> None:
    connect(pixel)
    assert adb_server.is_running()
    assert (adb_server.version() or 0) >= adb_server.OLDEST
    assert [(one.serial, one.state) for one in adb_server.devices()] == [(pixel.serial, "device")]
    with pytest.raises(LinkLost, match=rf"knows no device 'R58M': .* it knows {pixel.serial} \(device\)"):
        adb_server.connect("R58M")
    assert adb_server.connect().name == f"adb:{pixel.serial}"
    monkeypatch.setenv("ANDROID_SERIAL", "R58M")
    with pytest.raises(LinkLost, match="knows no device 'R58M'"):
        adb_server.connect()

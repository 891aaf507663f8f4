"""The virtual phone's adbd against clients that we did not write: the stock adb, adbutils and adb-shell."""

import io
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import adbutils
import pytest
from adb_shell.adb_device import AdbDeviceTcp
from adb_shell.auth.keygen import keygen
from adb_shell.auth.sign_cryptography import CryptographySigner
from adb_shell.auth.sign_pythonrsa import PythonRSASigner
from adb_shell.exceptions import AdbCommandFailureException, DeviceAuthError, TcpTimeoutException

from edgewatt.virtual_lab.adb import AdbDevice, read_keys, serve
from tests.adbd.server import AdbServer
from tests.lab_adb import BANNER, OLD_BANNER, plain_runner

pytest_plugins = ["tests.adbd.fixtures"]
pytestmark = pytest.mark.peer

ANSWER_S = 20.0
TEMPORARY = "/data/local/tmp"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tree = tmp_path / "phone"
    (tree / "data/local/tmp").mkdir(parents=True)
    return tree


@pytest.fixture
def device(root: Path) -> Iterator[AdbDevice]:
    with serve(BANNER, plain_runner, root) as served:
        yield served


@pytest.fixture
def serial(device: AdbDevice, adb_server: AdbServer) -> Iterator[str]:
    yield attach(adb_server, device)
    adb_server.disconnect(device.serial)


def attach(server: AdbServer, device: AdbDevice) -> str:
    """A first `adb connect` reports the question of the phone as a failure; the answer comes right after."""
    server.run("connect", device.serial)
    done = server.run("-s", device.serial, "wait-for-device", timeout_s=ANSWER_S)
    assert done.returncode == 0, done.stderr
    return device.serial


def said(done: subprocess.CompletedProcess[bytes]) -> bytes:
    """Old versions of adb complain on standard output."""
    return done.stdout + done.stderr


def noise(size_b: int) -> bytes:
    return random.Random(1).randbytes(size_b)  # adb compresses what it can


def states(server: AdbServer) -> dict[str, str]:
    lines = server.run("devices").stdout.decode().splitlines()[1:]
    return dict(line.split("\t") for line in lines if line)


@pytest.fixture(params=["Pythonrsa", "Cryptography"])
def signer(request: pytest.FixtureRequest, tmp_path: Path) -> PythonRSASigner | CryptographySigner:
    keygen(str(tmp_path / "adbkey"))
    if request.param == "Cryptography":
        return CryptographySigner(str(tmp_path / "adbkey"))
    return PythonRSASigner((tmp_path / "adbkey.pub").read_text(), (tmp_path / "adbkey").read_text())


@contextmanager
def direct(device: AdbDevice, signer: object, auth_timeout_s: float = ANSWER_S) -> Iterator[AdbDeviceTcp]:
    with closing(AdbDeviceTcp("127.0.0.1", device.port, default_transport_timeout_s=ANSWER_S)) as client:
        client.connect(rsa_keys=[signer], auth_timeout_s=auth_timeout_s, read_timeout_s=ANSWER_S)
        yield client


def test_adb_lists_it_with_what_its_banner_says(serial: str, adb_server: AdbServer) -> None:
    line = next(line for line in adb_server.run("devices", "-l").stdout.decode().splitlines() if serial in line)
    assert "device product:oriole model:Pixel_6 device:oriole" in line
    features = set(adb_server.run("-s", serial, "features").stdout.decode().split())
    assert {"shell_v2", "cmd", "stat_v2"} <= features <= set(BANNER.features), "those that this adb knows too"


def test_adb_shell_has_status_errors_and_input(serial: str, adb_server: AdbServer) -> None:
    done = adb_server.run("-s", serial, "shell", "echo out; echo err >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, b"out\n", b"err\n")
    assert adb_server.run("-s", serial, "shell", "cat; echo .", stdin=b"in").stdout == b"in.\n"
    assert adb_server.run("-s", serial, "exec-out", "printf 'a\\r\\nb\\n'").stdout == b"a\r\nb\n"
    assert adb_server.run("-s", serial, "shell", "-x", "echo out; echo err >&2").stdout == b"out\nerr\n"
    terminal = adb_server.run("-s", serial, "shell", "-tt", "test -t 0 && echo tty >/dev/tty")
    assert terminal.stdout == b"tty\r\n"


def test_adb_carries_100_megabytes_there_and_back(
    serial: str, adb_server: AdbServer, root: Path, tmp_path: Path
) -> None:
    there, back = tmp_path / "there", tmp_path / "back"
    there.write_bytes(noise(100 << 20))
    os.utime(there, (1_600_000_000, 1_600_000_000))
    pushed = adb_server.run("-s", serial, "push", str(there), f"{TEMPORARY}/big")
    assert pushed.returncode == 0, pushed.stderr
    assert (root / "data/local/tmp/big").stat().st_mtime == 1_600_000_000
    there.unlink()
    assert adb_server.run("-s", serial, "pull", "-a", f"{TEMPORARY}/big", str(back)).returncode == 0
    assert back.stat().st_mtime == 1_600_000_000
    assert back.read_bytes() == (root / "data/local/tmp/big").read_bytes() == noise(100 << 20)


def test_adb_carries_folders_and_names_what_is_missing(
    serial: str, adb_server: AdbServer, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "tree/sub folder").mkdir(parents=True)
    (tmp_path / "tree/sub folder/ä 'b'").write_text("x")
    (tmp_path / "tree/run").write_text("y")
    (tmp_path / "tree/run").chmod(0o755)
    assert adb_server.run("-s", serial, "push", str(tmp_path / "tree"), TEMPORARY).returncode == 0
    assert (root / "data/local/tmp/tree/run").stat().st_mode == 0o100777
    assert adb_server.run("-s", serial, "pull", f"{TEMPORARY}/tree", str(tmp_path / "back")).returncode == 0
    assert (tmp_path / "back/sub folder/ä 'b'").read_text() == "x"
    assert b"sub folder" in adb_server.run("-s", serial, "ls", f"{TEMPORARY}/tree").stdout
    missing = adb_server.run("-s", serial, "pull", "/nope", str(tmp_path / "nope"))
    assert (missing.returncode, b"No such file or directory" in said(missing)) == (1, True)
    assert said(adb_server.run("-s", serial, "root")) == b"adb: unable to connect for root: closed\n"


def test_adb_tells_of_faults_as_of_a_phones(
    device: AdbDevice, serial: str, adb_server: AdbServer, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(noise(1 << 20))
    device.faults.full_disk(100_000)
    full = adb_server.run("-s", serial, "push", str(tmp_path / "file"), f"{TEMPORARY}/x")
    assert (full.returncode, b"remote write failed: No space left on device" in said(full)) == (1, True)
    device.faults.deny("/data/local")
    denied = adb_server.run("-s", serial, "pull", f"{TEMPORARY}/x", str(tmp_path / "x"))
    assert (denied.returncode, b"Permission denied" in said(denied)) == (1, True)
    device.faults.cut()
    attach(adb_server, device)
    assert adb_server.run("-s", serial, "shell", "echo back").stdout == b"back\n"


def test_adbs_key_is_unknown_then_known_or_refused(root: Path, adb_server: AdbServer, tmp_path: Path) -> None:
    home = Path(adb_server.environment["HOME"])
    with serve(BANNER, plain_runner, root) as device:
        # It says that it failed to authenticate, or that it is connected, if its key was accepted before it looked.
        adb_server.run("connect", device.serial)
        attach(adb_server, device)
        (key,) = device.known_keys
        adb_server.disconnect(device.serial)
        assert b"connected to" in adb_server.run("connect", device.serial).stdout, "now it is known"
        adb_server.disconnect(device.serial)
    public = tmp_path / "adbkey.pub"
    public.write_bytes(adb_server.run("pubkey", str(home / ".android/adbkey")).stdout)
    assert read_keys(public) == [key]
    with serve(BANNER, plain_runner, root, "never") as device:
        assert b"failed to authenticate" in adb_server.run("connect", device.serial).stdout
        assert states(adb_server)[device.serial] == "unauthorized"
        refused = adb_server.run("-s", device.serial, "shell", "id")
        assert (refused.returncode, b"unauthorized" in said(refused)) == (1, True)
        adb_server.disconnect(device.serial)
    with serve(BANNER, plain_runner, root, public) as device:
        assert b"connected to" in adb_server.run("connect", device.serial).stdout
        adb_server.disconnect(device.serial)


def test_client_that_is_killed_leaves_no_process(serial: str, adb_server: AdbServer, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    command = f"echo $$ > {pid}.new; mv {pid}.new {pid}; sleep 1000 & sleep 1000"
    client = subprocess.Popen([adb_server.adb, "-s", serial, "shell", command], env=adb_server.environment)
    while not pid.exists():
        os.sched_yield()
    client.kill()
    client.wait()
    while Path(f"/proc/{pid.read_text().strip()}/cmdline").exists():
        adb_server.run("-s", serial, "shell", "true")


def test_adbutils(serial: str, adb_server: AdbServer, tmp_path: Path) -> None:
    phone = adbutils.AdbClient("127.0.0.1", adb_server.port).device(serial)
    done = phone.shell2("echo out; echo err >&2; exit 3", v2=True)
    assert (done.returncode, done.stdout, done.stderr) == (3, "out\n", "err\n")
    assert phone.shell("echo legacy") == "legacy"
    content = noise(10 << 20)
    assert phone.sync.push(content, f"{TEMPORARY}/x", 0o644) == len(content)
    assert phone.sync.read_bytes(f"{TEMPORARY}/x") == content
    assert phone.sync.pull(f"{TEMPORARY}/x", tmp_path / "x") == len(content)
    assert phone.sync.stat(f"{TEMPORARY}/x").size == len(content)
    assert [entry.path for entry in phone.sync.list(TEMPORARY)] == [".", "..", "x"]
    with phone.shell("echo streamed; sleep 1000", stream=True) as stream:
        assert stream.conn.recv(9) == b"streamed\n"


def test_adb_shell(device: AdbDevice, signer: object, tmp_path: Path) -> None:
    with direct(device, signer) as phone:
        assert phone.shell("echo out; echo err >&2") == "out\nerr\n"
        assert phone.exec_out("printf 'a\\nb'") == "a\nb"
        raw = phone._service(b"shell,v2,raw", b"echo out; exit 7", decode=False)
        assert raw == b"\x01\x04\0\0\0out\n\x03\x01\0\0\0\x07"
        content = noise(10 << 20)
        phone.push(io.BytesIO(content), f"{TEMPORARY}/x", st_mode=0o100644, mtime=5)
        assert phone.stat(f"{TEMPORARY}/x") == (0o100666, len(content), 5)
        phone.pull(f"{TEMPORARY}/x", str(tmp_path / "back"))
        assert (tmp_path / "back").read_bytes() == content
        assert [bytes(entry.filename) for entry in phone.list(TEMPORARY)] == [b".", b"..", b"x"]
        assert phone.stat("/nope") == (0, 0, 0)
        with pytest.raises(AdbCommandFailureException, match="No such file"):
            phone.pull("/nope", str(tmp_path / "nope"))
        assert list(phone.streaming_shell("seq 3; echo end"))[-1].endswith("end\n")
    assert len(device.known_keys) == 1
    with direct(device, signer) as phone:
        assert phone.shell("echo again") == "again\n"


def test_adb_shell_on_an_old_phone(root: Path, signer: object) -> None:
    with serve(OLD_BANNER, plain_runner, root) as device, direct(device, signer) as phone:
        assert phone.max_chunk_size <= 4096
        phone.push(io.BytesIO(noise(40_000)), f"{TEMPORARY}/x")
        assert phone.shell("head -c 20000 /dev/zero | tr '\\0' x; exit 3") == "x" * 20000


def test_adb_shell_is_not_answered_where_nobody_taps(root: Path, signer: object) -> None:
    with (
        serve(BANNER, plain_runner, root, "never") as device,
        pytest.raises((DeviceAuthError, TcpTimeoutException)),
        direct(device, signer, auth_timeout_s=0.3),
    ):
        pass


def test_ten_connections_at_once(device: AdbDevice, tmp_path: Path) -> None:
    keygen(str(tmp_path / "adbkey"))
    signer = CryptographySigner(str(tmp_path / "adbkey"))

    def work(number: int) -> int:
        content = bytes([number]) * 300_000
        with direct(device, signer) as phone:
            for turn in range(3):
                phone.push(io.BytesIO(content), f"{TEMPORARY}/{number}")
                assert phone.shell(f"echo {number}.{turn}") == f"{number}.{turn}\n"
            back = io.BytesIO()
            phone.pull(f"{TEMPORARY}/{number}", back)
            return back.getvalue().count(bytes([number]))

    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(work, range(10))) == [300_000] * 10


def test_ten_streams_of_one_adb_at_once(serial: str, adb_server: AdbServer) -> None:
    def work(number: int) -> bytes:
        return adb_server.run("-s", serial, "shell", f"head -c 1000000 /dev/zero | tr '\\0' {number}; echo").stdout

    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(work, range(10))) == [b"%d" % number * 1_000_000 + b"\n" for number in range(10)]


@pytest.mark.parametrize("whose", ["the system's", "the one in adbutils"])
def test_each_adb_there_is(device: AdbDevice, adb_server: AdbServer, tmp_path: Path, whose: str) -> None:
    """`adb_server` runs whichever adbutils prefers; the versions differ by years."""
    bundled = Path(adbutils.__file__).parent / "binaries/adb"
    adb = shutil.which("adb") if whose == "the system's" else bundled
    if adb is None or not Path(adb).exists():
        pytest.skip(f"there is no adb that is {whose} (Debian: apt-get install adb)")
    own = AdbServer(Path(adb), adb_server.port + 1, dict(adb_server.environment))
    own.environment["ANDROID_ADB_SERVER_PORT"] = str(own.port)
    try:
        attach(own, device)
        done = own.run("-s", device.serial, "shell", "echo out; echo err >&2; exit 7")
        assert (done.returncode, done.stdout, done.stderr) == (7, b"out\n", b"err\n")
        (tmp_path / "x").write_bytes(noise(10 << 20))
        assert own.run("push", str(tmp_path / "x"), f"{TEMPORARY}/x").returncode == 0
        assert own.run("pull", f"{TEMPORARY}/x", str(tmp_path / "y")).returncode == 0
        assert (tmp_path / "y").read_bytes() == noise(10 << 20)
    finally:
        own.run("kill-server")

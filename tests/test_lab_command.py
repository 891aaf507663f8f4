"""`edgewatt lab phone` as any client finds it: one line of JSON, a phone on loopback, nothing left behind."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from edgewatt.profiler.device import open_device
from tests.shell import EDGEWATT, edgewatt


@contextmanager
def lab(*words: str, end: signal.Signals = signal.SIGTERM) -> Iterator[dict[str, Any]]:
    """What it said; ended, and checked to have gone, after."""
    process = subprocess.Popen([EDGEWATT, "lab", "phone", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert process.stdout is not None
        said = json.loads(process.stdout.readline())
        yield said
    finally:
        process.send_signal(end)
        out, err = process.communicate(timeout=30)
    assert process.returncode == (130 if end is signal.SIGINT else 0), err
    assert (out, b"Traceback" in err) == (b"", False)
    root = Path(said["sysfs"]).parent
    assert not root.exists()
    assert not [pid for pid in _pids() if str(root) in _command(pid)]


def _pids() -> list[str]:
    return [path.name for path in Path("/proc").iterdir() if path.name.isdecimal()]


def _command(pid: str) -> str:
    try:
        return (Path("/proc") / pid / "environ").read_bytes().decode(errors="replace")
    except OSError:
        return ""


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_and_goes_without_a_trace(end: signal.Signals) -> None:
    with lab("--personality", "oneplus", "--seed", "3", end=end) as said:
        assert (said["simulated"], said["personality"], said["seed"]) == (True, "oneplus", 3)
        host, _, port = said["adb"].partition(":")
        assert host == "127.0.0.1"
        socket.create_connection((host, int(port)), timeout=5).close()
        others = [address for address in _own_addresses() if not address.startswith("127.")]
        for address in others:
            with pytest.raises(OSError, match="refused"):
                socket.create_connection((address, int(port)), timeout=5)
        for root in ("sysfs", "proc", "tmp"):
            assert Path(said[root]).is_dir()
        assert os.access(said["benchmark_model"], os.X_OK)
        phone = open_device(f"adb+tcp://{said['adb']}?sampler=off")  # as whoever was told where it is would
        assert phone.simulated
        phone.close()


def _own_addresses() -> list[str]:
    return [info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET) if info[4][0]]


def test_it_ends_with_its_input_where_it_was_told_to() -> None:
    command = [EDGEWATT, "lab", "phone", "--attached", "--personality", "old"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        root = Path(json.loads(process.stdout.readline())["sysfs"]).parent
        assert root.is_dir()
        process.stdin.close()
        assert process.wait(30) == 0
    assert not root.exists()


def test_killed_outright_it_still_takes_its_tree_along() -> None:
    command = [EDGEWATT, "lab", "phone", "--personality", "old"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        root = Path(json.loads(process.stdout.readline())["sysfs"]).parent
        process.kill()
        process.wait(30)
    end_s = time.monotonic() + 20
    while root.exists():
        assert time.monotonic() < end_s
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("phone", "--personality", "nokia"), "pixel, samsung"),
        (("phone", "--quirk", "gauge_unit=kA"), "uA, mA"),
        (("phone", "--quirk", "colour=red"), "gauge_period_s"),
        (("phone", "--approve", "/no/such/file"), "auto, never"),
        (("phone", "--port", "70000"), "0 to 65535"),
        (("phone", "--seed", "-1"), "seed"),
        (("toaster",), "phone"),
    ],
)
def test_a_wrong_word_is_a_line_and_code_2(words: tuple[str, ...], said: str) -> None:
    done = edgewatt("lab", *words)
    assert done.returncode == 2
    assert said in done.stderr


def test_a_port_that_is_taken_is_code_6() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = edgewatt("lab", "phone", "--port", str(taken.getsockname()[1]))
    assert done.returncode == 6
    assert "in use" in done.stderr


def test_help_shows_the_personalities_and_the_quirks() -> None:
    shown = edgewatt("lab", "--help").stdout
    for word in ("snapdragon", "gauge_period_s", "examples:", "simulated"):
        assert word in shown


def test_a_file_that_the_shell_may_not_read_is_denied_even_to_root() -> None:
    shell = pytest.importorskip("adb_shell.adb_device")
    signer = pytest.importorskip("adb_shell.auth.sign_pythonrsa")
    keygen = pytest.importorskip("adb_shell.auth.keygen")
    with lab("--personality", "snapdragon") as said:
        key = Path(said["tmp"]) / "key"
        keygen.keygen(str(key))
        keys = signer.PythonRSASigner(key.with_suffix(".pub").read_text(), key.read_text())
        host, _, port = said["adb"].partition(":")
        phone = shell.AdbDeviceTcp(host, int(port))
        try:
            assert phone.connect(rsa_keys=[keys], auth_timeout_s=10)
            node = f"{said['sysfs']}/class/kgsl/kgsl-3d0/gpuclk"
            assert "Permission denied" in phone.shell(f"cat {node}")
            assert "Permission denied" in phone.shell(f"ls {said['sysfs']}/class/kgsl/kgsl-3d0")
            assert phone.shell(f"cat {said['sysfs']}/class/power_supply/battery/status").strip() == "Discharging"
            assert phone.shell("id -u; getprop ro.product.model; cat /proc/uptime").split()[:2] == ["2000", "PTP-AN10"]
        finally:
            phone.close()


ADB = shutil.which("adb") or str(Path(sys.prefix) / "lib/python3.11/site-packages/adbutils/binaries/adb")


@pytest.mark.peer
@pytest.mark.skipif(not os.access(ADB, os.X_OK), reason="no adb here")
def test_stock_adb_sees_a_phone(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        server = str(free.getsockname()[1])
    env = {**os.environ, "HOME": str(tmp_path), "ADB_MDNS": "0"}

    def adb(*words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [ADB, "-P", server, *words], env=env, capture_output=True, text=True, check=False, timeout=60
        )

    with lab("--personality", "samsung") as said:
        try:
            adb("connect", said["adb"])  # it may say that a new key waits for its tap
            on = ("-s", said["adb"])
            adb(*on, "wait-for-device")
            assert adb(*on, "shell", "getprop", "ro.product.model").stdout.strip() == "SM-G991B"
            assert adb(*on, "shell", "exit 3").returncode == 3
            file = tmp_path / "file"
            file.write_bytes(os.urandom(3_000_000))
            for folder in ("/data/local/tmp", said["tmp"]):
                assert adb(*on, "push", str(file), f"{folder}/pushed").returncode == 0
                assert (Path(said["tmp"]) / "pushed").read_bytes() == file.read_bytes()
                (Path(said["tmp"]) / "pushed").unlink()
            tool = ("shell", said["benchmark_model"], "--graph=/nowhere.tflite")
            assert "Benchmarking failed." in adb(*on, *tool).stdout
        finally:
            adb("kill-server")

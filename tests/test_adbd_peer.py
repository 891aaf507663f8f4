"""The peer itself: what Debian's adbd, the stock adb and the stock adb-shell make of our phones."""

import random
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from adb_shell.adb_device import AdbDeviceTcp
from adb_shell.auth.keygen import keygen
from adb_shell.auth.sign_pythonrsa import PythonRSASigner
from adb_shell.exceptions import DeviceAuthError, TcpTimeoutException

from tests.adbd.bridge import StartBridge
from tests.adbd.running import PeerPhone, StartPhone
from tests.adbd.server import AdbServer

pytest_plugins = ["tests.adbd.fixtures"]
pytestmark = [pytest.mark.peer, pytest.mark.timeout(300)]  # the first time, apt downloads 9 MB

ROOT = Path(__file__).parents[1]
ANSWER_S = 5.0


@contextmanager
def shell(phone: PeerPhone) -> Iterator[Callable[[str], str]]:
    """The stock adb-shell, connected."""
    device = AdbDeviceTcp(phone.host, phone.port, default_transport_timeout_s=ANSWER_S)
    with closing(device):
        device.connect(read_timeout_s=ANSWER_S)
        yield lambda command: str(device.shell(command, transport_timeout_s=ANSWER_S, read_timeout_s=ANSWER_S))


def until(true: Callable[[], bool]) -> None:
    """Wait for what will happen by itself."""
    while not true():
        time.sleep(0.01)


def test_exit_codes_and_streams_are_kept_apart(pixel: PeerPhone, adb_server: AdbServer) -> None:
    serial = adb_server.connect(pixel)
    done = adb_server.run("-s", serial, "shell", "echo out; echo err >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, b"out\n", b"err\n")


def test_ten_megabytes_go_there_and_back(pixel: PeerPhone, adb_server: AdbServer, tmp_path: Path) -> None:
    content = random.Random(1).randbytes(10 << 20)  # adb compresses what it can
    there, back = tmp_path / "there", tmp_path / "back"
    there.write_bytes(content)
    serial = adb_server.connect(pixel)
    assert adb_server.run("-s", serial, "push", str(there), "/data/local/tmp/x").returncode == 0
    assert pixel.files() == ["x"]
    assert adb_server.run("-s", serial, "pull", "/data/local/tmp/x", str(back)).returncode == 0
    assert back.read_bytes() == content
    assert min(pixel.counts()["up_b"], pixel.counts()["down_b"]) > len(content)


def test_the_shell_is_a_phones(pixel: PeerPhone) -> None:
    with shell(pixel) as sh:
        assert sh("id -u; id -un; echo $TMPDIR $HOME; pwd").split() == ["2000", "shell", "/data/local/tmp", "/", "/"]
        assert "MIRBSD KSH" in sh("echo $KSH_VERSION")
        assert re.fullmatch(r"\d+\.\d{6}\n", sh("echo $EPOCHREALTIME"))
        assert sh("getprop ro.product.model") == "Pixel 6\n"
        assert sh("getprop no.such") == "\n"


def test_denied_offline_and_unlistable_nodes(adreno: PeerPhone) -> None:
    with shell(adreno) as sh:
        kgsl = "/sys/class/kgsl/kgsl-3d0"
        assert "Permission denied" in sh(f"cat {kgsl}/gpubusy")
        assert "Permission denied" in sh(f"ls {kgsl}/")
        assert sh(f"cat {kgsl}/gpu_model") == "Adreno660v2\n"
        assert re.fullmatch(r"\d+ %\n", sh(f"cat {kgsl}/gpu_busy_percentage"))
        policies = "/sys/devices/system/cpu/cpufreq"
        assert "Input/output error" in sh(f"cat {policies}/policy7/scaling_cur_freq")
        assert int(sh(f"cat {policies}/policy4/scaling_cur_freq")) * 1000 in adreno.truth.frequencies_hz[4]
        assert "Permission denied" in sh(f"echo 1 >{policies}/policy4/scaling_max_freq")


def energies(text: str) -> dict[str, tuple[int, int]]:
    """ms and uJ by rail."""
    found = re.findall(r"\(T=(\d+)\)\[(\w+)\], (\d+)", text)
    return {rail: (int(ms), int(uj)) for ms, rail, uj in found}


def test_the_tree_lives_by_the_stated_truth(pixel: PeerPhone) -> None:
    with shell(pixel) as sh:
        read = "cat /sys/bus/iio/devices/iio:device*/energy_value"
        first = energies(sh(read))
        until(lambda: energies(sh(read))["S1M_VDD_MIF"][0] > first["S1M_VDD_MIF"][0] + 400)
        second = energies(sh(read))
        assert first.keys() == second.keys() == pixel.truth.rails_w.keys()
        for rail, (idle_w, _) in pixel.truth.rails_w.items():
            took_ms = second[rail][0] - first[rail][0]
            assert second[rail][1] - first[rail][1] == pytest.approx(idle_w * took_ms * 1000, rel=0.01, abs=2), rail
        assert len({ms for ms, _ in first.values()}) == 2  # one time base per device


@pytest.mark.parametrize(
    ("name", "watts"),
    [
        ("pixel", lambda volts, current: -volts * current / 1e12),
        ("adreno", lambda volts, current: volts * current / 1e12),
        ("xiaomi_ma", lambda volts, current: volts * current / 1e9),
        ("samsung", lambda volts, current: -volts * current / 1e9),
    ],
)
def test_every_gauge_tells_the_power_in_its_own_way(
    request: pytest.FixtureRequest, name: str, watts: Callable[[int, int], float]
) -> None:
    phone: PeerPhone = request.getfixturevalue(name)
    with shell(phone) as sh:

        def power_w() -> float:
            volts, current = sh("cat /sys/class/power_supply/battery/{voltage_now,current_now}").split()
            return watts(int(volts), int(current))

        assert power_w() == pytest.approx(phone.truth.battery_w[0], rel=0.02)
        phone.set_state("load", "1")
        until(lambda: power_w() == pytest.approx(phone.truth.battery_w[1], rel=0.02))
        phone.set_state("plugged", "1")
        until(lambda: power_w() == pytest.approx(-phone.truth.charging_w, rel=0.02))
        assert sh("cat /sys/class/power_supply/battery/status") == "Charging\n"
        assert "  status: 2" in sh("dumpsys battery")


def test_the_programs_agree_with_each_other(pixel: PeerPhone) -> None:
    with shell(pixel) as sh:
        assert "mWakefulness=Awake" in sh("dumpsys power")
        assert "mWakefulness=Asleep" in sh("input keyevent 26; dumpsys power")
        assert "mWakefulness=Awake" in sh("input keyevent KEYCODE_WAKEUP; dumpsys power")
        assert sh("settings put global airplane_mode_on 1; cmd connectivity airplane-mode") == "enabled\n"
        assert "RSSI: -52" in sh("cmd wifi status")
        assert "Wifi is disabled" in sh("svc wifi disable; cmd wifi status")
        pixel.set_state("plugged", "1")
        sh("cmd battery suspend_input")
        until(lambda: sh("cat /sys/class/power_supply/battery/status") == "Not charging\n")
        assert "Can't find service: nothing" in sh("dumpsys nothing")
    assert pixel.state("settings/global/wifi_on") == "0"
    pixel.reset()
    assert pixel.state("settings/global/wifi_on") == "1"


def test_adbd_dies_and_comes_back(fresh_phone: StartPhone) -> None:
    phone = fresh_phone("pixel")
    with shell(phone) as sh:
        assert sh("echo here") == "here\n"
        phone.kill_adbd(shells=True)
        with socket.create_connection((phone.host, phone.port)) as refused, pytest.raises(ConnectionResetError):
            refused.recv(1)
    assert not any(words.endswith("/adbd") for words in phone.processes().values())
    phone.start_adbd()
    with shell(phone) as sh:
        assert sh("echo back") == "back\n"


def test_unplugged_and_cut(pixel: PeerPhone) -> None:
    with shell(pixel) as sh:
        assert sh("echo here") == "here\n"
        pixel.cut()
        with pytest.raises((OSError, TcpTimeoutException)):
            sh("echo no")
    pixel.unplug()
    with pytest.raises(ConnectionRefusedError), shell(pixel):
        pass
    pixel.plug()
    with shell(pixel) as sh:
        assert sh("echo back") == "back\n"


def test_frozen_and_slow(pixel: PeerPhone) -> None:
    with shell(pixel) as sh:
        thaw = pixel.freeze_adbd(0.3)
        assert sh("echo late") == "late\n"
        thaw.join()
        pixel.delay(0.04)
        start = time.monotonic()
        assert sh("echo slow") == "slow\n"
        assert time.monotonic() - start > 2 * 0.04  # sent and answered, once at least


def test_a_full_phone(fresh_phone: StartPhone, adb_server: AdbServer, tmp_path: Path) -> None:
    phone = fresh_phone("xiaomi_ma", tmp_size_b=2 << 20)
    big = tmp_path / "big"
    big.write_bytes(bytes(3 << 20))
    done = adb_server.run("-s", adb_server.connect(phone), "push", str(big), "/data/local/tmp/big")
    assert done.returncode != 0
    assert b"No space left on device" in done.stdout + done.stderr


def test_nothing_outlives_the_test_process() -> None:
    script = (
        "from tests.adbd.running import *; import os; p = start('pixel'); print(p._process.pid, p.port, flush=True)"
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{script}; os.kill(os.getpid(), 9)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if "Unavailable" in done.stderr:
        pytest.skip(done.stderr.splitlines()[-1])
    pid = int(done.stdout.split()[0])
    until(lambda: not Path(f"/proc/{pid}/cmdline").exists() or not Path(f"/proc/{pid}/cmdline").read_bytes())
    assert "phone" not in Path("/proc/mounts").read_text()


def test_a_phone_that_wants_a_key(pixel: PeerPhone, bridge: StartBridge, tmp_path: Path) -> None:
    keygen(str(tmp_path / "key"))
    signer = PythonRSASigner.FromRSAKeyPath(str(tmp_path / "key"))
    strict, kind = bridge(pixel, "wait"), bridge(pixel, "accept")
    with closing(AdbDeviceTcp(strict.host, strict.port, default_transport_timeout_s=ANSWER_S)) as device:
        with pytest.raises(DeviceAuthError):
            device.connect()
        with pytest.raises(TcpTimeoutException):
            device.connect(rsa_keys=[signer], auth_timeout_s=0.2)
    assert strict.asked()
    for _ in range(2):  # asked once, remembered then
        with closing(AdbDeviceTcp(kind.host, kind.port, default_transport_timeout_s=ANSWER_S)) as device:
            device.connect(rsa_keys=[signer], auth_timeout_s=ANSWER_S)
            assert device.shell("getprop ro.product.model") == "Pixel 6\n"
    assert kind.asked()


def test_a_rooted_phone_obeys(fresh_phone: StartPhone) -> None:
    phone = fresh_phone("adreno", rooted=True, states={"plugged": "1"})
    with shell(phone) as sh:
        assert sh("id -u") == "0\n"
        policy, power = "/sys/devices/system/cpu/cpufreq/policy0", "/sys/power"
        sh(f"echo 1804800 >{policy}/scaling_min_freq")
        until(lambda: sh(f"cat {policy}/scaling_cur_freq") == "1804800\n")
        assert sh(f"echo mine >{power}/wake_lock; cat {power}/wake_lock") == "mine\n"
        sh(f"echo mine >{power}/wake_unlock")
        until(lambda: sh(f"cat {power}/wake_lock") == "")
        sh("echo 1 >/sys/class/power_supply/battery/input_suspend")
        until(lambda: sh("cat /sys/class/power_supply/battery/status") == "Not charging\n")
        assert "Read-only" in sh("echo 0 >/proc/sys/kernel/panic")  # the machine's own stays out of reach


def test_the_wall_clock_jumps(fresh_phone: StartPhone) -> None:
    phone = fresh_phone("pixel", settable=True)
    with shell(phone) as sh:

        def ahead_s() -> float:
            return float(sh("echo $EPOCHREALTIME")) - time.time()

        assert abs(ahead_s()) < ANSWER_S
        phone.set_clock(3600)
        assert 3600 - ANSWER_S < ahead_s() < 3600 + ANSWER_S
        assert 0 <= float(sh("cat /proc/uptime").split()[0]) - time.clock_gettime(time.CLOCK_BOOTTIME) + 1 < ANSWER_S


def test_nodes_can_be_spoilt(pixel: PeerPhone) -> None:
    node = "/sys/class/thermal/thermal_zone0/temp"
    with shell(pixel) as sh:
        pixel.spoil(node, "denied")
        assert "Permission denied" in sh(f"cat {node}")
        pixel.spoil(node, "failing")
        assert "Input/output error" in sh(f"cat {node}")
        pixel.spoil(node, "hanging")
        assert sh(f"timeout 0.1 cat {node}; echo $?") == "124\n"
        pixel.reset()
    with shell(pixel) as sh:
        assert sh(f"cat {node}") == "46200\n"


def test_features_can_be_hidden(pixel: PeerPhone, adb_server: AdbServer) -> None:
    serial = adb_server.connect(pixel)
    assert b"shell_v2" in adb_server.run("-s", serial, "features").stdout
    adb_server.disconnect(serial)
    pixel.hide("shell_v2")
    adb_server.connect(pixel)
    assert b"shell_v2" not in adb_server.run("-s", serial, "features").stdout
    adb_server.disconnect(serial)


def test_reset_repairs_files(pixel: PeerPhone) -> None:
    path, gone = "/sys/class/power_supply/battery/status", "/sys/class/thermal/thermal_zone0/type"
    pixel.write(path, "Odd")
    pixel.write(gone, None)
    pixel.write("/data/local/tmp/left", "x")
    pixel.reset()
    assert (pixel.read(path), pixel.read(gone), pixel.files()) == ("Discharging\n", "BIG\n", [])

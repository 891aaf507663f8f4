"""One openable device per registered scheme, and how to pull it out. A new scheme adds its specimen here."""

import shutil
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import pytest

from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.android.sampler.attached import Sampler
from edgewatt.collectors.android.services.collector import Services
from edgewatt.collectors.boards.sampler import BoardSampler
from edgewatt.profiler.batch import Batch, Gap
from edgewatt.profiler.channel import Channel, EnergySource, Opened
from edgewatt.profiler.clock import Clock, HostClock, ManualClock
from edgewatt.profiler.storage.manifest import Manifest
from edgewatt.profiler.storage.writer import RunWriter
from edgewatt.profiler.units import Quantity
from edgewatt.virtual_lab.monsoon.feeds import Constant
from edgewatt.virtual_lab.monsoon.serve import lvpm_on_pty
from tests.jetson_trees import orin_nx
from tests.meter_wires import ScpiEnd, SerialEnd
from tests.nvml_fake import FakeGpu, plugged
from tests.trees import LivingClock, chip, link, policy, proc, rail, server, thermal_zone, write

AWAY_S = 3.0


@dataclass(frozen=True, slots=True)
class Specimen:
    """A device that `uri` opens; `clock` makes a clock that it lives by; `unplug` takes it away for good.

    `made_anew`: opening it makes another one, so that it is never missing. `end` gives back what it took, if anything.
    """

    uri: str
    clock: Callable[[], Clock]
    unplug: Callable[[], None]
    made_anew: bool = False
    end: Callable[[], None] = lambda: None


def host(folder: Path) -> Specimen:
    """A server with RAPL, an INA3221, a frequency policy and a temperature, as files; unplugged, the files are gone."""
    sys = folder / "sys"
    rapl, load = server(sys, 2), proc(folder / "proc")
    chip(sys, 0, "ina3221", {**rail(1, "VDD_IN"), **rail(2, "VDD_SOC", 5000, 0)}, device="1-0040")
    policy(sys, 0, 2_000_000)
    thermal_zone(sys, 0, "x86_pkg_temp", 55_000)

    def live(t_ns: int) -> None:
        rapl.live(t_ns)
        load.live(t_ns)

    def unplug() -> None:
        shutil.rmtree(sys)
        shutil.rmtree(folder / "proc")

    return Specimen(f"host?sysfs={sys}&proc={folder / 'proc'}&root={folder}", lambda: LivingClock(live), unplug)


def replay(folder: Path) -> Specimen:
    """A run with a gauge, a counter, a null and a gap; unplugged, its folder is gone."""
    path = folder / "run"
    manifest = Manifest(
        simulated=False,
        created="2026-11-20T20:00:00+00:00",
        command=["edgewatt", "record"],
        versions={},
        device={"uri": "host", "name": "a", "device_id": "b"},
    )
    writer = RunWriter.create(path, manifest)
    gauge = Channel("main", Quantity.POWER, boundary="board")
    counter = Channel("package-0", Quantity.ENERGY, "counter", scale=1e-6, counter_range=2**32, boundary="rail")
    sources = (
        EnergySource("meter/main", (("main.power_w",),), "board"),
        EnergySource("meter/package-0", (("package-0.energy_j",),), "rail"),
    )
    writer.add_collector(Opened("meter", {"": (gauge, counter)}, sources=sources))
    for start in (0, 6_000):
        t_ns = np.arange(start, start + 5_000, dtype=np.int64) * 1_000_000
        watts = np.full(len(t_ns), 2.5)
        watts[7] = np.nan
        writer.batch("meter", Batch(t_ns, {"main.power_w": watts, "package-0.energy_j": t_ns // 1000}))
        if start == 0:
            writer.gap("meter", Gap(5_000_000_000, 6_000_000_000, "cable", 1_000))
    writer.close("complete")
    return Specimen(f"replay:{path}", ManualClock, lambda: shutil.rmtree(path))


def _soon_given_up(request: pytest.FixtureRequest) -> None:
    """A phone that stays away is waited for AWAY_S; test_phone_bad_input_adbd waits as long as users do."""
    patch = request.getfixturevalue("monkeypatch")
    patch.setattr(Phone.reconnect, "__defaults__", (AWAY_S,))
    patch.setitem(Sampler.__init__.__kwdefaults__, "away_s", AWAY_S)
    patch.setitem(Services.__init__.__kwdefaults__, "reconnect_s", AWAY_S)


def hwmon(folder: Path) -> Specimen:
    """A POWER-Z in a USB cable; unplugged, its files are gone."""
    files: dict[str, str | bytes | int] = {
        "in0_input": 5012,
        "in0_label": "VBUS",
        "in1_input": 410,
        "in1_label": "VCC1",
        "curr1_input": 250,
        "curr1_label": "IBUS",
        "temp1_input": 31_000,
        "temp1_label": "TEMP",
    }
    chip(folder, 0, "powerz", files, device="1-2:1.0")
    return Specimen(f"hwmon:powerz?root={folder / 'class/hwmon'}", ManualClock, lambda: shutil.rmtree(folder))


def iio(folder: Path) -> Specimen:
    """An INA226 at a battery; unplugged, its files are gone."""
    files = {
        "name": "ina226",
        "in_voltage1_raw": 3208,
        "in_voltage1_scale": "1.250000000",
        "in_power2_raw": 80,
        "in_power2_scale": "25.000000000",
        "in_sampling_frequency": 114,
    }
    for name, content in files.items():
        write(folder / "devices/1-0040/iio:device0" / name, content)
    link(folder / "bus/iio/devices/iio:device0", folder / "devices/1-0040/iio:device0")
    uri = f"iio:ina226?root={folder / 'bus/iio/devices'}&boundary=battery_series"
    return Specimen(uri, ManualClock, lambda: shutil.rmtree(folder))


@dataclass(frozen=True, slots=True)
class TalkingClock:
    """The host's clock, and a meter that says a line whenever the time is asked for."""

    say: Callable[[], None]
    inner: HostClock = field(default_factory=HostClock)
    name: str = HostClock.name

    def now_ns(self) -> int:
        """The host's time."""
        self.say()
        return self.inner.now_ns()

    def sleep(self, seconds: float) -> None:
        """As the host."""
        self.inner.sleep(seconds)

    def wait_for_tick(self, period_s: float, timeout_s: float) -> bool:
        """As the host."""
        return self.inner.wait_for_tick(period_s, timeout_s)


def line(folder: Path) -> Specimen:
    """A meter on a serial port, which is a pty; unplugged, the port is gone."""
    wire, path = SerialEnd(), folder / "ttyUSB0"
    path.symlink_to(wire.path)

    def say() -> None:
        with suppress(OSError):
            wire.send(b"1000,5.0,250\n")

    def unplug() -> None:
        path.unlink()
        wire.unplug()

    uri = f"line:{path}?as=arduino_ina219&boundary=usb_inline"
    return Specimen(uri, lambda: TalkingClock(say), unplug, end=wire.unplug)


def imported(folder: Path) -> Specimen:
    """A CSV that another program has written, with a hole; unplugged, the file is gone."""
    path = folder / "meter.csv"
    rows = [f"{t_ms},{2.5 + t_ms / 1000}" for t_ms in (*range(100), *range(500, 600))]
    path.write_text("\n".join(["t,W", *rows, ""]))
    return Specimen(f"import:{path}?time=t:ms&power=W:W&boundary=wall", ManualClock, path.unlink)


def scpi(request: pytest.FixtureRequest) -> Specimen:
    """An instrument on a socket, through PyVISA; unplugged, nobody listens there."""
    pytest.importorskip("pyvisa_py", reason="the extra scpi is not installed; tests/test_meter_scpi.py makes its own")
    instrument = ScpiEnd()
    request.addfinalizer(instrument.unplug)
    uri = f"scpi:TCPIP::127.0.0.1::{instrument.port}::SOCKET?as=scpi_supply&boundary=wall&library=@py"
    return Specimen(uri, HostClock, instrument.unplug)


def adb_direct(request: pytest.FixtureRequest) -> Specimen:
    """A phone with rails, gauge, GPU and services whose adbd is the real one; unplugged, its cable is out."""
    _soon_given_up(request)
    phone = request.getfixturevalue("fresh_phone")("pixel")
    return Specimen(phone.uri, HostClock, phone.unplug)


def adb_server(request: pytest.FixtureRequest) -> Specimen:
    """The same through a real adb server."""
    _soon_given_up(request)
    phone, server = request.getfixturevalue("fresh_phone")("pixel"), request.getfixturevalue("adb_server")
    request.getfixturevalue("monkeypatch").setenv("ANDROID_ADB_SERVER_PORT", str(server.port))
    serial = server.connect(phone)
    request.addfinalizer(lambda: server.disconnect(serial))
    return Specimen(f"adb:{serial}", HostClock, phone.unplug)


def virtual(request: pytest.FixtureRequest) -> Specimen:
    """A virtual phone; unplugged, its lab is killed."""
    _soon_given_up(request)

    def unplug() -> None:
        for child in psutil.Process().children():
            with suppress(psutil.Error):
                lab = [*child.children(recursive=True), child] if "lab" in child.cmdline() else []
                for process in lab:
                    process.kill()

    return Specimen("virtual:phone", HostClock, unplug, made_anew=True)


def jetson(folder: Path) -> Specimen:
    """An Orin NX as files; unplugged, they are gone."""
    orin_nx(folder / "board")
    return Specimen(f"jetson?root={folder / 'board'}", HostClock, lambda: shutil.rmtree(folder / "board"))


def nvml(_: Path) -> Specimen:
    """A GPU of a module that stands in for nvidia-ml-py; unplugged, it is lost."""
    unplug, end = plugged(FakeGpu(HostClock()))
    return Specimen("nvml:0", HostClock, unplug, end=end)


def ssh(request: pytest.FixtureRequest) -> Specimen:
    """A board behind a real sshd; unplugged, that is stopped."""
    request.getfixturevalue("monkeypatch").setitem(BoardSampler.__init__.__kwdefaults__, "away_s", AWAY_S)
    board = request.getfixturevalue("start_board")()
    return Specimen(f"ssh://127.0.0.1:{board.port}", HostClock, board.stop)


def monsoon(_: Path) -> Specimen:
    """A virtual LVPM on a pseudo-terminal; unplugged, its process ends.

    By its link: a terminal's number may be that of another test's meter as soon as it is free.
    """
    held = ExitStack()
    lab = held.enter_context(lvpm_on_pty(Constant(0.1)))
    return Specimen(f"monsoon:{lab.link}?boundary=battery_bypass", HostClock, held.close, end=held.close)


# Of devices that only a program of others can stand for: the peer tier of .ci/run.
PEER_SPECIMENS: Mapping[str, Callable[[pytest.FixtureRequest], Specimen]] = {
    "adb": adb_server,
    "adb+tcp": adb_direct,
    "scpi": scpi,
    "ssh": ssh,
    "virtual": virtual,
}
SPECIMENS: Mapping[str, Callable[[Path], Specimen]] = {
    "host": host,
    "hwmon": hwmon,
    "iio": iio,
    "import": imported,
    "jetson": jetson,
    "line": line,
    "monsoon": monsoon,
    "nvml": nvml,
    "replay": replay,
}

"""One openable device per registered scheme, and how to pull it out. A new scheme adds its specimen here."""

import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest

from edgewatt.profiler.batch import Batch, Gap
from edgewatt.profiler.channel import Channel, EnergySource, Opened
from edgewatt.profiler.clock import Clock, HostClock, ManualClock
from edgewatt.profiler.storage.manifest import Manifest
from edgewatt.profiler.storage.writer import RunWriter
from edgewatt.profiler.units import Quantity
from tests.trees import LivingClock, chip, policy, proc, rail, server, thermal_zone


@dataclass(frozen=True, slots=True)
class Specimen:
    """A device that `uri` opens; `clock` makes a clock that it lives by; `unplug` takes it away for good.

    `made_anew`: opening it makes another one, so that it is never missing.
    """

    uri: str
    clock: Callable[[], Clock]
    unplug: Callable[[], None]
    made_anew: bool = False


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


def adb_direct(request: pytest.FixtureRequest) -> Specimen:
    """A phone with rails, gauge, GPU and services whose adbd is the real one; unplugged, its cable is out."""
    phone = request.getfixturevalue("fresh_phone")("pixel")
    return Specimen(phone.uri, HostClock, phone.unplug)


def adb_server(request: pytest.FixtureRequest) -> Specimen:
    """The same through a real adb server."""
    phone, server = request.getfixturevalue("fresh_phone")("pixel"), request.getfixturevalue("adb_server")
    request.getfixturevalue("monkeypatch").setenv("ANDROID_ADB_SERVER_PORT", str(server.port))
    serial = server.connect(phone)
    request.addfinalizer(lambda: server.disconnect(serial))
    return Specimen(f"adb:{serial}", HostClock, phone.unplug)


def virtual(_: pytest.FixtureRequest) -> Specimen:
    """A virtual phone; unplugged, its lab is killed."""

    def unplug() -> None:
        for child in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                child.kill()

    return Specimen("virtual:phone", HostClock, unplug, made_anew=True)


# Of devices that only a program of others can stand for: the peer tier of .ci/run.
PEER_SPECIMENS: Mapping[str, Callable[[pytest.FixtureRequest], Specimen]] = {
    "adb": adb_server,
    "adb+tcp": adb_direct,
    "virtual": virtual,
}
SPECIMENS: Mapping[str, Callable[[Path], Specimen]] = {"host": host, "replay": replay}

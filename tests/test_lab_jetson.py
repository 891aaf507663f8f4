"""The virtual Jetson boards: their files are laid out and rounded as the drivers do, and keep to the timeline."""

import errno
import os
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from edgewatt.profiler.errors import UsageError
from edgewatt.virtual_lab.jetson.boards import BOARDS
from edgewatt.virtual_lab.jetson.boards_r36 import AGX_ORIN, THOR
from edgewatt.virtual_lab.jetson.lab import JetsonLab, jetson_lab
from edgewatt.virtual_lab.jetson.living import Living
from edgewatt.virtual_lab.jetson.process import InPlace
from edgewatt.virtual_lab.jetson.readings import GAIN_SD, Monitors
from edgewatt.virtual_lab.jetson.tree import grow
from edgewatt.virtual_lab.nvidia import loads

S, MS = 1_000_000_000, 1_000_000


@pytest.fixture(scope="module")
def orin() -> Iterator[JetsonLab]:
    with jetson_lab("agx-orin", exact=True) as lab:
        yield lab


def until(holds: Callable[[], bool]) -> None:
    end_s = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end_s, "it never came"
        time.sleep(0.002)


def whole(path: Path) -> int:
    return int(path.read_text())


def living(tmp_path: Path, board: str, *edges: tuple[int, float, int]) -> Living:
    """A board with these loads: ns after the origin, intensity, number."""
    path = tmp_path / "loads"
    path.touch()
    for after_ns, intensity, number in edges:
        loads.add(path, intensity, number, S + after_ns)
    return Living(BOARDS[board], path, S)


# Where things are


def test_rails_of_the_newer_driver_are_found_by_label(orin: JetsonLab) -> None:
    drivers = orin.root / "sys/bus/i2c/drivers/ina3221"
    assert sorted(one.name for one in drivers.iterdir()) == ["1-0040", "1-0041"]
    found = {}
    for label in sorted(drivers.glob("*/hwmon/hwmon*/in?_label")):
        found.setdefault(label.read_text().strip(), []).append(label)
    assert set(found) == {*AGX_ORIN.rails, "NC", "sum of shunt voltages"}
    assert len(found["NC"]) == len(found["sum of shunt voltages"]) == 2
    for label in found["NC"]:
        assert whole(label.with_name(label.name.replace("_label", "_input"))) == 0
    by_class = [
        one for one in (orin.root / "sys/class/hwmon").iterdir() if (one / "name").read_text().strip() == "ina3221"
    ]
    assert len(by_class) == 2
    assert not list(orin.root.glob("sys/class/hwmon/*/power*_input"))


@pytest.mark.parametrize("board", BOARDS)
def test_what_a_board_is(board: str, tmp_path: Path) -> None:
    grow(tmp_path, BOARDS[board])
    one = BOARDS[board]
    release = (tmp_path / "etc/nv_tegra_release").read_text()
    assert release.startswith(f"# R{one.release[0]} (release), REVISION: {one.release[1]}, GCID: ")
    assert (tmp_path / "proc/device-tree/model").read_bytes() == one.model.encode() + b"\0"
    chip = (tmp_path / "proc/device-tree/compatible").read_bytes().split(b"\0")[-2]
    assert chip in {f"nvidia,tegra{number}".encode() for number in (210, 186, 194, 234, 264)}
    (node,) = (path for path in (tmp_path / "sys/class/devfreq").iterdir() if path.name != "bwmgr")
    assert (node / "device/of_node/name").read_bytes().rstrip(b"\0").decode() in (
        "gp10b",
        "gv11b",
        "ga10b",
        "gb10b",
        "gpu",
    )
    driver = "ina3221x" if one.old else "ina3221"
    assert list((tmp_path / "sys/bus/i2c/drivers" / driver).iterdir())
    names = "rail_name_?" if one.old else "in[123]_label"
    labels = [path.read_text().strip() for path in tmp_path.glob(f"sys/devices/platform/bus@0/*/*/*/*/**/{names}")]
    measured = {rail for rail in one.rails if rail != "VIN"}
    assert {label for label in labels if label != "NC"} == measured


def test_thor_s_input_is_another_chip_in_microwatts(tmp_path: Path) -> None:
    one = living(tmp_path, "thor")
    one.follow(2 * S)
    texts = dict(Monitors(THOR, one, 0, exact=True).texts(2 * S))
    (power,) = (int(text) for name, text in texts.items() if name.endswith("power1_input"))
    assert power == pytest.approx(1e6 * float(one.timeline.power_w(2 * S, "VIN")), rel=1e-3)
    at = next(name.rpartition("/")[0] for name in texts if name.endswith("power1_input"))
    assert int(texts[f"{at}/in1_input"]) * int(texts[f"{at}/curr1_input"]) == power


# What they show


@pytest.mark.parametrize(
    ("board", "label", "step_ma"),
    [("orin-nano", "VDD_IN", 8), ("agx-orin", "VDD_GPU_SOC", 20), ("thor", "VDD_GPU", 32), ("tx2", "VDD_SYS_GPU", 4)],
)
def test_readings_are_rounded_as_the_chip_does(board: str, label: str, step_ma: int, tmp_path: Path) -> None:
    one = living(tmp_path, board, (S, 0.5, 1), (2 * S, -0.5, 1))
    monitors = Monitors(BOARDS[board], one, 3)
    rail = BOARDS[board].rails[label]
    seen = []
    for t_ns in range(S + 500 * MS, S + 2500 * MS, 7 * MS):
        one.follow(t_ns)
        seen.append(monitors.read(rail, 0, t_ns))
    mv, ma = np.array(seen).T
    assert (mv % 8 == 0).all()
    assert (ma % step_ma == 0).all()
    assert mv[0] == pytest.approx(1e3 * rail.volts, abs=8)
    energy_j = float(np.sum(mv * ma)) * 1e-6 * 7e-3
    true_j = float(one.timeline.energy_j(S + 500 * MS, S + 2500 * MS, label))
    assert energy_j == pytest.approx(true_j * monitors.gains[label], rel=0.02)
    assert abs(monitors.gains[label] - 1) < 5 * GAIN_SD


def test_the_older_driver_has_a_power_that_is_the_product(tmp_path: Path) -> None:
    one = living(tmp_path, "nano", (0, 0.7, 1))
    one.follow(2 * S)
    texts = dict(Monitors(BOARDS["nano"], one, 0).texts(2 * S))
    for number in range(3):
        mw, mv, ma = (
            int(next(text for name, text in texts.items() if name.endswith(f"in_{kind}{number}_input")))
            for kind in ("power", "voltage", "current")
        )
        assert mw == mv * ma // 1000
        assert mw > 0


def test_parts_of_a_board_and_its_input(tmp_path: Path) -> None:
    # What AGX Orin measures twice is in VIN_SYS_5V0; an Orin Nano's rails do not add up to its input.
    agx, nano = living(tmp_path, "agx-orin", (0, 1.0, 2)), living(tmp_path, "orin-nano", (0, 1.0, 1))
    for one in (agx, nano):
        one.follow(3 * S)
    watts = {rail: float(agx.timeline.power_w(3 * S, rail)) for rail in AGX_ORIN.rails}
    assert watts["VDDQ_VDD2_1V8AO"] == pytest.approx(4.5, rel=1e-3)
    assert watts["VIN_SYS_5V0"] == pytest.approx(4.5 + 3.6, rel=1e-3)
    orin = {rail: float(nano.timeline.power_w(3 * S, rail)) for rail in BOARDS["orin-nano"].rails}
    assert orin["VDD_CPU_GPU_CV"] + orin["VDD_SOC"] < orin["VDD_IN"] - 2


# In real time


def test_files_follow_a_load_while_they_are_held_open(orin: JetsonLab) -> None:
    at = next(
        label.parent
        for label in orin.root.glob("sys/bus/i2c/drivers/ina3221/*/hwmon/*/in1_label")
        if "GPU" in label.read_text()
    )
    file = os.open(at / "curr1_input", os.O_RDONLY)
    load = next(orin.root.glob("sys/class/devfreq/*/device/load"))
    try:
        idle_ma = int(os.pread(file, 64, 0))
        begin_ns = time.monotonic_ns()
        with orin.load("gpu", 0.9) as since_ns:
            until(lambda: int(os.pread(file, 64, 0)) > idle_ma + 500)
            until(lambda: whole(load) == 900)
        until(lambda: int(os.pread(file, 64, 0)) <= idle_ma + 20)
        until(lambda: whole(load) == 0)
        end_ns = time.monotonic_ns()
    finally:
        os.close(file)
    spent_j = float(orin.energy_j(begin_ns, end_ns, "VDD_GPU_SOC"))
    begun, ended = loads.read(orin.loads)[-2:]
    assert begin_ns <= since_ns == begun.t_ns < ended.t_ns < end_ns
    # The GPU's own, and what the load asks of the rest of the SoC; the fall gives back what the rise took, in part.
    expected_j = 2.4 * (end_ns - begin_ns) * 1e-9 + 0.9 * (25 + 0.3 * 2) * (ended.t_ns - begun.t_ns) * 1e-9
    assert spent_j == pytest.approx(expected_j, abs=0.9 * 25.6 * 0.008)
    assert whole(at / "in1_input") == 20_000


@pytest.mark.parametrize("how", ["unreadable", "fifo", "absent"])
def test_a_sensor_that_is_off(how: str) -> None:
    with jetson_lab("orin-nano", gated=how) as lab:  # type: ignore[arg-type]
        kinds = sorted(lab.root.glob("sys/class/thermal/thermal_zone*/type"))
        (cv0,) = (kind.parent for kind in kinds if kind.read_text() == "cv0-thermal\n")
        (cpu,) = (kind.parent for kind in kinds if kind.read_text() == "cpu-thermal\n")
        assert 20_000 < whole(cpu / "temp") < 60_000
        with pytest.raises(OSError) as raised:  # noqa: PT011  (which one is what is asked)
            os.read(os.open(cv0 / "temp", os.O_RDONLY | os.O_NONBLOCK), 64)
        assert raised.value.errno == {"unreadable": errno.EISDIR, "fifo": errno.EAGAIN, "absent": errno.ENOENT}[how]


def test_every_rail_at_zero() -> None:
    with jetson_lab("xavier-nx", zero=True) as lab:
        powers = list(lab.root.glob("sys/bus/i2c/drivers/ina3221x/*/iio:device*/in_power*_input"))
        assert [whole(path) for path in powers] == [0, 0, 0]


def test_nothing_stays() -> None:
    with jetson_lab("tx2") as lab:
        folder = lab.folder
        assert folder.exists()
    assert not folder.exists()
    with pytest.raises(UsageError, match="no virtual Jetson 'tx3'"), jetson_lab("tx3"):
        pass


def test_a_shorter_text_leaves_nothing_of_a_longer_one(tmp_path: Path) -> None:
    with closing(InPlace(tmp_path)) as files:
        for text in ("12345\n", "7\n", "890\n"):
            files.write("a/b", text)
            assert (tmp_path / "a/b").read_text().split() == text.split()
            assert (tmp_path / "a/b").stat().st_size == 6


def test_records_are_what_the_c_library_reads(tmp_path: Path) -> None:
    path = tmp_path / "loads"
    path.touch()
    loads.add(path, 1.5, 3, 77)
    assert struct.unpack("=qdii", path.read_bytes())[:3] == (77, 1.5, 3)

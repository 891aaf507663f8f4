"""nvidia-ml-py itself on the stand-in library: what each kind of GPU gives, and how it fails."""

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pynvml
import pytest

from edgewatt.collectors.nvidia.collector import Nvml
from edgewatt.collectors.nvidia.device import FAMILY, discover
from edgewatt.collectors.nvidia.finding import find_sensor
from edgewatt.profiler.batch import Batch, End, Gap
from edgewatt.profiler.channel import Opened
from edgewatt.profiler.clock import HostClock
from edgewatt.profiler.device import parse_uri
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.synchronising.train import Edges, Pulses, Train
from edgewatt.virtual_lab.nvidia.families import FAMILIES
from edgewatt.virtual_lab.nvidia.gpu import Gpu
from edgewatt.virtual_lab.nvidia.lab import Driver, NvmlLab, nvml_lab
from tests.nvidia_peers.windows import LabClock, S, loaded

START_NS = 10 * S

Made = Callable[..., tuple[NvmlLab, LabClock]]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("cc") is None:
        pytest.skip("there is no C compiler for the stand-in library")
    return nvml_lab(tmp_path_factory.mktemp("built"), [Gpu(FAMILIES["a100"])], clock_ns=START_NS).library


@pytest.fixture
def made(library: Path, tmp_path: Path) -> Iterator[Made]:
    with ExitStack() as held:

        def make(family: str, driver: Driver | None = None, **gpu: Any) -> tuple[NvmlLab, LabClock]:
            settings = {"exact": True, "power": [(START_NS, 180.0)], **gpu}
            ours = library if driver is None or not driver.missing else None
            lab = nvml_lab(tmp_path, [Gpu(FAMILIES[family], **settings)], driver, clock_ns=START_NS, library=ours)
            held.enter_context(loaded(lab))
            return lab, LabClock(lab, START_NS, 0)

        yield make


def briefly(clock: LabClock) -> Opened:
    """What a GPU answers when it is opened."""
    collector = Nvml("0")
    try:
        return collector.open(clock)
    finally:
        collector.close()


def columns(opened: Opened) -> set[str]:
    return {channel.column.removeprefix("nvml0") for of in opened.channels.values() for channel in of}


@pytest.mark.parametrize(
    ("family", "has", "has_not", "sources"),
    [
        ("a100", {".energy_j"}, {"_module.power_w"}, ["energy", "power"]),
        ("h100", {".energy_j", "_instant.power_w", "_average.power_w"}, {"_module.power_w"}, ["energy", "power"]),
        ("gh200", {".energy_j", "_instant.power_w", "_module.power_w"}, set(), ["energy", "power", "module"]),
        ("gtx1080ti", set(), {".energy_j"}, ["power"]),
        ("v100", {".energy_j"}, set(), ["energy", "power"]),
    ],
)
def test_what_each_kind_of_gpu_gives(
    made: Made, family: str, has: set[str], has_not: set[str], sources: list[str]
) -> None:
    lab, clock = made(family)
    collector = Nvml("0")
    opened = collector.open(clock)
    assert has <= columns(opened)
    assert not has_not & columns(opened)
    assert [source.name.removeprefix("nvml0/") for source in opened.sources] == sources
    rows = []
    while len(rows) < 5:
        item = collector.read(0.2)
        if isinstance(item, Batch) and len(item) and not item.stream:
            rows.append(item)
    collector.close()
    best = next(s for s in opened.sources if s.name == "nvml0/power").terms[0][0]
    assert rows[-1].columns[best][0] == pytest.approx(float(lab.power_w(clock.now_ns())), rel=0.02)
    assert collector.learnt().facts["update_period_s"] == pytest.approx(FAMILIES[family].period_s, rel=0.05)


def test_the_stand_in_is_gone_when_nobody_needs_it(library: Path, tmp_path: Path) -> None:
    """Else every later test of this process would find its GPUs."""
    before = _loaded_libraries()
    with loaded(nvml_lab(tmp_path, [Gpu(FAMILIES["a100"])], clock_ns=START_NS, library=library)):
        assert _loaded_libraries() > before
    assert _loaded_libraries() == before


def _loaded_libraries() -> int:
    return Path("/proc/self/maps").read_text().count("libnvidia-ml.so.1")


def test_an_orin_has_a_name_and_reasons(made: Made) -> None:
    _, clock = made("orin")
    opened = briefly(clock)
    assert not opened.channels
    assert not opened.sources
    assert sum("not supported" in one.reason for one in opened.unavailable) > 10
    assert "Orin" in FAMILY.open(parse_uri("nvml:0")).name


def test_a_gpu_that_falls_off_the_bus_ends_its_streams(made: Made) -> None:
    _, clock = made("a100", lost_ns=START_NS + 4 * S)
    collector = Nvml("0")
    collector.open(clock)
    seen: list[Gap | End] = []
    while not seen or not isinstance(seen[-1], End):
        item = collector.read(0.2)
        if not isinstance(item, Batch):
            seen.append(item)
    collector.close()
    assert isinstance(seen[0], Gap)
    assert all("the GPU is lost" in one.cause for one in seen)
    assert seen[0].t1_ns == pytest.approx(START_NS + 4 * S, abs=0.2 * S)


def test_a_driver_replaced_while_it_ran_asks_for_a_reboot(made: Made) -> None:
    made("a100", Driver(errors={"nvmlInitWithFlags": 18}))
    with pytest.raises(DeviceError, match="reboot"):
        FAMILY.open(parse_uri("nvml:0"))
    assert "reboot" in discover()[0].blocked[0].reason


def test_calls_that_an_old_driver_does_not_have_are_done_without(made: Made) -> None:
    missing = (
        "nvmlDeviceGetTotalEnergyConsumption",
        "nvmlDeviceGetCurrentClocksEventReasons",
        "nvmlDeviceGetTemperatureV",
    )
    _, clock = made("a100", Driver(missing=missing))
    opened = briefly(clock)
    assert {"_reasons.state_code", "_gpu.temperature_c"} <= columns(opened)
    why = next(one.reason for one in opened.unavailable if one.what == "nvml0.energy_j")
    assert "does not have that call" in why


def test_a_slice_of_mig_names_its_gpu(made: Made) -> None:
    made("a100", mig=2)
    pynvml.nvmlInit()
    try:
        whole = pynvml.nvmlDeviceGetHandleByIndex(0)
        uuid = pynvml.nvmlDeviceGetUUID(whole)
        slice_uuid = pynvml.nvmlDeviceGetUUID(pynvml.nvmlDeviceGetMigDeviceHandleByIndex(whole, 0))
    finally:
        pynvml.nvmlShutdown()
    with pytest.raises(UsageError, match=f"whole GPUs only.*nvml:{uuid}"):
        FAMILY.open(parse_uri(f"nvml:{slice_uuid}"))
    device = FAMILY.open(parse_uri(f"nvml:{uuid}"))
    assert (device.facts["gpu_mig_mode"], device.remarks()) == (True, ("mig_whole_gpu",))
    assert device.simulated


@pytest.mark.long
@pytest.mark.timeout(120)
def test_the_window_of_a_sensor_is_told_apart_from_how_power_rises(library: Path, tmp_path: Path) -> None:
    """In real time, since a load is on for as long as somebody keeps it."""
    assert library
    lab = nvml_lab(tmp_path, [Gpu(FAMILIES["a100"])])

    def pulses(_: str) -> Pulses:
        def execute(asked: Train) -> Edges:
            edges = []
            for busy_s, pause_s in asked:
                with lab.load(200.0) as begin_ns:
                    time.sleep(busy_s)
                    end_ns = time.monotonic_ns()
                edges.append((int(begin_ns), end_ns))
                time.sleep(pause_s)
            return Edges.of(edges)

        return execute

    with loaded(lab):
        found = find_sensor("0", HostClock(), pulses=pulses)
    assert found.period_s == pytest.approx(0.1, rel=0.03)
    assert found.window is not None
    assert found.window.low_s <= 0.025 <= found.window.high_s
    assert found.window_s == pytest.approx(0.025, rel=0.2)
    assert found.window.rise_s == pytest.approx(FAMILIES["a100"].rise_s, rel=0.4)
    assert found.power_with_counter

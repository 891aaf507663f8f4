"""What can go wrong with NVML, made to go wrong."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.virtual_lab.nvidia import loads
from edgewatt.virtual_lab.nvidia.build import build
from edgewatt.virtual_lab.nvidia.gpu import Gpu, gpu
from edgewatt.virtual_lab.nvidia.lab import Driver, NvmlLab, nvml_lab
from tests.nvml_peers.bindings import bindings, library

S = 1_000_000_000
START = 1000 * S
PEERS = Path(__file__).parent / "nvml_peers"

Make = Callable[..., NvmlLab]


@pytest.fixture
def make(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Make:
    built = library(tmp_path_factory)

    def lab(*gpus: Gpu, **how: Any) -> NvmlLab:
        return nvml_lab(tmp_path, gpus, **{"clock_ns": START, "library": built, **how})

    return lab


def test_an_orin_has_a_name_and_nothing_else(make: Make) -> None:
    with bindings(make(gpu("orin"))) as nvml:
        assert nvml.nvmlDeviceGetCount() == 1
        handle = nvml.nvmlDeviceGetHandleByIndex(0)
        assert nvml.nvmlDeviceGetName(handle) == "Orin (nvgpu)"
        for what in ("PowerUsage", "TotalEnergyConsumption", "UtilizationRates", "MemoryInfo", "EnforcedPowerLimit"):
            with pytest.raises(nvml.NVMLError_NotSupported):
                getattr(nvml, f"nvmlDeviceGet{what}")(handle)
        with pytest.raises(nvml.NVMLError_NotSupported):
            nvml.nvmlDeviceGetFieldValues(handle, [186])


def test_old_gpus_have_no_counter(make: Make) -> None:
    with bindings(make(gpu("gtx1080ti"))) as nvml:
        handle = nvml.nvmlDeviceGetHandleByIndex(0)
        assert nvml.nvmlDeviceGetPowerUsage(handle) == pytest.approx(12_000, rel=0.15)
        with pytest.raises(nvml.NVMLError_NotSupported):
            nvml.nvmlDeviceGetTotalEnergyConsumption(handle)
        assert nvml.nvmlDeviceGetFieldValues(handle, [83])[0].nvmlReturn == nvml.NVML_ERROR_NOT_SUPPORTED


@pytest.mark.parametrize(("code", "name"), [(18, "LibRmVersionMismatch"), (9, "DriverNotLoaded"), (4, "NoPermission")])
def test_a_library_that_cannot_begin(make: Make, code: int, name: str) -> None:
    with bindings(make(gpu("a100"), driver=Driver(errors={"nvmlInitWithFlags": code})), begun=False) as nvml:
        with pytest.raises(getattr(nvml, f"NVMLError_{name}")):
            nvml.nvmlInit()
        with pytest.raises(nvml.NVMLError_Uninitialized):
            nvml.nvmlDeviceGetCount()


def test_a_gpu_that_is_lost_stays_lost_and_its_neighbour_does_not(make: Make) -> None:
    lab = make(gpu("a100", lost_ns=START + 5 * S), gpu("a100"))
    with bindings(lab) as nvml:
        lost, well = (nvml.nvmlDeviceGetHandleByIndex(index) for index in range(2))
        assert nvml.nvmlDeviceGetPowerUsage(lost) > 0
        lab.move_clock(START + 5 * S)
        for call in (nvml.nvmlDeviceGetPowerUsage, nvml.nvmlDeviceGetUUID, nvml.nvmlDeviceGetTotalEnergyConsumption):
            with pytest.raises(nvml.NVMLError_GpuIsLost):
                call(lost)
        with pytest.raises(nvml.NVMLError_GpuIsLost):
            nvml.nvmlDeviceGetHandleByIndex(0)
        with pytest.raises(nvml.NVMLError_GpuIsLost):
            nvml.nvmlDeviceGetFieldValues(lost, [186])
        assert nvml.nvmlDeviceGetPowerUsage(well) > 0


def test_errors_by_symbol_by_field_from_when_and_how_often(make: Make) -> None:
    lab = make(
        gpu(
            "h100",
            errors={
                "nvmlDeviceGetPowerUsage": (10, START + S),
                "nvmlDeviceGetClockInfo": (999, START, 0.5),
                "field:185": 3,
            },
        )
    )
    with bindings(lab) as nvml:
        handle = nvml.nvmlDeviceGetHandleByIndex(0)
        assert nvml.nvmlDeviceGetPowerUsage(handle) > 0
        assert [one.nvmlReturn for one in nvml.nvmlDeviceGetFieldValues(handle, [185, 186])] == [3, 0]
        lab.move_clock(START + S)
        with pytest.raises(nvml.NVMLError_Timeout):
            nvml.nvmlDeviceGetPowerUsage(handle)
        failed = 0
        for _ in range(200):
            try:
                nvml.nvmlDeviceGetClockInfo(handle, 0)
            except nvml.NVMLError_Unknown:
                failed += 1
        assert 70 <= failed <= 130


def test_cut_into_instances_power_is_the_whole_gpu_s(make: Make) -> None:
    with bindings(make(gpu("a100", mig=2), gpu("a100"), gpu("v100"))) as nvml:
        whole, uncut, old = (nvml.nvmlDeviceGetHandleByIndex(index) for index in range(3))
        assert nvml.nvmlDeviceGetMigMode(whole) == [1, 1]
        assert nvml.nvmlDeviceGetMigMode(uncut) == [0, 0]
        with pytest.raises(nvml.NVMLError_NotSupported):
            nvml.nvmlDeviceGetMigMode(old)
        instance = nvml.nvmlDeviceGetMigDeviceHandleByIndex(whole, 1)
        uuid = nvml.nvmlDeviceGetUUID(instance)
        assert uuid.startswith("MIG-")
        assert uuid != nvml.nvmlDeviceGetUUID(nvml.nvmlDeviceGetMigDeviceHandleByIndex(whole, 0))
        with pytest.raises(nvml.NVMLError_NotSupported):
            nvml.nvmlDeviceGetPowerUsage(instance)
        with pytest.raises(nvml.NVMLError_NotSupported):
            nvml.nvmlDeviceGetUtilizationRates(whole)
        parent = nvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(nvml.nvmlDeviceGetHandleByUUID(uuid.encode()))
        assert nvml.nvmlDeviceGetUUID(parent) == nvml.nvmlDeviceGetUUID(whole)
        assert nvml.nvmlDeviceGetPowerUsage(parent) > 0
        with pytest.raises(nvml.NVMLError_NotFound):
            nvml.nvmlDeviceGetMigDeviceHandleByIndex(whole, 2)


def test_found_by_uuid_and_by_bus(make: Make) -> None:
    with bindings(make(gpu("a100"), gpu("h100"))) as nvml:
        second = nvml.nvmlDeviceGetHandleByIndex(1)
        for one in (
            nvml.nvmlDeviceGetHandleByUUID(nvml.nvmlDeviceGetUUID(second).encode()),
            nvml.nvmlDeviceGetHandleByPciBusId(nvml.nvmlDeviceGetPciInfo(second).busId.encode()),
        ):
            assert nvml.nvmlDeviceGetIndex(one) == 1
        with pytest.raises(nvml.NVMLError_NotFound):
            nvml.nvmlDeviceGetHandleByUUID(b"GPU-none")
        with pytest.raises(nvml.NVMLError_InvalidArgument):
            nvml.nvmlDeviceGetHandleByIndex(2)


def test_exports_that_an_old_driver_does_not_have(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    library(tmp_path_factory)  # skips without a compiler
    lab = nvml_lab(tmp_path, [gpu("a100")], Driver(missing=["nvmlDeviceGetTemperatureV", "nvmlDeviceGetFieldValues"]))
    with bindings(lab) as nvml:
        handle = nvml.nvmlDeviceGetHandleByIndex(0)
        with pytest.raises(nvml.NVMLError_FunctionNotFound):
            nvml.nvmlDeviceGetTemperatureV(handle, 0)
        with pytest.raises(nvml.NVMLError_FunctionNotFound):
            nvml.nvmlDeviceGetFieldValues(handle, [186])
        assert nvml.nvmlDeviceGetTemperature(handle, 0) > 20


def test_a_call_takes_as_long_as_it_was_told(make: Make) -> None:
    lab = make(gpu("a100", latency_s={"nvmlDeviceGetPowerUsage": 0.03}), clock_ns=None)
    with bindings(lab) as nvml:
        handle = nvml.nvmlDeviceGetHandleByIndex(0)
        begin_ns = time.monotonic_ns()
        nvml.nvmlDeviceGetPowerUsage(handle)
        assert time.monotonic_ns() - begin_ns >= 30_000_000


def test_without_a_compiler_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="no symbol"):
        build(tmp_path, ["-Dx"])
    monkeypatch.setenv("CC", "/nowhere/cc")
    with pytest.raises(DeviceError, match="no compiler"):
        build(tmp_path)
    monkeypatch.setenv("CC", "/bin/false")
    with pytest.raises(DeviceError, match="could not make"):
        build(tmp_path)


def run(lab: NvmlLab, *words: str) -> Any:
    done = subprocess.run(
        [sys.executable, *words], env={**os.environ, **lab.environment}, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_a_process_finds_it_by_its_name_and_a_command_is_a_load(make: Make) -> None:
    lab = make(gpu("v100", exact=True), gpu("a100", exact=True), clock_ns=None)
    heating = [sys.executable, "-m", "edgewatt.virtual_lab.nvidia.load", "--gpu", "1", "--watts", "250"]
    found = run(lab, str(PEERS / "with_nvidia_ml_py.py"), "0.6", *heating, "--seconds", "0.1")
    assert found["names"] == ["Tesla V100-SXM2-16GB", "NVIDIA A100-SXM4-80GB"]
    begun, ended = loads.read(lab.loads)
    assert (begun.gpu, begun.watts, ended.watts) == (1, 250.0, -250.0)
    assert begun.pid == ended.pid
    assert 0.1 <= (ended.t_ns - begun.t_ns) * 1e-9 < 2
    true_j = [float(lab.energy_j(found["begin_ns"], found["end_ns"], index)) for index in range(2)]
    # An update of each may be missing at either end, at its highest power.
    assert found["energy_j"][0] == pytest.approx(true_j[0], abs=2 * 0.022 * 40)
    assert found["energy_j"][1] == pytest.approx(true_j[1], abs=2 * 0.103 * 305)


def test_a_load_lasts_as_long_as_its_command(make: Make, tmp_path: Path) -> None:
    lab = make(gpu("a100"), clock_ns=None)
    words = [sys.executable, "-m", "edgewatt.virtual_lab.nvidia.load", "--lab", str(tmp_path), "--watts", "10", "--"]
    done = subprocess.run([*words, sys.executable, "-c", "raise SystemExit(3)"], check=False)
    assert done.returncode == 3
    assert [edge.watts for edge in loads.read(lab.loads)] == [10.0, -10.0]

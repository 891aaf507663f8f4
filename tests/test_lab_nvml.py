"""The stand-in libnvidia-ml.so.1 on a clock of its own: nvidia-ml-py's calls show what its documentation says."""

import dataclasses
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewatt.virtual_lab.nvidia import loads
from edgewatt.virtual_lab.nvidia.families import FAMILIES
from edgewatt.virtual_lab.nvidia.gpu import Gpu, gpu
from edgewatt.virtual_lab.nvidia.lab import CLOCK, NvmlLab, nvml_lab
from tests.nvml_peers.bindings import bindings, library

S, MS = 1_000_000_000, 1_000_000
START = 1000 * S
# It rises, falls, rests, and is asked for more than it may take.
STEPS = [(START, 60.0), (START + S, 300.0), (START + 1330 * MS, 120.0), (START + 2 * S, 55.0), (START + 3 * S, 900.0)]

Make = Callable[..., NvmlLab]


@pytest.fixture
def make(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Make:
    built = library(tmp_path_factory)

    def lab(*gpus: Gpu, **how: Any) -> NvmlLab:
        return nvml_lab(tmp_path, gpus, clock_ns=START, library=built, **how)

    return lab


def followed(lab: NvmlLab, read: Callable[[], int], begin_ns: int, end_ns: int, step_ns: int = MS) -> tuple[Any, Any]:
    """Instants and what was read at each."""
    t_ns = np.arange(begin_ns, end_ns, step_ns)
    values = []
    with (lab.folder / CLOCK).open("r+b", buffering=0) as clock:
        for one in t_ns.tolist():
            os.pwrite(clock.fileno(), one.to_bytes(8, "little"), 0)
            values.append(read())
    return t_ns, np.array(values)


@pytest.mark.parametrize("family", ["v100", "a100", "rtx3090", "h100"])
def test_a_new_value_every_period_is_the_mean_of_a_window(make: Make, family: str) -> None:
    rng = np.random.default_rng(5)
    restless = [(START + int(k * 17 * MS), float(w)) for k, w in enumerate(rng.uniform(60, 300, 100))]
    lab = make(gpu(family, power=restless, exact=True))
    model = FAMILIES[family]
    with bindings(lab) as nvml:
        handle = nvml.nvmlDeviceGetHandleByIndex(0)

        def instant() -> int:
            return int(nvml.nvmlDeviceGetFieldValues(handle, [186])[0].value.uiVal)

        t_ns, mw = followed(lab, instant, START + 200 * MS, START + 1500 * MS)
    new = np.flatnonzero(np.diff(mw)) + 1
    period_ns = np.diff(t_ns[new]) / MS
    assert np.median(period_ns) == pytest.approx(model.period_s * 1e3, abs=2)
    # An update happened within the millisecond before it was seen, and its window reached back from there.
    within = [window_w(lab, t_ns[new] - back, model.window_s) for back in np.linspace(0, MS, 51).astype(int)]
    assert (mw[new] >= np.min(within, axis=0) * 1e3 - 1).all()
    assert (mw[new] <= np.max(within, axis=0) * 1e3 + 1).all()


def window_w(lab: NvmlLab, t_ns: Any, window_s: float) -> Any:
    return lab.energy_j(t_ns - round(window_s * 1e9), t_ns) / window_s


def test_power_usage_is_a_second_s_average_where_the_documentation_says_so(make: Make) -> None:
    step = [(START + 5 * S, 250.0)]
    lab = make(gpu("a100", power=step, exact=True), gpu("h100", power=step, exact=True))
    with bindings(lab) as nvml:
        a100, h100 = (nvml.nvmlDeviceGetHandleByIndex(index) for index in range(2))
        lab.move_clock(START + 5 * S + 450 * MS)
        assert nvml.nvmlDeviceGetPowerUsage(a100) == pytest.approx(250_000, rel=1e-3)
        assert 120_000 < nvml.nvmlDeviceGetPowerUsage(h100) < 170_000
        average, instant, memory, module = nvml.nvmlDeviceGetFieldValues(h100, [185, 186, (185, 2), (186, 1)])
        assert average.value.uiVal == nvml.nvmlDeviceGetPowerUsage(h100)
        assert instant.value.uiVal == pytest.approx(250_000, rel=1e-3)
        assert memory.value.uiVal == pytest.approx(25_000 + 0.15 * average.value.uiVal, abs=2)
        assert (module.nvmlReturn, module.value.uiVal) == (nvml.NVML_ERROR_NOT_SUPPORTED, 0)
        assert nvml.nvmlDeviceGetFieldValues(a100, [185])[0].nvmlReturn == nvml.NVML_ERROR_NOT_SUPPORTED


def test_the_counter_moves_in_steps_and_keeps_the_true_energy(make: Make) -> None:
    lab = make(gpu("a100", power=STEPS, exact=True))
    with bindings(lab) as nvml:
        handle = nvml.nvmlDeviceGetHandleByIndex(0)

        def read() -> int:
            return int(nvml.nvmlDeviceGetTotalEnergyConsumption(handle))

        t_ns, mj = followed(lab, read, START, START + 4 * S)
    moved = np.flatnonzero(np.diff(mj)) + 1
    assert len(moved) == pytest.approx(40, abs=1)
    assert (np.diff(mj) >= 0).all()
    spent_j = (mj[moved[1:]] - mj[moved[0]]) / 1e3
    # Each step is seen up to a millisecond late, at no more than 400 W.
    assert spent_j == pytest.approx(lab.energy_j(t_ns[moved[0]], t_ns[moved[1:]]), abs=0.5)
    assert lab.energy_j(START, START + 4 * S) == pytest.approx(60 + 300 * 0.33 + 120 * 0.67 + 55 + 400, rel=0.02)


def test_a_counter_of_samples_sees_a_part_of_the_time(make: Make) -> None:
    # 300 W in the last 20 ms of each 100 ms would be what a window of 25 ms sees; here by a fixed phase.
    half = [(START + k * 50 * MS, 300.0 if k % 2 else 60.0) for k in range(100)]
    still = dataclasses.replace(FAMILIES["a100"], jitter_s=0.0, period_sd_rel=0.0, rise_s=1e-4, fall_s=1e-4)
    lab = make(Gpu(still, power=half, exact=True, counter="samples"), Gpu(still, power=half, exact=True))
    with bindings(lab) as nvml:
        handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(2)]
        begin = [nvml.nvmlDeviceGetTotalEnergyConsumption(one) for one in handles]
        lab.move_clock(START + 4 * S)
        spent_j = [
            (nvml.nvmlDeviceGetTotalEnergyConsumption(one) - before) / 1e3
            for one, before in zip(handles, begin, strict=True)
        ]
    true_j = float(lab.energy_j(START, START + 4 * S))
    assert spent_j[1] == pytest.approx(true_j, rel=0.05)
    assert abs(spent_j[0] / true_j - 1) > 0.2


def test_the_library_and_the_truth_agree_on_loads_from_outside(make: Make) -> None:
    lab = make(gpu("v100", power=STEPS, exact=True))
    with bindings(lab) as nvml:
        handle = nvml.nvmlDeviceGetHandleByIndex(0)
        before = nvml.nvmlDeviceGetTotalEnergyConsumption(handle)
        # Out of order, one of them for a GPU that is not there.
        loads.add(lab.loads, 100.0, 0, START + 500 * MS)
        loads.add(lab.loads, 50.0, 0, START + 200 * MS)
        loads.add(lab.loads, 50.0, 5, START + 200 * MS)
        lab.move_clock(START + 600 * MS)
        (running,) = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
        assert running.pid > 0
        assert nvml.nvmlDeviceGetUtilizationRates(handle).gpu > 90
        loads.add(lab.loads, -150.0, 0, START + 1500 * MS)
        lab.move_clock(START + 3 * S)
        assert nvml.nvmlDeviceGetComputeRunningProcesses(handle) == []
        spent_j = (nvml.nvmlDeviceGetTotalEnergyConsumption(handle) - before) / 1e3
        assert spent_j == pytest.approx(float(lab.energy_j(START, START + 3 * S)), abs=2)
        assert lab.power_w(START + 1200 * MS) == pytest.approx(300, abs=1e-3)  # no more than its limit


@pytest.mark.parametrize("seed", [0, 1])
def test_gain_is_drawn_and_told_to_nobody(make: Make, seed: int) -> None:
    one = gpu("rtx3090", power=[(START, 200.0)], seed=seed)
    lab = make(one)
    with bindings(lab) as nvml:
        lab.move_clock(START + 10 * S)
        handle = nvml.nvmlDeviceGetHandleByIndex(0)
        gain = nvml.nvmlDeviceGetPowerUsage(handle) / 200e3
    assert gain == pytest.approx(one.drawn(0).gain, abs=0.005)
    assert abs(gain - 1) > 1e-3


def test_how_warm_it_gets_and_why_it_is_slow(make: Make) -> None:
    lab = make(gpu("h100", power=[(START + S, 1000.0)], reasons=[(START + 5 * S, 0x20)], exact=True))
    with bindings(lab) as nvml:
        handle = nvml.nvmlDeviceGetHandleByIndex(0)
        cold_c = nvml.nvmlDeviceGetTemperatureV(handle, 0)
        assert nvml.nvmlDeviceGetCurrentClocksEventReasons(handle) == 1
        assert nvml.nvmlDeviceGetClockInfo(handle, 1) == 210
        lab.move_clock(START + 2 * S)
        assert nvml.nvmlDeviceGetCurrentClocksEventReasons(handle) == 4
        assert nvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle) == 4
        assert nvml.nvmlDeviceGetClockInfo(handle, 1) == nvml.nvmlDeviceGetMaxClockInfo(handle, 1) == 1980
        lab.move_clock(START + 300 * S)
        assert nvml.nvmlDeviceGetCurrentClocksEventReasons(handle) == 0x24
        warm_c = nvml.nvmlDeviceGetTemperatureV(handle, 0)
        # 45 K above the room at the limit.
        assert (cold_c, warm_c) == (pytest.approx(28 + 45 / 10, abs=1), pytest.approx(28 + 45, abs=1))
        assert nvml.nvmlDeviceGetMarginTemperature(handle) == 90 - warm_c
        assert nvml.nvmlDeviceGetFieldValues(handle, [82])[0].value.uiVal == warm_c + 4
        memory = nvml.nvmlDeviceGetMemoryInfo(handle)
        assert memory.used + memory.free == memory.total
        assert nvml.nvmlDeviceGetMemoryInfo(handle, version=nvml.nvmlMemory_v2).total == memory.total


def test_samples_are_the_last_values_by_the_wall_clock(make: Make) -> None:
    ring = dataclasses.replace(FAMILIES["v100"], samples=True)
    lab = make(Gpu(ring, power=STEPS, exact=True), gpu("v100"))
    with bindings(lab) as nvml:
        handle, without = (nvml.nvmlDeviceGetHandleByIndex(index) for index in range(2))
        lab.move_clock(START + 2 * S)
        _, samples = nvml.nvmlDeviceGetSamples(handle, nvml.NVML_TOTAL_POWER_SAMPLES, 0)
        stamps = np.array([one.timeStamp for one in samples])
        assert len(samples) == 120
        assert np.median(np.diff(stamps)) == pytest.approx(20_000, rel=0.03)
        assert samples[-1].sampleValue.uiVal == nvml.nvmlDeviceGetPowerUsage(handle)
        with pytest.raises(nvml.NVMLError_NotFound):
            nvml.nvmlDeviceGetSamples(handle, 0, int(stamps[-1]) + 10**7)
        with pytest.raises(nvml.NVMLError_NotSupported):
            nvml.nvmlDeviceGetSamples(without, 0, 0)

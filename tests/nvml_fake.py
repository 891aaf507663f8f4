"""The module `pynvml` without a library: GPUs whose sensors look as configured at a power that is known exactly."""

import math
import sys
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from edgewatt.profiler.clock import Clock

MS = 1_000_000
S = 1_000_000_000
NOT_SUPPORTED, LOST, NOT_FOUND = 3, 15, 6


@dataclass
class FakeGpu:
    """Power is a step function: `steps` are (from when in ns, watts), in order, the first at or before all else.

    A sensor has a new value every `period_s`, at `phase_s` and so on, of the `window_s` before; the counter moves then.
    `lag_s`: power is new so much after the counter. `refuse` maps calls (or "field.scope") to an error code.
    """

    clock: Clock
    steps: list[tuple[int, float]] = field(default_factory=lambda: [(0, 60.0)])
    period_s: float = 0.1
    window_s: float = 0.025
    phase_s: float = 0.037
    lag_s: float = 0.0
    call_s: float = 0.0
    name: str = "NVIDIA A100-SXM4-40GB"
    uuid: str = "GPU-11111111-2222-3333-4444-555555555555"
    architecture: int = 7
    mig: int = 0
    stuck: bool = False
    refuse: dict[str, int] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    _sums: list[float] = field(default_factory=list)
    _at: list[int] = field(default_factory=list)

    def energy_j(self, t_ns: float) -> float:
        """Joules from the first step to t, exactly."""
        if len(self._sums) != len(self.steps):
            spans = [(b - a) * w / S for (a, w), (b, _) in pairwise(self.steps)]
            self._sums, self._at = [0.0, *accumulate(spans)], [at for at, _ in self.steps]
        k = max(bisect_right(self._at, t_ns) - 1, 0)
        return self._sums[k] + self.steps[k][1] * max(t_ns - self._at[k], 0) / S

    def watts_at(self, t_ns: float) -> float:
        """What it draws."""
        return self.steps[max(bisect_right([at for at, _ in self.steps], t_ns) - 1, 0)][1]

    def mean_w(self, t_ns: float, window_s: float) -> float:
        """The mean power of the window before t."""
        return (self.energy_j(t_ns) - self.energy_j(t_ns - window_s * S)) / window_s

    def new_ns(self, lag_s: float = 0.0) -> float:
        """When the sensor had its last new value."""
        phase_ns, period_ns = (self.phase_s + lag_s) * S, self.period_s * S
        return phase_ns + math.floor((self.clock.now_ns() - phase_ns) / period_ns) * period_ns

    def counter_mj(self) -> int:
        """The energy counter, which began at 5 kJ."""
        return 5_000_000 if self.stuck else 5_000_000 + int(1000 * self.energy_j(self.new_ns()))

    def power_mw(self, *, average: bool) -> int:
        """Power, instantaneous or of the last second."""
        return round(1000 * self.mean_w(self.new_ns(self.lag_s), 1.0 if average else self.window_s))


class NVMLError(Exception):
    """As pynvml's."""

    def __init__(self, value: int) -> None:
        super().__init__(f"code {value}")
        self.value = value


def fake_nvml(*gpus: FakeGpu, init: int = 0) -> ModuleType:
    """A module with these GPUs; `init` is what nvmlInit answers. `module.held` counts inits less shutdowns."""
    module: Any = ModuleType("pynvml")
    module.NVMLError, module.held = NVMLError, 0
    module._nvmlGetFunctionPointer = lambda name: name

    def started() -> None:
        if init:
            raise NVMLError(init)
        module.held += 1

    def stopped() -> None:
        module.held -= 1

    def at(index: int) -> FakeGpu:
        return gpus[index] if 0 <= index < len(gpus) else _refused(NOT_FOUND)

    def by_uuid(uuid: str) -> FakeGpu:
        return next((gpu for gpu in gpus if gpu.uuid == uuid), None) or _refused(NOT_FOUND)

    module.nvmlInit, module.nvmlShutdown = started, stopped
    module.nvmlDeviceGetCount = lambda: len(gpus)
    module.nvmlDeviceGetHandleByIndex, module.nvmlDeviceGetHandleByUUID = at, by_uuid
    module.nvmlSystemGetDriverVersion = lambda: "580.142"
    for name, answer in ANSWERS.items():
        setattr(module, f"nvmlDevice{name}", _call(name, answer))
    module.nvmlDeviceGetIndex = _call("GetIndex", gpus.index)
    return module


def install(patch: pytest.MonkeyPatch, *gpus: FakeGpu, init: int = 0) -> Any:
    """The same as the module that will be imported."""
    module = fake_nvml(*gpus, init=init)
    patch.setitem(sys.modules, "pynvml", module)
    return module


def plugged(*gpus: FakeGpu) -> tuple[Callable[[], None], Callable[[], None]]:
    """Install them for a test without a MonkeyPatch: what takes them away for good, and what puts back what was."""
    before = sys.modules.get("pynvml")
    module: Any = fake_nvml(*gpus)
    sys.modules["pynvml"] = module

    def unplug() -> None:
        for gpu in gpus:
            gpu.refuse["*"] = LOST
        for name in ("nvmlDeviceGetHandleByIndex", "nvmlDeviceGetHandleByUUID"):
            setattr(module, name, lambda _: _refused(LOST))

    def end() -> None:
        sys.modules.pop("pynvml", None)
        if before is not None:
            sys.modules["pynvml"] = before

    return unplug, end


def _refused(code: int) -> Any:
    raise NVMLError(code)


def _call(name: str, answer: Callable[..., Any]) -> Callable[..., Any]:
    def call(gpu: FakeGpu, *arguments: Any) -> Any:
        gpu.calls[name] = gpu.calls.get(name, 0) + 1
        gpu.clock.sleep(gpu.call_s)
        if code := gpu.refuse.get(name, gpu.refuse.get("*", 0)):
            raise NVMLError(code)
        return answer(gpu, *arguments)

    return call


def _fields(gpu: FakeGpu, keys: list[Any]) -> list[Any]:
    return [_field(gpu, *(key if isinstance(key, tuple) else (key, 0))) for key in keys]


def _field(gpu: FakeGpu, number: int, scope: int) -> Any:
    known = {(186, 0): False, (185, 0): True}
    code = gpu.refuse.get(f"{number}.{scope}", 0)
    if number == 82:
        return SimpleNamespace(nvmlReturn=code, valueType=1, value=SimpleNamespace(uiVal=71))
    if (number, scope) not in known:
        return SimpleNamespace(nvmlReturn=code or NOT_SUPPORTED, valueType=0, value=None)
    value = SimpleNamespace(uiVal=gpu.power_mw(average=known[(number, scope)]))
    return SimpleNamespace(nvmlReturn=code, valueType=1, value=value)


ANSWERS: dict[str, Callable[..., Any]] = {
    "GetName": lambda gpu: gpu.name,
    "GetUUID": lambda gpu: gpu.uuid,
    "GetArchitecture": lambda gpu: gpu.architecture,
    "GetTotalEnergyConsumption": FakeGpu.counter_mj,
    "GetFieldValues": _fields,
    "GetPowerUsage": lambda gpu: gpu.power_mw(average=False),
    "GetClockInfo": lambda _, code: 1410 + code,
    "GetTemperatureV": lambda *_: 54,
    "GetTemperature": lambda *_: 55,
    "GetUtilizationRates": lambda _: SimpleNamespace(gpu=37, memory=12),
    "GetMemoryInfo": lambda _: SimpleNamespace(used=3 << 30),
    "GetCurrentClocksEventReasons": lambda _: 0x4,
    "GetCurrentClocksThrottleReasons": lambda _: 0x20,
    "GetVbiosVersion": lambda _: "92.00.45.00.03",
    "GetPersistenceMode": lambda _: 1,
    "GetPowerManagementLimit": lambda _: 400_000,
    "GetPowerManagementDefaultLimit": lambda _: 400_000,
    "GetEnforcedPowerLimit": lambda _: 400_000,
    "GetMigMode": lambda gpu: [gpu.mig, gpu.mig],
    "GetEccMode": lambda _: [1, 1],
    "GetComputeRunningProcesses": lambda _: [SimpleNamespace(pid=1), SimpleNamespace(pid=2)],
}

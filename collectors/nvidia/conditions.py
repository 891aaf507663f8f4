"""What a measurement on a GPU depends on, and which GPU it is."""

import os
from collections.abc import Sized
from typing import Any, Final

from edgewatt.collectors.nvidia.gpu import Gpu, quietly, text

# nvml.h: nvmlEnableState_t, nvmlDevice MIG modes.
ENABLED: Final = 1
# nvmlClocksEventReasonApplicationsClocksSetting: somebody set or locked the clocks.
CLOCKS_SET: Final = 0x2


def gpu_facts(gpu: Gpu) -> dict[str, Any]:
    """As plain JSON; a key that cannot be read is None."""
    ask = gpu.library.ask
    reasons = quietly(lambda: gpu.first(("GetCurrentClocksEventReasons",), ("GetCurrentClocksThrottleReasons",)))
    return {
        "gpu_name": gpu.name,
        "gpu_uuid": gpu.uuid or None,
        "gpu_architecture": gpu.architecture,
        "gpu_driver": text(quietly(lambda: ask("SystemGetDriverVersion"))) or None,
        "gpu_vbios": text(quietly(lambda: gpu.ask("GetVbiosVersion"))) or None,
        "gpu_persistence_mode": _enabled(quietly(lambda: gpu.ask("GetPersistenceMode"))),
        "gpu_power_limit_w": _watts(quietly(lambda: gpu.ask("GetPowerManagementLimit"))),
        "gpu_power_limit_default_w": _watts(quietly(lambda: gpu.ask("GetPowerManagementDefaultLimit"))),
        "gpu_power_limit_enforced_w": _watts(quietly(lambda: gpu.ask("GetEnforcedPowerLimit"))),
        "gpu_mig_mode": _first_enabled(quietly(lambda: gpu.ask("GetMigMode"))),
        "gpu_ecc": _first_enabled(quietly(lambda: gpu.ask("GetEccMode"))),
        "gpu_clocks_set": bool(reasons & CLOCKS_SET) if isinstance(reasons, int) else None,
        "gpu_processes": _others(quietly(lambda: gpu.ask("GetComputeRunningProcesses"))),
    }


def _enabled(said: Any) -> bool | None:
    return said == ENABLED if isinstance(said, int) else None


def _first_enabled(said: Any) -> bool | None:
    """Of (current, pending) the current one."""
    return _enabled(said[0]) if isinstance(said, list | tuple) and said else None


def _watts(said: Any) -> float | None:
    real = isinstance(said, int) and not isinstance(said, bool)
    return said / 1000 if real and 0 < said < 10_000_000 else None


def _others(said: Any) -> int | None:
    """How many other processes compute on it; which they are is nobody's business."""
    if not isinstance(said, Sized):
        return None
    own = sum(getattr(one, "pid", None) == os.getpid() for one in said) if isinstance(said, list) else 0
    return len(said) - own

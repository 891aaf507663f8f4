"""Kinds of GPUs: how they draw power and what their sensors make of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

NOT_SUPPORTED: Final = 3
GPU, MODULE, MEMORY = 0, 1, 2  # scopes of a power, as NVML numbers them
_AVERAGE: Final = {"field:185": NOT_SUPPORTED}
_GIB: Final = float(1 << 30)


@dataclass(frozen=True, slots=True)
class Family:
    """One kind of GPU.

    Every `period_s` its sensor publishes the mean power of the last `window_s` (instantaneous) and of the last second
    (average). Both columns are second-hand, from "Part-time Power Measurements" (arXiv 2312.02741), the periods found
    again in its authors' recordings. Which of the two PowerUsage gives is documented (`usage_averages`), and that the
    average is not there before Ampere and on GA100 is remembered (nvml.h). `idle_w`, `most_w` (its limit) are of usual
    data sheets, remembered. Assumed are: `rise_s` and `fall_s`, time constants of the power itself; `gain_sd`, from a
    published limit of 5 % of the reading, taken as two standard deviations; `noise_w`; `jitter_s` and `period_sd_rel`;
    the memory it uses, clocks, and how warm it gets. The counter takes the true integral times the gain, unless a lab
    is told otherwise: whether real counters do is not known. `scopes` give a scope's power as a share of the GPU's and
    so many watts more. `errors` are return codes by symbol, or by `field:NUMBER`. `identity_only`: it has a name and a
    handle, and everything else is NotSupported (Orin, seen in the field).
    """

    title: str
    architecture: int
    period_s: float = 0.1
    window_s: float = 0.025
    usage_averages: bool = False
    has_counter: bool = True
    idle_w: float = 50.0
    least_w: float = 100.0
    most_w: float = 400.0
    rise_s: float = 0.010
    fall_s: float = 0.005
    gain_sd: float = 0.025
    noise_w: float = 0.15
    jitter_s: float = 0.001
    period_sd_rel: float = 0.005
    memory_b: float = 80 * _GIB
    clock_mhz: float = 1410.0
    memory_mhz: float = 1593.0
    scopes: Mapping[int, tuple[float, float]] = field(default_factory=lambda: {GPU: (1.0, 0.0)})
    errors: Mapping[str, int] = field(default_factory=dict)
    samples: bool = False
    identity_only: bool = False


# Architectures are numbered as NVML does: 4 Pascal, 5 Volta, 7 Ampere, 9 Hopper.
FAMILIES: Final[Mapping[str, Family]] = {
    "gtx1080ti": Family(
        "NVIDIA GeForce GTX 1080 Ti",
        4,
        0.02,
        0.010,
        has_counter=False,
        idle_w=12.0,
        least_w=125.0,
        most_w=250.0,
        memory_b=11 * _GIB,
        clock_mhz=1911.0,
        memory_mhz=5505.0,
        errors=_AVERAGE,
    ),
    "v100": Family(
        "Tesla V100-SXM2-16GB",
        5,
        0.02,
        0.010,
        idle_w=40.0,
        least_w=150.0,
        most_w=300.0,
        memory_b=16 * _GIB,
        clock_mhz=1530.0,
        memory_mhz=877.0,
        errors=_AVERAGE,
    ),
    "a100": Family("NVIDIA A100-SXM4-80GB", 7, idle_w=55.0, errors=_AVERAGE),
    "h100": Family(
        "NVIDIA H100 80GB HBM3",
        9,
        usage_averages=True,
        idle_w=70.0,
        least_w=200.0,
        most_w=700.0,
        clock_mhz=1980.0,
        memory_mhz=2619.0,
        scopes={GPU: (1.0, 0.0), MEMORY: (0.15, 25.0)},
    ),
    "gh200": Family(
        "NVIDIA GH200 480GB",
        9,
        0.1,
        0.020,
        usage_averages=True,
        idle_w=80.0,
        least_w=100.0,
        most_w=900.0,
        memory_b=96 * _GIB,
        clock_mhz=1980.0,
        memory_mhz=2619.0,
        scopes={GPU: (1.0, 0.0), MODULE: (1.0, 120.0), MEMORY: (0.15, 25.0)},
    ),
    "rtx3090": Family(
        "NVIDIA GeForce RTX 3090",
        7,
        0.1,
        0.1,
        usage_averages=True,
        idle_w=25.0,
        least_w=100.0,
        most_w=350.0,
        memory_b=24 * _GIB,
        clock_mhz=1980.0,
        memory_mhz=9751.0,
        errors={"nvmlDeviceGetMigMode": NOT_SUPPORTED},
    ),
    "orin": Family("Orin (nvgpu)", 7, identity_only=True, has_counter=False, idle_w=1.0, most_w=30.0, memory_b=0.0),
}

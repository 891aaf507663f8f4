"""The files of the GPU, by its driver: nodes and formats as owners of phones published them (personalities.py)."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import numpy as np

from edgewatt.virtual_lab.phone.body import Body
from edgewatt.virtual_lab.phone.tree import gpu_folder
from edgewatt.virtual_lab.sensors.updates import Instants

GPU: Final = "gpu"
# The statistics window of Adreno's busy counter (remembered: it closes after about a second of activity).
_WINDOW_US: Final = 1_000_000

Say = Callable[[Instants], list[str | None]]


def gpu_files(body: Body) -> Mapping[str, Say]:
    """What changes of them."""
    at = gpu_folder(body.phone)

    def clock(text: str) -> Say:
        return lambda t_ns: [text.format(hz, hz / 1e3) for hz in body.timeline.frequency_hz(t_ns, GPU).tolist()]

    def load(say: Callable[[float], str]) -> Say:
        return lambda t_ns: [say(share) for share in body.timeline.use(t_ns, GPU).tolist()]

    def percent(text: str) -> Say:
        return load(lambda share: text.format(round(100 * share), 100 - round(100 * share)))

    kinds: dict[str, dict[str, Say]] = {
        "adreno": {
            f"{at}/gpuclk": clock("{0:.0f}\n"),
            f"{at}/devfreq/cur_freq": clock("{0:.0f}\n"),
            f"{at}/gpu_busy_percentage": percent("{0} %\n"),
            f"{at}/gpubusy": load(_busy),
        },
        "samsung": {f"{at}/gpu_busy": percent("{0} %\n"), f"{at}/gpu_clock": clock("{1:.0f}\n")},
        "tensor": {
            f"{at}/cur_freq": clock("{1:.0f}\n"),
            f"{at}/utilization": percent("{0}\n"),
            f"{at}/time_in_state": partial(_states, body),
        },
        "mediatek": {
            f"{at}/gpufreq_status": clock(
                "[GPUFREQ-DEBUG] Current Status of GPUFREQ\n"
                "[GPU-OPP]       Index: 12, Freq: {1:.0f}, Volt: 62500, Vsram: 75000\n"
            ),
            "sys/kernel/ged/hal/gpu_utilization": percent("{0} 0 {1}\n"),
        },
    }
    return kinds.get(body.phone.gpu, {})


def _busy(share: float) -> str:
    return f"{round(share * _WINDOW_US):7d} {_WINDOW_US if share else 0:7d}\n"


def _states(body: Body, t_ns: Instants) -> list[str | None]:
    spent_s = body.timeline.residency_s(t_ns, GPU)
    steps_hz = body.steps_hz(GPU)
    columns = [np.rint(spent_s[hz] * 1e3).astype(np.int64).tolist() for hz in steps_hz]
    rows = "".join(f"{hz / 1e3:.0f} %d\n" for hz in steps_hz)
    return [rows % spent for spent in zip(*columns, strict=True)]

"""The files of the processors: what they run at, how long they ran at each step, and how busy they were.

Formats: kernel Documentation/admin-guide/pm/cpufreq.rst, Documentation/cpu-freq/cpufreq-stats.rst, proc(5).
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.virtual_lab.phone.body import Body
from edgewatt.virtual_lab.phone.tree import POLICIES
from edgewatt.virtual_lab.sensors.updates import Instants

STAT: Final = "proc/stat"
# proc(5): USER_HZ, in which processor time is counted.
_TICKS_PER_S: Final = 100

Files = Mapping[str, Callable[[Instants], list[str | None]]]


def cluster_files(body: Body) -> tuple[Files, Files]:
    """What a kernel makes up as it is read, and what it counts; of clusters that are online."""
    online = [(f"cpu{n}", c, f"{POLICIES}/policy{c.cpus[0]}") for n, c in enumerate(body.phone.clusters) if c.online]
    live = {f"{at}/scaling_cur_freq": partial(_frequency, body, name) for name, _, at in online}
    states = {f"{at}/stats/time_in_state": partial(_states, body, name, c.khz) for name, c, at in online}
    return live, {**states, STAT: partial(_stat, body)}


def _frequency(body: Body, name: str, t_ns: Instants) -> list[str | None]:
    return [f"{hz / 1e3:.0f}\n" for hz in body.timeline.frequency_hz(t_ns, name).tolist()]


def _states(body: Body, name: str, khz: tuple[int, ...], t_ns: Instants) -> list[str | None]:
    spent_s = body.timeline.residency_s(t_ns, name)
    columns = [np.rint(spent_s[step * 1e3] * _TICKS_PER_S).astype(np.int64).tolist() for step in khz]
    rows = "".join(f"{step} %d\n" for step in khz)
    return [rows % ticks for ticks in zip(*columns, strict=True)]


def _stat(body: Body, t_ns: Instants) -> list[str | None]:
    """What is pinned counts where it is; in the rest each processor of a cluster is as busy as the others."""
    awake_s, rate = body.clocks.monotonic_ns(t_ns) * 1e-9, _rate(body, t_ns)
    cpus: list[int] = []
    columns: list[Instants] = []
    for number, cluster in enumerate(body.phone.clusters):
        for core, cpu in enumerate(cluster.cpus if cluster.online else ()):
            busy_s = body.timeline.core_busy_s(t_ns, f"cpu{number}", core) * rate
            cpus.append(cpu)
            columns += [_ticks(busy_s), _ticks(awake_s - busy_s)]
    # In the order of their numbers, which is that of the clusters.
    rows = "".join(f"cpu{cpu} %d 0 0 %d 0 0 0 0 0 0\n" for cpu in cpus)
    text = f"cpu  %d 0 0 %d 0 0 0 0 0 0\n{rows}intr 0\nctxt %d\nbtime 1700000000\nprocesses 4242\n"
    sums = [np.sum(columns[first::2], axis=0) for first in (0, 1)]
    switches = (t_ns // 10**5).tolist()
    return [text % row for row in zip(*(c.tolist() for c in (*sums, *columns)), switches, strict=True)]


def _rate(body: Body, t_ns: Instants) -> NDArray[np.float64]:
    """How fast the phone's clock ran so far: at full load nothing of its time is idle, and none is given back."""
    gone_ns = np.maximum(t_ns - body.origin_ns, 1)
    rate: NDArray[np.float64] = (body.clocks.boottime_ns(t_ns) - body.clocks.boottime_ns(body.origin_ns)) / gone_ns
    return rate


def _ticks(seconds: NDArray[np.float64]) -> Instants:
    """A thousandth of a tick is rounding."""
    return np.maximum(np.floor(seconds * _TICKS_PER_S + 1e-3), 0).astype(np.int64)

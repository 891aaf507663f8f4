"""The files of the processors: what they run at, how long they ran at each step, and how busy they were.

Formats: kernel Documentation/admin-guide/pm/cpufreq.rst, Documentation/cpu-freq/cpufreq-stats.rst, proc(5).
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

import numpy as np

from edgewatt.virtual_lab.phone.body import Body
from edgewatt.virtual_lab.phone.tree import POLICIES
from edgewatt.virtual_lab.sensors.updates import Instants

STAT: Final = "proc/stat"
# proc(5): USER_HZ, in which processor time is counted.
_TICKS_PER_S: Final = 100
_TICK_NS: Final = 10**9 // _TICKS_PER_S

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
    """Each processor of a cluster is as busy as the others."""
    awake = body.clocks.monotonic_ns(t_ns) // _TICK_NS
    busy: list[Instants] = []
    cpus: list[int] = []
    for number, cluster in enumerate(body.phone.clusters):
        ticks = np.rint(body.timeline.busy_s(t_ns, f"cpu{number}") * _TICKS_PER_S).astype(np.int64)
        online = cluster.cpus if cluster.online else ()
        busy.extend([ticks] * len(online))
        cpus.extend(online)
    total = np.sum(busy, axis=0)
    idle = np.maximum(awake * len(cpus) - total, 0)
    columns = [column for ticks in busy for column in (ticks.tolist(), np.maximum(awake - ticks, 0).tolist())]
    # In the order of their numbers, which is that of the clusters.
    rows = "".join(f"cpu{cpu} %d 0 0 %d 0 0 0 0 0 0\n" for cpu in cpus)
    text = f"cpu  %d 0 0 %d 0 0 0 0 0 0\n{rows}intr 0\nctxt %d\nbtime 1700000000\nprocesses 4242\n"
    switches = (t_ns // 10**5).tolist()
    return [text % row for row in zip(total.tolist(), idle.tolist(), *columns, switches, strict=True)]

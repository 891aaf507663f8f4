"""What the sampler itself costs the phone: the processor time of its shell, and of what that started."""

from typing import Final

import numpy as np

from edgewatt.collectors.android.files.nodes import Node, Values
from edgewatt.profiler.batch import Batch
from edgewatt.profiler.channel import Channel
from edgewatt.profiler.clock import NS_PER_S
from edgewatt.profiler.units import Quantity

STREAM: Final = "sampler"
PERIOD_S: Final = 1.0
# USER_HZ, in which proc(5) counts utime and its like, on every architecture of Android.
TICKS_PER_S: Final = 100
# One processor busy all the time is 1; a shell and the program it waits for are never more than two.
_HIGHEST: Final = 2.0

CHANNEL: Final = Channel(
    STREAM,
    Quantity.LOAD,
    source="/proc/self/stat",
    period_s=PERIOD_S,
    window_s=PERIOD_S,
    resolution=1 / (TICKS_PER_S * PERIOD_S),
)


def parse_cpu_s(text: str) -> Values:
    """Processor time of a process and its children in s: utime, stime, cutime, cstime of /proc/PID/stat, proc(5)."""
    fields = text.rpartition(")")[2].split()[11:15]
    if len(fields) < 4 or not all(field.isascii() and field.isdigit() and len(field) < 16 for field in fields):
        return (None,)
    return (sum(map(int, fields)) / TICKS_PER_S,)


# Opened by the shell itself, so that it is the shell's.
NODE: Final = Node("/proc/self/stat", (CHANNEL,), parse_cpu_s, PERIOD_S, STREAM)


class OwnLoad:
    """Makes seconds of processor time into the share of one processor since the row before."""

    def __init__(self) -> None:
        self._before = (np.nan, 0)

    def __call__(self, batch: Batch) -> Batch:
        """The rows of STREAM; NaN at the first, and where the script was started anew."""
        cpu_s = np.concatenate(([self._before[0]], batch.columns[CHANNEL.column]))
        t_ns = np.concatenate((np.array([self._before[1]], np.int64), batch.t_ns))
        self._before = (float(cpu_s[-1]), int(t_ns[-1]))
        took_s = np.maximum(np.diff(t_ns), 1) / NS_PER_S
        used_s = np.diff(cpu_s)
        possible = (used_s >= 0) & (used_s <= _HIGHEST * took_s + 1 / TICKS_PER_S)
        return Batch(batch.t_ns, {CHANNEL.column: np.where(possible, used_s / took_s, np.nan)}, batch.stream)

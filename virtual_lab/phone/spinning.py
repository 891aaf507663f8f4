"""Watches a shell of the phone: its loops are a load that it does not tell: `python -m ...phone.spinning PROCESS`.

proc(5): a process that computes, or waits for a processor, is in state R. It is looked at every half millisecond, and
what two looks agree on is told to the phone's kernel, at the time between the first of them and the one before. The
command returns once the watch has begun; that ends with the process.
"""

import contextlib
import os
import sys
import time
from collections.abc import Callable
from typing import Final

from edgewatt.virtual_lab.phone.events import LAB, Events

LOOK_S: Final = 5e-4
# What a shell pinned to one processor takes of it.
_UNIT, _THREADS = "cpu", 1
_ENDED: Final = b"ZX"


def watch(state: Callable[[], bytes | None], events: Events, look: Callable[[], int]) -> None:
    """Tell when it is busy until it has ended. `look` waits for the next look and gives its time in ns."""
    told = seen = False
    before_ns = since_ns = look()
    while (now := state()) is not None and now not in _ENDED:
        now_ns = look()
        spins = now == b"R"
        if spins != seen:
            seen, since_ns = spins, (before_ns + now_ns) // 2
        elif seen != told:
            told = seen
            if told:
                events.busy(_UNIT, _THREADS, t_ns=since_ns)
            else:
                events.idle(since_ns)
        before_ns = now_ns
    events.idle()


def state_of(stat: int) -> bytes | None:
    """The state in an open /proc/PROCESS/stat; None once it is gone."""
    try:
        return os.pread(stat, 512, 0).rpartition(b")")[2][1:2]
    except OSError:
        return None


def _look() -> int:
    time.sleep(LOOK_S)
    return time.monotonic_ns()


def main() -> None:
    """Begin to watch, and return."""
    pid = int(sys.argv[1])
    stat = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    events = Events.of(os.environ.get(LAB))
    if os.fork():
        os._exit(0)
    os.setsid()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(nowhere, fd)
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)
    events.pid = pid
    watch(lambda: state_of(stat), events, _look)


if __name__ == "__main__":
    main()

"""ZeusMonitor of zeus 0.16, unmodified, on whatever libnvidia-ml.so.1 is found: told by lines `begin KEY`, `end KEY`.

With `live` as its argument a line is `KEY T0_NS T1_NS`: it waits for both instants of CLOCK_MONOTONIC itself, and tells
the joules and when it really began and ended, which on a busy machine is later.
"""

import json
import sys
import time

from zeus.monitor import ZeusMonitor


def wait_until(t_ns: int) -> None:
    """Return at an instant of CLOCK_MONOTONIC."""
    time.sleep(max(t_ns - time.monotonic_ns(), 0) / 1e9)


monitor = ZeusMonitor(gpu_indices=[0], cpu_indices=[])
print("ready", flush=True)
for line in sys.stdin:
    what, *words = line.split()
    if sys.argv[1:] == ["live"]:
        wait_until(int(words[0]))
        around = [time.monotonic_ns()]
        monitor.begin_window(what, sync_execution=False)
        around.append(time.monotonic_ns())
        wait_until(int(words[1]))
        around.append(time.monotonic_ns())
        energy_j = monitor.end_window(what, sync_execution=False).gpu_energy[0]
        around.append(time.monotonic_ns())
        print(json.dumps([energy_j, sum(around[:2]) // 2, sum(around[2:]) // 2]), flush=True)
    elif what == "begin":
        monitor.begin_window(words[0], sync_execution=False)
        print("begun", flush=True)
    else:
        print(json.dumps(monitor.end_window(words[0], sync_execution=False).gpu_energy[0]), flush=True)

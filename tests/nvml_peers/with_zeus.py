"""ZeusMonitor of Zeus 0.16: `with_zeus.py PLAN` prints one JSON line.

PLAN is a JSON list of windows, each [seconds after the start, seconds long]; they may overlap. Of each window: the
instants in ns of CLOCK_MONOTONIC in the middle of the call that began or ended it, and joules by GPU.
"""

import json
import sys
import time
import warnings

from zeus.monitor import ZeusMonitor

if __name__ == "__main__":
    warnings.simplefilter("ignore")
    plan = json.loads(sys.argv[1])
    monitor = ZeusMonitor(cpu_indices=[])
    if monitor.power_monitor is not None:
        time.sleep(2)  # its processes begin to poll
    found = [{} for _ in plan]
    begins = [(begin, number, "begin") for number, (begin, _) in enumerate(plan)]
    ends = [(begin + seconds, number, "end") for number, (begin, seconds) in enumerate(plan)]
    start = time.monotonic()
    for at, number, edge in sorted(begins + ends):
        time.sleep(max(start + at - time.monotonic(), 0))
        before_ns = time.monotonic_ns()
        if edge == "begin":
            monitor.begin_window(str(number), sync_execution=False)
        else:
            measured = monitor.end_window(str(number), sync_execution=False)
            energy_j = {str(gpu): float(value) for gpu, value in (measured.gpu_energy or {}).items()}
            found[number]["energy_j"] = energy_j
        found[number][f"{edge}_ns"] = (before_ns + time.monotonic_ns()) // 2
    print(json.dumps(found))
    if monitor.power_monitor is not None:
        monitor.power_monitor.stop()

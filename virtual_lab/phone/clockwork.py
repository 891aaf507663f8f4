"""The process that keeps the phone's /proc/uptime: `python -m edgewatt.virtual_lab.phone.clockwork`.

A process of its own with nothing else to do, because every line that a client stamps depends on it: the file is
written anew at each of its steps of 10 ms on the phone's clock. It takes a JSON on its standard
input, and ends when that does.
"""

import json
import select
import sys
import time
from pathlib import Path
from typing import Any, Final

from edgewatt.virtual_lab.phone.pen import Pen
from edgewatt.virtual_lab.phone.standing import READY, become_punctual

STEP_NS: Final = 10_000_000
UPTIME: Final = "proc/uptime"
_PRIORITY: Final = 10
# How many steps one note on their lateness is about.
_NOTED: Final = 100


def uptime_text(boottime_ns: int, cpus: int) -> str:
    """What /proc/uptime says: cut to hundredths (proc(5)), and the idle time of all processors, four fifths of it."""
    hundredths = boottime_ns // STEP_NS
    idle = hundredths * cpus * 8 // 10
    return f"{hundredths // 100}.{hundredths % 100:02d} {idle // 100}.{idle % 100:02d}\n"


def run(config: dict[str, Any]) -> None:
    """Write the file at every step until the input ends; note how late that was in the phone's log."""
    origin_ns, offset_ns = int(config["origin_ns"]), int(config["offset_ns"])
    drift, cpus = float(config["drift_ppm"]) * 1e-6, int(config["cpus"])
    pen = Pen(Path(config["root"]), new=".clock")
    late_ns: list[int] = []
    with Path(config["log"]).open("a") as log:
        while True:
            now_ns = time.monotonic_ns()
            boottime_ns = offset_ns + now_ns - origin_ns + round((now_ns - origin_ns) * drift)
            pen.write(UPTIME, uptime_text(boottime_ns, cpus), now_ns)
            if late_ns:
                late_ns.append(boottime_ns % STEP_NS + time.monotonic_ns() - now_ns)
            else:
                late_ns.append(0)
                print(READY, flush=True)
            if len(late_ns) > _NOTED:
                log.write(json.dumps({"clock_late_ns": [sorted(late_ns)[_NOTED // 2], max(late_ns)]}) + "\n")
                log.flush()
                late_ns[:] = [0]
            left_s = (STEP_NS - (boottime_ns + time.monotonic_ns() - now_ns) % STEP_NS) * 1e-9
            if select.select([sys.stdin], [], [], left_s)[0]:
                return


if __name__ == "__main__":
    become_punctual(_PRIORITY)
    with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as plain:
        asked = json.loads(plain.readline())
    run(asked)

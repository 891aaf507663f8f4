"""A program that heats a virtual GPU while it runs: `python -m edgewatt.virtual_lab.nvidia.load --watts W -- COMMAND`.

The load is on while the command runs (a program that is killed outright leaves it on). Without a command it is on
`--repeats` times for `--seconds`, with `--gap` between; each time a line says when, in ns of CLOCK_MONOTONIC.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

from edgewatt.virtual_lab.nvidia.loads import on

CONFIGURATION = "EDGEWATT_LAB_NVML"
LOADS = "loads"


def main(words: list[str] | None = None) -> int:
    """Its exit code: the command's, or 0."""
    parser = argparse.ArgumentParser(prog="python -m edgewatt.virtual_lab.nvidia.load", description=__doc__)
    parser.add_argument("--lab", type=Path, help=f"the folder of the lab (default: that of ${CONFIGURATION})")
    parser.add_argument("--gpu", type=int, default=0)
    parser.add_argument("--watts", type=float, default=200.0, help="above idle")
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--gap", type=float, default=0.0)
    parser.add_argument("command", nargs="*")
    args = parser.parse_args(words)
    if args.lab is None and not os.environ.get(CONFIGURATION):
        parser.error(f"say --lab FOLDER, or set {CONFIGURATION}")
    loads = (args.lab or Path(os.environ[CONFIGURATION]).parent) / LOADS
    signal.signal(signal.SIGTERM, _stop)
    if args.command:
        with on(loads, args.watts, args.gpu):
            return subprocess.run(args.command, check=False).returncode
    for repeat in range(args.repeats):
        with on(loads, args.watts, args.gpu) as begin_ns:
            print(f"load {repeat} begin {begin_ns}", flush=True)
            time.sleep(args.seconds)
        print(f"load {repeat} end {time.monotonic_ns()}", flush=True)
        if repeat + 1 < args.repeats:
            time.sleep(args.gap)
    return 0


def _stop(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())

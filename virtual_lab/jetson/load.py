"""A program that works a virtual Jetson while it runs.

`python -m edgewatt.virtual_lab.jetson.load --loads FILE --gpu 0.8 -- COMMAND`
Intensities are shares of a load, 0 to 1. They are on while the command runs; without one `--repeats` times for
`--seconds`, with `--gap` between. A program that is killed outright leaves them on.
"""

import argparse
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from edgewatt.virtual_lab.nvidia.loads import on

# The order of a board's loads.
LOADS = ("cpu", "gpu", "memory")


def main(words: list[str] | None = None) -> int:
    """Its exit code: the command's, or 0."""
    parser = argparse.ArgumentParser(prog="python -m edgewatt.virtual_lab.jetson.load", description=__doc__)
    parser.add_argument("--loads", type=Path, required=True, help='the file of its loads: "loads" in what the lab said')
    for name in LOADS:
        parser.add_argument(f"--{name}", type=float, default=0.0)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--gap", type=float, default=0.0)
    parser.add_argument("command", nargs="*")
    args = parser.parse_args(words)
    signal.signal(signal.SIGTERM, _stop)
    code = 0
    for repeat in range(1 if args.command else args.repeats):
        with ExitStack() as stack:
            for number, name in enumerate(LOADS):
                if getattr(args, name):
                    stack.enter_context(on(args.loads, getattr(args, name), number))
            if args.command:
                return subprocess.run(args.command, check=False).returncode
            print(f"load {repeat} begin {time.monotonic_ns()}", flush=True)
            time.sleep(args.seconds)
        print(f"load {repeat} end {time.monotonic_ns()}", flush=True)
        if repeat + 1 < args.repeats:
            time.sleep(args.gap)
    return code


def _stop(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())

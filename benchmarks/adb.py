"""Round trip of a command to a real adbd: ours beside stock adb-shell and adbutils, in turns in one run.

The adbd is Debian's, in a phone-like tree (tests/adbd). The command is `echo`, so that most of what is timed is the
way there and back and the start of the phone's shell, which all have in common. The ratio is stock / ours of the
medians; its interval is a bootstrap over blocks, in which all take their turn.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from adb_shell.adb_device import AdbDeviceTcp  # noqa: E402
from adbutils import AdbClient  # noqa: E402
from tests.adbd.packages import Unavailable  # noqa: E402
from tests.adbd.running import PeerPhone, running  # noqa: E402
from tests.adbd.server import serving  # noqa: E402
from tests.adbd.stage import PORT  # noqa: E402

from edgewatt.collectors.transports import adb_direct, adb_server  # noqa: E402

HOST = "127.0.0.1"
SERIAL = f"{HOST}:{PORT}"
COMMAND = "echo"
LIMIT = 10.0
TIMEOUT_S = 30.0
BLOCK = 60
BOOTSTRAPS = 2000
Call = Callable[[], object]


def seconds(call: Call) -> float:
    """Wall-clock time of one call."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def blocks(calls: Sequence[Call], count: int) -> NDArray[np.float64]:
    """Seconds by block, call within it, and which of `calls`.

    Each makes BLOCK calls in a row. The stock library waits for delayed acknowledgements, and the kernel does not delay
    the first dozen after a connection was idle for 0.2 s: short turns would not show what a run of commands takes.
    """
    for call in calls:
        call()
    times = np.empty((count, BLOCK, len(calls)))
    for block in range(count):
        order = range(len(calls)) if block % 2 == 0 else range(len(calls) - 1, -1, -1)
        for which in order:
            times[block, :, which] = [seconds(calls[which]) for _ in range(BLOCK)]
    return times


def median(times: NDArray[np.float64], which: int) -> float:
    """Of all calls of one kind."""
    return float(np.median(times[..., which]))


def row(times: NDArray[np.float64], ours: int, stock: int, figure: str, limit: str) -> dict[str, object]:
    """One row of the table, with the 95 % interval of the ratio of the medians."""
    rng = np.random.default_rng(0)
    drawn = (times[rng.integers(0, len(times), len(times))] for _ in range(BOOTSTRAPS))
    low, high = np.quantile([median(each, stock) / median(each, ours) for each in drawn], (0.025, 0.975))
    medians = f"medians {1e3 * median(times, stock):.3g} and {1e3 * median(times, ours):.3g} ms"
    return {
        "figure": figure,
        "ratio": median(times, stock) / median(times, ours),
        "limit": limit,
        "detail": f"{medians} of {times[..., 0].size} each; 95 % interval {low:.3g} to {high:.3g}",
    }


def measure(count: int, stack: ExitStack) -> list[dict[str, object]]:
    """Both transports of ours, and the libraries below them as they come."""
    home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    server = stack.enter_context(serving(home))
    os.environ.update(HOME=str(home), ANDROID_ADB_SERVER_PORT=str(server.port))
    server.run("connect", SERIAL)
    server.run("-s", SERIAL, "wait-for-device")
    stock = AdbDeviceTcp(HOST, PORT)
    stock.connect()
    stack.callback(stock.close)
    direct, served = adb_direct.connect(HOST, PORT), adb_server.connect(SERIAL)
    stack.callback(direct.close)
    stack.callback(served.close)
    device = AdbClient(port=server.port).device(SERIAL)
    times = blocks(
        [
            lambda: direct.run(COMMAND, timeout_s=TIMEOUT_S),
            lambda: stock.shell(COMMAND),
            lambda: served.run(COMMAND, timeout_s=TIMEOUT_S),
            lambda: device.shell2(COMMAND, v2=True),
        ],
        count,
    )
    return [
        row(times, 0, 1, "one command: stock adb-shell / `adb+tcp://`", f"at least {LIMIT:g}"),
        row(times, 2, 3, "one command: stock adbutils / `adb:`", ""),
    ]


def measured_inside(phone: PeerPhone, count: int) -> list[dict[str, object]]:
    """The rows, from a process in the phone's own network: the relay in between would hide what is compared."""
    pid = str(phone._process.pid)  # noqa: SLF001
    theirs = () if os.geteuid() == 0 else ("--user", "--preserve-credentials")
    done = subprocess.run(
        ["nsenter", "--target", pid, *theirs, "--net", sys.executable, __file__, "--inside", "--blocks", str(count)],
        check=True,
        stdout=subprocess.PIPE,
    )
    rows: list[dict[str, object]] = json.loads(done.stdout)
    return rows


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=6)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    try:
        with ExitStack() as stack:
            if args.inside:
                print(json.dumps(measure(args.blocks, stack)))
                return
            rows = measured_inside(stack.enter_context(running("pixel", alive=False)), args.blocks)
    except Unavailable as reason:
        sys.exit(f"no adbd to measure with: {reason}")
    print(
        json.dumps(rows) if args.json else "\n".join(f"{r['figure']}: {r['ratio']:.3g} ({r['detail']})" for r in rows)
    )


if __name__ == "__main__":
    main()

"""What polling 20 nodes of a Jetson's tree at 50 Hz costs: processor time of this process over time, of one core.

The tree is a folder, in memory unless --folder says another: what a driver needs to answer is the board's and in no
figure here. 20 nodes are ten rails with a voltage and a current each. Beside it, in turns: the same files opened as
text for each read, as a plain collector does it, without stamps and checks; and 20 files of this kernel's procfs.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.jetson_trees import Board, found

from edgewatt.collectors.android.files.look import Found
from edgewatt.collectors.android.files.nodes import Node
from edgewatt.collectors.jetson import clocks
from edgewatt.collectors.jetson.polled import BoardFiles
from edgewatt.profiler.batch import Batch
from edgewatt.profiler.channel import Channel
from edgewatt.profiler.clock import HostClock
from edgewatt.profiler.units import Quantity

NODES, RATE_HZ, SHARE = 20, 50.0, 0.02


def tree(folder: Path) -> Found:
    """Twenty nodes at 50 Hz, and nothing else."""
    made = Board(folder)
    for at in range(4):
        rails = [(f"RAIL_{at}_{n}", 5000 + n, 1000 + n) for n in range(3)]
        made.hwmon(f"1-004{at}", rails, at + 2)
    nodes = tuple(replace(node, period_s=1 / RATE_HZ) for node in found(made).nodes if node.stream == "rails")
    return Found(nodes[:NODES])


def polled(found: Found, seconds: float) -> tuple[float, float]:
    """The share of a core, and rows per second."""
    collector, rows = BoardFiles(found), 0
    collector.open(HostClock())
    begin_s, cpu_s = time.perf_counter(), time.process_time()
    while time.perf_counter() - begin_s < seconds:
        item = collector.read(0.2)
        rows += len(item) if isinstance(item, Batch) else 0
    share = (time.process_time() - cpu_s) / (time.perf_counter() - begin_s)
    collector.close()
    return share, rows / seconds


def plainly(found: Found, seconds: float) -> float:
    """The share of a core of opening, reading and closing each file, and nothing else."""
    paths = [Path(node.path) for node in found.nodes]
    begin_s, cpu_s, at = time.perf_counter(), time.process_time(), 0
    while time.perf_counter() - begin_s < seconds:
        for path in paths:
            int(path.read_text())
        at += 1
        time.sleep(max(begin_s + at / RATE_HZ - time.perf_counter(), 0.0))
    return (time.process_time() - cpu_s) / (time.perf_counter() - begin_s)


def of_kernel() -> Found:
    """Twenty nodes that are files of this machine's kernel, with a number in each."""
    nodes = []
    for path in sorted(Path("/proc/sys/kernel").iterdir()):
        try:
            is_number = path.is_file() and path.read_text().strip().isdigit()
        except OSError:
            continue
        if is_number and len(nodes) < NODES:
            channel = Channel(f"n{len(nodes)}", Quantity.COUNT, source=str(path))
            nodes.append(Node(str(path), (channel,), clocks.permille, 1 / RATE_HZ))
    return Found(tuple(nodes))


def main() -> None:
    """Print medians over the repeats, in turns; as JSON the ratio to the limit, for table.py."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--folder", default="/dev/shm" if Path("/dev/shm").is_dir() else None)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    shares: dict[str, list[float]] = {"edgewatt": [], "edgewatt_on_procfs": [], "open_read_close_text": []}
    rates = []
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        made = tree(Path(folder))
        kernel = of_kernel()
        for _ in range(args.repeats):
            share, rate = polled(made, args.seconds)
            shares["edgewatt"].append(share)
            rates.append(rate)
            shares["edgewatt_on_procfs"].append(polled(kernel, args.seconds)[0])
            shares["open_read_close_text"].append(plainly(made, args.seconds))
    medians = {name: statistics.median(values) for name, values in shares.items()}
    spread = ", ".join(f"{name} {medians[name]:.2%} ({min(v):.2%} to {max(v):.2%})" for name, v in shares.items())
    row = {
        "figure": f"{len(made.nodes)} nodes of a Jetson at {RATE_HZ:g} Hz: share of one core / {SHARE:.0%}",
        "ratio": medians["edgewatt"] / SHARE,
        "limit": "at most 1",
        "detail": f"{spread}; {statistics.median(rates):.1f} rows/s",
    }
    print(json.dumps([row]) if args.json else f"{row['figure']}: {row['ratio']:.2f}\n{row['detail']}")


if __name__ == "__main__":
    main()

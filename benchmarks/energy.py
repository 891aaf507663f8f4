"""Energy of 1,000,000 windows over one hour of t, I, V at 5 kHz, read from a stored run.

Compared with what nobody who wants these numbers can do without, on arrays that lie in memory already: numpy's
cumulative sum of the trapezoids and np.interp at both edges, with no word about gaps, coverage, updates or edges. In
turns, in one process; the memory in a process of its own.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from storage import COLUMNS, new_run, signal

from edgewatt.profiler.channel import EnergySource
from edgewatt.profiler.energy.sources import energy_of_source
from edgewatt.profiler.storage.trace import Trace

HOUR_S, WINDOWS = 3600, 1_000_000
TRACE_MB = HOUR_S * 5000 * (8 + 4 + 4) / 1e6
SOURCE = EnergySource("meter/main", (COLUMNS,), "battery_bypass")
SLOWEST = 3.0


def write(run: Path) -> None:
    """One hour in a closed run."""
    rng = np.random.default_rng(0)
    writer = new_run(run)
    for minute in range(HOUR_S // 60):
        writer.batch("meter", signal(60, rng, minute * 60 * 5000))
        writer.flush(sync=False)
    writer.close()


def windows(*, in_order: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Windows of 1 ms to 1 s anywhere in the hour, overlapping: sorted by their start as iterations are, or not."""
    rng = np.random.default_rng(1)
    length_ns = rng.integers(1_000_000, 1_000_000_000, WINDOWS)
    t0_ns = rng.integers(0, (HOUR_S - 2) * 1_000_000_000, WINDOWS)
    if in_order:
        t0_ns.sort()
    return t0_ns, t0_ns + length_ns


def bare(
    t_ns: NDArray[np.int64],
    volt: NDArray[Any],
    ampere: NDArray[Any],
    t0_ns: NDArray[np.int64],
    t1_ns: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Numpy alone."""
    power_w = volt * ampere
    used_j = np.empty(len(t_ns))
    used_j[0] = 0.0
    np.cumsum(0.5e-9 * (power_w[1:] + power_w[:-1]) * np.diff(t_ns), out=used_j[1:])
    return np.asarray(np.interp(t1_ns, t_ns, used_j) - np.interp(t0_ns, t_ns, used_j), np.float64)


def timed(run: Path, turns: int, *, in_order: bool) -> dict[str, object]:
    """How many times as long as numpy on arrays we take from the file."""
    trace = Trace.open(run)
    parts = list(trace.chunks("meter"))
    t_ns = np.concatenate([part.t_ns for part in parts])
    current_a, voltage_v = (np.concatenate([part.columns[name] for part in parts]) for name in COLUMNS)
    del parts
    t0_ns, t1_ns = windows(in_order=in_order)
    ours_s, bare_s = [], []
    for _ in range(turns):
        begin = time.perf_counter()
        ours = energy_of_source(trace, SOURCE, t0_ns, t1_ns)
        between = time.perf_counter()
        theirs = bare(t_ns, voltage_v, current_a, t0_ns, t1_ns)
        end = time.perf_counter()
        ours_s.append(between - begin)
        bare_s.append(end - between)
    if not np.allclose(ours.energy_j, theirs, rtol=1e-5, atol=2e-3) or ours.coverage.min() < 1:
        raise SystemExit("the energies differ from numpy's by more than the interpolation of the edges can explain")
    paired = [our / their for our, their in zip(ours_s, bare_s, strict=True)]
    order = "in order of time" if in_order else "in any order"
    return {
        "figure": f"energy of 1 M windows {order} over 18 M samples / numpy in memory",
        "ratio": statistics.median(paired),
        "limit": f"at most {SLOWEST:g}",
        "detail": f"{statistics.median(ours_s):.2f} s from the file against {statistics.median(bare_s):.2f} s; "
        f"worst turn {max(paired):.2f}",
    }


def memory(run: Path) -> dict[str, object]:
    """What the process grew by, over the size of the trace as arrays."""
    done = subprocess.run(
        [sys.executable, __file__, "--memory-of", str(run)], check=True, stdout=subprocess.PIPE, text=True
    )
    grown_mb, peak_mb = json.loads(done.stdout)
    return {
        "figure": f"memory for the energy of 1 M windows / {TRACE_MB:.0f} MB of trace",
        "ratio": grown_mb / TRACE_MB,
        "limit": "below 1",
        "detail": f"grew by {grown_mb:.0f} MB; {peak_mb:.0f} MB with Python, numpy, pyarrow and the windows",
    }


def print_memory(run: Path) -> None:
    """MB by which one computation makes this process grow, and its peak."""
    t0_ns, t1_ns = windows(in_order=False)
    trace = Trace.open(run)
    before_mb = peak_mb()
    energy_of_source(trace, SOURCE, t0_ns, t1_ns)
    print(json.dumps([peak_mb() - before_mb, peak_mb()]))


def peak_mb() -> float:
    """The most that this process ever held. VmHWM, since ru_maxrss of a child starts at what its parent held."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where to write (default: the system's temporary folder)")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--memory-of", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.memory_of is not None:
        print_memory(args.memory_of)
        return
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        run = Path(folder) / "hour"
        write(run)
        rows = [memory(run), *(timed(run, args.turns, in_order=in_order) for in_order in (True, False))]
    if args.json:
        print(json.dumps(rows))
        return
    for row in rows:
        print(f"{row['figure']}: {row['ratio']:.2f} ({row['limit']}; {row['detail']})")


if __name__ == "__main__":
    main()

"""What `with edgewatt.window("step"):` costs, beside a pair of time.perf_counter_ns() with a list to keep them.

    python benchmarks/window_cost.py [--json]

Each figure is the best of ROUNDS turns of WINDOWS empty windows, in this process, without any device to wait for.
"heard" appends to a file of marks in the temporary folder, as under `edgewatt profile --command`; "nobody listens" is a
script that is run by itself. The requirement is under 20 us a window, synchronisation apart (issue 6).
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import edgewatt
from edgewatt.profiler.windowing import marking

# Short turns, so that on a busy machine some of them have a core to themselves.
WINDOWS = 1000
ROUNDS = 51
LIMIT_US = 20.0


def pair() -> None:
    """Two stamps, kept."""
    kept = []
    for _ in range(WINDOWS):
        t0_ns = time.perf_counter_ns()
        kept.append((t0_ns, time.perf_counter_ns()))


def plain() -> None:
    """A window."""
    window = edgewatt.window
    for _ in range(WINDOWS):
        with window("step"):
            pass


def nested() -> None:
    """A window in a window, with an attribute: counted as two."""
    window = edgewatt.window
    for _ in range(WINDOWS // 2):
        with window("step", epoch=3), window("forward"):
            pass


def cost_us(body: Callable[[], None]) -> float:
    """Wall-clock microseconds per window, the best of the rounds."""
    rounds = []
    for _ in range(ROUNDS):
        began_ns = time.perf_counter_ns()
        body()
        rounds.append((time.perf_counter_ns() - began_ns) / WINDOWS / 1e3)
    return min(rounds)


def measure() -> list[tuple[str, float]]:
    """What was timed, and microseconds per window."""
    os.environ.pop(marking.VARIABLE, None)
    marking.reopen()
    rows = [("a pair of perf_counter_ns", cost_us(pair)), ("a window, nobody listens", cost_us(plain))]
    with tempfile.TemporaryDirectory() as folder:
        marks = Path(folder) / "marks"
        marks.touch()
        os.environ[marking.VARIABLE] = str(marks)
        marking.reopen()
        rows.append(("a window, heard", cost_us(plain)))
        rows.append(("nested windows with an attribute, heard", cost_us(nested)))
        del os.environ[marking.VARIABLE]
        marking.reopen()
    return rows


def main() -> None:
    """Print the costs; as JSON the ratios to the limit, for table.py."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    rows = measure()
    if not parser.parse_args().json:
        print("\n".join(f"{name:40} {us:7.2f} us" for name, us in rows))
        return
    detail = f"{rows[2][1]:.1f} us; a pair of perf_counter_ns {rows[0][1]:.2f} us, best of {ROUNDS} turns"
    print(
        json.dumps(
            [
                {
                    "figure": "`with edgewatt.window` / 20 us",
                    "ratio": max(us for _, us in rows) / LIMIT_US,
                    "limit": "at most 1",
                    "detail": detail,
                }
            ]
        )
    )


if __name__ == "__main__":
    main()

"""How long `edgewatt --help` and `import edgewatt` take, beside `python -c pass` in the same run."""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

EDGEWATT = str(Path(sys.executable).with_name("edgewatt"))
BARE = (sys.executable, "-c", "pass")
CASES = (
    ("`edgewatt --help` / `python -c pass`", (EDGEWATT, "--help"), 5.0),
    ("`import edgewatt` / `python -c pass`", (sys.executable, "-c", "import edgewatt"), 10.0),
)


def wall_s(argv: tuple[str, ...]) -> float:
    """Wall-clock seconds of one whole process."""
    begin = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begin


def measure(runs: int) -> list[dict[str, object]]:
    """One row per case: the median over `runs` of the ratio, each pair of processes taken in turn."""
    rows: list[dict[str, object]] = []
    for figure, argv, limit in CASES:
        wall_s(argv)
        ratios = [wall_s(argv) / wall_s(BARE) for _ in range(runs)]
        rows.append({"figure": figure, "ratio": statistics.median(ratios), "limit": f"at most {limit:g}"})
    return rows


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=21)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rows = measure(args.runs)
    print(json.dumps(rows) if args.json else "\n".join(f"{r['figure']}: {r['ratio']:.2f} ({r['limit']})" for r in rows))


if __name__ == "__main__":
    main()

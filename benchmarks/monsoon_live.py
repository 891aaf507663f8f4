"""What recording a Monsoon live at 5 kHz takes: samples lost, share of one core, memory.

The lab's meters, each a process of its own, are recorded by `edgewatt record` beside a program that computes without
pause on the last core. The share and the memory are those of the command and of its capture together, while they
record. `--seconds 3600` is an hour; without `--json` every figure is printed, as docs/validation keeps it.
"""

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.live_monsoon import CURRENT_A, Count, Used, computing, count, lab, record, uri_of

MODELS = ("lvpm", "hvpm")
SHARE = 0.10
LOOKS = 60


def recorded(model: str, seconds: float, run: Path) -> tuple[Used, Count]:
    """What it took, and what was stored."""
    with lab("--model", model, "--current", str(CURRENT_A)) as said, computing():
        used = record(uri_of(said), run, seconds, max(seconds / LOOKS, 1.0))
        return used, count(run, Path(said["log"]))


def rows_of(model: str, seconds: float, used: Used, found: Count) -> list[dict[str, object]]:
    """One row per figure."""
    what = f"{model.upper()} at 5 kHz for {seconds:g} s beside a computing program"
    memory_mb = [memory_b / 1e6 for memory_b in used.memory_b]
    return [
        {
            "figure": f"{what}: share of one core / {SHARE:.0%}",
            "ratio": used.share / SHARE,
            "limit": "at most 1",
            "detail": f"command and capture together {used.share:.1%}",
        },
        {
            "figure": f"{what}: rows stored / slots that passed",
            "ratio": found.rows / found.by_meter,
            "limit": "1",
            "detail": f"{found.rows} rows, {found.lost} lost, {found.gaps} gaps",
        },
        {
            "figure": f"{what}: memory at the end / in the middle",
            "ratio": memory_mb[-1] / memory_mb[len(memory_mb) // 2],
            "limit": "1",
            "detail": f"at the start {memory_mb[0]:.0f} MB, at the end {memory_mb[-1]:.0f} MB",
        },
    ]


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--model", choices=MODELS, action="append")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    rows = []
    for model in args.model or MODELS:
        with tempfile.TemporaryDirectory() as folder:
            used, found = recorded(model, args.seconds, Path(folder) / "run")
        rows += rows_of(model, args.seconds, used, found)
        if not args.json:
            print(json.dumps({"model": model, "seconds": args.seconds, **asdict(used), **asdict(found)}))
    if args.json:
        print(json.dumps(rows))
        return
    for one in rows:
        print(f"{one['figure']}: {one['ratio']:.4g} ({one['detail']})")


if __name__ == "__main__":
    main()

"""The energy estimator's errors as Markdown: `python -m tests.estimator_figures [--seeds N] [-o FILE]`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.estimator_figures.figures import page
from tests.estimator_figures.trials import outcomes

# From here on a page was written by hand, and stays.
LIVE: Final = "\n## Live"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the page, or write it."""
    parser = argparse.ArgumentParser(prog="python -m tests.estimator_figures", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, metavar="N", help="how many phones (default: 100)")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="the first seed (default: 0)")
    parser.add_argument("--processes", type=int, default=1, metavar="N", help="that work at the same time (default: 1)")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the page there")
    asked = parser.parse_args(arguments)
    if asked.seeds < 1 or asked.processes < 1 or asked.first < 0:
        parser.error("at least one seed and one process are needed, and seeds are whole numbers from 0 on")
    found = []
    for one in outcomes(range(asked.first, asked.first + asked.seeds), processes=asked.processes):
        found.append(one)
        print(f"\r{len(found)} of {asked.seeds}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    text = page(found, asked.first)
    if asked.output is None:
        print(text, end="")
    else:
        asked.output.parent.mkdir(parents=True, exist_ok=True)
        before = asked.output.read_text() if asked.output.exists() else ""
        _, live, by_hand = before.partition(LIVE)
        asked.output.write_text(f"{text}{live}{by_hand}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

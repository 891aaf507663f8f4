"""Energy from virtual meters as Markdown: `python -m tests.virtual_meter [--seeds N] [-o FILE] [METER...]`."""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.virtual_meter.cases import CASES
from tests.virtual_meter.figures import Result, page
from tests.virtual_meter.trials import working


def results(names: Sequence[str], seeds: int, processes: int) -> Iterator[Result]:
    """Of every meter that is named, or of all of them."""
    with working(processes) as outcomes:
        for name in names or CASES:
            began_s = time.monotonic()
            found = list(outcomes(CASES[name], CASES[name].seeds(seeds)))
            yield Result(CASES[name], found, time.monotonic() - began_s)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the page, or write it."""
    parser = argparse.ArgumentParser(prog="python -m tests.virtual_meter", description=__doc__)
    parser.add_argument("meter", nargs="*", help=f"one or more of {', '.join(CASES)} (default: all)")
    parser.add_argument("--seeds", type=int, default=400, metavar="N", help="per meter (default: 400)")
    parser.add_argument("--processes", type=int, default=2, metavar="N", help="that work at the same time (default: 2)")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the page there")
    asked = parser.parse_args(arguments)
    if unknown := sorted(set(asked.meter) - set(CASES)):
        parser.error(f"no meter {unknown[0]!r}; there are {', '.join(CASES)}")
    if asked.seeds < 1 or asked.processes < 1:
        parser.error("at least one seed and one process are needed")
    parts = []
    for part in page(results(asked.meter, asked.seeds, asked.processes), asked.seeds):
        print(part, end="", flush=True)
        parts.append(part)
    if asked.output is not None:
        asked.output.parent.mkdir(parents=True, exist_ok=True)
        asked.output.write_text("".join(parts))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Coverage of calibrations as Markdown: `python -m tests.virtual_suite [--seeds N] [--processes N] [-o FILE]`."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from tests.virtual_suite.cases import RAILS, SHORT
from tests.virtual_suite.figures import page
from tests.virtual_suite.trials import outcomes

_WRITTEN_EVERY: Final = 10


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the page, or write it."""
    parser = argparse.ArgumentParser(prog="python -m tests.virtual_suite", description=__doc__)
    parser.add_argument("--seeds", type=int, default=300, metavar="N", help="how many phones (default: 300)")
    parser.add_argument("--first", type=int, default=0, metavar="N", help="the first seed (default: 0)")
    parser.add_argument("--processes", type=int, default=2, metavar="N", help="that work at the same time (default: 2)")
    parser.add_argument("--rails", action="store_true", help="by the phone's own sensors, without a meter")
    parser.add_argument("--seen", action="store_true", help="judge by what the meter sees, its gain being what it is")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the page there")
    asked = parser.parse_args(arguments)
    if asked.seeds < 1 or asked.processes < 1 or asked.first < 0:
        parser.error("at least one seed and one process are needed, and seeds are whole numbers from 0 on")
    case = RAILS if asked.rails else SHORT
    found = []
    for one in outcomes(
        range(asked.first, asked.first + asked.seeds), case, seen=asked.seen, processes=asked.processes
    ):
        found.append(one)
        print(f"\r{len(found)} of {asked.seeds}", end="", file=sys.stderr, flush=True)
        # What an hour found is not lost with the next one.
        if asked.output is not None and len(found) % _WRITTEN_EVERY == 0:
            _write(asked.output, page(found, case, asked.first, seen=asked.seen))
    print(file=sys.stderr)
    text = page(found, case, asked.first, seen=asked.seen)
    if asked.output is None:
        print("".join(text), end="")
    else:
        _write(asked.output, text)
    return 0


def _write(path: Path, text: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(text))


if __name__ == "__main__":
    sys.exit(main())

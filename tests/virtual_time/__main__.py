"""Coverage in virtual time as Markdown: `python -m tests.virtual_time [--seeds N] [-o FILE] [PERSONALITY...]`."""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from tests.virtual_time.cases import CASES, Case
from tests.virtual_time.figures import Result, page
from tests.virtual_time.scores import scores
from tests.virtual_time.trials import outcomes


def result(case: Case, seeds: int, processes: int) -> Result:
    """Measure every seed of a case from 0 on."""
    began_s = time.monotonic()
    found = list(outcomes(case, case.seeds(seeds), processes=processes))
    said = dict.fromkeys(reason for one in found for row in one.rows for reason in row["quality_reasons"])
    return Result(
        case,
        scores(trial for one in found for trial in one.trials),
        seeds,
        sum(one.cpu_s for one in found),
        time.monotonic() - began_s,
        "; ".join(said) if not case.sources else "",
    )


def results(names: Sequence[str], seeds: int, processes: int, seconds: float | None = None) -> Iterator[Result]:
    """Of every phone that is named, or of all of them; measured for `seconds` in place of what its case says."""
    for name in names or CASES:
        case = CASES[name]
        if seconds is not None:
            case = replace(case, plan=replace(case.plan, seconds=seconds, idle_s=2 * seconds))
        yield result(case, seeds, processes)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the page, or write it."""
    parser = argparse.ArgumentParser(prog="python -m tests.virtual_time", description=__doc__)
    parser.add_argument("personality", nargs="*", help=f"one or more of {', '.join(CASES)} (default: all)")
    parser.add_argument("--seeds", type=int, default=1000, metavar="N", help="per personality (default: 1000)")
    parser.add_argument(
        "--seconds", type=float, metavar="S", help="per repeat, idles of twice as much (default: by case)"
    )
    parser.add_argument("--processes", type=int, default=2, metavar="N", help="that work at the same time (default: 2)")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the page there")
    asked = parser.parse_args(arguments)
    if unknown := sorted(set(asked.personality) - set(CASES)):
        parser.error(f"no personality {unknown[0]!r}; the lab has {', '.join(CASES)}")
    if asked.seeds < 1 or asked.processes < 1:
        parser.error("at least one seed and one process are needed")
    parts = []
    for part in page(results(asked.personality, asked.seeds, asked.processes, asked.seconds), asked.seeds):
        print(part, end="", flush=True)
        parts.append(part)
    if asked.output is not None:
        asked.output.parent.mkdir(parents=True, exist_ok=True)
        asked.output.write_text("".join(parts))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The verb `compare` of the command line."""

import argparse
import json
from typing import Final

from edgewatt.profiler.comparing.compare import compare_paths
from edgewatt.reports.comparison import comparison_text

EPILOG: Final = """\
examples:
  edgewatt compare runs/old runs/new
  edgewatt compare old.csv new.csv                    any table with a column repeat and latency_s, energy_j
                                                      or memory_peak_b; optionally iteration and session
  edgewatt compare runs/v1 runs/v2 --match target_asked,threads --allow os_build

A ratio is new/old with its 95 % interval. Exit code 3: conditions differ, or there is nothing to compare;
4: a side has a single repeat, so that a ratio has no interval.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `compare`."""
    parser.add_argument("old", metavar="OLD", help="a run, or a table (CSV, Parquet, JSON)")
    parser.add_argument("new", metavar="NEW", help="the same, measured later")
    parser.add_argument("--match", metavar="KEYS", type=_names, help="columns that pair rows (default: config_id)")
    parser.add_argument("--allow", metavar="KEYS", type=_names, default=[], help="conditions that may differ")


def run(args: argparse.Namespace) -> int:
    """Compare, and print the ratios."""
    comparison = compare_paths(args.old, args.new, match=args.match, allow=args.allow)
    print(json.dumps(comparison.to_json(), allow_nan=False) if args.json else comparison_text(comparison))
    return comparison.exit_code


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]

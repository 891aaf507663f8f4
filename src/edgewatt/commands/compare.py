"""The verb `compare` of the command line."""

import argparse
import json
from typing import Final

from edgewatt.commands import compare_published
from edgewatt.commands.arguments import names
from edgewatt.profiler.comparing.compare import compare_paths
from edgewatt.profiler.errors import UsageError
from edgewatt.reports.comparison import comparison_text
from edgewatt.reports.fold import terminal_width

EPILOG: Final = """\
examples:
  edgewatt compare runs/old runs/new
  edgewatt compare old.csv new.csv                    any table with a column repeat and latency_s, energy_j
                                                      or memory_peak_b; optionally iteration and session
  edgewatt compare runs/v1 runs/v2 --match target_asked,threads --allow os_build
  edgewatt compare runs/new --published paper.csv     figures of a paper (docs/exports.md, "Published figures"):
                                                      model,device,precision,latency_ms,energy_mj,source
  edgewatt compare runs/new --published s15 --match batch    one of `edgewatt calibrate --published list`

A ratio is new/old with its 95 % interval. Exit code 3: conditions differ, or there is nothing to compare;
4: a side has a single repeat, so that a ratio has no interval. With --published there is no verdict: 0, or 3 where
nothing of the table is in the run.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `compare`."""
    parser.add_argument("old", metavar="OLD", help="a run, or a table (CSV, Parquet, JSON)")
    parser.add_argument("new", metavar="NEW", nargs="?", help="the same, measured later")
    parser.add_argument("--published", metavar="TABLE", help="instead of NEW: published figures, each with its unit")
    parser.add_argument("--match", metavar="KEYS", type=names, help="columns that pair rows (default: config_id)")
    parser.add_argument("--allow", metavar="KEYS", type=names, default=[], help="conditions that may differ")


def run(args: argparse.Namespace) -> int:
    """Compare, and print the ratios."""
    if (args.published is None) == (args.new is None):
        raise UsageError("compare what with what? OLD NEW, two runs or tables; or RUN --published TABLE, and not both")
    if args.published is not None:
        if args.allow:
            raise UsageError("--allow is for OLD NEW: with --published nothing is refused, and what differs is listed")
        return compare_published.run(args)
    comparison = compare_paths(args.old, args.new, match=args.match, allow=args.allow)
    print(
        json.dumps(comparison.to_json(), allow_nan=False)
        if args.json
        else comparison_text(comparison, terminal_width())
    )
    return comparison.exit_code

"""The verb `export` of the command line."""

import argparse
import json
from typing import Final

from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.trace import Trace
from edgewatt.reports.export import FORMATS, STANDARD_OUTPUT, export
from edgewatt.reports.source import TABLES

EPILOG: Final = """\
examples:
  edgewatt export runs/a runs/b --to csv -o table.csv
  edgewatt export runs/a --to markdown -o -              to the terminal
  edgewatt export runs/a --to parquet --table repeats -o repeats.parquet
  edgewatt export runs/a --to markdown --table budget -o -    what each interval is made of, term by term
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `export`."""
    parser.add_argument("runs", metavar="RUN", nargs="+", help="folders of runs; their rows stand one after the other")
    parser.add_argument("--to", metavar="FORMAT", choices=FORMATS, required=True, help=f"one of {', '.join(FORMATS)}")
    parser.add_argument(
        "-o", "--output", metavar="FILE", required=True, help="the file to write, or - for the terminal"
    )
    parser.add_argument("--table", choices=tuple(TABLES), default="results", help="default: %(default)s")


def run(args: argparse.Namespace) -> int:
    """Write the table."""
    if args.json and args.output == STANDARD_OUTPUT:
        raise UsageError("--json prints an object where -o - prints the table; choose one (--to json is the format)")
    export([Trace.open(run) for run in args.runs], args.to, args.output, table=args.table)
    if args.json:
        print(json.dumps({"written": args.output, "format": args.to, "table": args.table, "runs": args.runs}))
    return 0

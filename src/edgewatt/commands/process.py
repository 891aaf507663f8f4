"""The verb `process` of the command line."""

import argparse
from typing import Final

from edgewatt.commands.answers import print_answer
from edgewatt.profiler.analysis.process import process

EPILOG: Final = """\
examples:
  edgewatt process runs/a        make its tables again; the old ones stay beside them
  edgewatt process runs/killed   open a run that a crash or kill -9 left unclosed
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `process`."""
    parser.add_argument("run", metavar="RUN", help="the folder of a run")


def run(args: argparse.Namespace) -> int:
    """Analyse, and print the answer."""
    print_answer(process(args.run), as_json=args.json)
    return 0

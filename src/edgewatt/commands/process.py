"""The verb `process` of the command line."""

import argparse
from typing import Final

from edgewatt.commands.answers import print_answer
from edgewatt.profiler.analysis.process import process
from edgewatt.profiler.storage.integrity import ACCEPT

EPILOG: Final = """\
examples:
  edgewatt process runs/a        make its tables again; the old ones stay beside them
  edgewatt process runs/killed   open a run that a crash or kill -9 left unclosed
  edgewatt process runs/mended --accept-edits
                                 take files that were changed by hand as they are; every row is then marked "edited"
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `process`."""
    parser.add_argument("run", metavar="RUN", help="the folder of a run")
    parser.add_argument(ACCEPT, action="store_true", help="analyse what was changed by hand, and mark it so")


def run(args: argparse.Namespace) -> int:
    """Analyse, and print the answer."""
    print_answer(process(args.run, accept_edits=args.accept_edits), as_json=args.json)
    return 0

"""`calibrate show`: what a calibration is of, what it holds by basis, its fits, and what is missing."""

import argparse
import json
from typing import Final

from edgewatt.commands.calibration_text import as_json, as_text
from edgewatt.profiler.calibration.calibration import read_calibration

EPILOG: Final = """\
examples:
  edgewatt calibrate show s10e.zip             rows by basis, fits with residual and range, what is missing
  edgewatt calibrate show s10e.zip --json      the same for a program
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `calibrate show`."""
    parser.add_argument("file", metavar="FILE", help="a calibration: its folder, or its zip")


def run(args: argparse.Namespace) -> int:
    """Read, and say it."""
    calibration = read_calibration(args.file)
    print(json.dumps(as_json(calibration)) if args.json else "\n".join(as_text(calibration)))
    return 0

"""The verb `calibrate` of the command line: what a sensor of a device is like, alone or against a meter."""

import argparse
from typing import Final

from edgewatt.commands import calibrate_sensor

EPILOG: Final = calibrate_sensor.EPILOG


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `calibrate`."""
    parser.add_argument("what", metavar="sensor", choices=("sensor",), help="calibrate a sensor of a device")
    calibrate_sensor.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Calibrate what was asked for."""
    return calibrate_sensor.run(args)

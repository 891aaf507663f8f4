"""`simulate autofl`: who trains a federated model, and on which processor, on a fleet of calibrated devices."""

import argparse
from typing import Final

from edgewatt.commands import simulate_federated as federated
from edgewatt.models.federated.study.methods import AUTOFL_METHODS

SYSTEM: Final = "autofl"
EPILOG: Final = """\
examples:
  edgewatt simulate autofl                                    the paper's 200 devices, as published; under 10 minutes
  edgewatt simulate autofl --calibration fleet.zip --zone KR  your own devices; with the carbon of one trained model
  edgewatt simulate autofl --scenario interference --seeds 3 --rounds 40
  edgewatt simulate autofl --scenario test --seeds 10 --methods fedavg-random,autofl,ours --resume done
  edgewatt simulate autofl --scenario full --rounds 300 --resume done -o out

scenarios: reduced (the default: S3 without variance, with interference, with an unstable network, 75 % non-IID),
full (S1 to S4 in all), tuning, test, or one by its name. Needs the extra `federated`. What is assumed, and why the
numbers are not the paper's: docs/autofl.md
"""
_SYSTEM: Final = federated.System(
    SYSTEM, AUTOFL_METHODS, ("fedavg-random", "performance", "o-fl", "autofl", "autofl-shared", "ours"), rounds=80
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `simulate autofl`."""
    federated.add_arguments(parser, _SYSTEM)


def run(args: argparse.Namespace) -> int:
    """Simulate, print, and write what was asked for."""
    return federated.run(args, _SYSTEM)

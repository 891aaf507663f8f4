"""`simulate fedgpo`: batch, local epochs and participants of each round, on a fleet of calibrated devices."""

import argparse
from typing import Final

from edgewatt.commands import simulate_federated as federated
from edgewatt.models.federated.study.methods import FEDGPO_METHODS

SYSTEM: Final = "fedgpo"
EPILOG: Final = """\
examples:
  edgewatt simulate fedgpo                                    AutoFL's 200 devices, as published; under 10 minutes
  edgewatt simulate fedgpo --calibration fleet.zip --zone KR  your own devices; with the carbon of one trained model
  edgewatt simulate fedgpo --scenario ideal --seeds 3 --rounds 40 --methods ga,abs
  edgewatt simulate fedgpo --scenario full --rounds 300 --resume done -o out

scenarios: as of `simulate autofl`. Needs the extra `federated`. What is assumed, and why the numbers are not the
paper's: docs/fedgpo.md
"""
_SYSTEM: Final = federated.System(
    SYSTEM, FEDGPO_METHODS, ("fedavg-random", "fixed-best", "fedgpo", "ours"), 40, federated.few_settings
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `simulate fedgpo`."""
    federated.add_arguments(parser, _SYSTEM)


def run(args: argparse.Namespace) -> int:
    """Simulate, print, and write what was asked for."""
    return federated.run(args, _SYSTEM)

"""The verb `simulate` of the command line: a system of a paper on a calibration; the word after it says which."""

import argparse
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Final

# The system, the module that runs it, and in a few words what it is.
SYSTEMS: Final[Mapping[str, tuple[str, str]]] = {
    "autoscale": ("simulate_autoscale", "where to execute a network, learnt on the phone (Kim & Wu, MICRO 2020)"),
    "greenscale": ("simulate_greenscale", "when and where to work for least carbon (arXiv 2304.00404)"),
    "autofl": ("simulate_autofl", "who trains a federated model, on what (Kim & Wu, MICRO 2021)"),
    "fedgpo": ("simulate_fedgpo", "batch, epochs and participants of each round (Kim & Wu, IISWC 2022)"),
    "heteroswitch": ("simulate_heteroswitch", "federated learning over cameras that differ (MLSys 2024)"),
    "safe": ("simulate_safe", "fine-tuning whose adapters freeze on the way (NAACL 2025)"),
}

EPILOG: Final = f"""\
examples:
  edgewatt simulate autoscale                                 on the paper's testbed as published
  edgewatt simulate autoscale --calibration s10e.zip          on your own phone
  edgewatt simulate autoscale --help                          what the system takes

systems:
  autoscale     {SYSTEMS["autoscale"][1]}
  greenscale    {SYSTEMS["greenscale"][1]}
  autofl        {SYSTEMS["autofl"][1]}
  fedgpo        {SYSTEMS["fedgpo"][1]}
  heteroswitch  {SYSTEMS["heteroswitch"][1]}
  safe          {SYSTEMS["safe"][1]}
Nothing that a simulation prints is measured; each number says what it rests on.
"""


def part_of(words: Sequence[str]) -> "Part":
    """The system that the words after `simulate` ask for."""
    return Part(next((word for word in words if word in SYSTEMS), ""))


class Part:
    """One system as a verb: its arguments and its examples."""

    def __init__(self, chosen: str) -> None:
        self.chosen = chosen
        self.EPILOG = getattr(_module(chosen), "EPILOG", None) if chosen else EPILOG

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """The system, and what it takes."""
        parser.add_argument("system", metavar="SYSTEM", choices=tuple(SYSTEMS), help=", ".join(SYSTEMS))
        if self.chosen:
            _module(self.chosen).add_arguments(parser)

    def run(self, args: argparse.Namespace) -> int:
        """Run the system."""
        return run(args)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of every system, for a shell's completion."""
    parser.add_argument("system", metavar="SYSTEM", choices=tuple(SYSTEMS), help=", ".join(SYSTEMS))
    for name in SYSTEMS:
        _module(name).add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Run the system that was asked for; the exit code."""
    code: int = _module(args.system).run(args)
    return code


def _module(system: str) -> ModuleType:
    return import_module(f"edgewatt.commands.{SYSTEMS[system][0]}")

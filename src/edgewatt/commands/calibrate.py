"""The verb `calibrate` of the command line: a word after it, or an option, says which kind of calibration it is."""

import argparse
from collections.abc import Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Final

from edgewatt.commands import calibrate_fit

# What may stand first after the verb, or anywhere as an option; the module that does it, and in a few words what.
WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "sensor": ("calibrate_sensor", "unit, sign, period, lag of a sensor; its gain and zero against a meter"),
    "isp": ("calibrate_isp", "white balance and gamma of cameras, from photographs of the same scenes"),
    "show": ("calibrate_show", "what a calibration holds, how well it fits, and what is missing"),
}
OPTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "--collect": ("calibrate_collect", "execute the suite on a device: the runs that a calibration is fitted to"),
    "--serve": ("calibrate_serve", "what radio and offload loads of another machine talk to, until it is stopped"),
    "--published": ("calibrate_published", "write what a paper publishes of its testbed: a name, or `list`"),
}

EPILOG: Final = f"""\
kinds of calibration, each with a --help of its own:
  edgewatt calibrate sensor ...        {WORDS["sensor"][1]}
  edgewatt calibrate isp ...           {WORDS["isp"][1]}
  edgewatt calibrate show FILE         {WORDS["show"][1]}
  edgewatt calibrate --collect ...     {OPTIONS["--collect"][1]}
  edgewatt calibrate --serve ADDRESS   {OPTIONS["--serve"][1]}
  edgewatt calibrate --published ...   {OPTIONS["--published"][1]}
  edgewatt calibrate RUN... -o FILE    fit runs: as follows

{calibrate_fit.EPILOG}"""


def part_of(words: Sequence[str]) -> "Part":
    """The kind of calibration that the words after `calibrate` ask for."""
    given = list(words[: words.index("--")] if "--" in words else words)
    if given and given[0] in WORDS:
        return Part(given[0])
    return Part(next((word.partition("=")[0] for word in given if word.partition("=")[0] in OPTIONS), ""))


class Part:
    """One kind of calibration as a verb: its arguments and its examples."""

    def __init__(self, chosen: str) -> None:
        self.chosen = chosen
        self.EPILOG = getattr(_module(chosen), "EPILOG", None) if chosen else EPILOG

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """The arguments of this kind; the word or option that chose it among them."""
        chosen = self.chosen
        parser.set_defaults(chosen=chosen)
        if chosen in WORDS:
            parser.add_argument("what", metavar=chosen, choices=(chosen,), help=WORDS[chosen][1])
        elif chosen == "--collect":
            parser.add_argument(chosen, action="store_true", required=True, help=OPTIONS[chosen][1])
        _module(chosen).add_arguments(parser)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of every kind, for shells that complete them."""
    kinds = parser.add_subparsers(title="kinds", dest="what", metavar="KIND")
    for word, (_, what) in WORDS.items():
        _module(word).add_arguments(kinds.add_parser(word, help=what))
    calibrate_fit.add_options(parser)
    _module("--collect").add_arguments(parser)
    for option, (_, what) in OPTIONS.items():
        parser.add_argument(option, help=what, nargs="?")


def run(args: argparse.Namespace) -> int:
    """Calibrate what was asked for."""
    code: int = _module(args.chosen).run(args)
    return code


def _module(chosen: str) -> ModuleType:
    name = {**WORDS, **OPTIONS, "": ("calibrate_fit", "")}[chosen][0]
    return import_module(f"edgewatt.commands.{name}")

"""`edgewatt lab monsoon`: a virtual power meter for any client."""

import argparse
import json
import math
from typing import Final

from edgewatt.commands import serving
from edgewatt.profiler.errors import UsageError
from edgewatt.virtual_lab.monsoon.faults import fault_names
from edgewatt.virtual_lab.monsoon.feeds import Constant, Feed
from edgewatt.virtual_lab.monsoon.serve import lvpm_on_pty, usb_on_socket
from edgewatt.virtual_lab.monsoon.setup import How

MODELS: Final = ("lvpm", "lvpm-usb", "hvpm")

EPILOG: Final = f"""\
meters:
  lvpm        on a serial line: a pseudo-terminal, as /dev/ttyACM0
  lvpm-usb    with newer firmware, and
  hvpm        on a socket that stands for a USB port, for edgewatt's own USB backend

faults of a meter (NAME=VALUE; times are seconds from its first start on):
  {", ".join(fault_names())}

  edgewatt lab monsoon --current 0.75                   something that draws 0.75 A
  edgewatt lab monsoon --phone TRUTH                    a virtual phone hangs on it: "truth" in what `lab phone` said
  edgewatt lab monsoon --fault drop=0.01 --fault stall=5:2
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `lab monsoon` that `lab phone` does not have."""
    group = parser.add_argument_group("monsoon, bench")
    group.add_argument("--model", choices=MODELS, default=MODELS[0], help="which meter (default: %(default)s)")
    group.add_argument("--current", type=_number, metavar="A", help="what hangs on it draws so much (default: 0.1)")
    group.add_argument("--phone", metavar="TRUTH", help="what hangs on it is the virtual phone with this log")
    group.add_argument("--voltage", type=_number, default=4.0, metavar="V", help="its output; 0 is off (default: 4.0)")
    group.add_argument("--fault", action="append", default=[], metavar="NAME=VALUE", help="what goes wrong, see below")
    group.add_argument("--exact", action="store_true", help="draw no error of gain and offset")


def run(args: argparse.Namespace) -> int:
    """Serve until stopped: exit code 130, or 0 by SIGTERM and where standard input ended."""
    with serving.until_stopped():
        feed = _feed(args)
        how = how_of(args)
        lab = (
            lvpm_on_pty(feed, **how)
            if args.model == "lvpm"
            else usb_on_socket(feed, model=args.model.removesuffix("-usb"), **how)
        )
        with lab as meter:
            print(json.dumps(meter.to_json()), flush=True)
            serving.wait(attached=args.attached)
    return 0


def refuse_another_load(args: argparse.Namespace) -> None:
    """Raise UsageError for what a bench has already: its phone, on a serial LVPM."""
    if args.current is not None or args.phone is not None or args.model != MODELS[0]:
        raise UsageError("lab bench: its own phone hangs on a serial LVPM; leave out --current, --phone and --model")


def how_of(args: argparse.Namespace) -> How:
    """What was said of the meter itself."""
    return {"seed": args.seed, "faults": args.fault, "exact": args.exact, "voltage_v": args.voltage}


def _feed(args: argparse.Namespace) -> Feed:
    if args.phone is None:
        return Constant(0.1 if args.current is None else args.current)
    if args.current is not None:
        raise UsageError("--current and --phone exclude each other: one thing hangs on a meter")
    from edgewatt.virtual_lab.monsoon.phone import OfPhone  # noqa: PLC0415  (a meter without a phone needs none of it)

    try:
        return OfPhone(args.phone)
    except OSError as error:
        raise UsageError(f"--phone {args.phone!r}: {error.strerror}") from None


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number from 0 on")
    return value

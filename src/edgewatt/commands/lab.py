"""The verb `lab` of the command line."""

import argparse
import json
from pathlib import Path
from typing import Final

from edgewatt.commands import lab_jetson, lab_monsoon, lab_nvml, serving
from edgewatt.profiler.errors import UsageError
from edgewatt.virtual_lab.adb.keys import Approve
from edgewatt.virtual_lab.monsoon.phone import OfPhone
from edgewatt.virtual_lab.monsoon.serve import lvpm_on_pty
from edgewatt.virtual_lab.phone.lab import phone_lab
from edgewatt.virtual_lab.phone.personalities import DEFAULT, PERSONALITIES
from edgewatt.virtual_lab.phone.personality import quirks
from edgewatt.virtual_lab.phone.shell import respect_modes

DEVICES: Final = ("phone", "monsoon", "bench", "nvml", "jetson")

EPILOG: Final = f"""\
personalities:
{chr(10).join(f"  {name:<12}{phone.title}" for name, phone in PERSONALITIES.items())}

quirks (NAME=VALUE):
  {", ".join(quirks())}

examples:
  edgewatt lab phone                                    one JSON line says where; Ctrl-C ends it
  adb connect 127.0.0.1:PORT; adb -s 127.0.0.1:PORT shell getprop ro.product.model
  edgewatt lab phone --personality samsung --seed 3
  edgewatt lab phone --quirk delegate_gpu=fails --quirk torn=0.05 --quirk 'denied=sys/class/kgsl/*'
  edgewatt lab phone --approve never                    an unknown key waits for a tap that never comes
  edgewatt lab bench                                    a phone that hangs on a serial LVPM instead of a battery

Every number of a virtual device is simulated. It listens on 127.0.0.1 only. Its shell is this machine's and sees this
machine's files: the phone's own are where the JSON line says, for a client in Python as
adb+tcp://ADB?sysfs=SYSFS&proc=PROC&tmp=TMP, or all of it at once as virtual:phone or virtual:bench.

{lab_monsoon.EPILOG}
{lab_nvml.EPILOG}
{lab_jetson.EPILOG}"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `lab`."""
    parser.add_argument("what", metavar="DEVICE", choices=DEVICES, help=f"what to simulate: {', '.join(DEVICES)}")
    parser.add_argument(
        "--personality", default=DEFAULT, metavar="NAME", help="which phone, see below (default: %(default)s)"
    )
    parser.add_argument(
        "--approve", default="auto", metavar="auto|never|FILE", help="keys that may connect (default: any, as by a tap)"
    )
    parser.add_argument("--port", type=_port, default=0, help="on 127.0.0.1 (default: any that is free)")
    parser.add_argument("--seed", type=_seed, default=0, help="of all that is drawn at random (default: 0)")
    parser.add_argument(
        "--quirk", action="append", default=[], metavar="NAME=VALUE", help="something else about it, see below"
    )
    lab_monsoon.add_arguments(parser)
    lab_nvml.add_arguments(parser)
    lab_jetson.add_arguments(parser)
    parser.add_argument("--attached", action="store_true", help="end when standard input ends")


def run(args: argparse.Namespace) -> int:
    """Serve until stopped: exit code 130, or 0 by SIGTERM and where standard input ended."""
    if args.what == "monsoon":
        return lab_monsoon.run(args)
    if args.what == "nvml":
        return lab_nvml.run(args)
    if args.what == "jetson":
        return lab_jetson.run(args)
    if args.what == "bench":
        lab_monsoon.refuse_another_load(args)
    respect_modes()
    with serving.until_stopped():
        approve = _approve(args.approve)
        with phone_lab(args.personality, args.quirk, seed=args.seed, approve=approve, port=args.port) as phone:
            if args.what == "phone":
                print(json.dumps(phone.to_json()), flush=True)
                serving.wait(attached=args.attached)
                return 0
            how = lab_monsoon.how_of(args)
            with lvpm_on_pty(OfPhone(str(phone.truth)), **how) as meter:
                print(json.dumps({**phone.to_json(), "monsoon": meter.path, "meter": meter.to_json()}), flush=True)
                serving.wait(attached=args.attached)
    return 0


def _approve(text: str) -> Approve:
    if text == "auto":
        return "auto"
    if text == "never":
        return "never"
    path = Path(text)
    if not path.is_file():
        raise UsageError(f"--approve {text!r}: expected auto, never, or a file of adb public keys, one a line")
    return path


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6 and int(text) < 1 << 16):
        raise argparse.ArgumentTypeError(f"{text!r} is no port: expected 0 to 65535")
    return int(text)


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise argparse.ArgumentTypeError(f"{text!r} is no seed: expected a whole number from 0 on")
    return int(text)

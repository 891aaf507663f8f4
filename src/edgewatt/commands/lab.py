"""The verb `lab` of the command line."""

import argparse
import json
import os
import select
import signal
import sys
from pathlib import Path
from typing import Final

from edgewatt.profiler.errors import UsageError
from edgewatt.virtual_lab.adb.keys import Approve
from edgewatt.virtual_lab.phone.lab import phone_lab
from edgewatt.virtual_lab.phone.personalities import DEFAULT, PERSONALITIES
from edgewatt.virtual_lab.phone.personality import quirks
from edgewatt.virtual_lab.phone.shell import respect_modes

DEVICES: Final = ("phone",)
_LOOK_S: Final = 0.5

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

Every number of a virtual device is simulated. It listens on 127.0.0.1 only. Its shell is this machine's and sees this
machine's files: the phone's own are where the JSON line says, for a client in Python as
adb+tcp://ADB?sysfs=SYSFS&proc=PROC&tmp=TMP, or all of it at once as virtual:phone.
"""


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
    parser.add_argument("--attached", action="store_true", help="end when standard input ends")


def run(args: argparse.Namespace) -> int:
    """Serve until stopped: exit code 130, or 0 by SIGTERM and where standard input ended."""
    respect_modes()
    ended = signal.signal(signal.SIGTERM, _end)
    try:
        approve = _approve(args.approve)
        with phone_lab(args.personality, args.quirk, seed=args.seed, approve=approve, port=args.port) as lab:
            print(json.dumps(lab.to_json()), flush=True)
            while not _input_ended(attached=args.attached):
                continue
    except _EndedError:
        return 0
    finally:
        signal.signal(signal.SIGTERM, ended)
    return 0


def _input_ended(*, attached: bool) -> bool:
    """Wait a while. Without an end: a signal that comes just before a wait would be noticed only after it."""
    ready, _, _ = select.select([sys.stdin] if attached else [], [], [], _LOOK_S)
    return bool(ready) and not os.read(sys.stdin.fileno(), 1 << 12)


class _EndedError(BaseException):
    """SIGTERM: the ordinary end of what serves until it is stopped."""


def _end(_signal: int, _frame: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise _EndedError


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

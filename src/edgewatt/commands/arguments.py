"""Arguments that several verbs share."""

import argparse
import math
from pathlib import Path
from typing import Final

# The small network that edgewatt brings.
TINY: Final = "@tiny"
_DIGITS: Final = 10


def add_device(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """`-d DEVICE` and, repeatable, `-m METER`."""
    parser.add_argument(
        "-d",
        "--device",
        metavar="DEVICE",
        required=required,
        help="host, adb:SERIAL, adb: (the only phone), adb+tcp://HOST:PORT, jetson, ssh://USER@BOARD, nvml:0, "
        "replay:RUN, or a bench of bench.toml",
    )
    parser.add_argument(
        "-m",
        "--meter",
        metavar="METER",
        action="append",
        default=[],
        help="a device to read energy from beside DEVICE's own; without its energy the run ends with exit code 5",
    )


def model_path(text: str) -> Path:
    """The file of a model that the command line names."""
    if text != TINY:
        return Path(text)
    from edgewatt.collectors.runtimes.model_file import bundled_model  # noqa: PLC0415  (most models are files)

    return bundled_model()


def names(text: str) -> list[str]:
    """Names parted by commas; none of an empty text."""
    return [name.strip() for name in text.split(",") if name.strip()]


def add_run_output(parser: argparse.ArgumentParser, *, required: bool = True) -> None:
    """`-o RUN`, the folder to write."""
    what = "the folder to write; must not exist yet"
    parser.add_argument("-o", "--output", metavar="RUN", required=required, help=what)


def positive_seconds(text: str) -> float:
    """A finite number of seconds above 0. Raises ArgumentTypeError."""
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds") from None
    if not (0 < value < math.inf):
        raise argparse.ArgumentTypeError(f"{text} s is no length of time; give a number of seconds above 0")
    return value


def count(text: str) -> int:
    """A whole number from 1 on. Raises ArgumentTypeError."""
    if not (text.isascii() and text.isdigit() and text.strip("0")):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")
    if len(text) >= _DIGITS:
        raise argparse.ArgumentTypeError(
            f"{text[:_DIGITS]}... is too many: a whole number below {10 ** (_DIGITS - 1):,}"
        )
    return int(text)

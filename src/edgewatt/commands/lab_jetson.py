"""`edgewatt lab jetson`: a virtual Jetson board, as a tree of its files and its tools."""

import argparse
import json
from typing import Any, Final

from edgewatt.commands import serving
from edgewatt.profiler.errors import UsageError
from edgewatt.virtual_lab.jetson.boards import BOARDS
from edgewatt.virtual_lab.jetson.lab import How, jetson_lab

DEFAULT: Final = "orin-nano"
_GATED: Final = ("unreadable", "fifo", "absent")
_SWITCHES: Final = ("user", "zero")

EPILOG: Final = f"""\
boards:
{chr(10).join(f"  {name:<14}{board.model}, L4T {'.'.join(map(str, board.release))}" for name, board in BOARDS.items())}

faults of a board:
  user=1              as one who is not root sees it
  zero=1              every reading of power is 0
  gated=HOW           a temperature whose sensor is off: {", ".join(_GATED)}

  edgewatt lab jetson --board agx-orin                  "jetson" of the JSON line stands for the board's root
  LOAD --gpu 0.8 -- COMMAND                             "load" of the line: its GPU is busy while COMMAND runs
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `lab jetson` that no other lab has."""
    group = parser.add_argument_group("jetson")
    group.add_argument("--board", default=DEFAULT, metavar="NAME", help="which board, see below (default: %(default)s)")


def run(args: argparse.Namespace) -> int:
    """Serve until stopped: exit code 130, or 0 by SIGTERM and where standard input ended."""
    how = how_of(args.fault, seed=args.seed, exact=args.exact)
    with serving.until_stopped(), jetson_lab(args.board, **how) as lab:
        print(json.dumps(lab.to_json()), flush=True)
        serving.wait(attached=args.attached)
    return 0


def how_of(faults: list[str], *, seed: int, exact: bool) -> How:
    """What was said of a board. Raises UsageError."""
    words: dict[str, Any] = {"seed": seed, "exact": exact}
    for fault in faults:
        name, _, value = fault.partition("=")
        if name in _SWITCHES and value in ("0", "1"):
            words[name] = value == "1"
        elif name == "gated" and value in _GATED:
            words[name] = value
        else:
            raise UsageError(f"a board has no fault {fault!r}; there are user=1, zero=1 and gated={'|'.join(_GATED)}")
    how: How = words  # type: ignore[assignment]
    return how

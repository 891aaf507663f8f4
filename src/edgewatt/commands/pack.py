"""The verb `pack` of the command line."""

import argparse
import json
from collections import Counter
from typing import Final

from edgewatt.profiler.analysis.elsewhere import conditions_there
from edgewatt.profiler.storage.packing.packing import TOP, Packed, pack
from edgewatt.reports.escape import printable
from edgewatt.reports.wording import counted

EPILOG: Final = f"""\
examples:
  edgewatt pack runs/a -o a.zip                 serials, names, networks, addresses, keys and homes replaced
  edgewatt pack runs/a -o a.zip --salt "our lab"     their stand-ins are equal only under the same salt
  edgewatt export a.zip --to csv -o a.csv       opens as it is; so do compare and record -d replay:a.zip
  unzip a.zip -d shared                         then: edgewatt process shared/{TOP}

Look into REDACTED.json and raw/ before you share it: what a tool printed may say something that no rule knows
(docs/sharing.md).
"""


_SHA256_DIGITS: Final = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `pack`."""
    parser.add_argument("run", metavar="RUN", help="the folder of a run that was closed")
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="the zip to write; must not exist yet")
    parser.add_argument("--salt", metavar="TEXT", default="", help="makes stand-ins that cannot be found by guessing")


def run(args: argparse.Namespace) -> int:
    """Pack, and say what was replaced."""
    packed = pack(args.run, args.output, salt=args.salt, hashes=conditions_there)
    print(json.dumps(packed.to_json()) if args.json else _as_text(packed))
    return 0


def _kind(stand_in: str) -> str:
    """What a stand-in stands for; a config_id and a hash of conditions have the form of one."""
    if "-" in stand_in:
        return stand_in.partition("-")[0]
    return "conditions digest" if len(stand_in) == _SHA256_DIGITS else "config_id"


def _as_text(packed: Packed) -> str:
    kinds: Counter[str] = Counter(_kind(token) for token in packed.replaced)
    lines = [f"  replaced {counted(kinds[kind], kind)}" for kind in sorted(kinds)] or ["  nothing had to be replaced"]
    lines += [f"  left out {printable(one['file'])}: {printable(one['why'])}" for one in packed.left_out]
    return "\n".join([f"{counted(packed.files, 'file')}, {packed.size_b:,} bytes", *lines, f"written to {packed.path}"])

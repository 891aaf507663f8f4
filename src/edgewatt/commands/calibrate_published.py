"""`calibrate --published`: the testbeds of papers as calibrations, each number with how sure it is."""

import argparse
import json
from typing import Any, Final

from edgewatt.commands.calibration_text import as_json, as_text
from edgewatt.device_profiles.published import published, published_names
from edgewatt.profiler.calibration.calibration import write_calibration
from edgewatt.profiler.errors import UsageError
from edgewatt.reports.wording import counted

LIST: Final = "list"
EPILOG: Final = """\
examples:
  edgewatt calibrate --published list                        which there are
  edgewatt calibrate --published autoscale -o autoscale.zip  the three phones of AutoScale, as published
  edgewatt calibrate --published mine.toml -o mine           your own table of a paper, checked (docs/calibration.md)
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `calibrate --published`."""
    what = f"a name, a .toml file, or {LIST} (the default)"
    parser.add_argument("--published", metavar="NAME", required=True, nargs="?", const=LIST, help=what)
    parser.add_argument("-o", "--output", metavar="FILE", help="the calibration to write: a new folder, or a .zip")


def run(args: argparse.Namespace) -> int:
    """List, or write one."""
    if args.published == LIST:
        rows = [_row(name) for name in published_names()]
        print(json.dumps({"published": rows}) if args.json else _as_text(rows))
        return 0
    calibration = published(args.published)
    if args.output is None:
        raise UsageError(f"where to? `edgewatt calibrate --published {args.published} -o FILE`")
    path = write_calibration(calibration, args.output)
    if args.json:
        print(json.dumps(as_json(calibration, str(path))))
    else:
        print("\n".join([*as_text(calibration), f"written to {path}"]))
    return 0


def _row(name: str) -> dict[str, Any]:
    calibration = published(name)
    tables = {table: of.num_rows for table, of in calibration.tables.items()}
    return {"name": name, "title": calibration.head.notes[0], "rows": tables}


def _as_text(rows: list[dict[str, Any]]) -> str:
    return "\n".join(
        line
        for row in rows
        for line in (
            f"{row['name']:<14}{row['title']}",
            f"{'':<14}{', '.join(counted(n, 'row') + f' of {name}' for name, n in row['rows'].items())}",
        )
    )

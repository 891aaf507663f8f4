"""The verb `report` of the command line."""

import argparse
import json
import sys
from pathlib import Path
from typing import Final

from edgewatt import __version__
from edgewatt.commands.progress import ErrorStreamProgress
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.trace import Trace
from edgewatt.reports.escape import printable
from edgewatt.reports.export import STANDARD_OUTPUT, write_file
from edgewatt.reports.page.page import notices_of, page_of, told_of
from edgewatt.reports.page.sections.given import kind_of, sections_of

EPILOG: Final = """\
examples:
  edgewatt report runs/a -o a.html                one file that opens offline: the answer first, then the timeline
  edgewatt report runs/a runs/b -o both.html      the same of several runs, compared, latency against energy
  edgewatt report phone.zip out/simulated -o c.html   a calibration, and what `edgewatt simulate -o` wrote
  edgewatt report shared.zip -o shared.html       a run that `edgewatt pack` made

The page asks nothing of any network, prints, and is used with a keyboard as well as with a mouse. It shows each series
as bands from its lowest to its highest reading, so that no extreme is missing at any zoom. Needs the extra:
pip install 'edgewatt[reports]'
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `report`."""
    parser.add_argument(
        "runs", metavar="RUN", nargs="+", help="folders of runs, or packed ones; calibrations; simulations"
    )
    parser.add_argument("-o", "--output", metavar="FILE", required=True, help="the HTML file to write, or -")


def run(args: argparse.Namespace) -> int:
    """Write the page."""
    to_standard_output = args.output == STANDARD_OUTPUT
    if to_standard_output and (args.json or sys.stdout.isatty()):
        raise UsageError("-o -: a page of megabytes is nothing for a terminal, nor beside --json; name a file with -o")
    if not to_standard_output:
        _refuse_unwritable(args.output)
    paths = list(dict.fromkeys(args.runs))
    traces = [_opened(path) for path in paths if kind_of(path) == "run"]
    progress = ErrorStreamProgress()
    page = page_of(traces, progress, __version__, sections_of(paths))
    progress.done()
    notices = notices_of(told_of(traces))
    for notice in notices:
        print(f"notice: {printable(notice)}", file=sys.stderr)
    if to_standard_output:
        sys.stdout.buffer.write(page)
        return 0
    write_file(Path(args.output), page)
    said = {"written": args.output, "bytes": len(page), "runs": args.runs, "notices": notices}
    shown = f"written to {printable(args.output)} ({len(page) / 1e6:.1f} MB): open it in any browser"
    print(json.dumps(said) if args.json else shown)
    return 0


def _opened(path: str) -> Trace:
    trace = Trace.open(path)
    if trace.manifest.status == "recording":
        raise UsageError(
            f"{path} is still being recorded, or was left by a crash: wait until it is closed, or close it with "
            f"`edgewatt process {path}`"
        )
    return trace


def _refuse_unwritable(output: str) -> None:
    """What cannot become a file is told of before minutes of reading. Raises UsageError."""
    if "\0" in output:
        raise UsageError(f"-o {output!r}: no file can have a NUL in its name")
    path = Path(output)
    if path.is_dir():
        raise UsageError(f"-o {output}: is a folder; name a file in it, such as {path / 'report.html'}")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"-o {output}: there is no folder {path.parent}; make it, or name another file")

"""The verb `check` of the command line: the gate of a measurement against a reviewed baseline."""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any, Final, get_args

from edgewatt.commands import check_history, check_live
from edgewatt.commands.arguments import names
from edgewatt.profiler.checking.baseline import save_baseline
from edgewatt.profiler.checking.check import Check, OnUnknown, check
from edgewatt.profiler.checking.tolerances import parse_tolerances
from edgewatt.profiler.comparing.tables import read_repeats
from edgewatt.profiler.errors import UsageError
from edgewatt.reports.ci.github import add_summary, annotations
from edgewatt.reports.ci.junit import junit_xml
from edgewatt.reports.ci.verdict_markdown import verdict_markdown
from edgewatt.reports.export import write_file
from edgewatt.reports.fold import terminal_width
from edgewatt.reports.verdict import verdict_text

EPILOG: Final = """\
examples:
  edgewatt check runs/today --save baseline.toml                     write a baseline, to be reviewed and committed
  edgewatt check runs/today --baseline baseline.toml                 the gate
  edgewatt check runs/today --baseline runs/release --tolerance energy=3%,latency=2%
  edgewatt check new.csv --baseline old.csv --match model            tables from elsewhere
  edgewatt check --plan new.toml --against old.tflite -d adb: -o runs/check      live: old and new, interleaved
  edgewatt check runs/today --baseline baseline.toml --history history/     with its spread between sittings
  edgewatt check runs/canary --history history/ --canary             add the device's canary
  edgewatt check --history history/                                  what changed, and when
  edgewatt check runs/today --baseline baseline.toml --junit check.xml --markdown check.md --github     in CI

A regression is worse than allowed (latency and energy 5 %, memory 1 %) and than chance; a row passes when it is shown
not to be worse than allowed. Else the check cannot tell, which is not a pass: measure more repeats, or both sides in
one session. Exit codes: 0 passed, 1 regression, 3 not comparable, 4 cannot tell, 5 not measured. See docs/checks.md.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `check`."""
    parser.add_argument("run", metavar="RUN", nargs="?", help="a run, or a table of repeats (CSV, Parquet, JSON)")
    parser.add_argument("--baseline", metavar="FILE", help="the TOML that --save wrote, or any run or table")
    parser.add_argument("--save", metavar="FILE", help="write RUN as a baseline; after --baseline, only if it passed")
    parser.add_argument("--tolerance", metavar="T", help="5%%, or energy=3%%,latency=2%%,memory=1%%: what may be worse")
    parser.add_argument(
        "--on-unknown", choices=get_args(OnUnknown), default="tell", help="what 'cannot tell' exits with"
    )
    parser.add_argument("--markdown", metavar="FILE", help="the verdict on one page, for a reviewer")
    parser.add_argument("--junit", metavar="FILE", help="the verdict as JUnit XML")
    parser.add_argument("--github", action="store_true", help="annotations, and a page in the summary of the step")
    check_live.add_arguments(parser)
    check_history.add_arguments(parser)
    parser.add_argument("--match", metavar="KEYS", type=names, help="columns that pair rows (default: config_id)")
    parser.add_argument("--allow", metavar="KEYS", type=names, default=[], help="conditions that may differ")


def run(args: argparse.Namespace) -> int:
    """Check, save, and print the verdict."""
    tolerance = None if args.tolerance is None else parse_tolerances(args.tolerance)
    if args.plan is not None or args.against is not None:
        return _live(args, {"tolerance": tolerance, "allow": args.allow, "on_unknown": args.on_unknown})
    if args.history is not None and args.baseline is None and args.save is None:
        return check_history.run(args)
    if args.run is None:
        raise UsageError("nothing to check: give RUN and --baseline FILE, or --plan FILE --against MODEL -o FOLDER")
    if args.baseline is None:
        if args.save is None:
            raise UsageError("nothing to check against: give --baseline FILE, or --save FILE to write one")
        return _save(args, tolerance)
    found = check(
        args.run,
        args.baseline,
        tolerance=tolerance,
        match=args.match,
        allow=args.allow,
        sessions=check_history.spreads(args),
        on_unknown=args.on_unknown,
    )
    found = check_history.with_canary(args, found)
    saved = args.save is not None and found.exit_code == 0
    if saved:
        save_baseline(read_repeats(args.run), Path(args.save), tolerance)
    check_history.add(args)
    _write(args, found)
    print(json.dumps({**found.to_json(), "saved": args.save if saved else None}) if args.json else _text(args, found))
    return found.exit_code


def _live(args: argparse.Namespace, rule: dict[str, Any]) -> int:
    if args.run is not None:
        raise UsageError(f"{args.run} does not go with --plan and --against, which measure both sides")
    found, said = check_live.run(args, rule, lambda check: verdict_text(check, terminal_width()))
    _write(args, found)
    print(said)
    return found.exit_code


def _save(args: argparse.Namespace, tolerance: dict[str, float] | None) -> int:
    repeats = read_repeats(args.run)
    save_baseline(repeats, Path(args.save), tolerance)
    if args.json:
        print(json.dumps({"saved": args.save, "run": args.run}))
    else:
        print(f"written to {args.save}: review it and commit it   ·   edgewatt check RUN --baseline {args.save}")
    return 0


def _write(args: argparse.Namespace, found: Check) -> None:
    """The files that were asked for, and what GitHub reads."""
    for name, content in ((args.markdown, verdict_markdown(found).encode()), (args.junit, junit_xml(found))):
        if name is not None:
            write_file(Path(name), content)
    if args.github:
        add_summary(found, os.environ)
        # Where standard output is one JSON object, GitHub reads them from the other stream as well.
        print("\n".join(annotations(found)), file=sys.stderr if args.json else sys.stdout)


def _text(args: argparse.Namespace, found: Check) -> str:
    said = verdict_text(found, terminal_width())
    if args.save is None:
        return said
    return f"{said}\n{'written to' if found.exit_code == 0 else 'it did not pass: not written to'} {args.save}"

"""`edgewatt check --history FOLDER`: runs are added to it, and it says what changed and how much sittings differ."""

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgewatt.profiler.checking.check import Check
from edgewatt.profiler.comparing.ratio import SessionSpread
from edgewatt.profiler.comparing.tables import read_repeats
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.history.series import Series, series_of
from edgewatt.profiler.history.spread import session_spreads
from edgewatt.profiler.history.stored import append, read_history
from edgewatt.reports.fold import terminal_width
from edgewatt.reports.history import charts, history_json, history_text


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the history."""
    group = parser.add_argument_group("history", "a folder of Parquet files, one for each run (docs/checks.md)")
    group.add_argument("--history", metavar="FOLDER", type=Path, help="add RUN, and use the spread between sittings")
    group.add_argument("--canary", action="store_true", help="RUN is the device's canary, which never changes")
    group.add_argument("--label", metavar="TEXT", help="what you call this version, such as a commit")


def run(args: argparse.Namespace) -> int:
    """Add a run, if there is one, and show the history."""
    if args.run is None and (args.canary or args.label):
        raise UsageError("--canary and --label say something of RUN: name it")
    if args.run is not None:
        add(args)
    history = read_history(args.history)
    print(json.dumps(history_json(history), allow_nan=False) if args.json else history_text(history, terminal_width()))
    return 0


def add(args: argparse.Namespace) -> None:
    """Add the run to the history, if one was named."""
    if args.history is not None:
        append(args.run, args.history, is_canary=args.canary, label=args.label)


def spreads(args: argparse.Namespace) -> Mapping[str, SessionSpread] | None:
    """The spread between sittings of the run's device by quantity; None without a history."""
    return None if args.history is None else session_spreads(_series(args), _device_of(args.run))


def with_canary(args: argparse.Namespace, found: Check) -> Check:
    """The check with what the canary of the device says."""
    if args.history is None:
        return found
    mine = [one for one in _series(args) if one.key["device_id"] == _device_of(args.run)]
    said = tuple(chart.sentence for chart in charts(mine))
    return replace(found, notices=(*found.notices, *said))


def _series(args: argparse.Namespace) -> list[Series]:
    return series_of(read_history(args.history))


def _device_of(run: str) -> Any:
    ids = read_repeats(run).table["device_id"].unique().to_pylist()
    return ids[0] if len(ids) == 1 else None

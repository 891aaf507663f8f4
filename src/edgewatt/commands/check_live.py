"""`edgewatt check --plan FILE --against MODEL`: old and new on the device at hand, until it is decided."""

import argparse
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from edgewatt.commands.arguments import count, model_path, positive_seconds
from edgewatt.commands.progress import ErrorStreamProgress
from edgewatt.profiler.bench_devices import opened
from edgewatt.profiler.checking.check import Check
from edgewatt.profiler.checking.sequential import looks_up_to
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.planning.plan_file import read_plan
from edgewatt.profiler.planning.rows import rows_of
from edgewatt.profiler.running.live_check import Live, LiveOptions, live_check, told_apart
from edgewatt.profiler.running.prospect import options_of, planned_of

MOST: Final = 20
_ALONE: Final = ("baseline", "save", "match")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the live check."""
    group = parser.add_argument_group(
        "live, the recommended gate",
        "old and new interleaved on one device in one sitting, repeats added until each row is decided: no spread\n"
        "between sessions is in the way, and looking often costs no error (docs/checks.md)",
    )
    group.add_argument("--plan", metavar="FILE", type=Path, help="a plan with one model, the new one (docs/plans.md)")
    group.add_argument("--against", metavar="MODEL", help="the old model")
    group.add_argument("-d", "--device", metavar="DEVICE", default="host", help="default: %(default)s")
    group.add_argument("-m", "--meter", metavar="METER", action="append", default=[], help="beside the device")
    group.add_argument("-o", "--output", metavar="FOLDER", help="where the runs go, one for each look")
    group.add_argument("--most", metavar="N", type=count, default=MOST, help="repeats a side at most (%(default)s)")
    group.add_argument("--budget", metavar="S", type=positive_seconds, help="seconds after which no look is begun")


def run(args: argparse.Namespace, rule: Mapping[str, Any], show: Callable[[Check], str]) -> tuple[Check, str]:
    """Measure and judge; the check, and what to print of it."""
    if args.plan is None or args.against is None or args.output is None:
        raise UsageError(
            "the live check needs --plan FILE (the new model), --against MODEL (the old one) and -o FOLDER"
        )
    for name in _ALONE:
        if getattr(args, name):
            raise UsageError(f"--{name} does not go with --plan: old and new are measured side by side")
    plan = read_plan(args.plan)
    if len(plan.axes["models"]) != 1:
        raise UsageError(
            f"plan {args.plan}: {len(plan.axes['models'])} models; a live check compares one with --against"
        )
    rows = rows_of(plan, lambda model: model_path(model) if model.startswith("@") else plan.file.parent / model)
    before = model_path(args.against)
    if not before.is_file():
        raise UsageError(f"--against {args.against}: there is no such file")
    progress = ErrorStreamProgress()
    looks = looks_up_to(args.most, min(4, args.most))
    options = LiveOptions(looks, options_of(plan), args.budget, plan.plain.get("seed", 0), rule)
    try:
        with opened(args.device, args.meter) as (device, meters), told_apart(before, rows[0].path) as old:
            live = live_check(
                device,
                [planned_of(plan, replace(row, path=old)) for row in rows],
                [planned_of(plan, row) for row in rows],
                Path(args.output),
                meters=meters,
                live=options,
                progress=progress,
            )
    finally:
        progress.done()
    return live.check, _as_json(live) if args.json else show(live.check)


def _as_json(live: Live) -> str:
    said = {"repeats": live.repeats, "looks": live.looks, "runs": [str(run) for run in live.runs]}
    return json.dumps({**live.check.to_json(), "live": said}, allow_nan=False)

"""`edgewatt profile --plan FILE`: many configurations in one run, and what that takes before it is begun."""

import argparse
import json
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from edgewatt.commands.answers import answer_json, print_answer
from edgewatt.commands.kept import kept
from edgewatt.commands.plan_text import as_json, as_text, battery_text
from edgewatt.commands.progress import ErrorStreamProgress
from edgewatt.profiler.bench_devices import opened
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.planning.plan_file import read_plan
from edgewatt.profiler.planning.rows import rows_of
from edgewatt.profiler.progress import Progress
from edgewatt.profiler.running.prospect import Prospect, close_parts, measure_plan, prospect
from edgewatt.profiler.storage.trace import Trace
from edgewatt.reports.escape import printable

BATTERY: Final = "battery"

# What a plan says itself, by the attribute of the parsed arguments.
_OF_ONE: Final = {
    "model": "MODEL",
    "command": "--command",
    "target": "--target",
    "threads": "--threads",
    "batch": "--batch",
    "repeats": "--repeats",
    "seconds": "--seconds",
    "iterations": "--iterations",
    "idle": "--idle",
    "warmup": "--warmup",
    "runtime": "--runtime",
    "input_shape": "--input-shape",
    "seed": "--seed",
    "session": "--session",
    "runner": "--runner",
    "push": "--push",
    "env": "--env",
    "runner_arg": "--runner-arg",
    "operators": "--operators",
    "set": "--set",
    "warmup_iterations": "--warmup-iterations",
    "timeout": "--timeout",
    "operator_energy": "--operator-energy",
    "prefixes": "--prefixes",
    "alone": "--alone",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that only a plan has."""
    group = parser.add_argument_group(
        "a plan instead of a model",
        "models x targets x threads x batch x frequencies, interleaved in one run (docs/plans.md). Interrupted, the\n"
        "same command goes on with the repeats that are missing, in a run RUN.2 beside the first.",
    )
    group.add_argument("--plan", metavar="FILE", type=Path, help="a TOML file that says what to measure")
    group.add_argument(
        "--dry-run", action="store_true", help="say how long it takes, what battery it needs, what it can resolve"
    )
    group.add_argument(
        "--allow", metavar="WHAT", choices=(BATTERY,), action="append", default=[], help="battery: may run out of it"
    )


def refuse_without_plan(args: argparse.Namespace) -> None:
    """Raise UsageError for what goes with a plan alone."""
    for name in ("dry_run", "allow"):
        if getattr(args, name):
            raise UsageError(f"--{name.replace('_', '-')} goes with --plan FILE")


def run(args: argparse.Namespace, find: Callable[[str], Path], progress: ErrorStreamProgress) -> int:
    """Measure a plan, or say what that takes. `find` gives the file of a model that edgewatt brings."""
    for name, option in _OF_ONE.items():
        if getattr(args, name, None) not in (None, False, []):
            raise UsageError(f"{option} does not go with --plan: the plan says it")
    plan = read_plan(args.plan)
    rows = rows_of(plan, lambda model: find(model) if model.startswith("@") else plan.file.parent / model)
    path = None if args.output is None else Path(args.output)
    with opened(args.device, args.meter) as (device, meters):
        progress.phase("looking at the device")
        one = prospect(device, meters, plan, rows, path)
        if args.dry_run:
            progress.done()
            print(json.dumps(as_json(one, device), allow_nan=False) if args.json else as_text(one, device))
            return 0
        trace = _measured(one, device, meters, progress, allow=args.allow)
    progress.done()
    _print(one, trace, as_json=args.json)
    return 0


def _measured(
    one: Prospect, device: Device, meters: Sequence[Device], progress: Progress, *, allow: Sequence[str]
) -> Trace:
    """The run with what was missing; the last one if nothing is."""
    if not one.missing:
        close_parts(one)
        return Trace.open(one.parts.traces[-1].path)
    if one.need is not None and one.need.fits is False and BATTERY not in allow:
        raise UsageError(
            f"the plan does not fit the battery: it {battery_text(one.need)}. Charge it, measure less, say what it "
            "really draws (power_w in [assume]), or allow it with --allow battery"
        )
    with kept(one.parts.path):
        return measure_plan(one, device, meters, progress=progress)


def _print(one: Prospect, trace: Trace, *, as_json: bool) -> None:
    """The answer of the last part, and where the others are."""
    parts = [*one.parts.traces, *([trace] if one.missing else [])]
    paths = [str(part.path) for part in parts]
    if as_json:
        said: dict[str, Any] = {"file": str(one.plan.file), "sha256": one.identity.plan_sha256, "parts": paths}
        print(json.dumps({**answer_json(trace), "plan": said}, allow_nan=False))
        return
    print_answer(trace, as_json=False)
    if not one.missing:
        print(f"nothing was missing: all {len(one.turns)} repeats of the plan were measured already")
    with_repeats = [path for path in paths if Trace.open(path).repeats() is not None]
    if len(with_repeats) > 1:
        words = shlex.join(["edgewatt", "export", *with_repeats])
        print(
            printable(
                f"{len(with_repeats)} parts, one table of all repeats: {words} --to parquet --table repeats -o FILE"
            )
        )

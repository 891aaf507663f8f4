"""The verb `record` of the command line."""

import argparse
import json
from pathlib import Path
from typing import Final

from edgewatt.commands.arguments import add_device, add_run_output, positive_seconds
from edgewatt.commands.progress import ErrorStreamProgress
from edgewatt.profiler.device import opened_devices
from edgewatt.profiler.running.record import record
from edgewatt.profiler.storage.trace import Trace
from edgewatt.reports.escape import printable

EPILOG: Final = """\
examples:
  edgewatt record -d host --seconds 60 -o runs/idle
  edgewatt record -d adb: --seconds 60 -o runs/phone   the only phone at hand
  edgewatt record -d host -o runs/day               until Ctrl-C, which exits with 130 and keeps the run
  edgewatt record -d replay:runs/idle -o runs/again
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `record`."""
    add_device(parser, required=True)
    add_run_output(parser)
    parser.add_argument(
        "--seconds", type=positive_seconds, help="how long (default: until Ctrl-C or the end of a replay)"
    )


def run(args: argparse.Namespace) -> int:
    """Record, and say what was recorded."""
    progress = ErrorStreamProgress()
    try:
        with opened_devices(args.device, args.meter) as (device, meters):
            trace = record(device, Path(args.output), meters=meters, seconds=args.seconds, progress=progress)
    except KeyboardInterrupt:
        progress.done()
        raise KeyboardInterrupt(f"the run up to now is in {args.output}") from None
    finally:
        progress.done()
    print(json.dumps(_as_json(trace)) if args.json else _as_text(trace))
    return 0


def _as_json(trace: Trace) -> dict[str, object]:
    return {
        "run": str(trace.path),
        "status": trace.manifest.status,
        "simulated": trace.manifest.simulated,
        "streams": {name: trace.stored_streams[name].rows for name in trace.streams},
        "gaps": len(trace.gaps()),
        "unavailable": trace.manifest.unavailable,
    }


def _as_text(trace: Trace) -> str:
    simulated = "SIMULATED " if trace.manifest.simulated else ""
    lines = [f"{simulated}{printable(str(trace.manifest.device['name']))}"]
    lines += [f"  {name}: {trace.stored_streams[name].rows} samples" for name in trace.streams]
    if gaps := trace.gaps():
        lines.append(f"  {len(gaps)} gaps, the first: {printable(gaps[0].cause)}")
    lines += [f"  not measured: {printable(u['what'])}: {printable(u['reason'])}" for u in trace.manifest.unavailable]
    return "\n".join([*lines, f"written to {trace.path}"])

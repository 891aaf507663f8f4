"""The verb `record` of the command line."""

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from edgewatt.commands import record_marks
from edgewatt.commands.arguments import add_device, add_run_output, positive_seconds
from edgewatt.commands.kept import kept, refuse_taken_early
from edgewatt.commands.progress import ErrorStreamProgress
from edgewatt.profiler.batch import Gap
from edgewatt.profiler.bench_devices import opened
from edgewatt.profiler.clock import NS_PER_S
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.protocols import AWAY
from edgewatt.profiler.running.clocks import CLOCK_DRIFT_UNKNOWN
from edgewatt.profiler.running.record import record
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.units import format_si
from edgewatt.reports.escape import printable
from edgewatt.reports.fold import folded_note, terminal_width
from edgewatt.reports.wording import counted

EPILOG: Final = """\
examples:
  edgewatt record -d host --seconds 60 -o runs/idle
  edgewatt record -d adb: --seconds 60 -o runs/phone   the only phone at hand
  edgewatt record -d host -o runs/day               until Ctrl-C, which exits with 130 and keeps the run
  edgewatt record -d replay:runs/idle -o runs/again
  edgewatt record -d replay:tegrastats.log --period 1 -o runs/log   a log of tegrastats, a line per second
  edgewatt record -d nvml:0 --marks /tmp/marks -o runs/step    with the windows of a program that you start yourself
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `record`."""
    add_device(parser, required=True)
    add_run_output(parser)
    parser.add_argument(
        "--seconds", type=positive_seconds, help="how long (default: until Ctrl-C or the end of a replay)"
    )
    parser.add_argument(
        "--period",
        type=positive_seconds,
        metavar="S",
        help="seconds between samples, where a device lets that be chosen; between the lines of a log without stamps",
    )
    record_marks.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Record, and say what was recorded."""
    if args.period is not None:
        args.device += f"{'&' if '?' in args.device else '?'}period={args.period:g}"
    if args.marks is not None:
        return record_marks.run(args)
    progress = ErrorStreamProgress()
    path, began_s = Path(args.output), time.monotonic()
    refuse_taken_early(path)
    try:
        with kept(path):
            with opened(args.device, args.meter) as (device, meters):
                trace = record(device, path, meters=meters, seconds=args.seconds, progress=progress)
            if device.recorded is None:
                _check_end(trace, args, time.monotonic() - began_s)
    finally:
        progress.done()
    print(json.dumps(_as_json(trace)) if args.json else _as_text(trace))
    return 0


def _check_end(trace: Trace, args: argparse.Namespace, took_s: float) -> None:
    """Raise DeviceError if the device was lost: it had ended before the time was over, or was away at its end."""
    gaps, reasons = trace.gaps(), trace.manifest.quality_reasons
    away = bool(gaps) and any(reason.startswith((CLOCK_DRIFT_UNKNOWN, AWAY)) for reason in reasons)
    if away or args.seconds is None or took_s < args.seconds:
        cause = gaps[-1].cause if gaps else "its instruments ended"
        raise DeviceError(f"{args.device} was lost while it was recorded: {printable(cause)}")


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
    lines += [f"  {name}: {counted(trace.stored_streams[name].rows, 'sample')}" for name in trace.streams]
    lines += _gaps(trace.gaps())
    lines += [f"  not measured: {printable(u['what'])}: {printable(u['reason'])}" for u in trace.manifest.unavailable]
    width = terminal_width()
    return "\n".join([*(part for line in lines for part in folded_note(line, width)), f"written to {trace.path}"])


def _gaps(gaps: Sequence[Gap]) -> list[str]:
    """A line per cause: in how many streams, and the longest. What is marked when a gap begins has no length yet."""
    lines = []
    for cause in dict.fromkeys(gap.cause for gap in gaps):
        alike = [gap for gap in gaps if gap.cause == cause]
        longest_s = max(gap.t1_ns - gap.t0_ns for gap in alike) / NS_PER_S
        streams = counted(len({gap.stream for gap in alike}), "stream")
        length = f", up to {format_si(longest_s, 's')}" if longest_s else ""
        lines.append(f"  gaps in {streams}{length}: {printable(cause)}")
    return lines

"""`edgewatt record --marks FILE`: with the windows of a program on this machine that somebody else starts."""

import argparse
import os
from pathlib import Path
from typing import Final

from edgewatt.collectors.runtimes.commands.in_process import marked_run
from edgewatt.commands.answers import print_answer
from edgewatt.commands.boundary import INTERRUPTED
from edgewatt.commands.kept import kept
from edgewatt.commands.progress import ErrorStreamProgress
from edgewatt.profiler.analysis.process import process
from edgewatt.profiler.bench_devices import opened
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.windowing.marking import VARIABLE

# How often it is looked whether the time is over.
LOOK_S: Final = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The argument of `record` that leads here."""
    parser.add_argument(
        "--marks",
        metavar="FILE",
        type=Path,
        help=f"take the windows of a program that is started with {VARIABLE}=FILE; they become a table",
    )


def run(args: argparse.Namespace) -> int:
    """Record until the time is over or Ctrl-C, then place the windows and print the answer."""
    progress, path, code = ErrorStreamProgress(), Path(args.output), 0
    if os.path.lexists(args.marks):
        raise UsageError(f"--marks {args.marks} exists already: give a name that is not taken, or remove it first")
    words = ("marks", str(args.marks))
    try:
        with (
            kept(path),
            opened(args.device, args.meter) as (device, meters),
            marked_run(device, meters, path, words, args.marks) as recording,
        ):
            _make(args.marks)
            progress.phase(f"recording; start your program with {VARIABLE}={args.marks}", args.seconds)
            try:
                left_s = args.seconds
                while left_s is None or left_s > 0:
                    recording.wait(LOOK_S if left_s is None else min(left_s, LOOK_S))
                    left_s = None if left_s is None else left_s - LOOK_S
            except KeyboardInterrupt:
                code = INTERRUPTED
        trace = process(path)
    finally:
        progress.done()
    print_answer(trace, as_json=args.json)
    return code


def _make(file: Path) -> None:
    """An empty file for the marks. Raises UsageError if it cannot be made."""
    try:
        file.open("xb").close()
    except (OSError, ValueError) as error:
        raise UsageError(f"--marks {file} cannot be made: {error}") from None

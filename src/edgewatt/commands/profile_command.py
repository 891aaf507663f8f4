"""`edgewatt profile --command "..."`: any command instead of a model."""

import argparse
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from edgewatt.collectors.runtimes.commands.asked import TIMEOUT_S, Asked, asked
from edgewatt.collectors.runtimes.commands.device import executing
from edgewatt.collectors.runtimes.training_cost.script import MODULE as SCRIPT
from edgewatt.commands.arguments import count, positive_seconds
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.progress import Progress
from edgewatt.profiler.protocols import WorkloadRequest
from edgewatt.profiler.running.profile import ProfileOptions, profile
from edgewatt.profiler.storage.trace import Trace

# What a command decides for itself, by the attribute of the parsed arguments.
_OF_MODELS: Final = {
    "seconds": "--seconds",
    "warmup": "--warmup",
    "runner": "--runner",
    "push": "--push",
    "runner_arg": "--runner-arg",
    "operators": "--operators",
    "runtime": "--runtime",
    "input_shape": "--input-shape",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that only a command has."""
    group = parser.add_argument_group(
        "a command instead of a model",
        "split into words as a shell would, executed without one, afresh for every repeat. What is measured is told\n"
        "by marks that it prints, by edgewatt.window in its code, or by the summary of trtexec or\n"
        "onnxruntime_perf_test; else it is the whole command. --iterations N: so many each time; --env K=V: a\n"
        "variable of its environment; --target, --threads and --batch are noted as you give them (docs/commands.md).",
    )
    group.add_argument("--command", metavar='"..."', help="what to execute")
    group.add_argument(
        "--training",
        metavar='"SCRIPT ..."',
        help="a training script of PyTorch as it is, with its arguments; each step is metered (docs/training.md)",
    )
    group.add_argument(
        "--warmup-iterations", type=count, metavar="N", help="so many of its first iterations are not measured"
    )
    group.add_argument(
        "--timeout",
        type=positive_seconds,
        metavar="S",
        help=f"end a command that takes longer (default: {TIMEOUT_S:g})",
    )


def asked_of(args: argparse.Namespace, env: Mapping[str, str]) -> Asked | None:
    """The command that was asked for; None if it is a model. Raises UsageError for both, neither, or a wrong one."""
    if args.command is not None and args.training is not None:
        raise UsageError("--command and --training were given: which of them is to be executed?")
    text, task = (args.command, None) if args.training is None else (_metered(args.training), "training")
    if text is None:
        if args.model is None:
            raise UsageError('nothing to execute: give a MODEL, --command "..." or --training "SCRIPT ..."')
        for option, value in (("--timeout", args.timeout), ("--warmup-iterations", args.warmup_iterations)):
            if value is not None:
                raise UsageError(f"{option} goes with --command; a model has --warmup and --seconds")
        return None
    if args.model is not None:
        raise UsageError(f"a MODEL ({args.model!r}) and --command were given: which of them is to be executed?")
    for name, option in _OF_MODELS.items():
        if getattr(args, name):
            raise UsageError(f"{option} does not go with --command, which decides that itself")
    found = asked(text, timeout_s=args.timeout or TIMEOUT_S, skip=args.warmup_iterations or 0, env=env)
    return replace(found, target=args.target, threads=args.threads, batch=args.batch, task=task)


def _metered(script: str) -> str:
    """The command that executes a training script with the meter on."""
    if not script.split() or not script.split(maxsplit=1)[0].endswith(".py"):
        raise UsageError(
            f"--training {script!r}: expected a script of Python with its arguments, 'train.py --epochs 1'"
        )
    return f"{shlex.quote(sys.executable)} -m {SCRIPT} {script}"


def profiled(
    command: Asked, device: Device, path: Path, meters: Sequence[Device], options: ProfileOptions, progress: Progress
) -> Trace:
    """The processed trace of a command on a device. Raises as `profile` does."""
    found = executing(device, command)
    own = [found if meter is device else meter for meter in meters]
    request = WorkloadRequest(Path(command.program))
    return profile(found, request, path, meters=own, options=options, progress=_WithoutEnd(progress))


class _WithoutEnd:
    """Progress that says no time left: nobody knows how long a command takes."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def phase(self, what: str, seconds_left: float | None = None) -> None:
        """Pass on what happens."""
        del seconds_left
        self._progress.phase(what, None)

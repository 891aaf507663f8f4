"""`edgewatt profile MODEL --operator-energy`: a network and parts of it in one run."""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from edgewatt.commands.arguments import count
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.progress import Progress
from edgewatt.profiler.protocols import WorkloadRequest
from edgewatt.profiler.running.operator_energy import PartModel, PartModels, profile_operators
from edgewatt.profiler.running.options import ProfileOptions
from edgewatt.profiler.storage.trace import Trace

# As of a NotMeasuredError (architecture.md, exit codes).
NOT_MEASURED: Final = 5
# Twelve prefixes and the whole, five repeats of 5 s and their warm-ups: a quarter of an hour.
PREFIXES: Final = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments that only the energy of operators has."""
    group = parser.add_argument_group(
        "the energy of operators",
        "parts of the network, each ending after another operator, are measured beside it, interleaved, in one run;\n"
        "what lies between two of them is the energy of the operators between their ends (docs/operators.md).",
    )
    group.add_argument("--operator-energy", action="store_true", help="measure the energy of each operator, or group")
    group.add_argument(
        "--prefixes",
        type=count,
        metavar="N",
        help=f"so many parts at the most, spread over the network (default: {PREFIXES})",
    )
    group.add_argument(
        "--alone",
        type=_index,
        action="append",
        default=[],
        metavar="INDEX",
        help="measure this operator, counted from 0, as a network of its own too; it tells the cost of a call apart",
    )


def is_asked(args: argparse.Namespace) -> bool:
    """True for --operator-energy. Raises UsageError for what goes with it alone, or does not go with it."""
    if args.operator_energy:
        if args.command is not None:
            raise UsageError("--operator-energy goes with a MODEL: a command cannot be cut into parts")
        if args.operators:
            raise UsageError(
                "--operators and --operator-energy are runs of their own: looking at each operator costs energy itself"
            )
        return True
    for option, value in (("--prefixes", args.prefixes), ("--alone", args.alone)):
        if value:
            raise UsageError(f"{option} goes with --operator-energy")
    return False


def profiled(
    args: argparse.Namespace,
    request: WorkloadRequest,
    device: Device,
    meters: Sequence[Device],
    options: ProfileOptions,
    progress: Progress,
) -> Trace:
    """The processed trace of a network and its parts. Raises as `profile_operators` and `written_parts` do."""
    from edgewatt.collectors.runtimes.tflite_prefix import written_parts  # noqa: PLC0415  (loads the schema of LiteRT)

    with tempfile.TemporaryDirectory(prefix="edgewatt-parts-") as folder:
        try:
            cut = written_parts(request.model, Path(folder), args.prefixes or PREFIXES, sorted(set(args.alone)))
        except OSError as error:
            raise DeviceError(f"parts of {request.model.name} cannot be written: {error}") from error
        parts = [PartModel(part.path, part.first, part.last) for part in cut.parts]
        progress.phase(f"{cut.operators} operators, measured by {len(parts)} parts and the whole")
        asked = PartModels(request, cut.operators, parts)
        return profile_operators(device, asked, Path(args.output), meters=meters, options=options, progress=progress)


def exit_code(trace: Trace) -> int:
    """0, or 5 where the energy of operators, which was asked for by name, could not be measured."""
    return 0 if any(joules is not None for joules in trace.operators()["energy_j"].to_pylist()) else NOT_MEASURED


def _index(text: str) -> int:
    """The place of an operator, from 0 on. Raises ArgumentTypeError."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise argparse.ArgumentTypeError(f"{text!r} is no place of an operator, which are counted from 0")
    return int(text)

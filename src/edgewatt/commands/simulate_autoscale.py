"""`simulate autoscale`: the agent of AutoScale on a calibration, beside its baselines and an oracle."""

import argparse
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from edgewatt.commands.progress import ErrorStreamProgress
from edgewatt.commands.simulate_given import (
    add_common,
    calibration_given,
    print_found,
    refuse_existing,
    say_progress,
    write_output,
)
from edgewatt.commands.simulate_models import with_counts
from edgewatt.device_profiles.published import published
from edgewatt.models.scheduling.baselines import best
from edgewatt.models.scheduling.building import Asked
from edgewatt.models.scheduling.constants import Constants, constants_of
from edgewatt.models.scheduling.contest import SEEDS
from edgewatt.models.scheduling.output import figures, tables
from edgewatt.models.scheduling.phone import phones_of
from edgewatt.models.scheduling.policy import policy_bytes
from edgewatt.models.scheduling.predictors import KINDS, refuse_without_scikit_learn
from edgewatt.models.scheduling.scenarios import expected, names
from edgewatt.models.scheduling.study import Part, Size, Study, study
from edgewatt.profiler.calibration.calibration import Calibration, table_of
from edgewatt.profiler.errors import UsageError

SYSTEM: Final = "autoscale"
LONGEST_S: Final = 3600.0
REDUCED: Final = "reduced"
FULL: Final = "full"
EPILOG: Final = """\
examples:
  edgewatt simulate autoscale                                 the paper's first phone, as published; a minute or two
  edgewatt simulate autoscale --calibration s10e.zip          your own phone, as `edgewatt calibrate` fitted it
  edgewatt simulate autoscale --scenario S4 --json            weak Wi-Fi only, for a program
  edgewatt simulate autoscale --scenario full -o out          every phone, streamed vision too; tables and charts

scenarios: reduced (the default: all of S1 to S5 and D1 to D4, the first phone, no streamed vision), full, tuning, test,
or one of them by its name. What is assumed, and why the numbers are not the paper's: docs/autoscale.md
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `simulate autoscale`."""
    add_common(parser)
    parser.add_argument("--scenario", metavar="S", default=REDUCED, help="see below (default: reduced)")
    parser.add_argument("--device", metavar="ID", help="the phone, where the calibration has several")
    parser.add_argument(
        "--model",
        metavar="FILE",
        action="append",
        default=[],
        help="the .tflite of a measured network, for its layers and MACs (found by itself beside the calibration)",
    )
    parser.add_argument(
        "--qos",
        metavar="[MODEL=]SECONDS",
        action="append",
        default=[],
        help="the deadline of a network, or of all (default: as the calibration has it; else the paper's, and said)",
    )
    parser.add_argument(
        "--predictors",
        action="store_true",
        help="regression, SVR, KNN and Bayesian optimisation beside it (extra `scheduling`); minutes",
    )
    parser.add_argument(
        "--strict",
        action="store_true",
        help="refuse a calibration that lacks rows, instead of assuming what is missing",
    )


def run(args: argparse.Namespace) -> int:
    """Simulate, print, and write what was asked for."""
    refuse_existing(args.output)
    constants = constants_of(SYSTEM)
    scenarios = _scenarios(args.scenario, constants)
    calibration, name = calibration_given(args.calibration, SYSTEM)
    parts = _parts(calibration, args, constants)
    size = _size(args.scenario, args.seeds, constants)
    if args.predictors:
        refuse_without_scikit_learn()
        size = replace(size, predictors=KINDS)
    shown = ErrorStreamProgress()
    found = study(parts, scenarios, size, partial(say_progress, shown, time.monotonic()))
    shown.done()
    notes = [*calibration.notices, *_notes(found, constants)]
    if args.output is not None:
        more = {f"policy-{k}.npz": policy_bytes(part.policy) for k, part in enumerate(found.parts)}
        write_output(args.output, tables(found), figures(found), more)
    rows = [of.as_json() for of in found.headlines]
    return print_found(args, SYSTEM, name, _said(args.scenario, found, size), rows, notes)


def _scenarios(asked: str, constants: Constants) -> list[str]:
    if asked in (REDUCED, FULL, "tuning", "test"):
        return names(constants, asked)
    if asked not in names(constants):
        raise UsageError(
            f"scenario {asked!r}: expected reduced, full, tuning, test or one of {', '.join(names(constants))}"
        )
    return [asked]


def _parts(calibration: Calibration, args: argparse.Namespace, constants: Constants) -> list[Asked]:
    """The phones, each with the deadlines that it is simulated for. Raises UsageError, for --strict too."""
    phones = phones_of(calibration)
    chosen = [args.device] if args.device is not None else phones if args.scenario == FULL else phones[:1]
    if not chosen:
        raise UsageError(
            "the calibration has no phone: no power of a CPU (`calibrate --collect --steps cpu`), no inference"
        )
    beside = Path(args.calibration or ".").absolute().parent
    layers = with_counts(published(SYSTEM), calibration, beside, args.model)
    calibration = _with_deadlines(calibration, args.qos, layers)
    kinds = (False, True) if args.scenario == FULL else (False,)
    parts = [Asked(calibration, layers, phone, constants, streaming) for streaming in kinds for phone in chosen]
    if args.strict and (lacking := [note for part in parts for note in part.lacking()]):
        raise UsageError(f"--strict: the calibration lacks rows: {'; '.join(dict.fromkeys(lacking))}")
    return parts


def _with_deadlines(calibration: Calibration, asked: Sequence[str], layers: Calibration) -> Calibration:
    """The calibration with the deadlines that were given. Raises UsageError for a slip in one."""
    ran = [row["model"] for row in calibration.rows("inference") if row["model"]]
    known = list(dict.fromkeys(ran or [row["model"] for row in layers.rows("models")]))
    said: dict[str, float] = {}
    for text in asked:
        name, _, value = text.rpartition("=")
        if name and name not in known:
            raise UsageError(f"--qos {text!r}: no network is called {name!r}; there are {', '.join(known)}")
        said |= dict.fromkeys([name] if name else known, _seconds(text, value))
    if not said:
        return calibration
    rows = [{**row, "qos_s": said.get(row["model"], row["qos_s"])} for row in calibration.rows("models")]
    there = {row["model"] for row in rows}
    rows += [
        {"model": name, "qos_s": of, "basis": "assumed", "source": "--qos"}
        for name, of in said.items()
        if name not in there
    ]
    return replace(calibration, tables={**calibration.tables, "models": table_of("models", rows)})


def _seconds(text: str, value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= LONGEST_S:
        raise UsageError(f"--qos {text!r}: expected seconds above 0 and at most {LONGEST_S:g}, such as 0.05")
    return seconds


# So many worlds of the contest for each agent that learns; five agents, the default, give the twenty of SEEDS.
WORLDS: Final = 4


def _size(scenario: str, seeds: int, constants: Constants) -> Size:
    draws = 100 if scenario == FULL else 24
    return Size(seeds, draws, int(constants["learning.inferences_per_case"]), contest_seeds=min(WORLDS * seeds, SEEDS))


def _said(scenario: str, found: Study, size: Size) -> str:
    """What was simulated, in a sentence; that it was reduced, and how."""
    parts = ", ".join(f"{part.asked.device_id}{' streamed' if part.asked.streaming else ''}" for part in found.parts)
    networks = len(found.parts[0].world.workloads)
    size_text = (
        f"{len(found.scenarios)} scenarios x {networks} networks on {parts}; {size.seeds} seeds, "
        f"{size.draws} joint draws of the unconfirmed constants, {size.learn_n} inferences to learn each"
    )
    return (
        f"{size_text}; reduced: one phone, no streamed vision (--scenario full has all)"
        if scenario == REDUCED
        else size_text
    )


def _notes(found: Study, constants: Constants) -> list[str]:
    notes = [note for part in found.parts for note in part.world.notes]
    return list(dict.fromkeys([*notes, *(line for part in found.parts for line in _too_slow(part, constants))]))


def _too_slow(part: Part, constants: Constants) -> list[str]:
    """Networks that nothing executes in time, as S1 has it."""
    around = expected(constants, "S1")
    return [
        f"{w.name}: no target of {part.asked.device_id} is in time ({w.qos_s * 1e3:.3g} ms), even with nothing "
        "beside it; the least energy counts"
        for m, w in enumerate(part.world.workloads)
        if not best(part.world, np.array([m]), around).is_possible[0]
    ]

"""What `simulate autofl` and `simulate fedgpo` share: their arguments, and how a study of them is run and told."""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Final

from edgewatt.commands.progress import ErrorStreamProgress
from edgewatt.commands.simulate_given import (
    add_common,
    calibration_given,
    print_found,
    refuse_existing,
    say_progress,
    write_output,
)
from edgewatt.models.federated.fleet.building import fleet_of
from edgewatt.models.federated.learning.networks import refuse_without_torch
from edgewatt.models.federated.policies.fixed import Setting, grid_of
from edgewatt.models.federated.study.cases import FULL, REDUCED, SETTINGS, TEST, Case, cases_of, scenario_of
from edgewatt.models.federated.study.emitted import carbon_headlines, kg_per_j
from edgewatt.models.federated.study.fedgpo_headlines import BASELINE
from edgewatt.models.federated.study.given import DIGITS, ENGINES, LOOP, TESTBED, Given, stands_for
from edgewatt.models.federated.study.headlines import OURS
from edgewatt.models.federated.study.methods import METHODS
from edgewatt.models.federated.study.output import figures, tables
from edgewatt.models.federated.study.results import RANDOM, target_said
from edgewatt.models.federated.study.study import AGENT, FEDGPO, PUBLISHED, Size, Study, study
from edgewatt.models.scheduling.constants import Draw, constants_of, no_such
from edgewatt.models.shelf import shelf_of
from edgewatt.profiler.calibration.calibration import Calibration
from edgewatt.profiler.errors import UsageError

ROUNDS_LIMIT: Final = 5000
TESTBED_OF: Final = "autofl"


@dataclass(frozen=True, slots=True)
class System:
    """A system: all of its methods, those of the reduced study, rounds, and where Fixed (Best) is searched."""

    name: str
    methods: Sequence[str]
    reduced: Sequence[str]
    rounds: int
    searched: Callable[[], Sequence[Setting]] = tuple


def add_arguments(parser: argparse.ArgumentParser, system: System) -> None:
    """The arguments of either."""
    add_common(parser)
    parser.add_argument("--scenario", metavar="S", default=REDUCED, help="see below (default: reduced)")
    parser.add_argument("--setting", choices=SETTINGS, help="B, E and K of AutoFL's table 5, for all cases")
    parser.add_argument("--rounds", metavar="N", type=_rounds, help=f"of each run (default {system.rounds})")
    parser.add_argument("--methods", metavar="M,M", help=f"of {', '.join(METHODS)}")
    parser.add_argument("--engine", choices=ENGINES, default=ENGINES[0], help="who runs the rounds (default: loop)")
    parser.add_argument("--resume", metavar="FOLDER", help="keep what is done there, and go on with it")
    parser.add_argument(
        "--zone", metavar="Z", help="a country (KR): carbon of one trained model, by its yearly average"
    )
    parser.add_argument("--data", metavar="[NAME=]FOLDER", help="MNIST's files (mnist=FOLDER) in place of the digits")
    parser.add_argument(
        "--processes", metavar="N", type=_processes, default=2, help="runs side by side (default 2; Flower has its own)"
    )


def run(args: argparse.Namespace, system: System) -> int:
    """Simulate, print, and write what was asked for."""
    refuse_existing(args.output)
    cases = cases_of(args.scenario, args.setting)
    size = _size(args, system)
    if args.zone is not None:
        kg_per_j(args.zone)
    refuse_without_torch()
    calibration, name = calibration_given(args.calibration, TESTBED_OF)
    workload, data = _data(args.data)
    given = Given(calibration, workload, data, args.engine)
    notes = [*_noted(calibration, cases), *stands_for(workload), target_said()]
    shelf = shelf_of(args.resume, given.words())
    shown = ErrorStreamProgress()
    asked = system.name, args.scenario, cases
    found = study(asked, given, size, shelf, partial(say_progress, shown, time.monotonic()))
    shown.done()
    headlines = [*found.headlines]
    if args.zone is not None:
        headlines += carbon_headlines(found.of, args.zone)
    if args.output is not None:
        write_output(args.output, tables(found), figures(found), {})
    rows = [of.as_json() for of in headlines]
    return print_found(args, system.name, name, _said(args, found), rows, [*calibration.notices, *notes])


def _size(args: argparse.Namespace, system: System) -> Size:
    is_full = args.scenario == FULL
    needed = {RANDOM, AGENT[system.name], *([BASELINE] if system.name == FEDGPO else [])}
    methods = system.methods if is_full else system.reduced
    if args.scenario == TEST:
        methods = [name for name in METHODS if name in {*needed, *PUBLISHED, OURS}]
    if args.methods is not None:
        named = [name.strip() for name in args.methods.split(",")]
        if unknown := [name for name in named if name not in METHODS]:
            raise no_such("method", unknown[0], list(METHODS))
        methods = [name for name in METHODS if name in {*named, *needed}]
    # Flower starts its processes for every run; ranges are the loop's.
    draws = 0 if args.scenario == TEST or args.engine != LOOP else 8 if is_full else 4
    rounds = args.rounds if args.rounds is not None else system.rounds
    searched = list(grid_of()) if is_full and system.name == FEDGPO else system.searched()
    return Size(
        seeds=args.seeds, rounds=rounds, draws=draws, methods=methods, searched=searched,
        processes=args.processes if args.engine == LOOP else 1,
    )  # fmt: skip


def _noted(calibration: Calibration, cases: Sequence[Case]) -> list[str]:
    """What is assumed of the fleet. Raises UsageError before anything is trained if a fleet cannot be built of it."""
    fleets = dict.fromkeys(scenario_of(case.scenario).fleet for case in cases)
    made = [fleet_of(calibration, constants_of(TESTBED), Draw(), name, 0) for name in fleets]
    return list(dict.fromkeys(note for fleet in made for note in fleet.notes))


def _data(text: str | None) -> tuple[str, Path | None]:
    if text is None:
        return DIGITS, None
    name, _, folder = text.rpartition("=")
    path = Path(folder)
    if not path.is_dir():
        raise UsageError(f"--data {text}: {folder} is no folder")
    return name or "mnist", path


def _said(args: argparse.Namespace, found: Study) -> str:
    """What was simulated, in a sentence; that it was reduced, and how."""
    size = found.size
    cases = ", ".join(map(str, found.of.cases))
    parts = [
        f"{cases} x {', '.join(size.methods)}; {size.seeds} seeds of {size.rounds} rounds",
        f"{len(found.of.draws)} joint draws of the unconfirmed constants",
    ]
    if found.fixed is not None:
        parts.append(f"Fixed (Best): {found.of.notes['fixed']}")
    if args.scenario == TEST:
        parts.append("every seed is a world of its own, all unconfirmed constants drawn within +-30 %")
    if args.scenario == REDUCED:
        parts.append("reduced: --scenario full has all settings, scenarios and methods")
    return "; ".join(parts)


def few_settings() -> list[Setting]:
    """Those of the 150 settings of FedGPO that a study of minutes can search for Fixed (Best)."""
    return [Setting(*of) for of in product((8, 32), (1, 5, 10), (5, 20)) if Setting(*of) in set(grid_of())]


def _rounds(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 2 <= int(text) <= ROUNDS_LIMIT):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number from 2 to {ROUNDS_LIMIT}")
    return int(text)


def _processes(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 64):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number from 1 to 64")
    return int(text)

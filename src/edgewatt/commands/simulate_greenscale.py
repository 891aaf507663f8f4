"""`simulate greenscale`: when and where work is done for least carbon, energy and latency, on a calibration."""

import argparse
import time
from collections.abc import Callable, Sequence
from functools import partial
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
from edgewatt.models.carbon.charging import Session, read_charges
from edgewatt.models.carbon.countries import country_grid
from edgewatt.models.carbon.grid import KINDS, SCOPES
from edgewatt.models.carbon.grid_files import read_grid
from edgewatt.models.carbon.units import INTENSITIES
from edgewatt.models.greenscale.constants import greenscale_constants
from edgewatt.models.greenscale.facing import Asked
from edgewatt.models.greenscale.intensities import Period, period_of, synthetic_period
from edgewatt.models.greenscale.output import figures, tables
from edgewatt.models.greenscale.scenarios import FULL, REDUCED, apart_from_charging, apart_from_grids, scenario_names
from edgewatt.models.greenscale.study import Size, Study, study
from edgewatt.models.scheduling.rows import Rows
from edgewatt.profiler.calibration.calibration import Calibration, calibration_of_rows
from edgewatt.profiler.calibration.head import Head
from edgewatt.profiler.errors import UsageError

SYSTEM: Final = "greenscale"
_NO_FILE: Final = "the assumed phone, networks and servers of greenscale.toml"
_OFFSET_LIMIT_H: Final = 14
EPILOG: Final = """\
examples:
  edgewatt simulate greenscale                                  assumed phone, made-up grids; under a minute
  edgewatt simulate greenscale --calibration s10e.zip           networks, idle, radio and co-runners of your own phone
  edgewatt simulate greenscale --zone KR --cloud-zone SE        yearly averages of countries: no hour is greener
  edgewatt simulate greenscale --intensity em.csv --zone DE --cloud-zone FR --utc-offset 1 --charged s10e.zip
  edgewatt simulate greenscale --calibration s10e.zip --game com.example.game --scenario full -o out

scenarios: reduced (the default: all of them, 150 tasks of each kind in each, 4,000 users), full (1,000 and 100,000),
tuning, test, or one of them by its name. What is assumed, and why the numbers are not the paper's: docs/greenscale.md
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `simulate greenscale`."""
    add_common(parser)
    parser.add_argument("--scenario", metavar="S", default=REDUCED, help="see below (default: reduced)")
    parser.add_argument("--device", metavar="ID", help="the phone, where the calibration has several")
    for kind, what in (("game", "games"), ("arvr", "AR and VR")):
        parser.add_argument(f"--{kind}", metavar="APP", help=f"the application in `frames` that stands for {what}")
    grid = parser.add_argument_group("the grid (default: made up, as each scenario says)")
    grid.add_argument("--zone", metavar="Z", help="of phone, networks and edge: KR, or a zone of --intensity")
    grid.add_argument("--cloud-zone", metavar="Z", help="of the cloud (default: --zone)")
    grid.add_argument("--intensity", metavar="FILE", help="hourly intensities (default with --zone: yearly averages)")
    grid.add_argument("--intensity-unit", choices=INTENSITIES, help="where the file does not say it")
    grid.add_argument("--kind", choices=KINDS, help="where the file does not say it, or has both")
    grid.add_argument("--scope", choices=SCOPES, help="the same")
    grid.add_argument("--utc-offset", metavar="H", type=_offset, default=0.0, help="hours of the phone ahead of UTC")
    grid.add_argument("--charged", metavar="FILE", help="when the phone was charged: a calibration, or a CSV")


def run(args: argparse.Namespace) -> int:
    """Simulate, print, and write what was asked for."""
    refuse_existing(args.output)
    constants = greenscale_constants()
    scenarios = scenario_names(constants, args.scenario)
    calibration, name = _calibration(args.calibration)
    sessions = [] if args.charged is None else read_charges(args.charged)
    period, notes = _period(args, sessions)
    left = apart_from_grids(constants, scenarios) if args.zone is not None else scenarios
    left = apart_from_charging(constants, left) if sessions else left
    if not left:
        raise UsageError(f"--scenario {args.scenario}: differs from the base in what --zone or --charged says")
    named = {kind: application for kind in ("game", "arvr") if (application := getattr(args, kind)) is not None}
    asked = Asked(Rows(calibration, _phone(calibration, args.device)), constants, named)
    size = _size(args.scenario, args.seeds)
    shown = ErrorStreamProgress()
    found = study(asked, period, left, size, partial(say_progress, shown, time.monotonic()))
    shown.done()
    notes = [*calibration.notices, *_notes(found, set(scenarios) - set(left)), *notes]
    if args.output is not None:
        write_output(args.output, tables(found), figures(found), {})
    rows = [of.as_json() for of in found.headlines]
    return print_found(args, SYSTEM, name, _said(args.scenario, found, size), rows, notes)


def _calibration(file: str | None) -> tuple[Calibration, str]:
    """The calibration, without any row where none was given: GreenScale's own testbed could not be read."""
    return (calibration_of_rows(Head(created=""), {}), _NO_FILE) if file is None else calibration_given(file, SYSTEM)


def _phone(calibration: Calibration, asked: str | None) -> str:
    """The device that was asked for, else the first with inferences or frames, else the first; blank for none."""
    known = list(calibration.head.devices)
    if asked is not None and asked not in known:
        raise UsageError(f"device {asked!r}: the calibration has {', '.join(known) or 'none'}")
    ran = {row["device_id"] for table in ("inference", "frames") for row in calibration.rows(table)}
    return asked or next((device for device in known if device in ran), known[0] if known else "")


def _period(args: argparse.Namespace, sessions: Sequence[Session]) -> tuple[Callable[[int], Period], list[str]]:
    """The intensities by seed, and what to say of them. Raises UsageError for options that do not belong together."""
    if args.zone is None:
        given = [
            option
            for option, value in (
                ("--intensity", args.intensity), ("--cloud-zone", args.cloud_zone), ("--kind", args.kind),
                ("--scope", args.scope), ("--intensity-unit", args.intensity_unit),
            )
            if value is not None
        ] + (["--utc-offset"] if args.utc_offset else [])  # fmt: skip
        if given:
            raise UsageError(f"{', '.join(given)}: --zone says whose; without it grids are made up")
        notes = ["intensities are synthetic, of no real place; the made-up sun is highest at 12:00"]
        return lambda seed: synthetic_period(seed, sessions), notes
    if args.intensity is not None:
        grid = read_grid(args.intensity, zone=args.zone, unit=args.intensity_unit, kind=args.kind, scope=args.scope)
    elif (args.intensity_unit, args.kind, args.scope) == (None, None, None):
        grid = country_grid()
    else:
        raise UsageError("--intensity-unit, --kind and --scope are of a file: --intensity FILE")
    cloud = args.cloud_zone or args.zone
    period = period_of(grid, args.zone, cloud, args.utc_offset, sessions)
    label = grid.label
    notes = [f"intensities of {args.zone} and {cloud}: {label.kind}, {label.scope}; {label.source}", *label.notes]
    if args.cloud_zone is None:
        notes.append(f"the cloud is in {args.zone} too (--cloud-zone)")
    return lambda _: period, notes


def _size(scenario: str, seeds: int) -> Size:
    return Size(seeds, 100, 1000, 100_000) if scenario == FULL else Size(seeds, 24, 150, 4000)


def _said(scenario: str, found: Study, size: Size) -> str:
    """What was simulated, in a sentence; that it was reduced, and how."""
    text = (
        f"{len(found.scenarios)} scenarios x {len(found.built.apps)} applications over {found.built.period.days} days; "
        f"{size.seeds} seeds of {size.each_n} tasks each and {size.users_n} users sampled, {size.draws} joint draws of "
        "the unconfirmed constants"
    )
    return f"{text}; reduced: fewer tasks, users and draws (--scenario full has more)" if scenario == REDUCED else text


def _notes(found: Study, left_out: set[str]) -> list[str]:
    """What was assumed, what nothing does in time, and the scenarios that do not apply."""
    apps, machines = found.built.apps, found.built.machines
    ran = found.built.asked.rows.of("inference")
    notes = [*machines.notes, *(app.note for app in apps if app.note)]
    notes += [] if ran else ["no inference was measured: seconds and watts of networks on the phone are assumed"]
    if left_out:
        notes.append(f"left out, as grids or charges are given: {', '.join(sorted(left_out))}")
    frames = {row["application"] for row in found.built.asked.rows.of("frames")} - set(found.built.asked.named.values())
    notes += [
        f"frames of {name}: not used; --game or --arvr says what they stand for"
        for name in sorted(filter(None, frames))
    ]
    first = found.year[0]
    for app in first.apps:
        late = {s: of.late for s in first.scenarios if (of := first.results[s, app, "least carbon"]).late > 0.5}
        if late:
            notes.append(f"{app}: mostly nothing is in time in {', '.join(late)}; the fastest counts")
    return notes


def _offset(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = _OFFSET_LIMIT_H + 1.0
    if not abs(hours) <= _OFFSET_LIMIT_H:
        raise argparse.ArgumentTypeError(f"{text!r}: expected hours from -{_OFFSET_LIMIT_H} to {_OFFSET_LIMIT_H}")
    return hours

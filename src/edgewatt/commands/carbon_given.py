"""What `carbon` is given: the intensity of a zone at a time, what lies between grid and device, what it is built of."""

import argparse
import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, get_args

from edgewatt.models.carbon.accounting import Term
from edgewatt.models.carbon.charging import Session, charged_intensity
from edgewatt.models.carbon.countries import country_grid
from edgewatt.models.carbon.grid import Grid, Label, utc
from edgewatt.models.carbon.grid_files import read_grid
from edgewatt.models.carbon.interval import ONE, Interval, within
from edgewatt.models.carbon.operational import (
    NOT_COUNTED,
    ON_BATTERY,
    charger,
    supply_of_charger,
    supply_of_pue,
)
from edgewatt.models.carbon.place import Place
from edgewatt.models.carbon.synthetic import synthetic_grid
from edgewatt.profiler.channel import Boundary
from edgewatt.profiler.errors import UsageError

SYNTHETIC: Final = "synthetic"
# What lies behind a supply that a place may tell of.
_INSIDE: Final = ("board", "rail")
_SUPPLIES: Final = ("pue_ratio", "charger_efficiency")
_DAY_S: Final = 86400.0
_AROUND_DAYS: Final = 7
_BY_CACM: Final = "charging at 0.765 (assumed; 0.345, CACM's charger that stays plugged in, to 0.9, assumed)"


def time_of(text: str) -> float:
    """An ISO 8601 time with its offset, as s since 1970. Raises ArgumentTypeError."""
    try:
        time = datetime.fromisoformat(text.strip())
        if time.tzinfo is None:
            raise argparse.ArgumentTypeError(
                f"{text!r} does not say its time zone; write 2026-11-26T08:00Z, or with its offset, +09:00"
            )
        return time.timestamp()
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 2026-11-26T08:00+09:00") from None


def interval_of(text: str) -> Interval:
    """`0.8`, or `0.7:0.8:0.9` for low, value and high. Raises ArgumentTypeError."""
    try:
        numbers = [float(part) for part in text.split(":")]
        low, value, high = numbers * 3 if len(numbers) == 1 else numbers
        return Interval(value, low, high)
    except (ValueError, UsageError):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number from 0 on, or LOW:VALUE:HIGH") from None


def grid_given(args: argparse.Namespace, at_s: float) -> Grid:
    """The grid that the command line asks for. Raises UsageError."""
    if args.intensity is None:
        return _shipped(args)
    if args.intensity == SYNTHETIC:
        start_s = math.floor(at_s / _DAY_S) * _DAY_S - _AROUND_DAYS * _DAY_S
        return synthetic_grid({args.zone: "solar"}, start_s, 2 * _AROUND_DAYS, seed=0)
    return read_grid(args.intensity, zone=args.zone, unit=args.intensity_unit, kind=args.kind, scope=args.scope)


def _shipped(args: argparse.Namespace) -> Grid:
    grid = country_grid()
    if args.intensity_unit is not None:
        raise UsageError("--intensity-unit is of a file: --intensity FILE; what is shipped has its unit")
    for what, asked, is_ in (("kind", args.kind, grid.label.kind), ("scope", args.scope, grid.label.scope)):
        if asked not in (None, is_):
            raise UsageError(
                f"--{what} {asked}: the yearly averages that are shipped are {is_}; --intensity FILE takes your own"
            )
    return grid


def intensity_given(args: argparse.Namespace, grid: Grid, charges: Sequence[Session] | None, at_s: float) -> Term:
    """The intensity at the time, or of when the phone was charged before it, with how far it may be off."""
    zone = grid.zone(args.zone)
    if charges is None:
        value, when = float(grid.intensity(zone, at_s)), f"at {utc(at_s)}"
    else:
        value = charged_intensity(grid, zone, charges, at_s)
        when = f"of the charges before {utc(at_s)}, {args.charged}"
    return Term("intensity", within(value, grid.label.spread_ratio), "kg/J", _said(grid.label, grid, zone, when))


def _said(label: Label, grid: Grid, zone: str, when: str) -> str:
    what = f"{zone} ({grid.steps(zone).note}) {when}; {label.kind}, {label.scope}; {label.source}"
    return f"{what}; +-{label.spread_ratio:.0%} {label.spread_source}"


def supplies_given(args: argparse.Namespace, place: Place | None) -> Mapping[str, Term]:
    """For each place on the power path: joules from the grid per joule there. Raises UsageError."""
    if args.charger is not None and args.pue is not None:
        raise UsageError("--charger and --pue: a device draws its joules through one of them")
    return {boundary: _supply(args, place, boundary) for boundary in get_args(Boundary)}


def _supply(args: argparse.Namespace, place: Place | None, boundary: str) -> Term:
    if args.charger is not None:
        return Term("supply", supply_of_charger(args.charger), "J/J", "--charger")
    if args.pue is not None:
        return Term("supply", supply_of_pue(args.pue), "J/J", "--pue")
    if boundary in ON_BATTERY:
        return Term("supply", supply_of_charger(charger()), "J/J", _BY_CACM)
    bases = {} if place is None else dict(place.bases)
    for name in _SUPPLIES:
        if place is not None and name in bases and boundary in _INSIDE:
            return Term("supply", place.supply, "J/J", f"{name} of {place.name} ({bases[name].tag})")
    return Term("supply", ONE, "J/J", NOT_COUNTED[boundary] or "taken at the wall")

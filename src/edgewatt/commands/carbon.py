"""The verb `carbon` of the command line: grams of CO2e of runs, with an interval and what they rest on."""

import argparse
import json
from datetime import UTC, datetime
from typing import Any, Final

from edgewatt.commands.carbon_given import (
    SYNTHETIC,
    grid_given,
    intensity_given,
    interval_of,
    supplies_given,
    time_of,
)
from edgewatt.commands.carbon_text import Counted, carbon_json, carbon_text
from edgewatt.models.carbon.accounting import ENERGIES, Asked, Footprint, footprint
from edgewatt.models.carbon.charging import read_charges
from edgewatt.models.carbon.grid import KINDS, SCOPES, utc
from edgewatt.models.carbon.places import SHIPPED, place_of
from edgewatt.models.carbon.units import INTENSITIES
from edgewatt.profiler.channel import WIDEST_FIRST
from edgewatt.profiler.errors import NotMeasuredError, UsageError
from edgewatt.profiler.storage.trace import Trace

INFERENCE: Final = "inference"
RUN: Final = "run"
EPILOG: Final = f"""\
examples:
  edgewatt carbon RUN --zone KR                                  the yearly average of a country
  edgewatt carbon RUN --zone KR --at 2026-11-26T08:00+09:00 --intensity hourly.csv
  edgewatt carbon RUN --zone KR --intensity hourly.csv --charged s10e.zip     when the phone was charged counts
  edgewatt carbon RUN --zone DE --embodied phone --per run       with the phone's share, of all that was measured
  edgewatt carbon A B --zone US --embodied server.toml --pue 1.1:1.2:1.5 --json

--intensity takes a CSV as Electricity Maps or WattTime give it, or ts_utc, zone, gco2e_per_kwh or lb_per_mwh, kind,
scope; `{SYNTHETIC}` is made up, for trying out. The interval takes all least values together, and all greatest. What it
is made from, what is assumed, and how to write a PROFILE.toml: docs/carbon.md

exit codes: 0, 2 a file or word that is not what it should be, 5 a run without energy
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `carbon`."""
    parser.add_argument("runs", metavar="RUN", nargs="+", help="folders of runs, processed")
    parser.add_argument("--zone", metavar="Z", required=True, help="KR, DEU, or a zone of the file")
    parser.add_argument("--at", metavar="TIME", type=time_of, help="ISO 8601 with its offset (default: of the run)")
    parser.add_argument("--per", choices=(INFERENCE, RUN), default=INFERENCE, help="default: %(default)s")
    parser.add_argument("--energy", choices=ENERGIES, default=ENERGIES[0], help="default: %(default)s, idle included")
    grid = parser.add_argument_group("the grid")
    grid.add_argument(
        "--intensity", metavar="FILE", help=f"intensities by time (default: a yearly average), or {SYNTHETIC}"
    )
    grid.add_argument("--intensity-unit", choices=INTENSITIES, help="where the file does not say it")
    grid.add_argument("--kind", choices=KINDS, help="where the file does not say it, or has both")
    grid.add_argument("--scope", choices=SCOPES, help="the same")
    grid.add_argument(
        "--charged", metavar="FILE", help="when the phone was charged: a calibration, or a CSV of charges"
    )
    device = parser.add_argument_group("the device")
    device.add_argument(
        "--embodied",
        metavar="PROFILE",
        help=f"count a share of what building it emitted: {', '.join(SHIPPED)}, a .toml",
    )
    efficiency = "efficiency of charging, 0.8 or 0.7:0.8:0.9 (default for a battery: assumed)"
    device.add_argument("--charger", metavar="E", type=interval_of, help=efficiency)
    device.add_argument(
        "--pue", metavar="P", type=interval_of, help="joules from the grid per joule, 1.1 or 1.1:1.2:1.5"
    )


def run(args: argparse.Namespace) -> int:
    """Count, and print."""
    traces = [Trace.open(path) for path in args.runs]
    place = None if args.embodied is None else place_of(args.embodied)
    supplies = supplies_given(args, place)
    times = [_time(trace) if args.at is None else args.at for trace in traces]
    grid = grid_given(args, min(times))
    charges = None if args.charged is None else read_charges(args.charged)
    is_made_up = grid.label.is_synthetic or any(one.is_simulated for one in charges or ())
    intensities = [intensity_given(args, grid, charges, at_s) for at_s in times]
    counted = [
        _counted(trace, Asked(intensity, supplies, place, args.energy), per_run=args.per == RUN, is_made_up=is_made_up)
        for trace, intensity in zip(traces, intensities, strict=True)
    ]
    if args.json:
        asked: dict[str, Any] = {"zone": grid.zone(args.zone), "at": [utc(at_s) for at_s in times]}
        asked |= {"per": args.per, "energy": args.energy}
        print(json.dumps(carbon_json(counted, grid, place, asked), allow_nan=False))
    else:
        print(carbon_text(counted, grid, place))
    return 0


def _time(trace: Trace) -> float:
    try:
        created = datetime.fromisoformat(trace.manifest.created)
        return (created if created.tzinfo is not None else created.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        raise UsageError(f"{trace.path}: does not say when it was made; --at says it") from None


def _counted(trace: Trace, asked: Asked, *, per_run: bool, is_made_up: bool) -> Counted:
    results, repeats = trace.results(), trace.repeats()
    if results is None or repeats is None:
        raise UsageError(f"{trace.path} has no results yet: edgewatt process {trace.path}")
    rank = {boundary: place for place, boundary in enumerate(WIDEST_FIRST)}
    rows = sorted(results.to_pylist(), key=lambda row: rank.get(row["energy_boundary"], len(rank)))
    iterations = _iterations(repeats.to_pylist())
    found: list[Footprint] = []
    without: list[str] = []
    for row in rows:
        try:
            found.append(footprint(row, asked, iterations.get(row["config_id"]) if per_run else None))
        except NotMeasuredError as error:
            without.append(str(error))
    if not found:
        why = "; ".join(dict.fromkeys(without)) or "nothing was executed in a measured window"
        raise NotMeasuredError(f"{trace.path}: no energy, and no carbon without it: {why}")
    device = str(trace.manifest.device.get("name") or "unnamed device")
    notices = (*trace.notices, *(f"not counted: {why}" for why in without))
    return Counted(str(trace.path), device, trace.manifest.simulated or is_made_up, tuple(found), notices)


def _iterations(repeats: list[dict[str, Any]]) -> dict[str, int]:
    """How many iterations of each configuration were measured: each repeat once, whatever its energy sources."""
    once = {(row["config_id"], row["repeat"]): row["iterations"] for row in repeats}
    found: dict[str, int] = {}
    for (config, _), count in once.items():
        if count is not None:
            found[config] = found.get(config, 0) + count
    return found

"""`calibrate RUN... -o FILE`: what models load, fitted to runs, with residuals, ranges and what is still missing."""

import argparse
import json
from pathlib import Path
from typing import Final

from edgewatt.commands.calibration_given import inputs_of
from edgewatt.commands.calibration_isp import read_isp, with_isp
from edgewatt.commands.calibration_profile import with_power_profile
from edgewatt.commands.calibration_text import as_json, as_text
from edgewatt.commands.progress import ErrorStreamProgress
from edgewatt.device_profiles.power_profile import load_power_profile
from edgewatt.profiler.calibration.calibration import Calibration, merged, read_calibration, write_calibration
from edgewatt.profiler.calibration.contents import holds
from edgewatt.profiler.calibration.head import FILE_NAME
from edgewatt.profiler.calibration.inputs import Inputs, refuse_unknown, with_inputs
from edgewatt.profiler.calibration.runs import executed_in, open_runs, refuse_two_meters
from edgewatt.profiler.errors import UsageError

EPILOG: Final = """\
examples:
  edgewatt calibrate runs/cpu runs/radio runs/inference -o s10e.zip          fit the runs of one device
  edgewatt calibrate runs/* -o s10e --accuracy mobilenet_v2:int8=0.71        what no measurement tells
  edgewatt calibrate runs/* -o s10e --given models.qos_s@mobilenet_v2=0.05 --given devices.tier=mid
  edgewatt calibrate tab/* -o both.zip --merge s10e.zip                      another device into one file
  edgewatt calibrate --merge a.zip --merge b.zip -o fleet.zip                calibrations into one
  edgewatt calibrate ./sensor -o x.zip                                       a run whose folder is called as a kind is

The runs come from `edgewatt calibrate --collect`, or from `profile`. See docs/calibration.md.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `calibrate RUN... -o FILE`."""
    what = "the folder of a run, or a packed one; all of one device (none: --merge alone)"
    parser.add_argument("runs", metavar="RUN", nargs="*", help=what)
    add_options(parser)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Its options alone."""
    parser.add_argument(
        "-o", "--output", metavar="FILE", required=True, help="the calibration to write: a new folder, or a .zip"
    )
    parser.add_argument(
        "--accuracy",
        metavar="MODEL:PRECISION=SHARE",
        action="append",
        default=[],
        help="accuracy of a model in a precision, from 0 to 1",
    )
    parser.add_argument("--update-bytes", metavar="MODEL=N", action="append", default=[], help="bytes of an update")
    parser.add_argument(
        "--given",
        metavar="COLUMN=VALUE",
        action="append",
        default=[],
        help="another number: models.qos_s@MODEL=0.05, models.conv_n@MODEL=35, devices.tier=mid, ...",
    )
    parser.add_argument("--power-profile", metavar="FILE", help="a phone's power_profile.xml, for what has no meter")
    parser.add_argument("--isp", metavar="FILE", help="the .parquet that `calibrate isp` wrote, to put into it too")
    parser.add_argument("--merge", metavar="FILE", action="append", default=[], help="a calibration to put into it too")


def run(args: argparse.Namespace) -> int:
    """Fit, write, and say what was found."""
    inputs, output = inputs_of(args.accuracy, args.update_bytes, args.given), Path(args.output)
    if output.exists() or output.is_symlink():
        raise UsageError(f"{output} exists already; nothing was written")
    if not output.parent.is_dir():
        raise UsageError(f"cannot write {output}: there is no folder {output.parent}")
    others = [read_calibration(path) for path in args.merge]
    if not (args.runs or others):
        raise UsageError("which runs? name their folders, or calibrations to put together with --merge")
    # All files first: a slip in the last is not found out after minutes of fitting.
    profile = None if args.power_profile is None else load_power_profile(args.power_profile)
    isp = None if args.isp is None else read_isp(args.isp)
    calibration = _fitted(args.runs, inputs) if args.runs else with_inputs(others.pop(0), inputs)
    if profile is not None:
        calibration = with_power_profile(calibration, profile)
    if isp is not None:
        calibration = with_isp(calibration, isp)
    for other in others:
        calibration = merged(calibration, other)
    write_calibration(calibration, output)
    if args.json:
        print(json.dumps(as_json(calibration, str(output))))
    else:
        print("\n".join([*as_text(calibration), f"written to {output}"]))
    return 0


def _fitted(runs: list[str], inputs: Inputs) -> Calibration:
    traces = open_runs([_run(text) for text in runs])
    refuse_two_meters(traces)
    refuse_unknown(executed_in(traces), inputs)
    from edgewatt.profiler.calibrating.fit import calibration_of  # noqa: PLC0415  (all the fits: only for good runs)

    progress = ErrorStreamProgress()
    try:
        progress.phase("fitting")
        return with_inputs(calibration_of(traces, inputs=inputs), inputs)
    finally:
        progress.done()


def _run(text: str) -> str:
    """The run. Raises UsageError for a word that asks for another kind of calibration and stands in a wrong place."""
    from edgewatt.commands.calibrate import WORDS  # noqa: PLC0415  (which imports this)

    if text in WORDS:
        raise UsageError(
            f"{text!r} asks for another kind of calibration and has to stand first (`edgewatt calibrate {text} "
            f"--help`); a run in a folder of that name is ./{text}"
        )
    if not Path(text).exists():
        raise UsageError(f"{text} is neither a run nor a kind of calibration; kinds are {', '.join(WORDS)}, --collect")
    if holds(Path(text), FILE_NAME):
        raise UsageError(f"{text} is a calibration already: `calibrate show {text}`, or --merge {text}")
    return text

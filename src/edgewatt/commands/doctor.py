"""The verb `doctor` of the command line."""

import argparse
import json
from typing import Any, Final

from edgewatt.commands import benches, doctor_fix, doctor_profile, gpu_sensor, left_changed, meter_check, overhead
from edgewatt.commands.doctor_look import Asked, Looked, look
from edgewatt.commands.doctor_text import as_json, as_text, boundaries, boundaries_as_text, left_to_you
from edgewatt.commands.progress import ErrorStreamProgress
from edgewatt.device_profiles import schema
from edgewatt.profiler.errors import DeviceError, NotMeasuredError

EPILOG: Final = f"""\
examples:
  edgewatt doctor                       every device and meter at hand, and every bench of bench.toml
  edgewatt doctor -d host --json        one device, as data
  edgewatt doctor -d adb:               the only phone at hand: what it shows, and what blocks the rest
  edgewatt doctor -d nvml:0             a GPU, and how its sensor looks, watched for some seconds
  edgewatt doctor -d my-bench           a bench of bench.toml: each of its parts, without switching anything
  edgewatt doctor --profile my.toml     check a device profile, a meter's, or a phone's power_profile.xml (.apk)
  edgewatt doctor --profile-schema      the JSON Schema of device profiles, for an editor
  edgewatt doctor --fix                 do what is harmless, and say what is left to you

What is harmless: to put back what runs that were killed left changed on devices, to start the adb server, to close a
private key of yours to others. It installs and loads nothing, opens nothing to others, and never asks for root.

{overhead.EPILOG}
{meter_check.EPILOG}"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `doctor`."""
    parser.add_argument("-d", "--device", metavar="DEVICE", help="only this one")
    parser.add_argument(
        "-m", "--meter", metavar="METER", action="append", default=[], help="and this meter; repeatable"
    )
    parser.add_argument("--profile", metavar="FILE", help="check a device profile instead")
    parser.add_argument("--profile-schema", action="store_true", help="print the JSON Schema of device profiles")
    parser.add_argument("--fix", action="store_true", help="do what is harmless (see below); the rest is listed")
    overhead.add_arguments(parser)
    meter_check.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Look, and say what was found."""
    if args.profile_schema:
        print(schema.text(), end="")
        return 0
    if args.profile:
        found = doctor_profile.checked(args.profile)
        print(json.dumps(found) if args.json else doctor_profile.as_text(found))
        return 0
    if args.overhead:
        return overhead.run(args)
    if meter_check.is_asked(args):
        return meter_check.run(args)
    return _look(args)


def _look(args: argparse.Namespace) -> int:
    left = left_changed.put_back() if args.fix else left_changed.listed()
    fixed = doctor_fix.fix(args.device) if args.fix else []
    progress = ErrorStreamProgress()
    try:
        checked = benches.check(args.device)
        looked = look(Asked(args.device, args.meter, checked), progress)
        gpu = args.device is not None and gpu_sensor.is_gpu(args.device)
        sensor = gpu_sensor.sensor_of(args.device) if gpu else None
    finally:
        progress.done()
    yours = left_to_you(looked)
    if args.json:
        found: dict[str, Any] = {"devices": [as_json(one) for one in looked]}
        found |= {"benches": [bench.as_json() for bench in checked], "boundaries": boundaries(looked)}
        if sensor is not None:
            found["sensor"] = sensor.to_json()
        found |= {"left_changed": [one.as_json() for one in left], "fixed": [one.as_json() for one in fixed]}
        print(json.dumps({**found, "left_to_you": yours}))
    else:
        seen = [] if sensor is None else ["\n".join(gpu_sensor.as_text(sensor))]
        texts = [*map(as_text, looked), *seen, *(bench.as_text() for bench in checked)] or ["no device at hand"]
        texts += [*boundaries_as_text(looked), *left_changed.as_text(left)]
        print("\n\n".join([*texts, *(doctor_fix.as_text(fixed, yours) if args.fix else [])]))
    if args.fix and (one := next((one for one in left if one.problem), None)):
        raise DeviceError(f"{one.what} was not put back: {one.problem}")
    _check(args, checked, looked)
    return 0


def _check(args: argparse.Namespace, checked: list[benches.Checked], looked: list[Looked]) -> None:
    """Raise what became of the device or the meters that were asked for by name; what is merely at hand may fail."""
    if args.device is None and not args.meter:
        return
    problems = [*(bench.problem for bench in checked), *(one.problem for one in looked)]
    if problem := next(filter(None, problems), None):
        raise DeviceError(problem)
    named = args.device or ", ".join(args.meter)
    if not any(o.channels for one in looked for o in one.opened):
        raise NotMeasuredError(f"nothing can be measured on {named}")

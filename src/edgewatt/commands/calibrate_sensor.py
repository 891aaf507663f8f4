"""`calibrate sensor`: unit, sign, period, lag, window and resolution of a gauge; its gain and zero against a meter."""

import argparse
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from edgewatt.commands import calibrate_report as report
from edgewatt.commands.arguments import positive_seconds
from edgewatt.commands.kept import kept
from edgewatt.commands.progress import ErrorStreamProgress
from edgewatt.device_profiles import own
from edgewatt.device_profiles.loader import Fact, names
from edgewatt.device_profiles.measured import facts_of_gauge, facts_of_line
from edgewatt.device_profiles.phones import GENERIC
from edgewatt.profiler.bench import bench_named
from edgewatt.profiler.bench_devices import opened
from edgewatt.profiler.channel import Accuracy
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import EdgewattError, NotMeasuredError, UsageError
from edgewatt.profiler.gauging.found import Undecided
from edgewatt.profiler.running.gauging import GaugingOptions, gauge
from edgewatt.profiler.running.gauging_judge import Against, Alone, judge_against, judge_alone

# How often a sensor is looked at: five times within the shortest period that a gauge is known to have (0.25 s).
POLL_S: Final = 0.05
_ASK_S: Final = 20.0

EPILOG: Final = """\
examples:
  edgewatt calibrate sensor -d adb:                       unit, sign, period, lag, resolution of the phone's gauge
  edgewatt calibrate sensor -d adb: --save                and into its own profile, which every later run reads first
  edgewatt calibrate sensor -d adb+tcp://192.168.1.5:5555 --against 'monsoon:?boundary=battery_bypass' --save
                                                          gain and zero too: later runs state their accuracy
  edgewatt calibrate sensor --against s10e --save         the device and the meter of a bench of bench.toml
  edgewatt calibrate sensor -d s10e --sensor vdd_in       another sensor of that device, against the bench's meter
  edgewatt calibrate sensor -d virtual:phone?personality=samsung      without a phone: SIMULATED

One core executes pulses of load of random lengths, while the sensor is looked at 20 times a second. What cannot be
decided is said with its reason, and nothing is written then (exit code 5). A phone on its charger as a rule shows no
load: take the cable out first. See docs/gauges.md.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `calibrate sensor`."""
    parser.add_argument("-d", "--device", metavar="DEVICE", help="a phone, or a bench of bench.toml")
    parser.add_argument("--against", metavar="METER", help="a meter that feeds the device, or the bench both are on")
    parser.add_argument("--sensor", metavar="NAME", help="its channel or column (default: the battery's current)")
    parser.add_argument(
        "--meter-gain",
        metavar="PERCENT",
        type=_percent,
        help="what the meter's gain is uncertain by (standard uncertainty), where its profile does not state it",
    )
    parser.add_argument("--save", action="store_true", help="write what was found into the phone's own profile")
    parser.add_argument("-o", "--output", metavar="RUN", help="keep the run with all samples in this new folder")
    parser.add_argument("--seconds", type=positive_seconds, help="of pulses (default: as the sensor needs, 24 to 240)")
    parser.add_argument(
        "--set", metavar="NAME=VALUE", action="append", default=[], help="a condition to set, and to put back"
    )


def run(args: argparse.Namespace) -> int:
    """Gauge, and say what was found. Exit code 5 where what is needed is undecided."""
    device_text, meters = _asked(args)
    options = GaugingOptions(args.seconds, args.sensor, dict(_key_value(text) for text in args.set))
    progress = ErrorStreamProgress()
    found: Alone | Against
    try:
        with _folder(args.output) as path, opened(device_text, meters, _often(device_text)) as (device, of):
            against = [meter for meter in of if meter is not device] if _is_against(args) else []
            _refuse_measured(args, against)
            if _is_against(args) and not against:
                raise UsageError(f"{device_text} has no meter beside it: name the one that feeds it with --against")
            trace = gauge(device, path, meters=against[:1], options=options, progress=progress)
            serial = _serial(device)
            progress.phase("analysing")
            if against:
                found = judge_against(trace, args.sensor, _stated(args.meter_gain))
            else:
                found = judge_alone(trace, args.sensor)
    finally:
        progress.done()
    facts, why_not = _facts(found, device)
    code, saved = 0 if why_not is None else NotMeasuredError.exit_code, None
    try:
        saved = _save(args, device, serial, found, facts, why_not)
    except EdgewattError as error:  # what took minutes to find is said all the same
        code, why_not = error.exit_code, str(error)
    if args.json:
        print(json.dumps(report.as_json(found, device, saved, why_not)))
    else:
        print("\n".join(report.as_text(found, device, saved, why_not, keep=args.save)))
    return code


def _asked(args: argparse.Namespace) -> tuple[str, list[str]]:
    """The device, and the meters to open beside it; a bench brings both."""
    if args.device is None and args.against is None:
        raise UsageError("which device? name it with -d, or the bench that it is on with --against")
    if args.meter_gain is not None and not _is_against(args):
        raise UsageError("--meter-gain is that of a meter: name it with --against")
    if args.device is None or args.against in (None, args.device):
        return args.device or args.against, []
    bench = bench_named(args.against)
    if bench is None:
        return args.device, [args.against]
    if args.device not in (bench.device, bench.name):
        raise UsageError(
            f"bench {bench.name} holds {bench.device}, and -d says {args.device}: a meter calibrates what it feeds; "
            f"leave out -d"
        )
    return bench.name, []


def _is_against(args: argparse.Namespace) -> bool:
    return args.against is not None or args.sensor is not None


def _refuse_measured(args: argparse.Namespace, against: Sequence[Device]) -> None:
    """Raise UsageError for a device that executes, named as the meter of another one."""
    named = next((one for one in against if one.pulses is not None), None)
    if named is not None:
        raise UsageError(
            f"--against {args.against}: {named.name} is itself measured, not a meter. For a device and the meter on "
            "its own bench name the bench alone, without -d"
        )


def _often(text: str) -> Mapping[str, str]:
    """What lets a phone's files be read often, and its services alone. Others read as they do."""
    bench = bench_named(text)
    scheme = (text if bench is None else bench.device).partition(":")[0]
    return {"period": f"{POLL_S:g}", "services": "off"} if scheme in ("adb", "adb+tcp", "virtual") else {}


def _stated(percent: float | None) -> Accuracy | None:
    return None if percent is None else Accuracy(percent / 100, 0.0, f"{percent:g} % stated on the command line")


def _facts(found: Alone | Against, device: Device) -> tuple[Mapping[str, Fact], str | None]:
    """What goes into the profile; or why there is nothing."""
    today, basis = f"{datetime.now(UTC):%Y-%m-%d}", "simulated" if device.simulated else "measured"
    if isinstance(found, Alone):
        if isinstance(found.gauged.meaning, Undecided):
            return {}, found.gauged.meaning.reason
        if found.gauged.meaning.unit == "A":
            return {}, "it counts in whole ampere, which tells nothing of a phone; the finding stands above"
        return facts_of_gauge(found.gauged, found.how, basis, today), None
    if isinstance(found.line, Undecided):
        return {}, found.line.reason
    if isinstance(found.meaning, Undecided):
        return {}, found.meaning.reason
    return facts_of_line(found.line, found.meaning, found.volt, found.how, basis, today), None


def _save(
    args: argparse.Namespace,
    device: Device,
    serial: str,
    found: Alone | Against,
    facts: Mapping[str, Fact],
    why_not: str | None,
) -> Path | None:
    """Where it was written; None if that was not asked for, or nothing is to be written. Raises EdgewattError."""
    if not args.save or why_not is not None:
        return None
    if (found.meaning if isinstance(found, Against) else found.gauged.meaning) is None:
        raise UsageError(
            "--save writes the profile of a phone's battery gauge; for another sensor take the line that is printed"
        )
    if isinstance(found, Against) and not facts:
        raise NotMeasuredError(
            f"nobody states how far off {found.meter} may be, so that no accuracy follows from it; "
            "state its gain in its profile, or with --meter-gain PERCENT"
        )
    profile = str(device.facts.get("profile", GENERIC))
    return own.remember(serial, device.name, profile if profile in names() else GENERIC, facts)


def _serial(device: Device) -> str:
    """By what a profile finds the device again: a virtual phone has another name beside what it calls itself."""
    if not device.simulated or device.target is None:
        return device.device_id
    said = device.target.run(["getprop", "ro.serialno"], timeout_s=_ASK_S).stdout.decode(errors="replace").strip()
    return said if said.isascii() and said.isalnum() else device.device_id


@contextmanager
def _folder(output: str | None) -> Iterator[Path]:
    if output is not None:
        with kept(Path(output)):
            yield Path(output)
        return
    with tempfile.TemporaryDirectory(prefix="edgewatt-gauging-") as folder:
        yield Path(folder) / "run"


def _key_value(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key and equals):
        raise UsageError(f"--set {text!r}: expected NAME=VALUE")
    return key, value


def _percent(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 < value <= 50:
        raise argparse.ArgumentTypeError(f"{text!r} is no share from above 0 to 50 percent")
    return value

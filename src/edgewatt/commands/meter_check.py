"""What `doctor` does to check a meter: a few seconds of it, with a resistor that is known or with nothing connected."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from edgewatt.commands.progress import ErrorStreamProgress
from edgewatt.profiler.bench import bench_named
from edgewatt.profiler.channel import Accuracy, Channel, Opened
from edgewatt.profiler.clock import HostClock
from edgewatt.profiler.device import Device, opened_devices
from edgewatt.profiler.errors import DeviceError, NotMeasuredError, UsageError
from edgewatt.profiler.meter_check import Deviation, Looked, Mean, OfNothing, OfResistor, check_nothing, check_resistor
from edgewatt.profiler.running.looking import Seen, look
from edgewatt.profiler.units import Quantity, format_si
from edgewatt.reports.escape import printable

SECONDS: Final = 10.0
MOST_SECONDS: Final = 600.0
# What a resistor from the drawer is within (assumed).
TOLERANCE_PERCENT: Final = 1.0

# No zero point of a meter that works lies further off (assumed; the ones in docs/meters.md are off by under 1 mA).
MOST_ZERO_A: Final = 0.01
NO_ZERO: Final = "so much is no meter's zero point: something draws it; take off what is connected, and check again"

EPILOG: Final = """\
checking a meter (any that gives current, or power and voltage):
  edgewatt doctor -d 'monsoon:?boundary=battery_bypass' --check-zero            nothing connected: its offset, its noise
  edgewatt doctor -d 'monsoon:?boundary=battery_bypass&voltage=4' --check-resistor 10 --tolerance 0.1
                                        10 ohm within 0.1 %, its leads included: the gain of its current
Exit code 6: further off than stated of the meter; where nobody states anything, what a profile of it could state.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of the check."""
    group = parser.add_argument_group("checking a meter")
    what = group.add_mutually_exclusive_group()
    what.add_argument("--check-resistor", metavar="OHM", type=_ohm, help="a resistor of OHM hangs on the meter DEVICE")
    what.add_argument("--check-zero", action="store_true", help="nothing hangs on the meter DEVICE")
    group.add_argument(
        "--tolerance",
        metavar="PERCENT",
        type=_percent,
        help=f"of the resistor (default: {TOLERANCE_PERCENT:g}, assumed)",
    )
    group.add_argument(
        "--seconds", type=_seconds, default=SECONDS, help=f"how long, up to {MOST_SECONDS:g} (default: {SECONDS:g})"
    )


def is_asked(args: argparse.Namespace) -> bool:
    """Whether a meter is to be checked."""
    return args.check_zero or args.check_resistor is not None


def run(args: argparse.Namespace) -> int:
    """Measure, and say what was found. Raises DeviceError, once said, for a meter further off than stated."""
    if args.device is None:
        raise UsageError("which meter? name it with -d")
    if args.tolerance is not None and args.check_resistor is None:
        raise UsageError("--tolerance is that of a resistor: give its resistance with --check-resistor")
    progress = ErrorStreamProgress()
    try:
        with opened_devices(_meter(args.device)) as (device, _):
            opened, seen, channels = _look(device, args.seconds, progress)
    finally:
        progress.done()
    looked = _looked(seen, channels)
    found: OfResistor | OfNothing
    if args.check_resistor is None:
        found, deviation = (nothing := check_nothing(looked)), nothing.offset
    else:
        percent = TOLERANCE_PERCENT if args.tolerance is None else args.tolerance
        found, deviation = (resistor := check_resistor(looked, args.check_resistor, percent / 100)), resistor.gain
    name = f"SIMULATED {device.name}" if device.simulated else device.name
    period_s = channels[-1].period_s
    if args.json:
        print(json.dumps({"device": device.uri, "name": name, **_as_json(seen, period_s), "check": asdict(found)}))
    else:
        lines = [f"{printable(name)}   {opened.name}, {channels[-1].name}", *_of_samples(seen, period_s)]
        print("\n".join([*lines, *_of_check(found, assumed=args.tolerance is None)]))
    if deviation.verdict == "outside":
        raise DeviceError(f"{args.device} is further off than its stated accuracy")
    return 0


def _meter(text: str) -> str:
    """A device as it is named, or the first meter of a bench."""
    bench = bench_named(text)
    return text if bench is None else (*bench.meters, bench.device)[0]


def _look(device: Device, seconds: float, progress: ErrorStreamProgress) -> tuple[Opened, Seen, list[Channel]]:
    """The first instrument that gives what is needed. Raises NotMeasuredError if none does."""
    chosen: list[Channel] = []

    def choose(opened: Opened) -> tuple[str, Sequence[str]]:
        stream, found = _channels(opened)
        chosen[:] = found
        return stream, [channel.column for channel in found]

    for collector in device.collectors:
        try:
            opened, seen = look(collector, choose, seconds, HostClock(), progress)
        except NotMeasuredError:
            continue
        return opened, seen, chosen
    raise NotMeasuredError(f"{device.uri} gives neither a current, nor power and voltage")


def _channels(opened: Opened) -> tuple[str, list[Channel]]:
    """Voltage and current of one name, or voltage and power, or current alone, and their stream.

    Of several the one that energy is formed of. Raises NotMeasuredError.
    """
    used = [column for source in opened.sources for term in source.terms for column in term]
    found = []
    for stream, channels in opened.channels.items():
        for name in dict.fromkeys(channel.name for channel in channels):
            of = {c.quantity: c for c in channels if c.name == name and c.kind == "gauge"}
            volt, last = of.get(Quantity.VOLTAGE), of.get(Quantity.CURRENT) or of.get(Quantity.POWER)
            if last is not None and (volt is not None or last.quantity is Quantity.CURRENT):
                found.append((stream, [volt, last] if volt is not None else [last]))
    if not found:
        raise NotMeasuredError(f"{opened.name} gives neither a current, nor power and voltage")
    return next((one for one in found if one[1][-1].column in used), max(found, key=lambda one: len(one[1])))


def _looked(seen: Seen, channels: Sequence[Channel]) -> Looked:
    volt, last = (channels[0] if len(channels) > 1 else None), channels[-1]
    values = seen.columns[last.column]
    if volt is None:
        return Looked(None, values, None, last.accuracy)
    volts = seen.columns[volt.column]
    if last.quantity is Quantity.CURRENT:
        return Looked(volts, values, volt.accuracy, last.accuracy)
    here = volts != 0
    accuracy = last.accuracy
    if accuracy is not None and accuracy.offset and here.any():
        accuracy = Accuracy(accuracy.gain_rel, accuracy.offset / abs(float(volts[here].mean())), accuracy.basis)
    return Looked(volts[here], values[here] / volts[here], volt.accuracy, accuracy)


def _as_json(seen: Seen, period_s: float | None) -> dict[str, Any]:
    return {
        "samples": len(seen.t_ns),
        "seconds": seen.seconds,
        "rate_hz": seen.rate_hz,
        "rate_nominal_hz": None if period_s is None else 1 / period_s,
        "rate_bound": seen.rate_bound,
        "gaps": len(seen.gaps),
        "samples_lost": seen.lost,
        "reasons": list(seen.reasons),
    }


def _of_samples(seen: Seen, period_s: float | None) -> list[str]:
    lost = "samples lost in gaps that nobody counted" if seen.lost is None else f"{seen.lost} lost"
    lines = [f"  {'samples':12}{len(seen.t_ns)} in {seen.seconds:.2f} s, {lost}, {len(seen.gaps)} gaps"]
    if seen.rate_hz is not None:
        text = f"{seen.rate_hz:.6g} a second"
        if period_s is not None:
            text += f", {(seen.rate_hz * period_s - 1) * 1e6:+.0f} ppm of what it should be"
            text += "" if seen.rate_bound is None else f" (within {seen.rate_bound * 1e6:.0f} ppm)"
        lines.append(f"  {'rate':12}{text}")
    return [*lines, *(f"  {'noticed':12}{printable(reason)}" for reason in seen.reasons)]


def _of_check(found: OfResistor | OfNothing, *, assumed: bool) -> list[str]:
    lines = [
        f"  {name:12}{_shown(mean, unit)}"
        for name, mean, unit in (
            ("voltage", found.volt, "V"),
            ("current", found.ampere, "A"),
            ("power", found.watt, "W"),
        )
        if mean is not None
    ]
    if isinstance(found, OfNothing):
        far = f"{_plus(found.offset.value, 'A')} [{_plus(found.offset.low, 'A')}, {_plus(found.offset.high, 'A')}]"
        if abs(found.offset.value) > MOST_ZERO_A:
            return [*lines, f"  {'offset':12}{far} at 95 %", f"  {'noticed':12}{NO_ZERO}"]
        return [*lines, f"  {'offset':12}{far} at 95 %", *_verdict(found.offset, "current_offset_a", "A")]
    said = f"{found.ohm:g} ohm within {found.tolerance:.2%}{', assumed' if assumed else ''}"
    law = f"{format_si(found.expected_a, 'A', digits=5)}, {format_si(found.expected_w, 'W', digits=5)}"
    far = f"{found.gain.value:+.3%} [{found.gain.low:+.3%}, {found.gain.high:+.3%}]"
    return [
        *lines,
        f"  {'Ohm':12}{law}   {said}",
        f"  {'gain':12}{far} at 95 %, of the current as far as the voltage is right",
        *_verdict(found.gain, "current_gain_ratio", ""),
    ]


def _shown(mean: Mean, unit: str) -> str:
    return f"{format_si(mean.mean, unit, digits=5)}   noise of single samples {format_si(mean.noise, unit)}"


def _plus(value: float, unit: str) -> str:
    return f"{'+' if value >= 0 else ''}{format_si(value, unit)}"


def _verdict(deviation: Deviation, key: str, unit: str) -> list[str]:
    if deviation.stated is None:
        follows = f"nobody states it; a profile of this meter could state {key} = {deviation.follows:.2g}"
        return [f"  {'accuracy':12}{follows}"]
    stated = format_si(deviation.stated, unit) if unit else f"{deviation.stated:.3%}"
    return [f"  {'accuracy':12}{deviation.verdict} what is stated, {stated} at 95 %"]


def _ohm(text: str) -> float:
    return _between(text, "a resistance in ohm", 1e-3, 1e9)


def _percent(text: str) -> float:
    return _between(text, "a tolerance in percent", 0.0, 50.0)


def _seconds(text: str) -> float:
    return _between(text, "a number of seconds", 1.0, MOST_SECONDS)


def _between(text: str, what: str, low: float, high: float) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise argparse.ArgumentTypeError(f"{text!r} is no {what.partition(' ')[2]} from {low:g} to {high:g}")
    return value

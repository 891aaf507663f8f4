"""The verb `doctor` of the command line."""

import argparse
import json
import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from edgewatt.commands import benches, gpu_sensor, left_changed, meter_check
from edgewatt.device_profiles.loader import load
from edgewatt.profiler.channel import Channel, Opened, Unavailable
from edgewatt.profiler.clock import HostClock
from edgewatt.profiler.device import Device, Family, Found, families, opened_devices
from edgewatt.profiler.errors import DeviceError, EdgewattError, NotMeasuredError
from edgewatt.profiler.protocols import Collector
from edgewatt.profiler.units import format_si
from edgewatt.reports.escape import printable

EPILOG: Final = f"""\
examples:
  edgewatt doctor                       every device at hand
  edgewatt doctor -d host --json        one device, as data
  edgewatt doctor -d adb:               the only phone at hand: what it shows, and what blocks the rest
  edgewatt doctor -d nvml:0             a GPU, and how its sensor looks, watched for some seconds
  edgewatt doctor -d my-bench           a bench of bench.toml: each of its parts, without switching anything
  edgewatt doctor --profile my.toml     check a device profile
  edgewatt doctor --fix                 put back what runs that were killed left changed on devices

{meter_check.EPILOG}"""


WIDTH: Final = 120


@dataclass(frozen=True, slots=True)
class _Looked:
    """What a look at one device found."""

    uri: str
    name: str
    opened: tuple[Opened, ...]
    unavailable: tuple[Unavailable, ...]
    executes: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of `doctor`."""
    parser.add_argument("-d", "--device", metavar="DEVICE", help="only this one")
    parser.add_argument("--profile", metavar="FILE", help="check a device profile instead")
    parser.add_argument("--fix", action="store_true", help="put back what runs that were killed left changed")
    meter_check.add_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Look, and say what was found."""
    if args.profile:
        profile = load(args.profile)
        print(json.dumps({"profile": profile.name, "valid": True}) if args.json else f"{profile.name}: a valid profile")
        return 0
    if meter_check.is_asked(args):
        return meter_check.run(args)
    left = left_changed.put_back() if args.fix else left_changed.listed()
    checked = benches.check(args.device)
    looked = _looked(args.device, checked)
    sensor = gpu_sensor.sensor_of(args.device) if args.device and gpu_sensor.is_gpu(args.device) else None
    if args.json:
        found: dict[str, Any] = {"devices": [_as_json(one) for one in looked]}
        found["benches"] = [bench.as_json() for bench in checked]
        if sensor is not None:
            found["sensor"] = sensor.to_json()
        print(json.dumps({**found, "left_changed": [one.as_json() for one in left]}))
    else:
        seen = [] if sensor is None else ["\n".join(gpu_sensor.as_text(sensor))]
        texts = [*map(_as_text, looked), *seen, *(bench.as_text() for bench in checked)]
        texts = texts or ["no device at hand"]
        print("\n\n".join([*texts, *left_changed.as_text(left)]))
    if args.fix and (one := next((one for one in left if one.problem), None)):
        raise DeviceError(f"{one.what} was not put back: {one.problem}")
    if args.device and (problem := next((b.problem for b in checked if b.problem), None)):
        raise DeviceError(problem)
    if args.device and not any(o.channels for one in looked for o in one.opened):
        raise NotMeasuredError(f"nothing can be measured on {args.device}")
    return 0


def _looked(asked: str | None, checked: Sequence[benches.Checked]) -> list[_Looked]:
    """What was found on everything at hand, on one device, or on the parts of a bench that answer."""
    if asked is None:
        return [_look_at(found) for found in _discover()]
    return [_look_at_uri(uri) for one in checked for uri in one.answering] if checked else [_look_at_uri(asked)]


def _discover() -> list[Found]:
    at_hand: list[Found] = []
    for point in families().values():
        family: Family = point.load()
        at_hand.extend(family.discover())
    return at_hand


def _look_at_uri(uri: str) -> _Looked:
    with opened_devices(uri) as (device, _):
        return _look(device)


def _look_at(found: Found) -> _Looked:
    try:
        return _look_at_uri(found.uri)
    except EdgewattError as error:
        blocked = found.blocked or (Unavailable("device", str(error)),)
        return _Looked(found.uri, found.name, (), blocked, executes=False)


def _look(device: Device) -> _Looked:
    opened, unavailable = [], []
    for collector in device.collectors:
        try:
            answer = _open_briefly(collector)
        except DeviceError as error:
            unavailable.append(Unavailable(type(collector).__name__.lower(), str(error)))
            continue
        opened.append(answer)
        unavailable.extend(answer.unavailable)
    unavailable.extend(device.blocked())
    name = f"SIMULATED {device.name}" if device.simulated else device.name
    return _Looked(device.uri, name, tuple(opened), tuple(unavailable), executes=device.workload is not None)


def _open_briefly(collector: Collector) -> Opened:
    try:
        return collector.open(HostClock())
    finally:
        collector.close()


def _channels(one: _Looked) -> list[tuple[str, Channel]]:
    return [(o.name, channel) for o in one.opened for channels in o.channels.values() for channel in channels]


def _as_json(one: _Looked) -> dict[str, Any]:
    return {
        "device": one.uri,
        "name": one.name,
        "executes": one.executes,
        "channels": [{"collector": name, "column": c.column, **c.to_json()} for name, c in _channels(one)],
        "energy_sources": [source.to_json() for o in one.opened for source in o.sources],
        "unavailable": [asdict(u) for u in one.unavailable],
    }


def _as_text(one: _Looked) -> str:
    lines = [f"{printable(one.name)}   -d {printable(one.uri)}"]
    for kind, names in _kinds(one).items():
        lines += _wrapped("measures", f"{kind}: {', '.join(names)}")
    lines += [
        f"  {'energy':13}{printable(source.name)}  boundary {source.boundary}"
        for o in one.opened
        for source in o.sources
    ]
    for u in one.unavailable:
        lines += _wrapped("not measured", f"{printable(u.what)}: {printable(u.reason)}")
        lines += _wrapped("", f"fix: {printable(u.fix)}") if u.fix else []
    return "\n".join(lines)


def _kinds(one: _Looked) -> dict[str, list[str]]:
    """The names of the channels by what is the same of them: instrument, quantity, rate and accuracy."""
    found: dict[str, list[str]] = {}
    for opened in one.opened:
        periods_s = opened.facts.get("periods_s", {})
        for suffix, channels in opened.channels.items():
            read_s = periods_s.get(suffix, opened.facts.get("poll_period_s"))
            for c in channels:
                kind = f"{opened.name}: {c.quantity.value}  {_rate(c, read_s)}, {_accuracy(c)}"
                found.setdefault(kind, []).append(c.name)
    return found


def _wrapped(label: str, text: str) -> list[str]:
    lines = textwrap.wrap(text, WIDTH - 15, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)
    return [f"  {label if at == 0 else '':13}{line}" for at, line in enumerate(lines)]


def _rate(channel: Channel, read_s: float | None) -> str:
    """How often it is new; where nobody knows that, how often it is read."""
    if channel.period_s is not None:
        return f"new every {format_si(channel.period_s, 's')}"
    return "period unknown" if read_s is None else f"read every {format_si(read_s, 's')}"


def _accuracy(channel: Channel) -> str:
    if channel.accuracy is None:
        return "accuracy unknown"
    return f"gain {channel.accuracy.gain_rel:.2%} ({printable(channel.accuracy.basis)})"

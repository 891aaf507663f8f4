"""A phone as a device: `adb:SERIAL` through the adb server, `adb+tcp://HOST:PORT` straight to its adbd.

Options: `sysfs`, `proc` and `tmp` say where the phone has them; `period` how often every file is read, in seconds
(default: each no faster than its sensor changes); `profile` which device profile describes it (a name or a .toml
file); `services=off` leaves the system services alone, `sampler=off` its files too; `sampler=detached` lets the sampler
log on the phone, as it does beside an external meter.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath
from typing import Final

from edgewatt.collectors.android import discover
from edgewatt.collectors.android.phone import TMP, Phone
from edgewatt.collectors.android.phone_loads import loads
from edgewatt.collectors.android.pulses import pulses
from edgewatt.collectors.android.reading import Reading
from edgewatt.collectors.android.stamps import PHONE_CLOCK
from edgewatt.collectors.android.state.blocked import blocked
from edgewatt.collectors.android.state.identity import Identity, identify
from edgewatt.collectors.android.target import PhoneTarget
from edgewatt.collectors.transports.link import Connect
from edgewatt.device_profiles.loader import DeviceProfile, load
from edgewatt.device_profiles.phones import choose
from edgewatt.profiler.device import Device, DeviceUri, Family, only_options, parse_uri
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.protocols import Collector, Workload, WorkloadRequest
from edgewatt.profiler.undo import Note

SAMPLERS: Final = ("attached", "detached", "off")
SHORTEST_S: Final = 0.001
# What a run sets unless told otherwise: an unplugged phone with its screen off suspends in the middle of a run. A dark
# screen is not lit for it unasked.
PREPARE: Final = {"wakelock": "unlit"}
FOLDERS: Final = {"sysfs": "/sys", "proc": "/proc", "tmp": TMP}

_OPTIONS: Final = ("sysfs", "proc", "tmp", "period", "profile", "services", "sampler")
_ADDRESS: Final = re.compile(r"//(\[[0-9A-Fa-f:.%a-z]+\]|[^/:\[\]]+):([0-9]{1,5})/?")
_DIRECT_USAGE: Final = "adb+tcp://HOST:PORT"


def _open_server(uri: DeviceUri) -> Device:
    """The phone that the adb server knows by this serial number; without one the only phone at hand."""
    from edgewatt.collectors.transports import adb_server  # noqa: PLC0415  (loads only when it is used)

    return _open(uri, partial(adb_server.connect, uri.rest))


def _open_direct(uri: DeviceUri) -> Device:
    """The phone whose adbd listens at HOST:PORT."""
    from edgewatt.collectors.transports import adb_direct  # noqa: PLC0415  (the same)

    address = _ADDRESS.fullmatch(uri.rest)
    if address is None or not 0 < int(address[2]) < 1 << 16:
        raise UsageError(f"device {uri.text!r}: expected {_DIRECT_USAGE}, such as adb+tcp://192.168.1.5:5555")
    tell = logging.getLogger("edgewatt").warning
    return _open(uri, partial(adb_direct.connect, address[1].strip("[]"), int(address[2]), waiting=tell))


def _open(uri: DeviceUri, connect: Connect) -> Device:
    only_options(uri, *_OPTIONS)
    sampler, period_s = _one_of(uri, "sampler", SAMPLERS), _period_s(uri)
    services = _one_of(uri, "services", ("on", "off")) == "on"
    stated = load(uri.options["profile"]) if "profile" in uri.options else None
    sysfs, proc, tmp = (_folder(uri, key, usual) for key, usual in FOLDERS.items())
    phone = Phone(uri.text.partition("?")[0], connect, sysfs, proc, tmp)
    try:
        who = identify(phone)
    except BaseException:
        phone.hang_up()
        raise
    reading = Reading(phone, stated or choose(who.properties, who.device_id), period_s)
    attached = reading.attached(services=services) if sampler == "attached" else reading.nothing()
    return _device(
        uri,
        phone,
        who,
        reading,
        collectors=reading.detached() if sampler == "detached" else attached,
        quiet=reading.nothing if sampler == "off" else reading.detached,
    )


def _put_back(note: Note) -> None:
    """What a run that was killed changed on a phone, from its note. Raises DeviceError, UsageError for a wrong one."""
    uri = parse_uri(note.uri)
    ways = {"adb": _open_server, "adb+tcp": _open_direct}
    if uri.scheme not in ways:
        raise UsageError(f"a note of a phone has the device {note.uri!r}; expected adb:SERIAL or {_DIRECT_USAGE}")
    device = ways[uri.scheme](uri)
    try:
        if isinstance(device.target, PhoneTarget):
            device.target.put_back(note)
    finally:
        device.close()


def _device(
    uri: DeviceUri,
    phone: Phone,
    who: Identity,
    reading: Reading,
    *,
    collectors: tuple[Collector, ...],
    quiet: Callable[[], tuple[Collector, ...]],
) -> Device:
    target = PhoneTarget(phone, reading.profile, None if who.simulated else who.device_id)
    device = Device(
        uri=uri.text,
        name=who.name,
        device_id=who.device_id,
        collectors=collectors,
        soc=who.soc,
        simulated=who.simulated,
        target=target,
        workload=partial(_workload, phone),
        facts=_facts(who, reading.profile),
        clock=PHONE_CLOCK,
        prepare=PREPARE,
        pulses=partial(pulses, phone),
        loads=loads(phone),
        blocked=lambda: blocked(phone, target.facts()),
        remarks=lambda: _remarks(phone),
        close=phone.close,
    )
    return replace(device, quiet=lambda: replace(device, collectors=quiet()))


def _workload(phone: Phone, request: WorkloadRequest) -> Workload:
    from edgewatt.collectors.runtimes.benchmark_model.workload import (  # noqa: PLC0415  (only when it is executed)
        BenchmarkModelWorkload,
    )

    return BenchmarkModelWorkload(phone, request, request.note)


def _facts(who: Identity, profile: DeviceProfile) -> dict[str, object]:
    return {
        "manufacturer": who.manufacturer,
        "phone_model": who.model,
        "android": who.android,
        "os_build": who.build,
        "abis": list(who.abis),
        "profile": profile.name,
    }


def _remarks(phone: Phone) -> list[str]:
    """What was learnt of the phone's clock."""
    return [f"wall_clock_stepped:{phone.stamps.steps}"] if phone.stamps.steps else []


def _folder(uri: DeviceUri, key: str, usual: str) -> str:
    """An absolute folder of the phone, no slash at its end."""
    text = uri.options.get(key, usual)
    if not text.startswith("/") or not text.isprintable() or ".." in PurePosixPath(text).parts:
        raise UsageError(f"device {uri.text!r}: {key}={text!r} is no absolute folder of a phone")
    return text.rstrip("/") or "/."


def _period_s(uri: DeviceUri) -> float | None:
    text = uri.options.get("period")
    if text is None:
        return None
    try:
        period_s = float(text)
    except ValueError:
        period_s = 0.0
    if not SHORTEST_S <= period_s <= 3600:
        raise UsageError(f"device {uri.text!r}: period is {text!r}, expected seconds from {SHORTEST_S:g} to 3600")
    return period_s


def _one_of(uri: DeviceUri, key: str, words: tuple[str, ...]) -> str:
    word = uri.options.get(key, words[0])
    if word not in words:
        raise UsageError(f"device {uri.text!r}: {key} is {word!r}, expected one of {', '.join(words)}")
    return word


SERVER: Final = Family(usage="adb:SERIAL[?period=S]", open=_open_server, discover=discover.discover, put_back=_put_back)
DIRECT: Final = Family(usage=f"{_DIRECT_USAGE}[?period=S]", open=_open_direct, discover=list, put_back=_put_back)

"""The host as a device: `host`, or `host?sysfs=DIR&proc=DIR&root=DIR` where those are mounted elsewhere."""

import hashlib
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from edgewatt.collectors.generic import hwmon
from edgewatt.collectors.generic.hwmon import Hwmon
from edgewatt.collectors.host import pmic, rapl
from edgewatt.collectors.host.conditions import Conditions
from edgewatt.collectors.host.conditions.processors import PROCESSORS
from edgewatt.collectors.host.conditions.system import Here
from edgewatt.collectors.host.facts import device_id, static_facts
from edgewatt.collectors.host.load import HostLoad
from edgewatt.collectors.host.loads import HostLoads
from edgewatt.collectors.host.places import HERE, Places
from edgewatt.collectors.host.pmic import pmics
from edgewatt.collectors.host.pulses import pulses
from edgewatt.collectors.host.rapl import Rapl
from edgewatt.collectors.host.surroundings import cpu_model
from edgewatt.collectors.host.target import HostTarget
from edgewatt.profiler.device import Device, DeviceUri, Family, Found, only_options, parse_uri
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.protocols import Workload, WorkloadRequest
from edgewatt.profiler.undo import Note

SCHEME: Final = "host"


def open_host(uri: DeviceUri) -> Device:
    """This machine: its load and what tells its power. Raises UsageError for a URI that is not its own."""
    places = _places(uri)
    soc = cpu_model(places)
    return Device(
        uri=uri.text,
        name=soc or "host",
        device_id=device_id(places),
        collectors=(HostLoad(places), Rapl(places), Hwmon(places.hwmon), *pmics(places)),
        soc=soc,
        idle_state="awake",
        target=HostTarget(places, _conditions(uri, places)),
        workload=workload,
        facts=static_facts(places),
        pulses=pulses,
        loads=HostLoads(places),
    )


def discover() -> list[Found]:
    """The host, and what keeps its energy from being measured."""
    _, no_rapl = rapl.survey(HERE)
    _, no_rails = hwmon.survey(HERE.hwmon)
    _, no_chip = pmic.survey(HERE)
    return [Found("host", cpu_model(HERE) or "host", (*no_rapl, *no_rails, *no_chip))]


def workload(request: WorkloadRequest) -> Workload:
    """A LiteRT model on this machine."""
    from edgewatt.collectors.runtimes.litert import LitertWorkload  # noqa: PLC0415  (loads only when it is executed)

    return LitertWorkload(request)


def put_back(note: Note) -> None:
    """What a run that was killed changed here, from its note. Raises DeviceError, UsageError for a wrong URI in it."""
    uri = parse_uri(note.uri)
    if uri.scheme != SCHEME:
        raise UsageError(f"a note of {SCHEME} has the device {note.uri!r}; expected {SCHEME}")
    _conditions(uri, _places(uri)).put_back(note)


def noted_as(places: Places) -> str:
    """Whom a note is of: this installation; another one where its /sys is a folder's."""
    identity = device_id(places)
    if places.sysfs == HERE.sysfs:
        return identity
    return f"{identity}-{hashlib.sha256(str(places.sysfs.resolve()).encode(errors='replace')).hexdigest()[:8]}"


def _conditions(uri: DeviceUri, places: Places) -> Conditions:
    options = urlencode({key: str(Path(text).resolve()) for key, text in uri.options.items()})
    text = f"{SCHEME}?{options}" if options else SCHEME
    return Conditions(Here(places), PROCESSORS, family=SCHEME, device_id=noted_as(places), uri=text)


def _places(uri: DeviceUri) -> Places:
    only_options(uri, "sysfs", "proc", "root")
    if uri.rest:
        raise UsageError(f"device {uri.text!r}: {uri.rest!r} is too much; the host is just `host`")
    folders = {key: Path(text) for key, text in uri.options.items()}
    for key, folder in folders.items():
        if not folder.is_dir():
            raise UsageError(f"device {uri.text!r}: {key}={folder} is not a folder")
    return Places(**folders)


FAMILY = Family(usage="host", open=open_host, discover=discover, put_back=put_back)

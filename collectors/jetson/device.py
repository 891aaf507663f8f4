"""The Jetson that edgewatt runs on: `jetson`, or `jetson?root=DIR` for its files in a folder.

`period=S` is how often the rails are read (0.05 s), `board=PROFILE` the profile to take whatever the device tree says,
`tegrastats=PATH` the program that is asked where no rail can be read from sysfs.
"""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

from edgewatt.collectors.android.files.look import Found as Nodes
from edgewatt.collectors.generic.options import period_of
from edgewatt.collectors.host.conditions import Conditions
from edgewatt.collectors.host.conditions.processors import PROCESSORS
from edgewatt.collectors.host.conditions.system import Here
from edgewatt.collectors.host.device import workload
from edgewatt.collectors.host.facts import device_id, static_facts
from edgewatt.collectors.host.loads import HostLoads
from edgewatt.collectors.host.places import Places
from edgewatt.collectors.host.pulses import pulses
from edgewatt.collectors.jetson import facts, rails
from edgewatt.collectors.jetson.conditions import JETSON
from edgewatt.collectors.jetson.finding import find, is_jetson, look_at
from edgewatt.collectors.jetson.here import look_below
from edgewatt.collectors.jetson.look import BoardLook, Roots
from edgewatt.collectors.jetson.polled import BoardFiles
from edgewatt.collectors.jetson.target import BoardTarget
from edgewatt.collectors.jetson.tegrastats import Tegrastats
from edgewatt.device_profiles.loader import load
from edgewatt.profiler.device import Device, DeviceUri, Family, Found, only_options, parse_uri
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.protocols import Collector
from edgewatt.profiler.undo import Note

SCHEME: Final = "jetson"
PROGRAM: Final = "tegrastats"
# Where L4T installs it (remembered); a service's PATH may not have it.
_USUAL: Final = "usr/bin/tegrastats"


def open_jetson(uri: DeviceUri) -> Device:
    """This board. Raises UsageError for a URI that is not its own, DeviceError where there is no Jetson."""
    only_options(uri, "root", "period", "board", "tegrastats")
    if uri.rest:
        raise UsageError(f"device {uri.text!r}: {uri.rest!r} is too much; the board is just `jetson`")
    root = uri.options.get("root", "/")
    if not Path(root).is_dir():
        raise UsageError(f"device {uri.text!r}: root={root} is not a folder")
    roots = Roots.below(root)
    look = _look(uri, roots)
    found = find(look)
    if not (is_jetson(look) or rails.rail_columns(found.nodes)):
        raise DeviceError(
            f"no Jetson: there is neither {look.at('{root}')}/etc/nv_tegra_release, nor a Tegra in the device tree, "
            "nor a rail of an INA3221. On another machine use `host`; on a board in a container mount its /sys and /etc"
        )
    places = _places(roots)
    identity, basis = _identity(look, places)
    model = facts.model_of(look) or look.profile.title
    return Device(
        uri=uri.text,
        name=model,
        device_id=identity,
        collectors=_collectors(uri, look, found),
        soc=facts.soc_of(look),
        simulated=facts.is_simulated(look),
        idle_state="awake",
        target=BoardTarget(places, roots, _conditions(root, look)),
        workload=workload,
        facts={**static_facts(places), **found.facts, "device_id_basis": basis},
        pulses=pulses,
        loads=HostLoads(places),
    )


def put_back(note: Note) -> None:
    """What a run that was killed changed here, from its note. Raises DeviceError, UsageError for a wrong one."""
    uri = parse_uri(note.uri)
    root = uri.options.get("root", "/")
    if uri.scheme != SCHEME or not Path(root).is_dir():
        raise UsageError(f"a note of {SCHEME} has the device {note.uri!r}; expected {FAMILY.usage}")
    _conditions(root, _look(uri, Roots.below(root))).put_back(note)


def _conditions(root: str, look: BoardLook) -> Conditions:
    places = _places(look.roots)
    uri = SCHEME if places.root == Path("/") else f"{SCHEME}?{urlencode({'root': str(Path(root).resolve())})}"
    known = {**PROCESSORS, **JETSON}
    return Conditions(Here(places, SCHEME), known, family=SCHEME, device_id=_identity(look, places)[0], uri=uri)


def _places(roots: Roots) -> Places:
    return Places(Path(roots.sysfs), Path(roots.proc), Path(roots.root or "/"))


def _identity(look: BoardLook, places: Places) -> tuple[str, str]:
    return facts.device_id_of(look, (device_id(places), "as a host"))


def _look(uri: DeviceUri, roots: Roots) -> BoardLook:
    """A look at its files, with the profile that the user names."""
    profile = load(uri.options["board"]) if "board" in uri.options else None
    return look_at(look_below(roots), roots, profile=profile, rails_s=period_of(uri))


def _collectors(uri: DeviceUri, look: BoardLook, found: Nodes) -> tuple[Collector, ...]:
    """The files; and tegrastats where no rail can be read from them and the program is there."""
    if rails.rail_columns(found.nodes):
        return (BoardFiles(found),)
    program = uri.options.get("tegrastats") or _program(look.roots)
    if program is None:
        why = "no rail can be read from sysfs, and no tegrastats is installed"
        return (BoardFiles(replace(found, unavailable=(*found.unavailable, rails.nothing(why)))),)
    taken = {channel.column for node in found.nodes for channel in node.channels}
    return BoardFiles(found), Tegrastats((program,), look.profile, period_s=period_of(uri), without=taken)


def _program(roots: Roots) -> str | None:
    path = Path(roots.root or "/") / _USUAL
    return str(path) if path.is_file() else None if roots.root else shutil.which(PROGRAM)


def discover() -> list[Found]:
    """This machine, if it is a Jetson, and what keeps its rails from being read."""
    roots = Roots()
    look = look_at(look_below(roots), roots)
    if not is_jetson(look):
        return []
    found = rails.find(look)
    blocked = () if found.nodes else found.unavailable
    return [Found("jetson", facts.model_of(look) or look.profile.title, blocked)]


FAMILY: Final = Family(
    usage="jetson[?root=DIR&period=S&board=PROFILE&tegrastats=PATH]",
    open=open_jetson,
    discover=discover,
    put_back=put_back,
)

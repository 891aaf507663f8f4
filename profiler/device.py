"""Devices, found by their URI through entry points: built in, virtual, or anybody else's."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any
from urllib.parse import parse_qsl

from edgewatt.profiler.channel import Unavailable
from edgewatt.profiler.clock import HOST_CLOCK
from edgewatt.profiler.collecting.load import Loads
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.protocols import Collector, Recorded, Target, Workload, WorkloadRequest
from edgewatt.profiler.synchronising.train import Pulses
from edgewatt.profiler.undo import Note

GROUP = "edgewatt.devices"


@dataclass(frozen=True, slots=True)
class DeviceUri:
    """`scheme:rest?key=value`, such as `replay:runs/a?speed=1`."""

    text: str
    scheme: str
    rest: str
    options: Mapping[str, str]


def _nothing() -> None:
    """What a device without connections has to give back."""


@dataclass(frozen=True, slots=True)
class Device:
    """A device or meter that answered. A meter has no `target` and executes nothing (`workload` is None).

    `recorded` is what a replay knows of the workload that was executed. `clock` names the clock that the device stamps
    by; where it is not the host's, `target` is asked for the time. `prepare` are the conditions that a run sets unless
    told otherwise. `quiet` is the same device with nothing going on between it and the host while it measures: for a
    meter beside it. `pulses` executes a train of load pulses on one core, by which such a meter is synchronised, and
    says when on the device's clock; `loads` what a calibration run asks for
    (collecting/load.py). `sees_pulses` is False of a meter of a part that no core loads (a GPU) and that is
    read by the host's own clock: it needs no synchronising, and is not refused for not seeing the pulses. `beside` are
    meters that come with it, opened and closed with it. `room` are those of its collectors that tell how warm the room
    is. `blocked` says what would measure more, each with its fix; `remarks` the reason codes learnt while it was open.
    `close` gives back what opening it took.
    """

    uri: str
    name: str
    device_id: str
    collectors: tuple[Collector, ...]
    soc: str | None = None
    simulated: bool = False
    idle_state: str | None = None
    target: Target | None = None
    workload: Callable[[WorkloadRequest], Workload] | None = None
    recorded: Recorded | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    clock: str = HOST_CLOCK
    prepare: Mapping[str, str] = field(default_factory=dict)
    quiet: "Callable[[], Device] | None" = None
    pulses: Pulses | None = None
    loads: Loads | None = None
    sees_pulses: bool = True
    beside: "tuple[Device, ...]" = ()
    room: tuple[Collector, ...] = ()
    blocked: Callable[[], Sequence[Unavailable]] = tuple
    remarks: Callable[[], Sequence[str]] = tuple
    close: Callable[[], None] = _nothing


@dataclass(frozen=True, slots=True)
class Found:
    """A device at hand: the URI that opens it, its name, and what blocks it, each with its fix."""

    uri: str
    name: str
    blocked: tuple[Unavailable, ...] = ()


@dataclass(frozen=True, slots=True)
class Family:
    """What an entry point of the group `edgewatt.devices` resolves to; its name is the scheme.

    `open` raises UsageError for a URI it cannot read and DeviceError for a device that does not answer; `discover`
    lists what is at hand, and never fails for want of it. `put_back` does and verifies what a note of a run that was
    killed says (undo.py); it raises DeviceError where it cannot, and is None where runs leave nothing to put back.
    """

    usage: str
    open: Callable[[DeviceUri], Device]
    discover: Callable[[], list[Found]]
    put_back: Callable[[Note], None] | None = None


def families() -> dict[str, EntryPoint]:
    """Every registered scheme, without importing any."""
    return {point.name: point for point in sorted(entry_points(group=GROUP))}


def parse_uri(text: str) -> DeviceUri:
    """The parts of a device's URI. Raises UsageError if an option has no value."""
    address, _, query = text.partition("?")
    scheme, _, rest = address.partition(":")
    try:
        options = dict(parse_qsl(query, strict_parsing=True)) if query else {}
    except ValueError as error:
        raise UsageError(f"device {text!r}: what follows the ? must read key=value&key=value ({error})") from None
    return DeviceUri(text, scheme, rest, options)


def open_device(uri: str) -> Device:
    """The device behind `uri`. Raises UsageError for an unknown scheme, DeviceError if it does not answer."""
    parsed = parse_uri(uri)
    known = families()
    if parsed.scheme not in known:
        raise UsageError(f"device {uri!r}: nothing is registered for {parsed.scheme!r}; known are {', '.join(known)}")
    family: Family = known[parsed.scheme].load()
    return family.open(parsed)


@contextmanager
def opened_devices(uri: str, meters: Sequence[str] = ()) -> Iterator[tuple[Device, list[Device]]]:
    """A device and its meters (itself where it is named as its own), then those beside it; closed at the end.

    Raises as `open_device`.
    """
    held: list[Device] = []
    try:
        held.append(open_device(uri))
        held += [open_device(meter) for meter in meters if meter != uri]
        named = [next(d for d in held if d.uri == meter) for meter in meters]
        yield held[0], [*named, *held[0].beside]
    finally:
        for device in reversed(held):
            device.close()


def only_options(uri: DeviceUri, *allowed: str) -> None:
    """Raise UsageError if the URI has an option that is not one of `allowed`."""
    for key in uri.options:
        if key not in allowed:
            hint = f"known are {', '.join(allowed)}" if allowed else "it takes none"
            raise UsageError(f"device {uri.text!r}: no option {key!r}; {hint}")

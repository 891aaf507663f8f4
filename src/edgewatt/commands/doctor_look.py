"""The look that `doctor` takes at devices, meters and benches: one that fails is said, and the next one looked at."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from edgewatt.commands.benches import Checked
from edgewatt.profiler.channel import Channel, EnergySource, Opened, Unavailable
from edgewatt.profiler.clock import HostClock
from edgewatt.profiler.device import Device, Family, Found, families, opened_devices, parse_uri
from edgewatt.profiler.errors import EdgewattError, UsageError
from edgewatt.profiler.progress import Progress
from edgewatt.profiler.protocols import Collector


@dataclass(frozen=True, slots=True)
class Looked:
    """What a look at one device found. `problem`: why it could not be looked at, None where it could."""

    uri: str
    name: str
    opened: tuple[Opened, ...] = ()
    unavailable: tuple[Unavailable, ...] = ()
    executes: bool = False
    simulated: bool = False
    device_id: str | None = None
    problem: str | None = None

    @property
    def channels(self) -> Iterator[tuple[Opened, Channel, float | None]]:
        """Every channel with its instrument, and how often that reads it, in seconds, where it says so."""
        for opened in self.opened:
            periods_s = opened.facts.get("periods_s", {})
            for suffix, channels in opened.channels.items():
                read_s = periods_s.get(suffix, opened.facts.get("poll_period_s"))
                yield from ((opened, channel, read_s) for channel in channels)

    @property
    def sources(self) -> Iterator[tuple[EnergySource, list[tuple[Channel, float | None]]]]:
        """Every energy source with the channels that it is made of, each with how often it is read."""
        for opened in self.opened:
            mine = {c.column: (c, read_s) for of, c, read_s in self.channels if of is opened}
            for source in opened.sources:
                columns = dict.fromkeys(column for term in source.terms for column in term)
                yield source, [mine[column] for column in columns if column in mine]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be looked at: one device or bench and meters beside it, or (no `device`, no `meters`) all at hand."""

    device: str | None = None
    meters: Sequence[str] = ()
    benches: Sequence[Checked] = ()


def look(asked: Asked, progress: Progress) -> list[Looked]:
    """What was found. Raises as `open_device` for the one device that was named; all else that fails is a line."""
    if asked.device is None and not asked.meters:
        return [one for found in discover(progress) for one in _safely(found, progress)]
    looked: list[Looked] = []
    if asked.benches:
        for bench in asked.benches:
            looked += [one for uri in bench.answering for one in _safely(Found(uri, uri), progress)]
    elif asked.device is not None:
        looked += look_at(asked.device, progress)
    for meter in asked.meters:
        _check_known(meter)
    return looked + [one for uri in asked.meters for one in _safely(Found(uri, uri), progress)]


def _check_known(uri: str) -> None:
    """Raise UsageError for a device of a kind that nothing is registered for."""
    if (scheme := parse_uri(uri).scheme) not in families():
        raise UsageError(f"device {uri!r}: nothing is registered for {scheme!r}; known are {', '.join(families())}")


def discover(progress: Progress) -> list[Found]:
    """Everything at hand, of every kind that is registered; a kind that cannot be asked is said in its place."""
    at_hand: list[Found] = []
    for scheme, point in families().items():
        progress.phase(f"looking for {scheme}")
        try:
            family: Family = point.load()
            at_hand.extend(family.discover())
        except Exception as error:  # noqa: BLE001  (a kind that somebody else wrote must not hide the others)
            reason = f"what is registered for it ({point.value}) failed: {type(error).__name__}: {error}"
            at_hand.append(Found(f"{scheme}:", scheme, (Unavailable("device", reason),)))
    return at_hand


def look_at(uri: str, progress: Progress) -> list[Looked]:
    """A device and the meters that come with it. Raises as `open_device`."""
    progress.phase(f"looking at {uri}")
    with opened_devices(uri) as (device, meters):
        return [_look(one) for one in (device, *(meter for meter in meters if meter is not device))]


def _safely(found: Found, progress: Progress) -> list[Looked]:
    try:
        return look_at(found.uri, progress)
    except UsageError as error:
        # A meter at hand that has to be told something, such as its boundary: its message says what to write.
        reason, write, rest = str(error).removeprefix(f"device {found.uri!r}: ").partition("Write ")
        blocked = Unavailable("device", reason.strip(), f"{write}{rest}".lower()[:1] + f"{write}{rest}"[1:])
        return [Looked(found.uri, found.name, unavailable=(*found.blocked, blocked), problem=str(error))]
    except Exception as error:  # noqa: BLE001  (a driver that somebody else wrote must not hide the others)
        what = str(error) if isinstance(error, EdgewattError) else f"its driver failed: {type(error).__name__}: {error}"
        known = found.blocked or (Unavailable("device", what),)
        return [Looked(found.uri, found.name, unavailable=tuple(known), problem=what)]


def _look(device: Device) -> Looked:
    opened, unavailable = [], []
    for collector in device.collectors:
        try:
            answer = _open_briefly(collector)
        except EdgewattError as error:
            unavailable.append(Unavailable(type(collector).__name__.lower(), str(error)))
            continue
        opened.append(answer)
        unavailable.extend(answer.unavailable)
    try:
        unavailable.extend(device.blocked())
    except EdgewattError as error:
        unavailable.append(Unavailable("what blocks it", str(error)))
    return Looked(
        device.uri,
        f"SIMULATED {device.name}" if device.simulated else device.name,
        tuple(opened),
        tuple(dict.fromkeys(unavailable)),
        executes=device.workload is not None,
        simulated=device.simulated,
        device_id=device.device_id,
    )


def _open_briefly(collector: Collector) -> Opened:
    try:
        return collector.open(HostClock())
    finally:
        collector.close()

"""How busy, how fast and how warm the host is, and how much memory it uses: once a second.

Read from /proc and /sys directly: psutil takes no roots, and where there is no cpufreq it gives the nominal clock of
/proc/cpuinfo as the frequency, which nobody measured.
"""

import os
from collections.abc import Sequence
from typing import Final

from edgewatt.collectors.generic.polling import Polling, Reading
from edgewatt.collectors.generic.sysfs import no_number, read_bytes, unreadable
from edgewatt.collectors.host.frequency import Policy, find_policies
from edgewatt.collectors.host.kernel import STAT_LIMIT, load_ratio, parse_meminfo, parse_stat
from edgewatt.collectors.host.places import HERE, Places
from edgewatt.collectors.host.surroundings import virtual_machine
from edgewatt.collectors.host.temperature import find_sensors
from edgewatt.profiler.batch import Batch, Gap
from edgewatt.profiler.channel import Channel, Opened, Unavailable
from edgewatt.profiler.clock import Clock
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.units import Quantity

NAME: Final = "host"
# The kernel counts load in ticks of 10 ms, so that a second resolves 1 %; governors and temperatures need no more.
PERIOD_S: Final = 1.0

Found = tuple[list[Reading], list[Unavailable]]


class HostLoad:
    """Load, frequency per cluster, temperatures and memory of a Linux machine, every `period_s` seconds."""

    def __init__(self, places: Places = HERE, *, period_s: float = PERIOD_S) -> None:
        self._places, self._period_s = places, period_s
        self._polling: Polling | None = None

    def open(self, clock: Clock) -> Opened:
        """What of it can be read. Raises DeviceError if nothing can."""
        places = self._places
        parts = (_load(places, self._period_s), _memory(places), _frequencies(places), _temperatures(places))
        readings = [reading for found, _ in parts for reading in found]
        unavailable = tuple(reason for _, reasons in parts for reason in reasons)
        if not readings:
            raise DeviceError(
                f"nothing of this host can be read under {places.proc} and {places.sysfs}: {unavailable[0].reason}. "
                "Expected a Linux system with /proc and /sys mounted"
            )
        self._polling = Polling(readings, clock, self._period_s)
        channels = tuple(channel for reading in readings for channel in reading.channels)
        return Opened(NAME, {"": channels}, unavailable, clock=clock.name, facts={"poll_period_s": self._period_s})

    def read(self, timeout_s: float) -> Batch | Gap:
        """One row, a Gap where files fail, or an empty Batch if none is due within the timeout."""
        return Batch.empty() if self._polling is None else self._polling.read(timeout_s)

    def close(self) -> None:
        """Stop reading; nothing is held open."""
        self._polling = None


def _load(places: Places, period_s: float) -> Found:
    """The share of each period in which the processors were busy, all together (`cpu`) and each."""
    path = places.proc / "stat"
    try:
        before = parse_stat(read_bytes(path, STAT_LIMIT))
    except OSError as error:
        return [], [unreadable("cpu.load_ratio", path, error)]
    if not before:
        return [], [no_number("cpu.load_ratio", path, "clock ticks")]
    names = tuple(before)

    def read() -> Sequence[float | None]:
        nonlocal before
        now = parse_stat(read_bytes(path, STAT_LIMIT))
        ratios = [load_ratio(before.get(name), now.get(name)) for name in names]
        before = now
        return ratios

    resolution = 1 / (os.sysconf("SC_CLK_TCK") * period_s)
    channels = tuple(
        Channel(name, Quantity.LOAD, source=str(path), period_s=period_s, window_s=period_s, resolution=resolution)
        for name in names
    )
    return [Reading(str(path), channels, read)], []


def _memory(places: Places) -> Found:
    path, what = places.proc / "meminfo", "memory_used.memory_b"
    try:
        if parse_meminfo(read_bytes(path))[1] is None:
            return [], [Unavailable(what, f"{path} does not say MemTotal and MemAvailable")]
    except OSError as error:
        return [], [unreadable(what, path, error)]

    def read() -> Sequence[float | None]:
        used_b = parse_meminfo(read_bytes(path))[1]
        return [None if used_b is None else float(used_b)]

    channel = Channel("memory_used", Quantity.MEMORY, source=str(path), window_s=0.0, resolution=1024.0)
    return [Reading(str(path), (channel,), read)], []


def _frequencies(places: Places) -> Found:
    policies = find_policies(places)
    if not policies:
        hypervisor = virtual_machine(places)
        cause = f"a virtual machine ({hypervisor}) is not shown it" if hypervisor else "no cpufreq driver is loaded"
        fix = "run on the machine itself" if hypervisor else "sudo modprobe acpi-cpufreq  (Arm: cppc_cpufreq)"
        return [], [Unavailable("cpu.frequency_hz", f"no policy under {places.cpufreq}: {cause}", fix)]
    readings, unavailable = [], []
    for policy in policies:
        what = f"cpu{policy.number}.frequency_hz"
        try:
            (value_hz,) = policy.read()
        except OSError as error:
            unavailable.append(unreadable(what, policy.current, error))
            continue
        if value_hz is None:
            unavailable.append(no_number(what, policy.current, "kilohertz"))
        else:
            readings.append(Reading(str(policy.current), (_frequency_channel(policy),), policy.read))
    return readings, unavailable


def _frequency_channel(policy: Policy) -> Channel:
    return Channel(
        f"cpu{policy.number}",
        Quantity.FREQUENCY,
        source=str(policy.current),
        resolution=1000.0,
        covers=policy.processors(),
    )


def _temperatures(places: Places) -> Found:
    sensors, unavailable = find_sensors(places)
    channels = [Channel(s.name, Quantity.TEMPERATURE, source=str(s.path), resolution=0.001) for s in sensors]
    return [Reading(str(s.path), (c,), s.read) for s, c in zip(sensors, channels, strict=True)], unavailable

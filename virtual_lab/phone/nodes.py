"""The files of a phone that change by themselves, each with how often, and what it says at any instants.

In real time the kernel writes them anew one instant after the other; in virtual time they are read at many at once.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import numpy as np

from edgewatt.virtual_lab.phone import history, services
from edgewatt.virtual_lab.phone.body import Body
from edgewatt.virtual_lab.phone.clusters import cluster_files
from edgewatt.virtual_lab.phone.gauge import FuelGauge, Seen
from edgewatt.virtual_lab.phone.gpus import gpu_files
from edgewatt.virtual_lab.phone.personality import Zone
from edgewatt.virtual_lab.phone.rails import RailCounters
from edgewatt.virtual_lab.phone.tree import IIO, LAB, SUPPLY, THERMAL
from edgewatt.virtual_lab.sensors.updates import Instants

# What a kernel makes up when it is read is made here in advance, so often.
LIVE_S: Final = 0.02
COUNTED_S: Final = 0.1
_ZONES_S: Final = 0.25
_WIFI_S: Final = 3.0
_HISTORY_S: Final = 1.0
_HOT_C: Final = 2.0

Texts = list[str | None]


def _same(t_ns: Instants) -> Any:
    return t_ns


@dataclass(frozen=True, slots=True)
class Node:
    """Files below the tree's root that are written together every `period_s`.

    `look` is what all of them are about, at int64 ns of shape (n,); from it each file has n texts, None where it is not
    there or cannot be read.
    """

    period_s: float
    files: Mapping[str, Callable[[Any], Texts]]
    look: Callable[[Instants], Any] = field(default=_same)

    def texts(self, t_ns: Instants) -> dict[str, Texts]:
        """Of every file."""
        seen = self.look(t_ns)
        return {name: say(seen) for name, say in self.files.items()}

    def text(self, name: str, t_ns: Instants) -> Texts:
        """Of one file."""
        return self.files[name](self.look(t_ns))


@dataclass(frozen=True, slots=True)
class Instruments:
    """What measures in one phone: the gauge in its files, the one that its services tell of, and its rails."""

    gauge: FuelGauge
    told: FuelGauge
    rails: RailCounters

    @classmethod
    def of(cls, body: Body, seed: int) -> "Instruments":
        """Those of one phone of its kind."""
        gauge, told, rails = np.random.default_rng(seed).spawn(3)
        return cls(
            FuelGauge(body, gauge), FuelGauge(body, told, body.phone.service_period_s), RailCounters(body, rails)
        )


def nodes(body: Body, instruments: Instruments) -> Iterator[Node]:
    """All files of this phone that change, but for its /proc/uptime (clockwork.py)."""
    phone, gauge, told, rails = body.phone, instruments.gauge, instruments.told, instruments.rails
    yield Node(LIVE_S, {f"{LAB}/run/monotonic": _each(lambda t_ns: f"{body.monotonic_ns(t_ns) // 10**6}\n")})
    live, counted = cluster_files(body)

    def told_at(t_ns: Instants) -> list[tuple[Seen, int]]:
        return list(zip(told.see(t_ns), t_ns.tolist(), strict=True))

    yield Node(LIVE_S, live)
    yield Node(COUNTED_S, {**counted, **gpu_files(body)})
    yield Node(_ZONES_S, dict(_zones(body)))
    if phone.odpm:
        at = {pmic: f"{IIO}/iio:device{pmic}/energy_value" for pmic in rails.pmics}
        yield Node(LIVE_S, {path: partial(rails.energy_value, pmic) for pmic, path in at.items()})
        yield Node(1.0, {_run("power_stats"): _each(lambda t_ns: services.power_stats(body, rails.uws(t_ns)))})
    if phone.gauge_readable:
        yield Node(LIVE_S, dict(_supply(body, gauge)), gauge.see)
    remembered = {"batterystats_checkin": history.checkin, "batterystats_history": history.history}
    yield Node(
        _HISTORY_S, {f"{LAB}/run/{name}": partial(_remembered, body, say) for name, say in remembered.items()}, told_at
    )
    yield Node(_HISTORY_S, {f"{LAB}/run/surfaceflinger_latency": _each(partial(history.latency, body))})
    yield Node(_ZONES_S, {_run("battery"): lambda seen: [services.battery(body, one) for one in seen]}, told.see)
    yield Node(1.0, {_run("thermal"): _each(partial(services.thermal, body))})
    yield Node(1.0, {_run("gpu"): _each(partial(services.gpu_work, body))})
    wifi = {"wifi": services.wifi, "dumpsys_wifi": services.wifi_dump}
    yield Node(_WIFI_S, {f"{LAB}/run/{name}": _each(partial(say, body)) for name, say in wifi.items()})


_SERVICES: Final = {
    "power_stats": "android.hardware.power.stats.IPowerStats_default",
    "thermal": "thermalservice",
    "gpu": "gpu",
    "battery": "battery",
}


def _run(service: str) -> str:
    return f"{LAB}/run/{_SERVICES[service]}"


def _each(say: Callable[[int], str | None]) -> Callable[[Instants], Texts]:
    """For what is read rarely, one instant after the other."""
    return lambda t_ns: [say(one) for one in t_ns.tolist()]


def _remembered(body: Body, say: Callable[[Body, Seen, int], str], seen: list[tuple[Seen, int]]) -> Texts:
    return [say(body, *one) for one in seen]


def _supply(body: Body, gauge: FuelGauge) -> Iterator[tuple[str, Callable[[list[Seen]], Texts]]]:
    at, properties = f"{SUPPLY}/{body.phone.gauge_node}", gauge.properties()

    def file(say: Callable[[Seen], str | None]) -> Callable[[list[Seen]], Texts]:
        return lambda seen: [None if (text := say(one)) is None else f"{text}\n" for one in seen]

    for name, say in properties.items():
        yield f"{at}/{name}", file(say)
    yield f"{at}/uevent", lambda seen: [gauge.uevent(properties, one) for one in seen]


def _zones(body: Body) -> Iterator[tuple[str, Callable[[Instants], Texts]]]:
    for number, zone in enumerate(body.phone.zones):
        if zone.readable:
            yield f"{THERMAL}/thermal_zone{number}/temp", partial(_degrees, body, zone)
    for number in range(len(body.phone.clusters)):
        yield f"{THERMAL}/cooling_device{number}/cur_state", partial(_throttled, body, number)


def _degrees(body: Body, zone: Zone, t_ns: Instants) -> Texts:
    of = "soc" if zone.above_c >= _HOT_C else "battery" if "bat" in zone.kind.lower() else "skin"
    above, per_c = zone.above_c, zone.per_c
    return [f"{(celsius + above) * per_c:.0f}\n" for celsius in body.timeline.temperature_c(t_ns, of).tolist()]


def _throttled(body: Body, number: int, t_ns: Instants) -> Texts:
    return [f"{steps}\n" for steps in body.throttled_steps(number, t_ns).tolist()]

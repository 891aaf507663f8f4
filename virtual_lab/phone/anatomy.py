"""A personality as domains of power: what its parts draw, and which of them work when a network runs.

Every watt is assumed, in the order of magnitude of phones (facts of measurement: a cluster of big cores 2 to 4 W, a
phone that idles with a dark screen 0.3 to 0.6 W); a truth has to be known here, not to be like any one phone.
"""

from collections.abc import Collection
from typing import Final

from edgewatt.virtual_lab.phone.gpu_steps import GPU_HZ
from edgewatt.virtual_lab.phone.personality import Cluster, Personality
from edgewatt.virtual_lab.power.domains import Boundary, Device, Domain, Load, Throttle, Zone, at_the_supply

BATTERY: Final = "battery"
SOC, SKIN, CELL = "soc", "skin", "battery"
SCREEN, OWN = "screen", "own"
# What else runs: what the host asks for beside the sampler, what wakes up by itself, and another program.
HOST, BACKGROUND, NEIGHBOUR = "host", "background", "neighbour"
COPY, RADIO, SEND, RECEIVE, TAIL = "copy", "radio", "send", "receive", "tail"

_LOW_V, _HIGH_V = 0.58, 1.02
_MEMORY_W: Final = 0.5
# Of what a cluster draws with all its cores busy, what they share, and the first of them wakes.
ON_SHARE: Final = 0.2
# The radio's power at use 1: what its loads are told as shares of.
RADIO_W: Final = 4.0
_REGULATOR: Final = 0.9
# How much of the memory's bandwidth a unit takes while it works.
_BANDWIDTH: Final = {"cpu": 0.5, "gpu": 0.8, "npu": 0.6}
# And a processor that copies memory.
COPYING: Final = 0.25


def device_of(phone: Personality) -> Device:
    """The parts of a phone, with boundaries: `battery`, what its cell gives; `cpu`; and each of its rails."""
    domains = (
        *(_cluster(number, cluster) for number, cluster in enumerate(phone.clusters)),
        _part("gpu", phone.gpu_w, 0.004, frequencies_hz=GPU_HZ),
        Domain("npu", idle_w=0.002, full_w=phone.npu_w, rise_s=0.003, zone=SOC, efficiency=_REGULATOR),
        Domain("memory", idle_w=0.02, full_w=_MEMORY_W, rise_s=0.002, efficiency=_REGULATOR),
        Domain(SCREEN, idle_w=0.0, full_w=phone.screen_w, rise_s=0.05, fall_s=0.05, efficiency=_REGULATOR),
        Domain(RADIO, phone.radio_idle_w, full_w=RADIO_W, rise_s=0.002, fall_s=0.002, efficiency=_REGULATOR),
        Domain("other", max(phone.idle_w - phone.radio_idle_w, 0.0), suspended_w=0.012, efficiency=_REGULATOR),
    )
    names = [domain.name for domain in domains]
    clusters = tuple(f"cpu{number}" for number in range(len(phone.clusters)))
    rails = [Boundary(rail.label, {rail.domain: rail.share} if rail.share else {}) for rail in phone.rails]
    heat = {name: 1.0 for name in names if name != SCREEN}
    zones = (
        Zone(SOC, resistance_k_per_w=6.0, capacity_j_per_k=2.0, heated_by=heat),
        Zone(SKIN, resistance_k_per_w=4.0, capacity_j_per_k=60.0, heated_by=dict.fromkeys(names, 1.0)),
        Zone(CELL, resistance_k_per_w=2.5, capacity_j_per_k=90.0, heated_by=dict.fromkeys(names, 1.0)),
    )
    return Device(
        domains=domains,
        loads=tuple(_loads(phone)),
        zones=zones,
        throttles=(Throttle(SOC, clusters, phone.trip_c),),
        boundaries=(at_the_supply(BATTERY, domains), Boundary("cpu", dict.fromkeys(clusters, 1.0)), *rails),
    )


def unit_loads(
    phone: Personality, unit: str, threads: int, share: float, allowed: Collection[int] = ()
) -> dict[str, float]:
    """The intensity of each load while `unit` works: on the CPU the biggest cores that are on, one thread each.

    Of a process that is pinned, those of the `allowed` processors. Where an accelerator has a `share` of the network
    below 1, one big core works the rest of the time.
    """
    if unit == "cpu":
        return _on_cpu(phone, threads, allowed)
    accelerator = "gpu" if unit == "gpu" else "npu"
    rest = {name: value * (1 - share) for name, value in _on_cpu(phone, 1, allowed).items()}
    return {**rest, accelerator: share}


def _on_cpu(phone: Personality, threads: int, allowed: Collection[int] = ()) -> dict[str, float]:
    left, found = max(threads, 1), {f"cpu{number}": 0.0 for number in range(len(phone.clusters))}
    for number, cluster in reversed(list(enumerate(phone.clusters))):
        room = len(set(cluster.cpus) & set(allowed)) if allowed else len(cluster.cpus)
        taken = min(left, room) if cluster.online else 0
        found[f"cpu{number}"] = taken / len(cluster.cpus)
        left -= taken
    return {**found, "gpu": 0.0, "npu": 0.0}


def _loads(phone: Personality) -> list[Load]:
    clusters = [Load(f"cpu{n}", {f"cpu{n}": 1.0, "memory": _BANDWIDTH["cpu"]}) for n in range(len(phone.clusters))]
    parts = [Load(name, {name: 1.0, "memory": _BANDWIDTH[name]}) for name in ("gpu", "npu")]
    # On the little cores: what the shell, the sampler and adbd take, and the rest; of the memory they take little.
    others = [Load(name, {"cpu0": 1.0}) for name in (OWN, HOST, BACKGROUND, NEIGHBOUR)]
    # A loop that is pinned stays in its core's caches; one that copies takes the memory as well.
    loops = [
        Load(core_load(cpu), {f"cpu{n}": 1 / len(cluster.cpus)}, core)
        for n, cluster in enumerate(phone.clusters)
        for core, cpu in enumerate(cluster.cpus)
    ]
    radio = [Load(name, {RADIO: 1.0}) for name in (SEND, RECEIVE, TAIL)]
    return [*clusters, *parts, Load(SCREEN, {SCREEN: 1.0}), *others, *loops, Load(COPY, {"memory": 1.0}), *radio]


def core_load(cpu: int) -> str:
    """The load of a loop on one processor."""
    return f"core{cpu}"


def _cluster(number: int, cluster: Cluster) -> Domain:
    hz = tuple(khz * 1e3 for khz in cluster.khz)
    return _part(f"cpu{number}", cluster.top_w, 0.006, frequencies_hz=hz, cores=len(cluster.cpus))


def _part(name: str, top_w: float, idle_w: float, *, frequencies_hz: tuple[float, ...], cores: int = 1) -> Domain:
    """A domain that takes `top_w` at its highest frequency; its voltage grows linearly with the frequency."""
    low_hz, high_hz = frequencies_hz[0], frequencies_hz[-1]
    volts = tuple(_LOW_V + (_HIGH_V - _LOW_V) * (hz - low_hz) / (high_hz - low_hz) for hz in frequencies_hz)
    return Domain(
        name,
        idle_w=idle_w,
        capacitance_f=top_w / (high_hz * _HIGH_V**2),
        frequencies_hz=frequencies_hz,
        voltages_v=volts,
        leakage_w=0.02 * top_w,
        rise_s=0.006,
        fall_s=0.004,
        zone=SOC,
        efficiency=_REGULATOR,
        cores=cores,
        on_share=ON_SHARE,
    )

"""Which part of a device an energy source sees, and the rails of single clusters inside of a sum of them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from edgewatt.profiler.channel import EnergySource
from edgewatt.profiler.storage.trace import Trace

# Domains as profiles name them: Pixel's `cpu-cluster-2`, RAPL's `package-0` and `core-0`, Jetson's `vdd_cpu_cv`, the
# Raspberry Pi's `soc`.
_CLUSTER: Final = re.compile(r"cpu-cluster-([0-9])")
_CPU: Final = ("cpu", "package", "core", "soc")
_UNITS: Final = {
    "gpu": "gpu",
    "tpu": "npu",
    "npu": "npu",
    "dsp": "dsp",
    "dla": "dla",
    "cv": "dla",
    "memory": "memory",
    "dram": "memory",
    "ddr": "memory",
}


def sources_of(trace: Trace) -> list[EnergySource]:
    """A run's sources, and where one is a sum of rails of clusters each rail besides, called after its domain."""
    found = list(trace.sources)
    for source in trace.sources:
        if source.boundary == "rail" and len(source.terms) == len(source.covers) > 1:
            room = source.name.partition("/")[0]
            found += [
                replace(source, name=f"{room}/{domain}", terms=(term,), covers=(domain,))
                for term, domain in zip(source.terms, source.covers, strict=True)
                if _CLUSTER.fullmatch(domain)
            ]
    return list({source.name: source for source in found}.values())


def clusters_seen(source: EnergySource, clusters: Sequence[str]) -> tuple[str, ...]:
    """The clusters whose power is inside of what a source measures."""
    if source.boundary != "rail":
        return tuple(clusters)
    domains = source.covers or (source.name.rpartition("/")[2],)
    numbers = {int(hit[1]) for domain in domains if (hit := _CLUSTER.fullmatch(domain))}
    if numbers:
        return tuple(cluster for place, cluster in enumerate(clusters) if place in numbers)
    parts = {part for domain in domains for part in re.split(r"[^a-z]+", domain.lower())}
    return tuple(clusters) if parts & set(_CPU) else ()


def units_seen(source: EnergySource, units: Sequence[str]) -> tuple[str, ...]:
    """The accelerators whose power is inside of what a source measures."""
    if source.boundary != "rail":
        return tuple(units)
    parts = {part for domain in (*source.covers, source.name) for part in re.split(r"[^a-z]+", domain.lower())}
    named = {_UNITS[part] for part in parts if part in _UNITS}
    return tuple(unit for unit in units if unit in named)


def by_name(traces: Sequence[Trace]) -> Mapping[str, EnergySource]:
    """The sources of several runs by their names."""
    return {source.name: source for trace in traces for source in sources_of(trace)}

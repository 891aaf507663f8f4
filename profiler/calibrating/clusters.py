"""Which processors belong together, as a run says it."""

import re
from collections.abc import Mapping
from typing import Any, Final

from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.units import Quantity

# More of one processor each than any phone has: then every processor has a policy of its own, as on x86, and what a
# meter can tell apart is the package (assumed).
MOST: Final = 4
_CPU: Final = re.compile(r"cpu([0-9]{1,4})")
_POLICY: Final = re.compile(r"cpu([0-9]{1,4})(?:_[0-9]{3,10}khz)?")


def clusters_of(trace: Trace) -> dict[str, tuple[int, ...]]:
    """The processors of each cluster, by the name of its frequency channel (`cpu4`: the first of them).

    From what the device's instrument says (`cpu_clusters`), else from whose frequency and load were recorded. A run
    without either has one cluster, `cpu0`, without processors that are known.
    """
    said = _said(trace.manifest.device)
    if said:
        return _merged(said)
    numbers = {int(hit[1]) for name in _names(trace, Quantity.LOAD) if (hit := _CPU.fullmatch(name))}
    firsts = {
        int(hit[1])
        for quantity in (Quantity.FREQUENCY, Quantity.DURATION)
        for name in _names(trace, quantity)
        if (hit := _POLICY.fullmatch(name))
    }
    starts = sorted(firsts) or [0]
    found: dict[str, list[int]] = {f"cpu{first}": [] for first in starts}
    for number in sorted(numbers | firsts):
        found[f"cpu{max((first for first in starts if first <= number), default=starts[0])}"].append(number)
    return _merged({name: tuple(of) for name, of in found.items()})


def _merged(found: dict[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    if len(found) <= MOST or any(len(of) > 1 for of in found.values()):
        return found
    return {next(iter(found)): tuple(number for of in found.values() for number in of)}


def _said(device: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    instruments = device.get("instruments")
    for facts in (device, *(instruments.values() if isinstance(instruments, Mapping) else ())):
        clusters = facts.get("cpu_clusters") if isinstance(facts, Mapping) else None
        if isinstance(clusters, Mapping) and clusters:
            found = {str(name): _numbers(of) for name, of in clusters.items() if _CPU.fullmatch(str(name))}
            if found and all(found.values()):
                return dict(sorted(found.items(), key=lambda item: item[1]))
    return {}


def _numbers(of: object) -> tuple[int, ...]:
    names = of if isinstance(of, list | tuple) else ()
    return tuple(sorted(int(hit[1]) for name in names if (hit := re.fullmatch(r"(?:cpu)?([0-9]{1,4})", str(name)))))


def _names(trace: Trace, quantity: Quantity) -> list[str]:
    return [stored.channel.name for stored in trace.columns.values() if stored.channel.quantity is quantity]

"""The clusters of a Linux system as loads are asked of them, from its cpufreq policies, or from what is online."""

import re
from collections.abc import Mapping
from typing import Final

from edgewatt.collectors.android.files.nodes import Seen
from edgewatt.collectors.host.conditions.clusters import (
    FOLDER,
    HZ_PER_KHZ,
    LOWEST,
    PATTERNS,
    Policy,
    parse_policies,
)
from edgewatt.collectors.host.conditions.system import System, Write
from edgewatt.profiler.channel import Unavailable
from edgewatt.profiler.collecting.offers import Cluster, merged

_RELATED: Final = "related_cpus"
_ONLINE: Final = "{sysfs}/devices/system/cpu/online"
CANDIDATES: Final = (*PATTERNS, f"{{sysfs}}/{FOLDER}/policy*/{_RELATED}", _ONLINE)
# More processors than a device has of which each is loaded by itself.
PROCESSORS: Final = 256
_RANGE: Final = re.compile(r"([0-9]{1,4})(?:-([0-9]{1,4}))?")


def clusters_in(seen: Mapping[str, Seen]) -> tuple[Cluster, ...]:
    """Every cluster with its processors that are online; one of all processors where there is no cpufreq."""
    said = next((one.text for path, one in seen.items() if path.endswith("/cpu/online") and one.text), "") or ""
    online = parse_list(said)
    found = []
    for policy in parse_policies(seen):
        cpus = tuple(cpu for cpu in _related(policy) if not online or cpu in online)
        if cpus:
            steps_hz = tuple(float(khz * HZ_PER_KHZ) for khz in policy.steps_khz)
            found.append(Cluster(f"cpu{policy.name.removeprefix('policy')}", cpus, steps_hz, (policy.name,)))
    if not found and online:
        found = [Cluster(f"cpu{online[0]}", tuple(online))]
    return merged(tuple(found))


def why_unpinned(system: System) -> Unavailable | None:
    """Why its frequency cannot be held; None where it can. Nothing is changed. Raises DeviceError."""
    policies = parse_policies(system.read(PATTERNS))
    if not policies:
        return Unavailable("a held frequency", f"no cluster can be read below its {FOLDER}")
    lacks = system.lacking([Write(f"{{sysfs}}/{FOLDER}/{policy.name}/{LOWEST}", "") for policy in policies])
    return None if lacks is None else Unavailable("a held frequency", lacks, "run it as root")


def parse_list(text: str) -> list[int]:
    """The processors in a list of the kernel, such as `0-3,6`; of any other text none."""
    cpus: list[int] = []
    for part in text.strip().split(",")[:PROCESSORS]:
        hit = _RANGE.fullmatch(part.strip())
        if hit is None:
            return []
        first, last = int(hit[1]), int(hit[2] or hit[1])
        cpus += range(first, min(last, first + PROCESSORS) + 1)
    return cpus[:PROCESSORS]


def _related(policy: Policy) -> list[int]:
    words = policy.files.get(_RELATED, "").replace(",", " ").split()[:PROCESSORS]
    return [int(word) for word in words if word.isascii() and word.isdigit() and len(word) < 5]

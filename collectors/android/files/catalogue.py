"""All files of a phone that edgewatt can make something of, and what it makes of those that a phone shows."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from edgewatt.collectors.android.files import battery, cpu, gpu, odpm, thermal_zones
from edgewatt.collectors.android.files.look import Found, Look
from edgewatt.collectors.android.files.nodes import Node, Seen
from edgewatt.device_profiles.loader import DeviceProfile
from edgewatt.profiler.channel import LABEL_LIMIT

__all__ = ["CANDIDATES", "Found", "find_nodes"]

_OTHER: Final = "_zone"
# Patterns with {sysfs} and {proc}; those without * are worth opening where their folder cannot be listed.
CANDIDATES: Final[tuple[str, ...]] = tuple(
    dict.fromkeys((*cpu.CANDIDATES, *gpu.CANDIDATES, *thermal_zones.CANDIDATES, *battery.CANDIDATES, *odpm.CANDIDATES))
)


def find_nodes(
    seen: Mapping[str, Seen],
    profile: DeviceProfile,
    *,
    sysfs: str = "/sys",
    proc: str = "/proc",
    period_s: float | None = None,
    earlier: Mapping[str, Seen] | None = None,
) -> Found:
    """What of `seen` (by path, see CANDIDATES) can be read again and again, and why the rest cannot.

    `period_s` is for every stream (None: each its own). `earlier` is a look before this one: of two batteries it tells
    which one lives. The parsers of one row belong together and are called in the order of the nodes. Raises UsageError
    if the profile says something of a gauge in words that mean nothing.
    """
    look = Look(seen, profile, sysfs, proc, period_s, earlier or {})
    found = Found(facts={"profile": profile.name})
    for part in (battery, odpm, cpu, gpu, thermal_zones):  # a sampler that has no room leaves out the last
        found = found.and_(part.find(look))
    return replace(found, nodes=tuple(_distinct(found.nodes)))


def _distinct(nodes: Sequence[Node]) -> Iterator[Node]:
    """The nodes with columns that are unique: a zone that a phone calls `battery` comes beside the gauge's own."""
    taken: set[str] = set()
    for node in nodes:
        channels = []
        for channel in node.channels:
            while channel.column in taken:
                channel = replace(channel, name=f"{channel.name[: LABEL_LIMIT - len(_OTHER)]}{_OTHER}")  # noqa: PLW2901
            taken.add(channel.column)
            channels.append(channel)
        yield replace(node, channels=tuple(channels))

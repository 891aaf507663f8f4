"""What can be read of a Jetson, from what a first look at its files said: a pure function, on the board or over SSH.

A caller looks at `patterns(roots)` (globs with `*`), gives what each matching file said, by its path, to `find`, and
reads the nodes it gets again and again: those of one `stream` together, in their order, as some parsers belong
together. Rows of the stream `rails` go through `rails.without_zeros`. A file that answers EAGAIN is null, and a node.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from edgewatt.collectors.android.files import cpu
from edgewatt.collectors.android.files.look import SLOW_S, Found
from edgewatt.collectors.android.files.nodes import Node, Seen, Values
from edgewatt.collectors.host.kernel import parse_meminfo
from edgewatt.collectors.jetson import clocks, facts, heat, rails
from edgewatt.collectors.jetson.look import RAILS_S, BoardLook, Roots
from edgewatt.device_profiles.boards import GENERIC, choose_board
from edgewatt.device_profiles.loader import DeviceProfile, load
from edgewatt.profiler.channel import Channel, Unavailable
from edgewatt.profiler.units import Quantity

COLLECTOR: Final = rails.COLLECTOR
_MEMORY: Final = "{proc}/meminfo"
_CANDIDATES: Final = tuple(
    dict.fromkeys(
        (*rails.CANDIDATES, *cpu.CANDIDATES, *clocks.CANDIDATES, *heat.CANDIDATES, *facts.CANDIDATES, _MEMORY)
    )
)


def patterns(roots: Roots | None = None) -> tuple[str, ...]:
    """The files to look at, as absolute paths with `*` for any part of a name."""
    return tuple((roots or Roots()).at(pattern) for pattern in _CANDIDATES)


def look_at(
    seen: Mapping[str, Seen],
    roots: Roots | None = None,
    *,
    profile: DeviceProfile | None = None,
    rails_s: float | None = None,
) -> BoardLook:
    """A look for `find`: `seen` by path, with the profile of the board that its device tree names unless given.

    `rails_s` is how often rails are read (None: RAILS_S). `Seen.reason` says why a file gives no text: "not there",
    "permission denied", or what the system said.
    """
    places = roots or Roots()
    look = BoardLook(
        seen, profile or load(GENERIC), places.sysfs, places.proc, roots=places, rails_s=rails_s or RAILS_S
    )
    return look if profile else replace(look, profile=choose_board(facts.board_names(look)))


def find(look: BoardLook) -> Found:
    """The nodes of a board, the joules that its profile lets be formed, its facts, and what cannot be measured."""
    found = Found(facts=facts.facts_of(look))
    for part in (rails.find, cpu.find, memory, clocks.find, heat.find):
        found = found.and_(part(look))
    return distinct(found)


def distinct(found: Found) -> Found:
    """Without the nodes whose columns a node before them has, which are told."""
    nodes = _distinct(found.nodes)
    left = [node for node in found.nodes if node not in nodes]
    twice = [Unavailable(node.channels[0].column, f"{node.path}: another file has this name") for node in left]
    return replace(found, nodes=nodes, unavailable=(*found.unavailable, *twice))


def is_jetson(look: BoardLook) -> bool:
    """True if these files are those of a Jetson: a release of L4T, a Tegra in the device tree, or a board we know."""
    return bool(facts.l4t_of(look) or facts.soc_of(look)) or look.profile.name != GENERIC


def _distinct(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """The nodes whose columns no node before them has."""
    taken: set[str] = set()
    kept = []
    for node in nodes:
        columns = {channel.column for channel in node.channels}
        if not columns & taken and len(columns) == len(node.channels):
            taken |= columns
            kept.append(node)
    return tuple(kept)


def memory(look: BoardLook) -> Found:
    """The memory in use, which the graphics unit shares."""
    path = look.at(_MEMORY)

    def used(text: str) -> Values:
        value = parse_meminfo(text.encode(errors="replace"))[1]
        return (None if value is None else float(value),)

    if used(look.text(path) or "")[0] is None:
        return Found(unavailable=(Unavailable("memory_used.memory_b", f"{path}: {look.why(path)}"),))
    channel = Channel("memory_used", Quantity.MEMORY, source=path, window_s=0.0, resolution=1024.0)
    return Found((Node(path, (channel,), used, look.every(SLOW_S), whole=True),))

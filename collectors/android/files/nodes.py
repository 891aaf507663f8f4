"""What can be read again and again on a phone: files of sysfs and procfs, and services that are asked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edgewatt.profiler.channel import Channel

Values = Sequence[float | int | None]


@dataclass(frozen=True, slots=True)
class Node:
    """One file: the columns it gives, how they follow from its text, and how often it is worth reading.

    `parse` gets the first line, or the whole text where `whole` is set, and returns a value per channel: SI for a
    gauge, raw for a counter, None where it is not measured now; it never raises. `stream` is the suffix of the
    collector's stream, in which all nodes have one `period_s`. With `own_time` the text says itself when it was
    true: `own_ns` gives that in ns of the node's own time base, None if it does not say.
    """

    path: str
    channels: tuple[Channel, ...]
    parse: Callable[[str], Values]
    period_s: float
    stream: str = ""
    whole: bool = False
    own_ns: Callable[[str], int | None] | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """One command that asks a system service (dumpsys, cmd): as a Node, of all that it prints.

    `command` is for the phone's shell and is never made from what a device said.
    """

    command: str
    channels: tuple[Channel, ...]
    parse: Callable[[str], Values]
    period_s: float
    stream: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What a first look at one path found: its text, or the reason why there is none (`text` None)."""

    path: str
    text: str | None
    reason: str = ""

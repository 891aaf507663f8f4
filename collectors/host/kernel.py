"""What /proc says of the whole machine: how busy each processor was, and how much memory is in use.

Kernel Documentation/filesystems/proc.rst, sections 1.2 (meminfo) and 1.7 (stat).
"""

import re
from dataclasses import dataclass
from typing import Final

STAT_LIMIT: Final = 1 << 20
# user, nice, system, idle, iowait, irq, softirq, steal; guest times are inside user and nice.
_FIELDS: Final = 8
_IDLE: Final = (3, 4)
_STAT_LINE: Final = re.compile(rb"(cpu[0-9]{0,5})((?: +[0-9]{1,18}){4,12}) *")
_MEMINFO_LINE: Final = re.compile(rb"(MemTotal|MemAvailable): +([0-9]{1,15}) kB *")


@dataclass(frozen=True, slots=True)
class Ticks:
    """Clock ticks since boot: all, and those in which the processor was not idle."""

    total: int
    busy: int


def parse_stat(raw: bytes) -> dict[str, Ticks]:
    """The ticks of `cpu` (all together) and of each processor that is online, from /proc/stat."""
    found = {}
    for line in raw.split(b"\n"):
        if hit := _STAT_LINE.fullmatch(line):
            ticks = [int(field) for field in hit[2].split()][:_FIELDS]
            total = sum(ticks)
            found[hit[1].decode()] = Ticks(total, total - sum(ticks[at] for at in _IDLE if at < len(ticks)))
    return found


def load_ratio(before: Ticks | None, after: Ticks | None) -> float | None:
    """The share of time between two looks in which a processor was busy; None where the counters cannot tell.

    The kernel's iowait may fall, so a ratio outside of 0 to 1 is possible; it is not clipped but not measured.
    """
    if before is None or after is None or after.total <= before.total:
        return None
    ratio = (after.busy - before.busy) / (after.total - before.total)
    return ratio if 0 <= ratio <= 1 else None


def parse_meminfo(raw: bytes) -> tuple[int | None, int | None]:
    """Total and used memory in bytes, from /proc/meminfo; used is what programs could not have at once."""
    found = {hit[1]: int(hit[2]) * 1024 for line in raw.split(b"\n") if (hit := _MEMINFO_LINE.fullmatch(line))}
    total, available = found.get(b"MemTotal"), found.get(b"MemAvailable")
    used = None if total is None or available is None or available > total else total - available
    return total, used

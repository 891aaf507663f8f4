"""How much memory this process has taken. Imported by workers, so it stays light."""

import os
import resource
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_KIB: Final = 1024


@dataclass(frozen=True, slots=True)
class Resident:
    """Resident memory of this process: now, and at most so far, in bytes."""

    now_b: int
    peak_b: int


def resident(status: Path = Path("/proc/self/status")) -> Resident | None:
    """Resident set and its high-water mark; None where the system tells neither.

    Sources: VmRSS and VmHWM of proc(5), in KiB. Elsewhere getrusage(2): macOS gives the peak in bytes, and for the
    present nothing better. Linux without /proc gives None: its ru_maxrss begins with that of the parent.
    """
    try:
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines() if ":" in line)
        return Resident(_kib(lines["VmRSS"]), _kib(lines["VmHWM"]))
    except (OSError, LookupError, ValueError):
        if os.uname().sysname != "Darwin":
            return None
        peak_b = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return Resident(peak_b, peak_b)


def _kib(text: str) -> int:
    return int(text.split(maxsplit=1)[0]) * _KIB


def forget_peak(clear_refs: Path = Path("/proc/self/clear_refs")) -> None:
    """Start the high-water mark anew from the present resident set, where that is allowed (proc(5): clear_refs, 5)."""
    try:
        clear_refs.write_text("5")
    except OSError:
        return

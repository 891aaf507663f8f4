"""The frequency policies of Linux cpufreq: one per cluster, on most x86 machines one per processor.

Kernel Documentation/admin-guide/pm/cpufreq.rst; frequencies in kilohertz.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edgewatt.collectors.generic.sysfs import names_in, read_int, read_text
from edgewatt.collectors.host.places import Places

_FOLDER: Final = re.compile(r"policy([0-9]{1,5})")
# Twice of what any processor has been driven to: a number above it is no frequency.
HIGHEST_KHZ: Final = 20_000_000


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy: the number of its first processor, and its folder."""

    number: str
    folder: Path

    @property
    def current(self) -> Path:
        """The file with the frequency now."""
        return self.folder / "scaling_cur_freq"

    def read(self) -> list[float | None]:
        """The frequency now in hertz; None where it cannot be true. Raises OSError."""
        return [to_hz(read_int(self.current))]

    def cap_hz(self, name: str) -> float | None:
        """One of its limits, `scaling_min_freq` or `scaling_max_freq`, in hertz."""
        try:
            return to_hz(read_int(self.folder / name))
        except OSError:
            return None

    def governor(self) -> str | None:
        """What decides its frequency."""
        return read_text(self.folder / "scaling_governor", 256)

    def processors(self) -> tuple[str, ...]:
        """The processors that run at its frequency, such as ("cpu0", "cpu1")."""
        listed = (read_text(self.folder / "related_cpus") or "").split()
        return tuple(f"cpu{number}" for number in listed if number.isdecimal() and len(number) <= 5)


def find_policies(places: Places) -> list[Policy]:
    """The policies of this machine, in the order of their processors."""
    found = (hit for name in names_in(places.cpufreq) if (hit := _FOLDER.fullmatch(name)))
    return [Policy(hit[1], places.cpufreq / hit[0]) for hit in sorted(found, key=lambda hit: int(hit[1]))]


def to_hz(value_khz: int | None) -> float | None:
    """Kilohertz in hertz; None where no processor can run at it."""
    return value_khz * 1000.0 if value_khz is not None and 0 < value_khz <= HIGHEST_KHZ else None

"""One look at the files of a Jetson: where they lie, and which of them will never answer."""

import shlex
from dataclasses import dataclass
from typing import Final, Self

from edgewatt.collectors.android.files.look import Look, clean

# Rails are worth 10 to 50 Hz: an INA3221 has new values every 6.6 ms by default (kernel drivers/hwmon/ina3221.c), and
# three of them were read in 1.6 ms on a Thor (second-hand).
RAILS_S: Final = 0.05
# What no later read will change; a file that is gated (EAGAIN) or fails for another reason is asked again.
_LASTING: Final = ("not there", "no such file", "denied", "not permitted", "not touched", "not looked at", "no text")


@dataclass(frozen=True, slots=True)
class Roots:
    """Where sysfs, procfs and debugfs are mounted, and what lies before /etc and /var ("" on a board itself)."""

    sysfs: str = "/sys"
    proc: str = "/proc"
    debugfs: str = "/sys/kernel/debug"
    root: str = ""

    @classmethod
    def below(cls, folder: str) -> Self:
        """All of them in one folder without `*` in its name, as an image or a test; "/" is the board itself."""
        root = folder.rstrip("/")
        return cls(f"{root}/sys", f"{root}/proc", f"{root}/sys/kernel/debug", root)

    def at(self, pattern: str) -> str:
        """A pattern of this package as a path: {sysfs}, {proc}, {debugfs} and {root} replaced."""
        places = {"sysfs": self.sysfs, "proc": self.proc, "debugfs": self.debugfs, "root": self.root}
        for name, place in places.items():
            pattern = pattern.replace(f"{{{name}}}", place)
        return pattern


@dataclass(frozen=True, slots=True)
class BoardLook(Look):
    """A look at a Jetson; `period_s` is for its slow streams (None: each its own), `rails_s` for its rails."""

    roots: Roots = Roots()
    rails_s: float = RAILS_S

    def at(self, pattern: str) -> str:
        """The path, or the pattern of paths, that a candidate is on this board."""
        return self.roots.at(pattern)

    def answers_later(self, path: str) -> bool:
        """True for a file that is there and gave nothing, which can change: gated (EAGAIN), or a read that failed."""
        seen = self.seen.get(path)
        return seen is not None and seen.text is None and not any(mark in seen.reason.lower() for mark in _LASTING)

    def fix(self, *paths: str) -> str:
        """The command that lets everybody read those of the paths that are there and may not be read; "" for none."""
        denied = [path for path in paths if path in self.seen and "denied" in self.seen[path].reason.lower()]
        return f"sudo chmod a+r {shlex.join(denied)}  (until the next boot)" if denied else ""

    def strings(self, path: str) -> list[str]:
        """The strings of a property in the device tree, which end in NUL each."""
        return [shown for part in (self.text(path) or "").split("\0")[:32] if (shown := clean(part))]

"""The files of the phone that its root may write, and what comes of it: wake locks, and the limits of the clocks.

Kernel Documentation: ABI/testing/sysfs-power (a name written to wake_lock is held until the same is written to
wake_unlock; reading lists those that are held) and admin-guide/pm/cpufreq.rst. A file takes effect at the next look.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from edgewatt.virtual_lab.phone.governor import Governor
from edgewatt.virtual_lab.phone.pen import Pen
from edgewatt.virtual_lab.phone.tree import GPU_POLICY, POLICIES, WAKE_LOCK, WAKE_UNLOCK, gpu_folder

_LIMIT_B: Final = 256
GPU: Final = "gpu"
_HZ_PER_KHZ: Final = 1000.0


@dataclass
class Writable:
    """What root wrote, as of the last look."""

    root: Path
    governor: Governor
    pen: Pen
    locks: set[str] = field(default_factory=set)
    _seen: dict[str, int] = field(default_factory=dict)

    def look(self, now_ns: int) -> None:
        """See what was written since, and let it be so."""
        for name in self._changed(WAKE_LOCK):
            self.locks.update(self._words(name))
            self.pen.forget(name)
        for name in self._changed(WAKE_UNLOCK):
            self.locks.difference_update(self._words(name))
            self._write(WAKE_LOCK, "".join(f"{lock} " for lock in sorted(self.locks)) + "\n", now_ns)
        phone = self.governor.body.phone
        for number, cluster in enumerate(phone.clusters):
            self._limits(f"cpu{number}", f"{POLICIES}/policy{cluster.cpus[0]}", "scaling_governor", now_ns)
        if phone.gpu == "tensor":
            self._limits(GPU, gpu_folder(phone), GPU_POLICY, now_ns)

    def _limits(self, name: str, at: str, governor: str, now_ns: int) -> None:
        """The limits of one clock, in kHz, and the file of its governor."""
        files = [f"{at}/{file}" for file in ("scaling_min_freq", "scaling_max_freq", governor)]
        if any([*self._changed(*files)]):
            low, high, how = ((self._words(file) or [""])[0] for file in files)
            if low.isdecimal() and high.isdecimal():
                limits = (int(low) * _HZ_PER_KHZ, int(high) * _HZ_PER_KHZ)
                self.governor.limit(name, limits, how, now_ns)

    def _changed(self, *names: str) -> Iterator[str]:
        for name in names:
            try:
                changed_ns = (self.root / name).stat().st_mtime_ns
            except OSError:
                continue
            if self._seen.setdefault(name, changed_ns) != changed_ns:
                self._seen[name] = changed_ns
                yield name

    def _words(self, name: str) -> list[str]:
        try:
            with (self.root / name).open("rb") as file:
                return file.read(_LIMIT_B).decode(errors="replace").split()
        except OSError:
            return []

    def _write(self, name: str, text: str, now_ns: int) -> None:
        self.pen.write(name, text, now_ns)
        self._seen[name] = (self.root / name).stat().st_mtime_ns

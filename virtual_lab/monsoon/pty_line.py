"""A serial LVPM on a pseudo-terminal, paced by the clock."""

import contextlib
import os
import select
import time
import tty
from pathlib import Path
from typing import Final

from edgewatt.virtual_lab.monsoon.lvpm import Lvpm

# A USB host asks every millisecond; waking so often would cost more than it shows (assumed).
_TICK_S: Final = 0.004
_IDLE_S: Final = 0.1
_READ_B: Final = 1 << 12


class PtyLine:
    """The line of one meter. `path` is the terminal; `link` leads to it and still does after the meter came back."""

    def __init__(self, lvpm: Lvpm, folder: Path) -> None:
        self._lvpm, self.link = lvpm, folder / "monsoon"
        self._delay_ns = round(lvpm.meter.feed.delay_s * 1e9)
        self._pending = b""
        self._ends: tuple[int, int] | None = None
        self.path = ""
        self._plug()

    def run(self, stop: int) -> None:
        """Serve until the descriptor `stop` can be read."""
        try:
            while self._turn(stop):
                pass
        finally:
            self.unplug()

    def unplug(self) -> None:
        """The terminal is gone: whoever has it open reads its end."""
        if self._ends is not None:
            for end in self._ends:
                os.close(end)
            self._ends = None
            self.link.unlink(missing_ok=True)

    def _plug(self) -> None:
        meters, hosts = os.openpty()
        tty.setraw(meters)
        tty.setraw(hosts)
        os.set_blocking(meters, False)
        # The host's end stays open here as well: without it a meter that nobody uses would read an end.
        self._ends, self.path, self._pending = (meters, hosts), os.ttyname(hosts), b""
        self.link.unlink(missing_ok=True)
        self.link.symlink_to(self.path)

    def _turn(self, stop: int) -> bool:
        gone = self._lvpm.meter.link(time.monotonic_ns() - self._delay_ns) == "gone"
        if gone and self._ends is not None:
            self.unplug()
        elif not gone and self._ends is None:
            self._plug()
        meters = [] if self._ends is None else [self._ends[0]]
        busy = self._lvpm.meter.sampling or self._pending or gone
        readable, _, _ = select.select([stop, *meters], [], [], _TICK_S if busy else _IDLE_S)
        if stop in readable:
            return False
        now_ns = time.monotonic_ns() - self._delay_ns
        said = self._read() if meters and meters[0] in readable else b""
        blocked = bool(self._pending) or gone
        if said:
            self._pending += self._lvpm.take(said, now_ns, blocked=blocked)
        else:
            self._pending += self._lvpm.until(now_ns, blocked=blocked)
        self._write()
        return True

    def _read(self) -> bytes:
        with contextlib.suppress(OSError):
            return os.read(self._ends[0], _READ_B) if self._ends else b""
        return b""

    def _write(self) -> None:
        """What the terminal takes; while there is more, the meter's own queue fills."""
        if self._pending and self._ends is not None:
            with contextlib.suppress(OSError):
                self._pending = self._pending[os.write(self._ends[0], self._pending) :]

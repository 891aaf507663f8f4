"""The faults of a wire, done to frames: which of them arrive, how, and when."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from edgewatt.virtual_lab.monsoon.faults import Faults
from edgewatt.virtual_lab.monsoon.feeds import Floats
from edgewatt.virtual_lab.monsoon.lvpm_wire import Rows

# A stalled meter keeps so many frames and loses what comes after (assumed; documented for USB: 16 measurements).
QUEUE: Final = 16
_GARBAGE_B: Final = 20


@dataclass(slots=True)
class Spoiler:
    """One meter's wire. `lost` counts the frames that never left it."""

    faults: Faults
    rng: np.random.Generator
    lost: int = 0
    _held: list[bytes] = field(default_factory=list)

    def sent(self, rows: Rows, t_s: Floats, *, blocked: bool = False) -> bytes:
        """What arrives of frames (n, size) that were complete at `t_s` seconds of sampling.

        `blocked`: nobody takes them off the wire now.
        """
        if not blocked and not self._held and not self.faults.spoil_frames:
            return rows.tobytes()
        out = bytearray()
        for row, at_s in zip(rows, t_s, strict=True):
            out += self._one(row.tobytes(), float(at_s), blocked=blocked)
        return bytes(out)

    def released(self, t_s: float) -> bytes:
        """What was held back while the wire stood still, if it does no longer."""
        if not self._held or self.faults.link(t_s) != "up":
            return b""
        out = b"".join(self._held)
        self._held.clear()
        return out

    def _one(self, frame: bytes, t_s: float, *, blocked: bool) -> bytes:
        faults = self.faults
        lost, damaged, preceded, shortened = self.rng.random(4)
        link = faults.link(t_s)
        if lost < faults.drop or faults.lost.holds(t_s) or link in ("silent", "gone"):
            self.lost += 1
            return b""
        if damaged < faults.checksum:
            frame = frame[:-1] + bytes([(frame[-1] + int(self.rng.integers(1, 256))) & 0xFF])
        if shortened < faults.cut:
            frame = frame[: int(self.rng.integers(1, len(frame)))]
        if preceded < faults.garbage:
            frame = self.rng.bytes(int(self.rng.integers(1, _GARBAGE_B))) + frame
        if link == "stalled" or blocked:
            if len(self._held) < QUEUE:
                self._held.append(frame)
            else:
                self.lost += 1
            return b""
        return self.released(t_s) + frame

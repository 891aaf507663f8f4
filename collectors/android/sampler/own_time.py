"""Values that say themselves when they were true, in a time base of their own, such as a Pixel's power monitors."""

from typing import Final

# How much a crystal may run slow against the phone's (assumed: some times the usual 20 ppm).
DRIFT: Final = 1e-4


class OwnTime:
    """Maps one time base to the phone's clock by the lower envelope of (time of reading - own time).

    A value is never read before it is true, so that the least difference seen is nearest to the offset; it may grow by
    DRIFT of the time that passes, and it starts anew when the own time goes back. What it gives never goes back.
    """

    def __init__(self) -> None:
        self._own_ns: int | None = None
        self._read_ns = 0
        self._offset_ns = 0.0
        self._given_ns: int | None = None
        self.restarts = 0

    def to_ns(self, own_ns: int, read_ns: int) -> int | None:
        """The phone's time of a value that was read at `read_ns`; None if no new one has come since the last call."""
        apart_ns = float(read_ns - own_ns)
        if self._own_ns is None or own_ns < self._own_ns:
            self.restarts += self._own_ns is not None
            self._offset_ns = apart_ns
        else:
            allowed_ns = self._offset_ns + DRIFT * max(read_ns - self._read_ns, 0)
            self._offset_ns = min(allowed_ns, apart_ns)
        advanced, self._own_ns, self._read_ns = self._own_ns != own_ns, own_ns, read_ns
        if not advanced:
            return None
        t_ns = min(own_ns + round(self._offset_ns), read_ns)
        self._given_ns = t_ns if self._given_ns is None else max(t_ns, self._given_ns)
        return self._given_ns

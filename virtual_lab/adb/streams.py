"""One stream of a connection, seen from the service at its end.

Flow control is the protocol's: one WRTE of at most `maxdata` bytes is under way per direction, until its OKAY. What the
client sends is acknowledged when it fits the buffer, else when the service has taken it, as between adbd and the
socket pair of its service.
"""

import threading
from collections import deque
from collections.abc import Callable
from typing import Final

from edgewatt.virtual_lab.adb.packets import CLSE, OKAY, WRTE, Packet, PacketError, Payload

# The kernel's default for a socket's send buffer (net.core.wmem_default): what adbd's socket pair takes unread.
BUFFER_B: Final = 212_992


class StreamEndedError(Exception):
    """The client closed the stream, or the connection is gone."""


class Stream:
    """Bytes in and bytes out. `deliver`, `acknowledge` and `end` are the connection's; the rest is the service's."""

    def __init__(self, local_id: int, remote_id: int, maxdata_b: int, send: Callable[[Packet], None]) -> None:
        self.local_id, self.remote_id, self.maxdata_b = local_id, remote_id, maxdata_b
        self._send = send
        self._watcher: Callable[[], None] | None = None
        self._changed = threading.Condition()
        self._chunks: deque[memoryview] = deque()
        self._buffered_b = 0
        self._owes_okay = False
        self._under_way = False
        self._ended = False
        self._closed = False

    def deliver(self, payload: Payload) -> None:
        """A WRTE came in. Raises PacketError if the one before it was not acknowledged yet."""
        with self._changed:
            if self._owes_okay:
                raise PacketError(f"stream {self.local_id}: a WRTE before the OKAY of the last one")
            if payload:
                self._chunks.append(memoryview(payload))
                self._buffered_b += len(payload)
            self._owes_okay = True
            self._settle()
            self._tell()

    def acknowledge(self) -> None:
        """An OKAY came in."""
        with self._changed:
            self._under_way = False
            self._tell()

    def end(self) -> None:
        """The other side closed, or the connection is gone: what was sent can still be read, nothing can be said."""
        with self._changed:
            self._ended = True
            self._tell()

    def watch(self, watcher: Callable[[], None] | None) -> None:
        """Have this called, quickly and under the stream's lock, whenever something changed; None ends it."""
        with self._changed:
            self._watcher = watcher

    @property
    def ended(self) -> bool:
        """Whether the other side is gone."""
        return self._ended

    @property
    def ready(self) -> bool:
        """Whether `offer` may be called: nothing is under way."""
        return not self._under_way

    @property
    def readable(self) -> bool:
        """Whether `take` gives something now."""
        return bool(self._chunks)

    def take(self, limit_b: int) -> memoryview:
        """Up to so many of the bytes that are here now; none if there are none."""
        with self._changed:
            return self._take(limit_b)

    def read_some(self, limit_b: int) -> memoryview:
        """1 to `limit_b` bytes, waited for. Raises StreamEndedError when none will come."""
        with self._changed:
            while not self._chunks:
                if self._ended:
                    raise StreamEndedError
                self._changed.wait()
            return self._take(limit_b)

    def read_exactly(self, size_b: int) -> bytes:
        """So many bytes, waited for. Raises StreamEndedError if the stream ends before."""
        parts = []
        while size_b:
            parts.append(self.read_some(size_b))
            size_b -= len(parts[-1])
        return b"".join(parts)

    def offer(self, data: Payload) -> None:
        """Send at most `maxdata_b` bytes; only when `ready`."""
        with self._changed:
            if self._under_way or len(data) > self.maxdata_b:
                raise RuntimeError("one WRTE at a time, of at most maxdata bytes")
            self._under_way = True
            if not self._ended:
                self._send(Packet(WRTE, self.local_id, self.remote_id, data))

    def write(self, data: Payload) -> None:
        """Send all of it, waiting for every OKAY but the last. Raises StreamEndedError if the client is gone."""
        rest = memoryview(data)
        while rest:
            self.drain()
            self.offer(rest[: self.maxdata_b])
            rest = rest[self.maxdata_b :]

    def drain(self) -> None:
        """Return when nothing is under way. Raises StreamEndedError if the client is gone."""
        with self._changed:
            while self._under_way and not self._ended:
                self._changed.wait()
            if self._ended:
                raise StreamEndedError

    def close(self) -> None:
        """Say CLSE, once: as the last word of the service, and as the answer to a client's."""
        with self._changed:
            if self._closed:
                return
            self._closed = self._ended = True
            self._send(Packet(CLSE, self.local_id, self.remote_id))
            self._tell()

    def _take(self, limit_b: int) -> memoryview:
        if not self._chunks:
            return memoryview(b"")
        chunk = self._chunks.popleft()
        if len(chunk) > limit_b:
            self._chunks.appendleft(chunk[limit_b:])
            chunk = chunk[:limit_b]
        self._buffered_b -= len(chunk)
        self._settle()
        return chunk

    def _settle(self) -> None:
        if self._owes_okay and self._buffered_b <= BUFFER_B:
            self._owes_okay = False
            if not self._ended:
                self._send(Packet(OKAY, self.local_id, self.remote_id))

    def _tell(self) -> None:
        self._changed.notify_all()
        if self._watcher is not None:
            self._watcher()

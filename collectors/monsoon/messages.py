"""What the capture says to the run that started it, on a pipe: samples as they came, and JSON.

A message is one byte for its kind, four for the length of what follows (little-endian), and that many bytes. Samples
begin with the host's monotonic time at which the last of their bytes had arrived, as int64 nanoseconds.
"""

import json
import os
import struct
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

SAMPLES, JSON = b"D", b"J"
_HEAD: Final = struct.Struct("<cI")
_TIME: Final = struct.Struct("<q")
LIMIT_B: Final = 4 << 20
# While the run does not read: two minutes of packets over USB.
KEPT_B: Final = 16 << 20
_PIPE_B: Final = 1 << 20
_F_SETPIPE_SZ: Final = 1031


@dataclass(frozen=True, slots=True)
class Received:
    """Bytes of the meter; the last of them had arrived at `received_ns`."""

    received_ns: int
    data: bytes


Message = Received | dict[str, Any]


class Outbox:
    """The sending end. It never blocks: what the pipe does not take waits, and the oldest samples go first.

    `dropped` counts the messages that were thrown away.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        os.set_blocking(fd, False)
        with suppress(OSError):
            import fcntl  # noqa: PLC0415  (a larger pipe is only a help)

            fcntl.fcntl(fd, _F_SETPIPE_SZ, _PIPE_B)
        self._waiting: deque[bytes] = deque()
        self._begun = b""
        self._size = 0
        self.dropped = 0

    def samples(self, received_ns: int, data: bytes) -> None:
        """Bytes of the meter."""
        self._put(SAMPLES, _TIME.pack(received_ns) + data)

    def say(self, says: str, **content: Any) -> None:
        """A message in JSON."""
        self._put(JSON, json.dumps({"says": says, **content}).encode())

    def pump(self) -> bool:
        """Send what the pipe takes; True if nothing waits any more. Raises BrokenPipeError when nobody reads."""
        while self._begun or self._waiting:
            if not self._begun:
                self._begun = self._waiting.popleft()
                self._size -= len(self._begun)
            try:
                self._begun = self._begun[os.write(self._fd, self._begun) :]
            except BlockingIOError:
                return False
        return True

    def _put(self, kind: bytes, payload: bytes) -> None:
        self._waiting.append(_HEAD.pack(kind, len(payload)) + payload)
        self._size += len(self._waiting[-1])
        self.pump()
        while self._size > KEPT_B and (at := self._oldest_samples()) is not None:
            self._size -= len(self._waiting[at])
            del self._waiting[at]
            self.dropped += 1

    def _oldest_samples(self) -> int | None:
        return next((at for at, message in enumerate(self._waiting) if message[:1] == SAMPLES), None)


@dataclass(slots=True)
class Inbox:
    """Cuts a stream of bytes into messages, however it is chopped."""

    _waiting: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> Iterator[Message]:
        """Every message completed by `data`. Raises ValueError where no message can stand."""
        self._waiting += data
        while len(self._waiting) >= _HEAD.size:
            kind, length = _HEAD.unpack_from(self._waiting)
            if kind not in (SAMPLES, JSON) or length > LIMIT_B or (kind == SAMPLES and length < _TIME.size):
                raise ValueError(f"no message begins with {bytes(self._waiting[: _HEAD.size])!r}")
            end = _HEAD.size + length
            if len(self._waiting) < end:
                return
            payload = bytes(self._waiting[_HEAD.size : end])
            del self._waiting[:end]
            yield _decoded(kind, payload)


def _decoded(kind: bytes, payload: bytes) -> Message:
    if kind == SAMPLES:
        return Received(_TIME.unpack_from(payload)[0], payload[_TIME.size :])
    message = json.loads(payload)
    if isinstance(message, dict) and isinstance(message.get("says"), str):
        return message
    raise ValueError("a message says nothing")

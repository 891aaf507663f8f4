"""What a worker process says to the run that started it: frames on a pipe of its own, which no print can corrupt.

A frame is one byte for its kind, four for the length of what follows (little-endian), and that many bytes: JSON, or
the stamps of iterations as int64 pairs.
"""

import json
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

JSON: Final = b"J"
STAMPS: Final = b"S"
PAIR_B: Final = 16
_HEAD: Final = struct.Struct("<cI")
# A second of the fastest loop there is (an empty graph takes half a microsecond) is 32 MB of stamps; workers send
# 1 MiB at a time. The longest JSON is a list of operators: 100 bytes each for 300,000 of them.
LIMIT_B: Final = 32 << 20

Frame = dict[str, Any] | bytes


def send(fd: int, kind: bytes, payload: bytes | memoryview) -> None:
    """Write one frame. Raises BrokenPipeError when nobody reads any more."""
    _write_all(fd, memoryview(_HEAD.pack(kind, memoryview(payload).nbytes)))
    _write_all(fd, memoryview(payload).cast("B"))


def send_json(fd: int, says: str, **content: Any) -> None:
    """Write a JSON frame `{"says": says, ...}`."""
    send(fd, JSON, json.dumps({"says": says, **content}).encode())


def _write_all(fd: int, rest: memoryview) -> None:
    while rest:
        rest = rest[os.write(fd, rest) :]


@dataclass(slots=True)
class FrameParser:
    """Cuts a stream of bytes into frames, however it is chopped: a dict for JSON, bytes for stamps."""

    _waiting: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Every frame completed by `data`. Raises ValueError where no frame can stand."""
        self._waiting += data
        while len(self._waiting) >= _HEAD.size:
            kind, length = _HEAD.unpack_from(self._waiting)
            if kind not in (JSON, STAMPS) or length > LIMIT_B:
                raise ValueError(f"no frame begins with {bytes(self._waiting[: _HEAD.size])!r}")
            end = _HEAD.size + length
            if len(self._waiting) < end:
                return
            payload = bytes(self._waiting[_HEAD.size : end])
            del self._waiting[:end]
            yield _decode(kind, payload)


def _decode(kind: bytes, payload: bytes) -> Frame:
    if kind == STAMPS:
        if len(payload) % PAIR_B:
            raise ValueError(f"{len(payload)} bytes are no pairs of stamps")
        return payload
    message = json.loads(payload)
    if not isinstance(message, dict) or "says" not in message:
        raise ValueError("a message says nothing")
    return message

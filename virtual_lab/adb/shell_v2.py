"""The packets within a `shell,v2:` stream: a byte of kind, a little-endian length, the bytes.

Source: AOSP, adb/shell_protocol.h.
"""

import struct
from collections.abc import Iterator
from typing import Final

from edgewatt.virtual_lab.adb.packets import PacketError, Payload

STDIN: Final = 0
STDOUT: Final = 1
STDERR: Final = 2
EXIT: Final = 3
CLOSE_STDIN: Final = 4
WINDOW_SIZE: Final = 5

_HEAD: Final = struct.Struct("<BI")
# The longest payload there is; a longer packet cannot come out of a sane client.
_LIMIT_B: Final = 1 << 20


def frame(kind: int, data: bytes) -> bytes:
    """One packet."""
    return _HEAD.pack(kind, len(data)) + data


class Unframer:
    """Packets out of pieces of a stream."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: Payload) -> None:
        """More of the stream came."""
        self._held += data

    def packets(self) -> Iterator[tuple[int, bytes]]:
        """The kind and bytes of each packet that is whole by now. Raises PacketError for an impossible length."""
        while len(self._held) >= _HEAD.size:
            kind, length_b = _HEAD.unpack_from(self._held)
            if length_b > _LIMIT_B:
                raise PacketError(f"a packet of {length_b} bytes within a shell stream; expected {_LIMIT_B} at most")
            if len(self._held) < _HEAD.size + length_b:
                return
            data = bytes(self._held[_HEAD.size : _HEAD.size + length_b])
            del self._held[: _HEAD.size + length_b]
            yield kind, data

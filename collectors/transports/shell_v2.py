"""The packets of ADB's shell_v2: an id, a length, and so many bytes of one of a command's streams.

Format: AOSP packages/modules/adb/shell_protocol.h (remembered; confirmed against adbd 34): one byte of id, four of
length, little-endian, then the payload. The payload of an exit packet is one byte, the exit code.
"""

import struct
from collections.abc import Iterator
from typing import Final

STDIN: Final = 0
STDOUT: Final = 1
STDERR: Final = 2
EXIT: Final = 3
CLOSE_STDIN: Final = 4

_HEADER: Final = struct.Struct("<BI")


def packet(kind: int, payload: bytes = b"") -> bytes:
    """One packet as it is sent."""
    return _HEADER.pack(kind, len(payload)) + payload


class Decoder:
    """Takes bytes split anywhere, gives the pieces of payload in them; holds back no more than a header."""

    def __init__(self) -> None:
        self._header = bytearray()
        self._kind, self._left_b = 0, 0

    def feed(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """The kind and the bytes of every piece, which is never empty; a long packet comes in several."""
        at = 0
        while at < len(data):
            if self._left_b == 0:
                taken = data[at : at + _HEADER.size - len(self._header)]
                self._header += taken
                at += len(taken)
                if len(self._header) == _HEADER.size:
                    self._kind, self._left_b = _HEADER.unpack(self._header)
                    self._header.clear()
                continue
            piece = data[at : at + self._left_b]
            at += len(piece)
            self._left_b -= len(piece)
            yield self._kind, piece

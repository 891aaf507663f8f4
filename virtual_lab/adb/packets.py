"""The packets of ADB: a header of six little-endian words, then the payload (AOSP, adb/protocol.txt)."""

import struct
from dataclasses import dataclass
from typing import Final

import numpy as np

CNXN: Final = 0x4E584E43
AUTH: Final = 0x48545541
OPEN: Final = 0x4E45504F
OKAY: Final = 0x59414B4F
CLSE: Final = 0x45534C43
WRTE: Final = 0x45545257
STLS: Final = 0x534C5453

AUTH_TOKEN: Final = 1
AUTH_SIGNATURE: Final = 2
AUTH_PUBLIC_KEY: Final = 3

VERSION_CHECKSUMS: Final = 0x01000000
VERSION_NO_CHECKSUMS: Final = 0x01000001

HEADER_B: Final = 24
_HEADER: Final = struct.Struct("<6I")

Payload = bytes | bytearray | memoryview


class PacketError(Exception):
    """The other side sent what no ADB packet is; the connection ends."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One message; `arg0` is the sender's stream id and `arg1` the receiver's, where streams are meant."""

    command: int
    arg0: int = 0
    arg1: int = 0
    payload: Payload = b""


@dataclass(frozen=True, slots=True)
class Header:
    """What comes before the payload."""

    command: int
    arg0: int
    arg1: int
    length_b: int
    checksum: int


def checksum(payload: Payload) -> int:
    """The sum of the bytes, modulo 2^32: `data_check`, which the protocol calls a crc32 and is none."""
    return int(np.frombuffer(payload, dtype=np.uint8).sum(dtype=np.uint32)) if len(payload) else 0


def encode_header(packet: Packet, version: int) -> bytes:
    """The 24 bytes that go before the payload; from version 0x01000001 on `data_check` is 0."""
    check = checksum(packet.payload) if version < VERSION_NO_CHECKSUMS else 0
    magic = packet.command ^ 0xFFFFFFFF
    return _HEADER.pack(packet.command, packet.arg0, packet.arg1, len(packet.payload), check, magic)


def decode_header(data: Payload, limit_b: int) -> Header:
    """The header in 24 bytes. Raises PacketError if its magic or length is wrong."""
    command, arg0, arg1, length_b, check, magic = _HEADER.unpack(data)
    if magic != command ^ 0xFFFFFFFF:
        raise PacketError(
            f"command {command:#010x} came with magic {magic:#010x}; expected {command ^ 0xFFFFFFFF:#010x}"
        )
    if length_b > limit_b:
        raise PacketError(f"command {command:#010x} announced {length_b} bytes; expected {limit_b} at most")
    return Header(command, arg0, arg1, length_b, check)


def check_payload(header: Header, payload: Payload, version: int) -> None:
    """Raise PacketError if the checksum of an old client's payload is wrong; newer ones send none."""
    if version < VERSION_NO_CHECKSUMS and (seen := checksum(payload)) != header.checksum:
        raise PacketError(f"the payload adds up to {seen}; its header said {header.checksum}")

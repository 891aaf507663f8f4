"""What a client makes of a Monsoon's bytes, from the protocol's description alone; slow and plain."""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

STATUS = struct.Struct(">BBBhhhHhhhHBbBxBbHBHHHHBbbHHBBBbbbbbbbbbBH")
_FIELDS = """
type firmware protocol main_fine usb_fine aux_fine voltage1 main_coarse usb_coarse aux_coarse voltage2 setting
temperature status leds main_fine_ohm serial khz dac_low dac_high power_up_limit run_limit power_up_ms
usb_fine_ohm aux_fine_ohm initial_usb initial_aux hardware temperature_limit passthrough main_coarse_ohm
usb_coarse_ohm aux_coarse_ohm d0 d1 d2 d3 d4 d5 event_code event_data
"""
STATUS_FIELDS = _FIELDS.split()

STATUS_REQUEST = bytes.fromhex("0401000005")
START = bytes.fromhex("0802FFFFFFFF03E8F1")
STOP = bytes.fromhex("03030006")


def request(*body: int) -> bytes:
    return bytes([len(body) + 1, *body, (len(body) + 1 + sum(body)) % 256])


def frames(data: bytes) -> Iterator[bytes]:
    """The bodies of whole frames; fails on one that is not right."""
    at = 0
    while at < len(data):
        length = data[at]
        body, checksum = data[at + 1 : at + length], data[at + length]
        assert (length + sum(body)) % 256 == checksum
        yield body
        at += length + 1


def entries(data: bytes) -> tuple[int, int]:
    """How many entries of data and of calibrations are in whole frames of samples."""
    at, counted = 0, [0, 0]
    while at < len(data):
        counted[data[at + 2] > 0] += (data[at] - 6) // 8
        at += data[at] + 1
    return counted[0], counted[1]


def status(body: bytes) -> dict[str, int]:
    assert len(body) == 58
    return dict(zip(STATUS_FIELDS, STATUS.unpack(body), strict=True))


@dataclass
class Stream:
    """Samples of a serial stream in ampere and volt, and what came with them."""

    main_a: list[float] = field(default_factory=list)
    usb_a: list[float] = field(default_factory=list)
    aux_a: list[float] = field(default_factory=list)
    volts: list[float] = field(default_factory=list)
    sequence: list[int] = field(default_factory=list)
    kinds: list[int] = field(default_factory=list)
    flagged: int = 0
    statuses: int = 0


def decode(bodies: Iterable[bytes]) -> Stream:
    """By the last zero and reference, each channel with its own."""
    out = Stream()
    zero, reference = np.zeros((2, 3)), np.zeros((2, 3))
    for body in bodies:
        if body[0] == 0x10:
            out.statuses += 1
            continue
        assert body[0] & 0x20
        out.sequence.append(body[0] & 0x0F)
        out.kinds.append(body[1])
        out.flagged += bool(body[0] & 0x10)
        entries = np.frombuffer(body[4:-1], ">i2").reshape(-1, 4).astype(np.int64)
        if body[1]:
            (zero if body[1] == 1 else reference)[:] = entries[:2, :3]
            continue
        scale = np.array([[0.0332], [2.88]]) / (reference - zero)
        raw = entries[:, :3]
        amperes = np.where(raw & 1, ((raw & ~1) - zero[1]) * scale[1], (raw - zero[0]) * scale[0])
        for column, values in zip((out.main_a, out.usb_a, out.aux_a), amperes.T, strict=True):
            column.extend(values.tolist())
        out.volts.extend(((entries[:, 3] & 0xFFFC) * 125e-6).tolist())
    return out


@dataclass
class Packets:
    """Samples of a USB stream in ampere and volt."""

    main_a: "np.ndarray"
    usb_a: "np.ndarray"
    main_v: "np.ndarray"
    usb_v: "np.ndarray"
    dropped: list[int]
    sequence: list[int]
    sizes: list[int]
    flags: list[int]


def decode_packets(packets: Iterable[bytes], scales: "np.ndarray", zero_offsets: "np.ndarray", fine_to: int) -> Packets:
    """By the mean of all calibrations. `scales` are main coarse, main fine, usb coarse, usb fine in ampere."""
    rows, head = [], []
    for packet in packets:
        dropped, flags, n = struct.unpack_from("<HBB", packet)
        assert len(packet) == 4 + 18 * n
        head.append((dropped, flags, n))
        rows += [packet[4 + 18 * k : 22 + 18 * k] for k in range(n)]
    kinds = np.array([row[17] & 0x30 for row in rows])
    raw = np.array([struct.unpack(">8H" if fine_to > 32767 else ">6h2H", row[:16]) for row in rows], float)
    zero = raw[kinds == 0x10][:, :4].mean(axis=0) + zero_offsets
    reference = raw[kinds == 0x30][:, :4].mean(axis=0)
    data = raw[kinds == 0]
    amperes = (data[:, :4] - zero) * scales / (reference - zero)
    main_a = np.where(data[:, 1] < fine_to, amperes[:, 1], amperes[:, 0])
    usb_a = np.where(data[:, 3] < fine_to, amperes[:, 3], amperes[:, 2])
    per_count = 250e-6 if fine_to > 32767 else 125e-6
    return Packets(
        main_a,
        usb_a,
        data[:, 6] * per_count,
        data[:, 7] * 125e-6,
        [one[0] for one in head],
        [one[1] & 0x0F for one in head],
        [one[2] for one in head],
        [one[1] & 0xF0 for one in head],
    )

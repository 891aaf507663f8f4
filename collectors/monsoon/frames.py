"""The frames of an LVPM on a serial port: one byte for the length L of what follows, a body, and a checksum.

L counts the body and the checksum; the checksum is (L + sum of the body) mod 256. body[0] is the packet's type: 0x10 a
status, 0x20 to 0x2F samples with a sequence number in the low four bits (second-hand: mobly, controllers/monsoon.py;
the vendor's names of the types). Bit 4 of a sample's type is said to mean an overcurrent (second-hand: ACTS).
A frame has no marker: after damage the next frame is found by its checksum and by what follows it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

STATUS: Final = 0x10
SAMPLE: Final = 0x20
SAMPLE_MASK: Final = 0xE0
OVERCURRENT: Final = 0x10
SEQUENCE: Final = 0x0F

STATUS_L: Final = 59  # protocol 16; later ones may be longer
# Type, kind and two more bytes, at least one entry of eight, a trailer, the checksum.
ENTRY_B: Final = 8
BEFORE_ENTRIES: Final = 5
LEAST_SAMPLE_L: Final = BEFORE_ENTRIES + ENTRY_B + 1

# A run of frames at a time, so that the arrays made of it stay in the cache of a core.
RUN: Final = 4096
# A little more than the frames of a second, after which others come.
_LOOK: Final = 768
# How far the next frame is looked for at once.
_WINDOW_B: Final = 1 << 16
# Numpy does not pay for fewer, such as two of calibration.
_FEW: Final = 3
# The longest frame, and one after it to confirm it.
_UNDECIDED_B: Final = 512


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """Sample frames of one length that follow each other: `rows` uint8, shape [m, L + 1], a view of what was received.

    `damaged`: something unreadable stood before the first of them.
    """

    rows: NDArray[np.uint8]
    damaged: bool


@dataclass(frozen=True, slots=True, eq=False)
class Parsed:
    """What bytes from the meter hold: runs of sample frames, how many bytes were used up, and what else was met.

    `damaged`: what the bytes end with is damage, so that the next frame comes after it.
    """

    runs: list[Run]
    consumed: int
    damaged: bool = False
    checksum_errors: int = 0
    skipped_b: int = 0
    status_frames: int = 0


def encode(body: bytes) -> bytes:
    """The frame around a body of at most 254 bytes.

    >>> encode(bytes([1, 0, 0])).hex()
    '0401000005'
    """
    length = len(body) + 1
    return bytes([length, *body, (length + sum(body)) & 0xFF])


def find_status(data: bytes) -> bytes | None:
    """The body of the last whole status frame in `data`, whatever else is in it; None if there is none."""
    for at in range(len(data) - STATUS_L - 1, -1, -1):
        length = data[at]
        end = at + length
        if length >= STATUS_L and data[at + 1] == STATUS and end < len(data) and sum(data[at:end]) & 0xFF == data[end]:
            return bytes(data[at + 1 : end])
    return None


def parse(data: bytes, *, damaged: bool = False, final: bool = False) -> Parsed:
    """The frames in `data`, which begins where a frame is expected; what is not `consumed` waits for more bytes.

    `damaged` is that of the bytes before. With `final` nothing waits: what is left counts as skipped. Takes any bytes
    and never raises.
    """
    received = np.frombuffer(data, np.uint8)
    if not damaged and not final and (whole := _undamaged(received)) is not None:
        return whole
    return _with_damage(received, damaged=damaged, final=final)


def _undamaged(received: NDArray[np.uint8]) -> Parsed | None:
    """What bytes hold that are frames throughout, checked all at once; None if one of them is anything else."""
    runs: list[NDArray[np.uint8]] = []
    at = 0
    while at < len(received):
        length = int(received[at]) + 1
        if at + length > len(received):
            break
        runs.append(_equal(received, at, length))
        at += runs[-1].size
    if at < len(received) and not _may_begin(received, at):
        return None
    kept: list[Run] = []
    statuses = 0
    for length in {rows.shape[1] for rows in runs}:
        equal = [rows for rows in runs if rows.shape[1] == length]
        rows = np.concatenate(equal) if len(equal) > 1 else equal[0]
        if _good(rows) < len(rows):
            return None
        statuses += int(np.count_nonzero(rows[:, 1] == STATUS))
    for rows in runs:
        kept += [Run(rows, damaged=False)] if not statuses else _samples(rows, damaged=False)[0]
    return Parsed(kept, at, status_frames=statuses)


def _with_damage(received: NDArray[np.uint8], *, damaged: bool, final: bool) -> Parsed:
    """What any bytes hold, frame by frame where something is wrong."""
    runs: list[Run] = []
    at, checksum_errors, skipped_b, status_frames = 0, 0, 0, 0
    while at < len(received):
        length = int(received[at]) + 1
        if at + length > len(received) and _may_begin(received, at):
            break
        rows = _equal(received, at, length)
        whole = _good(rows)
        if whole:
            kept, statuses = _samples(rows[:whole], damaged=damaged)
            runs += kept
            status_frames += statuses
            at += whole * length
            damaged = False
            continue
        found = _resume(received, at + 1)
        if found is None:
            if len(received) - at < _UNDECIDED_B:
                break
            found = len(received) - _UNDECIDED_B // 2
        if found == at + length and length > LEAST_SAMPLE_L:
            checksum_errors += 1
        else:
            skipped_b += found - at
        at, damaged = found, True
    if final and at < len(received):
        skipped_b, at, damaged = skipped_b + len(received) - at, len(received), True
    return Parsed(runs, at, damaged, checksum_errors, skipped_b, status_frames)


def _may_begin(received: NDArray[np.uint8], at: int) -> bool:
    """True if a frame can stand there, as far as its length and, if it is there, its type say."""
    length = int(received[at])
    kind = int(received[at + 1]) if at + 1 < len(received) else None
    samples = length >= LEAST_SAMPLE_L and (length - BEFORE_ENTRIES - 1) % ENTRY_B == 0
    if kind is None:
        return samples or length >= STATUS_L
    return (samples and kind & SAMPLE_MASK == SAMPLE) or (length >= STATUS_L and kind == STATUS)


def _equal(received: NDArray[np.uint8], at: int, length: int) -> NDArray[np.uint8]:
    """Up to RUN whole frames of that length in a row, as far as their first bytes say; shape [m, length]."""
    most = min((len(received) - at) // length, RUN)
    for few in range(1, min(most, _FEW + 1)):
        if received[at + few * length] != length - 1:
            return received[at : at + few * length].reshape(few, length)
    rows = received[at : at + most * length].reshape(most, length)
    for begin in range(0, most, _LOOK):
        same = rows[begin : begin + _LOOK, 0] == length - 1
        if not same.all():
            return rows[: begin + int(same.argmin())]
    return rows


def _good(rows: NDArray[np.uint8]) -> int:
    """How many of the frames have a known type and a right checksum, up to the first that does not."""
    length = rows.shape[1] - 1
    if not len(rows) or length < LEAST_SAMPLE_L:
        return 0
    if len(rows) <= _FEW:
        return next((at for at, row in enumerate(rows) if not _is_good(row.tobytes())), len(rows))
    kinds = rows[:, 1].copy()
    good = (kinds & SAMPLE_MASK) == SAMPLE
    if length >= STATUS_L:
        good |= kinds == STATUS
    good &= np.einsum("ij->i", rows[:, :-1]) == rows[:, -1]
    return len(rows) if good.all() else int(good.argmin())


def _is_good(frame: bytes) -> bool:
    known = frame[1] & SAMPLE_MASK == SAMPLE or (frame[1] == STATUS and len(frame) > STATUS_L)
    return known and sum(frame[:-1]) & 0xFF == frame[-1]


def _samples(rows: NDArray[np.uint8], *, damaged: bool) -> tuple[list[Run], int]:
    """The sample frames among whole frames of one length, in runs, and how many statuses there are."""
    samples = (rows[:, 1] & SAMPLE_MASK) == SAMPLE
    if samples.all():
        return [Run(rows, damaged)], 0
    parts = np.split(rows, np.flatnonzero(np.diff(samples)) + 1)
    kept = [part for part in parts if part[0, 1] & SAMPLE_MASK == SAMPLE]
    return [Run(part, damaged and at == 0) for at, part in enumerate(kept)], int((~samples).sum())


def _resume(received: NDArray[np.uint8], begin: int) -> int | None:
    """Where the next whole frame stands that another one, or the end, follows; None if that cannot be said yet."""
    for start in range(begin, len(received), _WINDOW_B):
        part = received[start : start + _WINDOW_B + _UNDECIDED_B]
        whole = _whole(part)
        followed = np.append(whole, True)[np.minimum(np.arange(len(part)) + part + 1, len(part))]
        found = np.flatnonzero(whole & followed)
        if len(found) and found[0] < _WINDOW_B:
            return start + int(found[0])
    return None


def _whole(part: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Of each byte, whether a whole frame of a known type with a right checksum begins there."""
    n = len(part)
    at = np.arange(n)
    end = at + part
    kind = np.append(part[1:], 0)
    samples = (part >= LEAST_SAMPLE_L) & ((part - BEFORE_ENTRIES - 1) % ENTRY_B == 0) & (kind & SAMPLE_MASK == SAMPLE)
    known = (samples | ((part >= STATUS_L) & (kind == STATUS))) & (end < n)
    sums = np.concatenate(([0], np.cumsum(part, dtype=np.int64)))
    last = np.minimum(end, n - 1)
    whole: NDArray[np.bool_] = known & (((sums[last] - sums[at]) & 0xFF) == part[last])
    return whole

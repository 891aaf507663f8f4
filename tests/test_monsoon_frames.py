"""The frames of a serial LVPM: whole, cut anywhere, damaged, with anything between them."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.monsoon.frames import Parsed, encode, find_status, parse
from tests.monsoon_wire import calibration, entry, sample_frame, stream

STATUS = encode(bytes([0x10]) + bytes(57))
FRAMES = stream(40)


def bytes_of(parsed: Parsed) -> list[bytes]:
    return [row.tobytes() for run in parsed.runs for row in run.rows]


def parse_in_pieces(data: bytes, cuts: list[int]) -> tuple[list[bytes], int, int]:
    """The frames, checksum errors and skipped bytes, when the data arrives cut there."""
    found, errors, skipped, rest, damaged = [], 0, 0, b"", False
    edges = sorted({0, *cuts, len(data)})
    for begin, end in pairwise(edges):
        rest += data[begin:end]
        parsed = parse(rest, damaged=damaged, final=end == len(data))
        found += bytes_of(parsed)
        errors, skipped = errors + parsed.checksum_errors, skipped + parsed.skipped_b
        rest, damaged = rest[parsed.consumed :], parsed.damaged
    assert rest == b""
    return found, errors, skipped


def test_the_frames_of_the_facts_are_encoded_to_the_byte() -> None:
    assert encode(b"\x01\x00\x00").hex() == "0401000005"
    assert encode(b"\x01\x01\xdc").hex() == "040101dce2"
    assert encode(b"\x01\x10\x00").hex() == "0401100015"
    assert encode(b"\x03\x00").hex() == "03030006"
    assert encode(b"\x02\xff\xff\xff\xff\x03\xe8").hex() == "0802ffffffff03e8f1"


def test_frames_of_one_length_are_one_run() -> None:
    parsed = parse(b"".join(FRAMES))
    assert [run.rows.shape for run in parsed.runs] == [(2, 23), (40, 63)]
    assert bytes_of(parsed) == FRAMES
    assert (parsed.checksum_errors, parsed.skipped_b, parsed.damaged) == (0, 0, False)


def test_a_status_between_samples_is_counted_and_left_out() -> None:
    parsed = parse(b"".join([*FRAMES[:10], STATUS, *FRAMES[10:]]))
    assert bytes_of(parsed) == FRAMES
    assert (parsed.status_frames, parsed.skipped_b) == (1, 0)


def test_a_wrong_checksum_loses_its_frame_alone() -> None:
    broken = bytearray(FRAMES[20])
    broken[30] ^= 1
    parsed = parse(b"".join([*FRAMES[:20], bytes(broken), *FRAMES[21:]]))
    assert bytes_of(parsed) == [*FRAMES[:20], *FRAMES[21:]]
    assert (parsed.checksum_errors, parsed.skipped_b) == (1, 0)
    assert [run.damaged for run in parsed.runs] == [False, False, True]


@given(cuts=st.lists(st.integers(0, sum(map(len, FRAMES))), max_size=40))
def test_it_does_not_matter_where_the_bytes_are_cut(cuts: list[int]) -> None:
    assert parse_in_pieces(b"".join(FRAMES), cuts) == (FRAMES, 0, 0)


@given(at=st.integers(0, len(FRAMES)), garbage=st.binary(min_size=1, max_size=300), data=st.data())
def test_after_garbage_the_next_frames_are_found(at: int, garbage: bytes, data: st.DataObject) -> None:
    whole = b"".join([*FRAMES[:at], garbage, *FRAMES[at:]])
    cuts = data.draw(st.lists(st.integers(0, len(whole)), max_size=10))
    found, errors, skipped = parse_in_pieces(whole, cuts)
    assert found[: min(at, len(found))] == FRAMES[:at]
    assert len(found) >= len(FRAMES) - 4, "at most a frame that garbage swallows, and what its length claimed"
    assert errors + skipped > 0 or len(found) > len(FRAMES)


@given(begin=st.integers(0, 500), length=st.integers(1, 200))
def test_where_bytes_are_missing_the_rest_is_found(begin: int, length: int) -> None:
    whole = b"".join(FRAMES)
    found, _, _ = parse_in_pieces(whole[:begin] + whole[begin + length :], [])
    assert sum(frame not in FRAMES for frame in found) <= 1, "at most the seam, where its checksum fits by chance"
    assert len(found) >= len(FRAMES) - length // 63 - 6
    assert found[-10:] == FRAMES[-10:]


@given(data=st.binary(max_size=3000), final=st.booleans())
def test_any_bytes_are_taken(data: bytes, final: bool) -> None:  # noqa: FBT001
    parsed = parse(data, final=final)
    kept = sum(run.rows.size for run in parsed.runs)
    assert kept + parsed.skipped_b <= parsed.consumed <= len(data)
    assert not final or parsed.consumed == len(data)
    assert len(data) - parsed.consumed < 512


def test_a_megabyte_of_garbage_is_passed_over() -> None:
    garbage = np.random.default_rng(0).bytes(1 << 20)
    parsed = parse(garbage + b"".join(FRAMES), final=True)
    assert bytes_of(parsed)[-30:] == FRAMES[-30:]


@pytest.mark.parametrize("entries", [1, 2, 7, 30])
def test_frames_may_be_of_any_number_of_entries(entries: int) -> None:
    frames = [sample_frame(k, [entry(100)] * entries) for k in range(5)]
    assert bytes_of(parse(b"".join(frames))) == frames


def test_a_status_is_found_in_whatever_surrounds_it() -> None:
    assert find_status(b"\x07" + b"".join(calibration(0)) + STATUS + b"\x3b\x10") == STATUS[1:-1]
    assert find_status(STATUS[:-1] + b"\x00") is None


@given(st.binary(max_size=400))
def test_any_bytes_hold_a_status_or_not(data: bytes) -> None:
    found = find_status(data)
    assert found is None or len(found) >= 58

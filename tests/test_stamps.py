"""Time on a phone from its two clocks: fine, and free of the steps of the wall clock."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.android.stamps import STEP_NS, UPTIME_STEP_NS, PhoneStamps

S = 1_000_000_000
MS = 1_000_000


def line(boot_ns: int, ahead_ns: int, *, late_ns: int = 0) -> tuple[bytes, bytes]:
    """What a phone prints at `boot_ns`, its wall clock so far ahead and looked at `late_ns` after the uptime."""
    wall_us = (boot_ns + ahead_ns + late_ns) // 1000
    hundredths = boot_ns // UPTIME_STEP_NS
    return b"%d.%06d" % divmod(wall_us, 1_000_000), b"%d.%02d" % divmod(hundredths, 100)


def read(stamps: PhoneStamps, lines: list[tuple[bytes, bytes]]) -> list[int]:
    found = [stamps.to_ns(*one) for one in lines]
    assert None not in found
    return [t for t in found if t is not None]


def test_it_has_the_resolution_of_the_wall_clock() -> None:
    times_ns = [5 * S + k * 1_237_000 for k in range(2000)]
    found = read(PhoneStamps(), [line(t, 1_795_000_000 * S) for t in times_ns])
    origins = {f - t for f, t in zip(found, times_ns, strict=True)}
    assert len(origins) == 1
    assert abs(origins.pop()) <= UPTIME_STEP_NS


@pytest.mark.parametrize("step_ns", [-3600 * S, -60 * MS, 60 * MS, 3600 * S, 10**6 * S])
def test_a_step_of_the_wall_clock_is_taken_out(step_ns: int) -> None:
    stamps = PhoneStamps()
    times_ns = [100 * S + k * 7 * MS for k in range(400)]
    lines = [line(t, 1_795_000_000 * S + (step_ns if t > 101 * S else 0)) for t in times_ns]
    found = read(stamps, lines)
    assert stamps.steps == 1
    for (t0, f0), (t1, f1) in pairwise(zip(times_ns, found, strict=True)):
        assert abs((f1 - f0) - (t1 - t0)) <= 2 * UPTIME_STEP_NS
    assert sorted(found[:100]) == found[:100]


def test_slewing_is_no_step() -> None:
    """NTP slews by at most 500 ppm: 30 ms a minute, which a fixed threshold would take for a step."""
    stamps = PhoneStamps()
    times_ns = [k * 100 * MS for k in range(1, 6000)]
    read(stamps, [line(t, 1_795_000_000 * S + t // 2000) for t in times_ns])
    assert stamps.steps == 0


def test_a_stall_between_the_two_looks_is_no_step_and_moves_nothing_after_it() -> None:
    stamps = PhoneStamps()
    times_ns = [k * 10 * MS + 3 * MS for k in range(1, 500)]
    lines = [line(t, 1_795_000_000 * S, late_ns=200 * MS if k == 250 else 0) for k, t in enumerate(times_ns)]
    found = read(stamps, lines)
    assert stamps.steps == 0
    assert {f - t for k, (f, t) in enumerate(zip(found, times_ns, strict=True)) if k != 250} == {found[0] - times_ns[0]}


def test_lines_of_two_readers_may_come_out_of_order_around_a_step() -> None:
    rng = random.Random(7)
    stamps = PhoneStamps()
    times_ns = [50 * S + k * 5 * MS for k in range(1000)]
    lines = [(t, line(t, 1_795_000_000 * S + (90 * S if t > 52 * S else 0))) for t in times_ns]
    shuffled = [one for start in range(0, 1000, 40) for one in rng.sample(lines[start : start + 40], 40)]
    for t, one in shuffled:
        found = stamps.to_ns(*one)
        assert found is not None
        assert abs(found - t) <= STEP_NS
    assert stamps.steps == 1


def test_without_a_wall_clock_the_uptime_counts() -> None:
    assert PhoneStamps().to_ns(b"", b"12.34") == 12_340 * MS


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_any_bytes_give_a_time_or_none(epoch: bytes, uptime: bytes) -> None:
    found = PhoneStamps().to_ns(epoch, uptime)
    assert found is None or isinstance(found, int)

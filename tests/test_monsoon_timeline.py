"""When samples were taken and how many are missing: by sequence, by the meter's count, by the host's clock."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewatt.collectors.monsoon.calibration import Scales
from edgewatt.collectors.monsoon.decoding import LATENCY_NS, Decoding
from edgewatt.collectors.monsoon.serial_samples import SerialSamples
from edgewatt.collectors.monsoon.usb_samples import HVPM, UsbSamples
from edgewatt.profiler.batch import Batch, Gap
from tests.monsoon_wire import calibration, entry, packet, sample_frame, usb_entry

SLOT_NS = 200_000
FRAME_NS = 7 * SLOT_NS
START_NS = 5_000_000_000
Items = Sequence[Batch | Gap]


def decoding() -> Decoding:
    return Decoding(SerialSamples(), SLOT_NS)


def frames(count: int, first: int = 0) -> list[bytes]:
    """Frames whose raw value tells which frame they are of."""
    return [sample_frame(k, [entry(2 * (k % 8000))] * 7) for k in range(first, first + count)]


def received(count: int, *, rate: float = 1.0, jitter_ns: float = 200_000, seed: int = 0) -> list[int]:
    """When each frame's last byte arrives: its last sample's end, later by a jitter that is never negative."""
    late = np.random.default_rng(seed).exponential(jitter_ns, count) if jitter_ns else np.zeros(count)
    return [START_NS + round((k + 1) * FRAME_NS * rate + late[k]) for k in range(count)]


def feed(one: Decoding, data: Sequence[bytes], at_ns: Sequence[int]) -> list[Batch | Gap]:
    items = [item for frame, t_ns in zip(data, at_ns, strict=True) for item in one.feed(t_ns, frame)]
    return items + one.flush()


def stamps(items: Items) -> np.ndarray:
    return np.concatenate([item.t_ns for item in items if isinstance(item, Batch)])


def gaps(items: Items) -> list[Gap]:
    return [item for item in items if isinstance(item, Gap)]


def calibrated(data: Sequence[bytes]) -> list[bytes]:
    """Two calibration frames stand in for the first two."""
    return [*calibration(0, 7), *data[2:]]


def test_samples_are_stamped_by_their_index() -> None:
    items = feed(decoding(), calibrated(frames(100)), received(100))
    assert np.unique(np.diff(stamps(items))).tolist() == [SLOT_NS]
    assert len(stamps(items)) == 98 * 7
    assert not gaps(items)


@pytest.mark.parametrize("lost", [1, 2, 15])
def test_lost_frames_advance_the_index(lost: int) -> None:
    data, at_ns = calibrated(frames(200)), received(200)
    items = feed(decoding(), data[:100] + data[100 + lost :], at_ns[:100] + at_ns[100 + lost :])
    (gap,) = gaps(items)
    assert gap.samples_lost == 7 * lost
    assert gap.t1_ns - gap.t0_ns == (7 * lost + 1) * SLOT_NS
    assert sorted(np.unique(np.diff(stamps(items)))) == [SLOT_NS, (7 * lost + 1) * SLOT_NS]


@pytest.mark.parametrize("lost", [16, 17, 32, 100, 1600])
def test_what_the_sequence_cannot_count_the_clock_counts(lost: int) -> None:
    count = 1600 + lost
    data, at_ns = calibrated(frames(count)), received(count)
    items = feed(decoding(), data[:1000] + data[1000 + lost :], at_ns[:1000] + at_ns[1000 + lost :])
    (gap,) = gaps(items)
    assert gap.samples_lost == 7 * lost


def test_a_gap_after_sequence_zero_is_seen() -> None:
    data, at_ns = calibrated(frames(64)), received(64)
    assert [gap.samples_lost for gap in gaps(feed(decoding(), data[:17] + data[18:], at_ns[:17] + at_ns[18:]))] == [7]


@pytest.mark.parametrize("late_ms", [5, 30, 300, 900])
def test_what_comes_late_is_not_lost(late_ms: int) -> None:
    """The reader stood still: everything was kept by the kernel and comes at once."""
    at_ns = received(1800)
    stuck_ns = at_ns[1000] + late_ms * 1_000_000
    at_ns = [max(t_ns, stuck_ns) if k >= 1000 else t_ns for k, t_ns in enumerate(at_ns)]
    items = feed(decoding(), calibrated(frames(1800)), at_ns)
    assert not gaps(items)
    assert np.unique(np.diff(stamps(items))).tolist() == [SLOT_NS]


def test_a_frame_lost_while_the_reader_stood_still_is_one_frame() -> None:
    at_ns = received(1800)
    at_ns = [max(t_ns, at_ns[1150]) if k >= 1000 else t_ns for k, t_ns in enumerate(at_ns)]
    data = calibrated(frames(1800))
    (gap,) = gaps(feed(decoding(), data[:1002] + data[1003:], at_ns[:1002] + at_ns[1003:]))
    assert gap.samples_lost == 7


@pytest.mark.parametrize("ppm", [-2800, -50, 0, 50, 300])
def test_the_drift_is_found_and_the_bound_holds(ppm: int) -> None:
    count, together, rate = 36_000, 36, 1 + ppm * 1e-6
    one, data = decoding(), calibrated(frames(count))
    lots = [b"".join(data[k : k + together]) for k in range(0, count, together)]
    at_ns = received(count, rate=rate, jitter_ns=300_000)[together - 1 :: together]
    items = feed(one, lots, at_ns)
    assert not gaps(items)
    fit = one.fit("monsoon.1")
    assert fit.drift == pytest.approx(ppm * 1e-6, abs=3e-6)
    t_ns = fit.to_host(stamps(items))
    true_ns = START_NS + (np.arange(14, 14 + len(t_ns)) + 1) * SLOT_NS * rate
    worst_ns = float(np.abs(t_ns - true_ns).max())
    assert worst_ns < 100_000
    assert worst_ns < fit.bound_ns < LATENCY_NS + 1_000_000


def test_after_a_restart_the_clock_says_how_much_is_missing() -> None:
    one, away_ns = decoding(), 3_456_789_000
    first = [item for f, t in zip(calibrated(frames(1000)), received(1000), strict=True) for item in one.feed(t, f)]
    one.restart("no samples for 1 s")
    again = received(1000, seed=1)
    second = [
        item for f, t in zip(frames(1000, 7), again, strict=True) for item in one.feed(t + away_ns + 1400_000_000, f)
    ]
    items = [*first, *second, *one.flush()]
    (gap,) = gaps(items)
    assert gap.cause == "no samples for 1 s"
    assert gap.samples_lost == pytest.approx(away_ns / SLOT_NS, abs=5)
    assert (np.diff(stamps(items)) > 0).all()


def hv(*, dropped: Sequence[int], sequence: Sequence[int] | None = None) -> list[Gap]:
    """The gaps that packets with these counts leave; the clock moves as they say."""
    one = Decoding(UsbSamples(HVPM, Scales.of(0.0365, 6.4)), SLOT_NS)
    data, t_ns, found = usb_entry(4000, 65000), START_NS, []
    one.feed(t_ns, packet(14, [usb_entry(100, 100, kind=1), usb_entry(33_000, 37_000, kind=3)], dropped[0]))
    for at, count in enumerate(dropped):
        lost = (count - dropped[max(at - 1, 0)]) % 65_536
        t_ns += (3 + lost) * SLOT_NS
        number = at + 15 if sequence is None else sequence[at]
        found += one.feed(t_ns, packet(number, [data] * 3, count))
    return gaps([*found, *one.flush()])


def test_the_meters_own_count_of_dropped_samples_is_followed_across_its_wrap() -> None:
    steady = [65_530] * 1700
    (gap,) = hv(dropped=[*steady, *[4] * 50])
    assert gap.samples_lost == 10
    assert gap.cause == "samples dropped by the meter itself"


def test_what_the_count_says_in_the_first_second_is_checked_by_the_clock() -> None:
    one = Decoding(UsbSamples(HVPM, Scales.of(0.0365, 6.4)), SLOT_NS)
    found: list[Batch | Gap] = list(
        one.feed(START_NS, packet(15, [usb_entry(100, 100, kind=1), usb_entry(33_000, 37_000, kind=3)], 65_535))
    )
    for k in range(1800):
        found += one.feed(START_NS + (k + 1) * 3 * SLOT_NS, packet(k, [usb_entry(4000, 65000)] * 3, 0))
    assert not gaps([*found, *one.flush()])


@given(
    lengths=st.lists(st.integers(0, 40), min_size=1, max_size=60),
    jitters=st.lists(st.integers(0, 40_000_000), min_size=60, max_size=60),
    restarts=st.sets(st.integers(0, 59), max_size=3),
)
@settings(max_examples=40)
def test_time_never_goes_back_and_no_sample_comes_twice(
    lengths: list[int], jitters: list[int], restarts: set[int]
) -> None:
    one, t_ns, at, total = decoding(), START_NS, 2, 0
    items: list[Batch | Gap] = list(one.feed(t_ns, b"".join(calibration(0))))
    for k, lost in enumerate(lengths):
        at += lost
        data = frames(3, at)
        at, total = at + 3, total + 21
        t_ns += (lost + 3) * FRAME_NS
        if k in restarts:
            one.restart("again")
        items += one.feed(t_ns + jitters[k], b"".join(data))
    items += one.flush()
    t = stamps(items)
    assert len(t) == total
    assert (np.diff(t) >= SLOT_NS).all()
    for gap in gaps(items):
        assert gap.t1_ns > gap.t0_ns
        assert gap.samples_lost is not None
        assert gap.samples_lost >= 0

"""Lost frames of a serial LVPM, each counted as what it was: of data, or one of the two of a calibration."""

import numpy as np
import pytest

from edgewatt.collectors.monsoon.decoding import Decoding
from edgewatt.collectors.monsoon.rhythm import Due
from edgewatt.collectors.monsoon.serial_samples import SerialSamples
from edgewatt.profiler.batch import Batch, Gap
from tests.monsoon_wire import calibration, entry, fine, sample_frame

SLOT_NS, START_NS = 200_000, 5_000_000_000
DATA, SHORT, SECONDS = 7, 2, 7
Sent = list[tuple[bytes, int]]


def sent() -> Sent:
    """Frames and the slots up to and with each; a calibration each second."""
    found: Sent = []
    slots = 0
    while slots < SECONDS * 5000:
        if slots >= 5000 * sum(len(frame) < 63 for frame, _ in found) // 2:
            for frame in calibration(len(found)):
                slots += SHORT
                found.append((frame, slots))
        slots += DATA
        found.append((sample_frame(len(found), [entry(fine(0.01))] * DATA), slots))
    return found


SENT = sent()
PAIRS = [at for at, (frame, _) in enumerate(SENT) if len(frame) < 63][::2]


def decoded(lost: set[int], together_s: float) -> tuple[int, list[Gap], int]:
    """How many slots too many lie between the first row and the last; the gaps; how far off they may be."""
    one, waiting, items = Decoding(SerialSamples(), SLOT_NS), b"", list[Batch | Gap]()
    edge_ns, last_ns = together_s * 1e9, 0
    for at, (frame, slots) in enumerate(SENT):
        if slots * SLOT_NS > edge_ns:
            items += one.feed(START_NS + last_ns, waiting)
            waiting, edge_ns = b"", slots * SLOT_NS + together_s * 1e9
        if at not in lost:
            waiting, last_ns = waiting + frame, slots * SLOT_NS
    items += [*one.feed(START_NS + last_ns, waiting), *one.flush()]
    t_ns = np.concatenate([item.t_ns for item in items if isinstance(item, Batch)])
    passed = SENT[-1][1] - SENT[1][1]
    assert (np.diff(t_ns) > 0).all()
    return (
        int(t_ns[-1] - t_ns[0]) // SLOT_NS + 1 - passed,
        [item for item in items if isinstance(item, Gap)],
        int(one.facts()["lost_unsure"]),
    )


@pytest.mark.parametrize("together_s", [0.03, 0.25])
@pytest.mark.parametrize(
    ("first", "count", "slots"),
    [(0, 1, SHORT), (1, 1, SHORT), (0, 2, 2 * SHORT), (-1, 2, DATA + SHORT), (-3, 8, 6 * DATA + 2 * SHORT)],
)
def test_a_lost_calibration_takes_its_own_slots(first: int, count: int, slots: int, together_s: float) -> None:
    begin = PAIRS[5] + first
    too_many, (gap,), _ = decoded({*range(begin, begin + count)}, together_s)
    assert (too_many, gap.samples_lost) == (0, slots)


@pytest.mark.parametrize("together_s", [0.03, 0.25])
@pytest.mark.parametrize("count", [1, 2, 15])
def test_lost_data_beside_a_calibration_is_data(count: int, together_s: float) -> None:
    for begin in (PAIRS[5] - count, PAIRS[5] + 2):
        too_many, (gap,), unsure = decoded({*range(begin, begin + count)}, together_s)
        assert (too_many, gap.samples_lost, unsure) == (0, DATA * count, 0)


@pytest.mark.parametrize("count", [16, 400])
def test_a_loss_that_the_sequence_does_not_show_says_that_it_may_hold_a_calibration(count: int) -> None:
    """A multiple of sixteen frames: the host's clock tells how many, and a calibration among them is shorter."""
    too_many, _, unsure = decoded({*range(PAIRS[5] - 8, PAIRS[5] - 8 + count)}, 0.05)
    assert abs(too_many) <= unsure == 2 * (DATA - SHORT)


def test_a_gap_that_the_sequence_cannot_count_may_hold_a_calibration() -> None:
    too_many, gaps, _ = decoded({*range(PAIRS[5] - 100, PAIRS[5] + 299)}, 0.05)
    assert too_many == 0
    assert sum(gap.samples_lost or 0 for gap in gaps) == 397 * DATA + 2 * SHORT


@pytest.mark.parametrize("together_s", [0.05, 0.25])
@pytest.mark.parametrize("seed", range(3))
def test_of_one_frame_in_twenty_every_loss_is_counted_or_said_to_be_unsure(seed: int, together_s: float) -> None:
    chance = np.random.default_rng(seed).random(len(SENT))
    lost = {at for at in np.flatnonzero(chance < 0.05).tolist() if 3 <= at < len(SENT) - 1}
    too_many, gaps, unsure = decoded(lost, together_s)
    assert len(gaps) > len(lost) / 2
    assert abs(too_many) <= min(unsure, 2 * (DATA - SHORT))
    assert not any("unseen" in gap.cause for gap in gaps)


def test_before_a_rhythm_is_known_a_loss_says_by_how_much_it_may_be_off() -> None:
    too_many, (gap,), unsure = decoded({*range(PAIRS[1], PAIRS[1] + 2)}, 0.05)
    assert (too_many, unsure) == (2 * (DATA - SHORT), 2 * (DATA - SHORT))
    assert gap.cause.endswith("; it may be 10 samples more or fewer")


def test_no_gap_is_shortened_below_nothing() -> None:
    assert Due(first=10, every=1, shorter=10, counted=0).shorten(100) == 100
    assert Due(first=10, every=5000, shorter=10, counted=1).shorten(4000) == 0
    assert Due(first=10, every=5000, shorter=10, counted=1).shorten(5200) == 10

"""What is stored: calibration bridged and counted, all else that is missing a gap, and blocks of exact energy."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.monsoon.decoding import Decoding
from edgewatt.collectors.monsoon.products import Blocks, EveryRow
from edgewatt.collectors.monsoon.rows import Stretch
from edgewatt.collectors.monsoon.serial_samples import SerialSamples
from edgewatt.profiler.batch import Batch, Gap
from tests.monsoon_wire import calibration, entry, fine, sample_frame

SLOT_NS = 200_000


def decoded(frames: list[bytes], **kinds: object) -> tuple[Decoding, list[Batch | Gap]]:
    """A meter whose frames arrive the moment they are full; slots are counted by their lengths."""
    one = Decoding(SerialSamples(), SLOT_NS, **kinds)  # type: ignore[arg-type]
    items: list[Batch | Gap] = []
    t_ns = 0
    for frame in frames:
        t_ns += (len(frame) - 7) // 8 * SLOT_NS
        items += one.feed(t_ns, frame)
    return one, items + one.flush()


def ramp(first: int, count: int = 7) -> list[bytes]:
    return [entry(fine(0.001 * (first + k)), 32_000 + 40 * (first + k) & ~3) for k in range(count)]


def test_a_calibration_is_bridged_in_a_straight_line_and_counted() -> None:
    frames = [*calibration(0), sample_frame(2, ramp(0)), *calibration(3, 7), sample_frame(5, ramp(21))]
    one, items = decoded(frames)
    assert all(isinstance(item, Batch) for item in items)
    t_ns = np.concatenate([item.t_ns for item in items if isinstance(item, Batch)])
    current = np.concatenate([item.columns["main.current_a"] for item in items if isinstance(item, Batch)])
    assert np.unique(np.diff(t_ns)).tolist() == [SLOT_NS]
    assert len(t_ns) == 28
    assert current == pytest.approx(0.001 * np.arange(28), abs=5e-6)
    facts = one.facts()
    assert (facts["bridged"], facts["rows"], facts["lost"], facts["calibration"]) == (14, 14, 0, 18)


def test_a_longer_calibration_is_no_bridge() -> None:
    frames = [*calibration(0), sample_frame(2, ramp(0)), *calibration(3, 12), sample_frame(5, ramp(31))]
    one, items = decoded(frames)
    (gap,) = [item for item in items if isinstance(item, Gap)]
    assert gap.samples_lost == 0
    assert gap.t1_ns - gap.t0_ns == 25 * SLOT_NS
    assert one.facts()["bridged"] == 0


def test_a_frame_lost_beside_a_calibration_is_no_bridge() -> None:
    frames = [*calibration(0), sample_frame(2, ramp(0)), *calibration(3), sample_frame(6, ramp(18))]
    _, items = decoded(frames)
    (gap,) = [item for item in items if isinstance(item, Gap)]
    assert gap.samples_lost == 7
    assert gap.cause.startswith("frames lost")


def test_what_comes_before_the_first_calibration_is_thrown_away_and_counted() -> None:
    frames = [sample_frame(0, ramp(0)), *calibration(1), sample_frame(3, ramp(7))]
    one, items = decoded(frames)
    assert sum(len(item) for item in items if isinstance(item, Batch)) == 7
    assert not [item for item in items if isinstance(item, Gap)]
    assert one.facts()["uncalibrated"] == 7


def test_the_voltage_behind_the_leads_is_what_they_leave() -> None:
    _, items = decoded([*calibration(0), sample_frame(2, ramp(10))], lead_ohm=0.2)
    (batch,) = items
    assert isinstance(batch, Batch)
    behind = batch.columns["main.voltage_v"] - 0.2 * batch.columns["main.current_a"]
    assert batch.columns["phone.voltage_v"] == pytest.approx(behind)


def stretch(first: int, count: int, seed: int = 0) -> Stretch:
    rng = np.random.default_rng(seed)
    columns = {"main.current_a": rng.uniform(0, 3, count), "main.voltage_v": rng.uniform(3, 4.4, count)}
    return Stretch(first, {name: values.astype(np.float32) for name, values in columns.items()})


@given(
    slots=st.sampled_from([2, 5, 10, 50, 500]),
    first=st.integers(0, 1200),
    cuts=st.lists(st.integers(1, 1999), max_size=8, unique=True),
)
def test_blocks_keep_the_energy_of_every_row_however_the_rows_arrive(slots: int, first: int, cuts: list[int]) -> None:
    whole, blocks = stretch(first, 2000), Blocks(slots, ("main",))
    found = []
    edges = [0, *sorted(cuts), 2000]
    for begin, end in pairwise(edges):
        part = Stretch(first + begin, {name: values[begin:end] for name, values in whole.columns.items()})
        found.append(blocks.take(part))
    stored = [one for one in found if one is not None]
    begin, end = -(-first // slots) * slots, (first + 2000) // slots * slots
    assert sum(len(one) for one in stored) == max(end - begin, 0) // slots
    if not stored:
        return
    assert stored[0].first == begin // slots
    power = whole.columns["main.current_a"].astype(np.float64) * whole.columns["main.voltage_v"]
    energy = sum(float(one.columns["main.power_w"].astype(np.float64).sum()) for one in stored) * slots
    assert energy == pytest.approx(float(power[begin - first : end - first].sum()), rel=1e-7)


def test_the_mean_of_products_is_not_the_product_of_means() -> None:
    columns = {"main.current_a": np.array([0, 2], np.float32), "main.voltage_v": np.array([5, 3], np.float32)}
    stored = Blocks(2, ("main",)).take(Stretch(0, columns))
    assert stored is not None
    assert stored.columns["main.power_w"].tolist() == [3.0]
    assert stored.columns["main.current_a"].tolist() == [1.0]


def test_a_block_with_a_hole_is_not_stored() -> None:
    blocks = Blocks(10, ("main",))
    assert blocks.take(stretch(0, 15)) is not None
    assert blocks.take(stretch(16, 3)) is None
    after = blocks.take(stretch(19, 20))
    assert after is not None
    assert (after.first, len(after)) == (2, 1)


def test_a_block_is_stamped_at_its_end() -> None:
    frames = [*calibration(0), *(sample_frame(k, ramp(0)) for k in range(2, 12))]
    _, items = decoded(frames, product=Blocks(10, ("main",)))
    t_ns = np.concatenate([item.t_ns for item in items if isinstance(item, Batch)])
    every, rows = decoded(frames, product=EveryRow())
    row_ns = np.concatenate([item.t_ns for item in rows if isinstance(item, Batch)])
    assert every.facts()["rows"] == 70
    assert np.unique(np.diff(t_ns)).tolist() == [10 * SLOT_NS]
    assert set((t_ns - SLOT_NS // 2).tolist()) <= set(row_ns.tolist())

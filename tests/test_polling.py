"""Files read at each tick: when, stamped how, and what is said when some or all of them fail."""

import errno
from collections.abc import Callable, Sequence

import numpy as np

from edgewatt.collectors.generic.polling import RETRY_S, Polling, Reading
from edgewatt.profiler.batch import COUNTER_ABSENT, Batch, Gap
from edgewatt.profiler.channel import Channel
from edgewatt.profiler.clock import ManualClock
from edgewatt.profiler.units import Quantity

GAUGE = Channel("a", Quantity.POWER)
COUNTER = Channel("b", Quantity.ENERGY, "counter")


def broken(number: int) -> Callable[[], Sequence[float | None]]:
    def read() -> Sequence[float | None]:
        raise OSError(number, "What The System Says")

    return read


def polling(
    clock: ManualClock, gauge: Callable[[], Sequence[float | None]], counter: Callable[[], Sequence[float | None]]
) -> Polling:
    return Polling([Reading("/a", (GAUGE,), gauge), Reading("/b", (COUNTER,), counter)], clock, 0.1)


def test_a_row_is_stamped_in_the_middle_of_its_reads() -> None:
    clock = ManualClock()

    def slow() -> Sequence[float | None]:
        clock.advance(0.004)
        return [1.5]

    row = polling(clock, slow, lambda: [7]).read(0.2)
    assert isinstance(row, Batch)
    assert row.t_ns[0] == 102_000_000
    assert row.columns["a.power_w"][0] == 1.5
    assert row.columns["b.energy_j"].dtype == np.int64


def test_nothing_is_due_before_the_next_tick() -> None:
    clock = ManualClock()
    source = polling(clock, lambda: [1.0], lambda: [7])
    item = source.read(0.03)
    assert isinstance(item, Batch)
    assert len(item) == 0
    assert clock.now_ns() == 30_000_000
    item = source.read(0.2)
    assert isinstance(item, Batch)
    assert item.t_ns[0] == 100_000_000


def test_without_readings_a_read_waits_and_has_nothing() -> None:
    clock = ManualClock()
    item = Polling([], clock, 0.1).read(0.2)
    assert isinstance(item, Batch)
    assert len(item) == 0
    assert clock.now_ns() == 200_000_000


def test_what_is_gated_is_null_without_a_gap() -> None:
    source = polling(ManualClock(), broken(errno.EAGAIN), lambda: [None])
    for _ in range(3):
        row = source.read(0.2)
        assert isinstance(row, Batch)
        assert np.isnan(row.columns["a.power_w"][0])
        assert row.columns["b.energy_j"][0] == COUNTER_ABSENT


def test_a_failure_is_told_once_and_again_after_it_was_well() -> None:
    clock, ill = ManualClock(), True

    def gauge() -> Sequence[float | None]:
        return broken(errno.EIO)() if ill else [1.0]

    source = polling(clock, gauge, lambda: [7])
    items = [source.read(0.2) for _ in range(4)]
    ill = False
    items.append(source.read(0.2))
    ill = True
    items += [source.read(0.2) for _ in range(2)]
    gaps = [(at, item.cause) for at, item in enumerate(items) if isinstance(item, Gap)]
    assert gaps == [(1, "/a: what the system says"), (6, "/a: what the system says")]


def test_while_all_fail_there_is_a_gap_a_second_and_no_row() -> None:
    clock = ManualClock()
    source = polling(clock, broken(errno.ENODEV), broken(errno.ENODEV))
    items = [source.read(0.2) for _ in range(60)]
    gaps = [item for item in items if isinstance(item, Gap)]
    assert all(isinstance(item, Gap) or len(item) == 0 for item in items)
    assert [gap.t0_ns for gap in gaps] == [0, *(gap.t1_ns for gap in gaps[:-1])]
    assert len(gaps) == 1 + int(clock.now_ns() / 1e9 / RETRY_S)
    assert gaps[0].cause == "/a: what the system says (and 1 more)"
    assert gaps[2].samples_lost == 10

"""The loop that is measured: its counts, its overhead, and when it calls a latency steady."""

import time
from itertools import count

import numpy as np
import pytest

from edgewatt.collectors.runtimes.litert_loop import HELD, PARTS, Loop, is_steady


def nothing() -> None:
    """What an inference that takes no time would be."""


class Kept:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.chunks: list[list[int]] = []

    def __call__(self, stamps: memoryview) -> None:
        self.chunks.append(stamps.tolist())

    @property
    def stamps(self) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
        return np.array([stamp for chunk in self.chunks for stamp in chunk], np.int64).reshape(-1, 2)


@pytest.mark.parametrize("iterations", [1, 7, HELD, HELD + 1])
def test_exactly_the_iterations_asked_for_when_there_is_no_time(iterations: int) -> None:
    kept = Kept()
    done = Loop().measure(nothing, 0.0, iterations, kept)
    assert done.iterations == iterations == len(kept.stamps)


def test_one_iteration_when_nothing_is_asked_for() -> None:
    assert Loop().measure(nothing, 0.0, 0, Kept()).iterations == 1


def test_at_least_the_time_asked_for() -> None:
    kept = Kept()
    done = Loop().measure(nothing, 0.05, 3, kept)
    assert done.t1_ns - done.t0_ns >= 50_000_000
    assert done.iterations == len(kept.stamps) > 3


def test_stamps_follow_each_other_inside_the_window() -> None:
    kept = Kept()
    done = Loop().measure(nothing, 0.02, 0, kept)
    flat = kept.stamps.ravel()
    assert (np.diff(flat) >= 0).all()
    assert done.t0_ns <= flat[0]
    assert flat[-1] == done.t1_ns


def test_overhead_is_under_two_microseconds() -> None:
    """Of the quickest of a few tries: other processes only ever add to it."""
    medians = []
    for _ in range(5):
        kept = Kept()
        Loop().measure(nothing, 0.0, 20_000, kept)
        medians.append(np.median(np.diff(kept.stamps[:, 0])))
    assert min(medians) < 2_000


def test_stamps_are_sent_about_every_second() -> None:
    kept = Kept()
    Loop().measure(lambda: time.sleep(0.01), 2.3, 0, kept)
    spans = [(chunk[-1] - chunk[0]) / 1e9 for chunk in kept.chunks]
    assert len(spans) == 3
    assert max(spans) < 1.2


def test_what_was_executed_is_sent_when_one_iteration_fails() -> None:
    calls, kept = count(), Kept()

    def fails_at_the_sixth() -> None:
        if next(calls) == 5:
            raise RuntimeError("out of luck")

    with pytest.raises(RuntimeError, match="out of luck"):
        Loop().measure(fails_at_the_sixth, 0.0, 100, kept)
    assert len(kept.stamps) == 5


def test_warm_up_without_time_is_the_first_inference() -> None:
    warm = Loop().warm_up(nothing, 0.0)
    assert (warm.iterations, warm.steady) == (1, False)
    assert warm.t1_ns - warm.t0_ns == round(warm.first_s * 1e9)


def test_warm_up_ends_when_the_latency_is_flat() -> None:
    warm = Loop().warm_up(lambda: time.sleep(0.002), 20.0)
    assert warm.steady
    assert warm.t1_ns - warm.t0_ns < 10e9


def test_warm_up_is_as_long_as_a_slow_sensor_needs() -> None:
    warm = Loop().warm_up(lambda: time.sleep(0.002), 20.0, 2.5)
    assert warm.steady
    assert warm.t1_ns - warm.t0_ns > 2.5e9
    short = Loop().warm_up(nothing, 0.05, 2.5)
    assert short.t1_ns - short.t0_ns < 2.5e9


def test_warm_up_says_that_the_limit_came_first() -> None:
    naps = count(1)
    warm = Loop().warm_up(lambda: time.sleep(next(naps) * 1e-4), 0.5)
    assert not warm.steady
    assert 0.5e9 <= warm.t1_ns - warm.t0_ns < 1e9


def latencies(
    drift: float, noise: float = 0.0, spikes: float = 0.0, n: int = 400
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Latencies of 1 ms that change by `drift` over the window."""
    random = np.random.default_rng(11)
    values = 1e6 * (1 + drift * np.linspace(0, 1, n) + noise * random.normal(size=n))
    values[random.random(n) < spikes] *= 20
    return values.astype(np.int64)


@pytest.mark.parametrize(
    ("latency_ns", "steady"),
    [
        (latencies(0.0), True),
        (latencies(0.015), True),
        (latencies(0.03), False),
        (latencies(-0.03), False),
        (latencies(0.0, noise=0.03), True),
        (latencies(-0.1, noise=0.03), False),
        (latencies(0.0, spikes=0.1), True),
        (latencies(-0.05, spikes=0.1), False),
        (latencies(0.0, n=PARTS), True),
        (latencies(0.0, n=PARTS - 1), False),
        (np.zeros(100, np.int64), True),
    ],
)
def test_steady(latency_ns: np.ndarray[tuple[int], np.dtype[np.int64]], *, steady: bool) -> None:
    assert is_steady(latency_ns) is steady


def test_a_slow_start_and_a_hiccup_do_not_count() -> None:
    latency_ns = latencies(0.0)
    latency_ns[:40] *= 3
    latency_ns[200:240] *= 2
    assert is_steady(latency_ns)

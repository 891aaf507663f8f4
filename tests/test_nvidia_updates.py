"""When a sensor has new values: found by few questions, whatever it and this machine do."""

import numpy as np
import pytest

from edgewatt.collectors.nvidia.updates import Follower, Update, changes, watch
from edgewatt.profiler.clock import ManualClock
from tests.nvml_fake import MS, S


class Sensor:
    """New values at `at_ns`; each question takes `call_ns` and is answered at its end. Sleeping is late by `late`."""

    def __init__(self, at_ns: np.ndarray, call_ns: int = 200_000, late: "np.random.Generator | None" = None) -> None:
        self.at_ns, self.call_ns, self.asked = at_ns, call_ns, 0
        self.clock = ManualClock()
        self.late = late

    def ask(self) -> int:
        self.asked += 1
        self.clock.advance(self.call_ns / S)
        return int(np.searchsorted(self.at_ns, self.clock.now_ns(), "right"))

    def follow(self, follower: Follower, seconds: float) -> list[Update]:
        found: list[Update] = []
        while self.clock.now_ns() < seconds * S:
            self.clock.sleep(max(follower.due_ns - self.clock.now_ns(), 0) / S)
            if self.late is not None:
                stalls = self.late.random() < 0.02
                self.clock.sleep(self.late.exponential(0.0002) + (0.012 if stalls else 0.0))
            update = follower.look()
            if update is not None:
                found.append(update)
        return found


def every(period_s: float, seconds: float, jitter_s: float = 0.0, seed: int = 0) -> np.ndarray:
    at_s = np.arange(0.013, seconds + 1, period_s)
    return np.sort(at_s + np.random.default_rng(seed).uniform(-jitter_s, jitter_s, len(at_s))) * S


def errors_ms(updates: list[Update], at_ns: np.ndarray) -> np.ndarray:
    return np.array([np.min(np.abs(at_ns - update.t_ns)) for update in updates]) / MS


@pytest.mark.parametrize(("period_s", "step"), [(0.1, 1), (0.02, 5), (0.101, 1), (0.5, 1)])
def test_it_stays_with_a_sensor_that_it_knows_within_two_percent(period_s: float, step: int) -> None:
    sensor = Sensor(every(period_s, 30))
    follower = Follower(sensor.ask, sensor.clock, 1.02 * period_s * S, (0.013 + period_s) * S, step)
    updates = sensor.follow(follower, 30)
    assert follower.period_ns == pytest.approx(period_s * S, rel=1e-3)
    late = updates[25:]
    assert errors_ms(late, sensor.at_ns).max() < 2.5
    assert all(update.seen for update in late)
    assert len(updates) >= 0.9 * 30 / (period_s * step)
    assert sensor.asked < 3.5 * len(updates)


def test_it_finds_a_phase_that_nobody_told() -> None:
    sensor = Sensor(every(0.1, 20))
    updates = sensor.follow(Follower(sensor.ask, sensor.clock, 0.1 * S, 0.07 * S), 20)
    assert errors_ms(updates[20:], sensor.at_ns).max() < 2


def test_updates_that_come_early_and_late_are_told_within_their_jitter() -> None:
    at_ns = every(0.1, 60, jitter_s=0.004)
    sensor = Sensor(at_ns)
    updates = sensor.follow(Follower(sensor.ask, sensor.clock, 0.1 * S, 0.113 * S), 60)
    found = errors_ms(updates[10:], at_ns)
    assert np.sqrt(np.mean(found**2)) < 4
    assert all(update.low_ns <= at_ns[np.argmin(np.abs(at_ns - update.t_ns))] + 8 * MS for update in updates)


def test_a_thread_that_is_held_up_now_and_then_loses_neither_phase_nor_rows() -> None:
    sensor = Sensor(every(0.1, 60), late=np.random.default_rng(5))
    updates = sensor.follow(Follower(sensor.ask, sensor.clock, 0.1 * S, 0.113 * S), 60)
    found = errors_ms(updates[10:], sensor.at_ns)
    assert len(updates) > 590
    assert np.median(found) < 1
    assert np.mean(found > 5) < 0.01


def test_what_was_missed_is_not_made_up() -> None:
    sensor = Sensor(every(0.1, 20))
    follower = Follower(sensor.ask, sensor.clock, 0.1 * S, 0.113 * S)
    sensor.follow(follower, 5)
    sensor.clock.advance(3.33)
    updates = sensor.follow(follower, 20)
    assert updates[0].t_ns > 8.2 * S
    assert errors_ms(updates, sensor.at_ns).max() < 2


def test_a_value_that_stays_costs_a_bounded_number_of_questions() -> None:
    sensor = Sensor(np.array([1e18]))
    updates = sensor.follow(Follower(sensor.ask, sensor.clock, 0.1 * S, 0.1 * S), 20)
    assert 190 <= len(updates) <= 201
    assert sensor.asked <= 9 * len(updates)
    assert not any(update.seen for update in updates[1:])


def test_an_answer_that_fails_ends_no_round_with_a_guess_of_its_value() -> None:
    clock = ManualClock()
    updates = []
    follower = Follower(lambda: None, clock, 0.1 * S, 0.1 * S)
    while clock.now_ns() < 2 * S:
        clock.sleep(max(follower.due_ns - clock.now_ns(), 0) / S)
        clock.advance(0.0001)
        updates += [update for update in [follower.look()] if update is not None]
    assert updates
    assert all(update.value is None for update in updates)
    assert not any(update.seen for update in updates)


def test_an_answer_after_one_that_failed_is_no_new_value() -> None:
    sensor = Sensor(every(0.1, 20))
    answers = iter(range(1_000_000))
    follower = Follower(lambda: sensor.ask() if next(answers) % 7 else None, sensor.clock, 0.1 * S, 0.113 * S)
    updates = sensor.follow(follower, 20)
    seen = [update for update in updates if update.seen]
    assert len(seen) > 120
    assert np.median(errors_ms(seen[10:], sensor.at_ns)) < 1.5
    assert all(np.any((update.low_ns <= sensor.at_ns) & (sensor.at_ns <= update.high_ns)) for update in seen)


def test_a_tight_look_tells_the_period_even_where_values_repeat() -> None:
    values = [1, 1, 2, 2, 2, 2, 3, 3, 4]
    found = changes(values, [10 * k for k in range(9)], [10 * k + 2 for k in range(9)])
    assert found.changes_ns.tolist() == [16, 56, 76]
    assert found.bound_ns.tolist() == [6, 6, 6]
    assert found.period_s == pytest.approx(20e-9)
    assert changes([None, 1, None, 2], [0, 1, 2, 3], [1, 2, 3, 4]).changes_ns.tolist() == [2]
    assert changes([], [], []).period_s is None


def test_a_tight_look_ends_when_it_has_seen_enough() -> None:
    sensor = Sensor(every(0.1, 5))
    answers = watch(lambda: [sensor.ask()], sensor.clock, 3.0, enough=4)
    assert len(answers.of(0).changes_ns) == 4
    assert answers.of(0).period_s == pytest.approx(0.1, rel=0.02)
    assert sensor.clock.now_ns() < 0.5 * S

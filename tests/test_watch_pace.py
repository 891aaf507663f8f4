"""What a live view spares: turns that cost too much, devices out of sight, panels that stayed as they were."""

import pytest

from edgewatt.profiler.clock import ManualClock
from edgewatt.profiler.watching.connection import Asked
from edgewatt.profiler.watching.view import View
from edgewatt.profiler.watching.watch import HIDDEN_LOOKS, Watch
from edgewatt.reports.live import pace
from edgewatt.reports.live.pace import LEAST_S, MOST_S, SHARE, Pace, pace_s
from edgewatt.reports.live.terminal import Panelled
from tests.watching_views import device_view, view_of


def test_a_turn_takes_its_share_of_a_processor_between_two_bounds() -> None:
    assert pace_s(0.0) == pace_s(SHARE * LEAST_S) == LEAST_S
    assert pace_s(1.5 * SHARE) == pytest.approx(1.5)
    assert pace_s(2 * SHARE * MOST_S) == pace_s(1e9) == MOST_S


def test_the_pace_is_of_what_the_last_turn_took(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = iter([5.0, 5.015, 5.015, 9.0])
    monkeypatch.setattr(pace.time, "thread_time", lambda: next(taken))
    ours = Pace()
    assert [ours.next_s() for _ in range(3)] == [pytest.approx(1.5), LEAST_S, MOST_S]


def looked(watch: Watch, sight: set[int] | None, before: View) -> list[bool]:
    """Whether each device was looked at anew."""
    pairs = zip(watch.look(sight=sight).devices, before.devices, strict=True)
    return [ours is not theirs for ours, theirs in pairs]


def test_what_is_not_in_sight_is_looked_at_once_in_a_few_looks() -> None:
    watch = Watch([Asked(f"fake:{number}") for number in range(3)], ManualClock())
    first = watch.look(sight=set())  # nothing was seen before: all are looked at
    assert len(first.devices) == 3
    turns = [looked(watch, {1}, first) for _ in range(HIDDEN_LOOKS)]
    assert [turn[1] for turn in turns] == [True] * HIDDEN_LOOKS
    # Each hidden one came once; not both at the same look, so that no look costs more than it must.
    firsts = [next(at for at, turn in enumerate(turns) if turn[place]) for place in (0, 2)]
    assert len(set(firsts)) == 2
    assert looked(watch, None, watch.look()) == [True] * 3


def test_a_hidden_device_stays_as_it_was_until_its_look_is_due() -> None:
    watch = Watch([Asked("fake:0")], ManualClock())
    seen = [watch.look(sight=set()).devices[0] for _ in range(3 * HIDDEN_LOOKS)]
    assert len({id(device) for device in seen}) in {3, 4}


def test_panels_in_sight_and_panels_that_are_kept() -> None:
    panels, devices = Panelled(), [device_view(), device_view("another"), device_view("a third")]
    assert panels.devices(range(100)) == frozenset()
    rows = panels.rows(view_of(*devices), 80, everything=False, held=False)
    starts = [at for at, row in enumerate(rows) if any(piece.style == "name" for piece in row)][1:]
    assert panels.devices(range(len(rows))) == {0, 1, 2}
    assert panels.devices(range(starts[1], starts[1] + 1)) == {1}
    assert panels.devices(range(starts[1] - 1, starts[2])) == {0, 1}
    again = panels.rows(view_of(devices[0], device_view("new"), devices[2]), 80, everything=False, held=True)
    assert again[starts[0]] is rows[starts[0]]
    assert again[starts[1]] is not rows[starts[1]]
    wider = panels.rows(view_of(*devices), 120, everything=False, held=False)
    assert wider[starts[0]] is not rows[starts[0]]

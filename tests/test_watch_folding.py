"""What comes from a device, folded: rates, losses, values that are fresh, and streams of strange clocks."""

import threading
from dataclasses import replace

import numpy as np
import pytest

from edgewatt.profiler.batch import Batch, End, Gap
from edgewatt.profiler.channel import Opened
from edgewatt.profiler.clock import ManualClock
from edgewatt.profiler.clockfit import ClockFit
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.protocols import Draining, Learning, Learnt
from edgewatt.profiler.watching import tap as taps
from edgewatt.profiler.watching.folding import Folding
from edgewatt.profiler.watching.tap import Came, Inbox, tapped
from tests.watching_views import OPENED, S, Scripted, batch

TENTHS = [number / 10 for number in range(100, 200)]


def folding(*items: Batch | Gap, opened: Opened = OPENED) -> Folding:
    """What is known after these came."""
    inbox = Inbox()
    for item in (opened, *items):
        inbox.put(Came(opened, item, 0))
    return Folding(inbox)


def test_rates_values_and_joules() -> None:
    found = folding(batch(*TENTHS))
    found.fold(20 * S, {}, recorded=False)
    stream = found.streams["meter"].view(20 * S)
    assert (stream.samples, stream.lost, stream.gaps) == (100, 0, 0)
    source, power, skin = found.lines(20 * S)
    assert (source.name, source.value, source.boundary) == ("meter/main", 2.0, "battery_bypass")
    assert source.energy_j == pytest.approx(2 * 9.9)
    assert (power.value, skin.value, skin.quantity) == (2.0, 30.0, "temperature_c")


def test_the_rate_is_that_of_the_last_seconds() -> None:
    inbox = Inbox()
    inbox.put(Came(OPENED, OPENED, 0))
    found = Folding(inbox)
    for second in range(10, 30):
        inbox.put(Came(OPENED, batch(*[second + tenth / 10 for tenth in range(10)]), 0))
        found.fold((second + 1) * S, {}, recorded=False)
    stream = found.streams["meter"]
    assert stream.view(30 * S).rate_hz == pytest.approx(10.0)
    assert stream.view(35 * S).rate_hz == pytest.approx(5.0)
    assert stream.view(50 * S).rate_hz == 0.0


def test_a_gap_is_counted_and_makes_it_silent_at_once() -> None:
    found = folding(batch(*TENTHS), Gap(20 * S, 21 * S, "cut", 10), Gap(20 * S, 21 * S, "cut again", None))
    found.fold(20 * S, {}, recorded=False)
    stream = found.streams["meter"].view(20 * S)
    assert (stream.lost, stream.lost_unknown, stream.gaps, stream.last_gap) == (10, True, 2, "cut again")
    assert not found.is_silent(20 * S)
    assert found.is_silent(22 * S)
    assert [line.value for line in found.lines(22 * S)] == [None, None, None]


def test_without_a_gap_it_is_silent_after_a_while() -> None:
    found = folding(batch(*TENTHS))
    found.fold(20 * S, {}, recorded=False)
    assert not found.is_silent(22 * S)
    assert found.is_silent(24 * S)


def test_a_clock_of_its_own_is_mapped_and_a_recorded_one_happens_now() -> None:
    own = replace(OPENED, clock="phone")
    placed = folding(batch(10.0, 10.1, 11.0), opened=own)
    placed.fold(1011 * S, {"phone": ClockFit("phone", offset_ns=1000 * S)}, recorded=False)
    assert placed.streams["meter"].history.rows(1012 * S, 2) == 3
    recorded = folding(batch(10.0, 10.1, 11.0))
    recorded.fold(5011 * S, {}, recorded=True)
    assert recorded.streams["meter"].history.rows(5012 * S, 2) == 3


def test_another_session_keeps_what_was_seen() -> None:
    inbox = Inbox()
    found = Folding(inbox)
    for items in ([OPENED, batch(*TENTHS)], [OPENED, batch(*[t + 100 for t in TENTHS])]):
        for item in items:
            inbox.put(Came(OPENED, item, 0))
        found.fold(120 * S, {}, recorded=False)
    assert found.streams["meter"].samples == 200
    assert found.lines(121 * S)[0].energy_j == pytest.approx(2 * 2 * 9.9)
    series = found.lines(121 * S)[0].series
    assert np.isfinite(series[:-95]).any()
    assert np.isnan(series[-90:-15]).all()


def test_the_inbox_is_bounded_and_says_what_it_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(taps, "SAMPLES_LIMIT", 150)
    found = folding(batch(*TENTHS), batch(*TENTHS))
    found.fold(20 * S, {}, recorded=False)
    stream = found.streams["meter"].view(20 * S)
    assert (stream.samples, stream.dropped) == (100, 100)


def test_a_tap_drains_and_learns_only_if_its_instrument_does() -> None:
    plain = tapped(Scripted(), Inbox(), threading.Event())
    assert not isinstance(plain, Learning)
    assert not isinstance(plain, Draining)

    class Knowing(Scripted):
        def learnt(self) -> Learnt:
            return Learnt(reasons=("known",))

    knowing = tapped(Knowing(), Inbox(), threading.Event())
    assert isinstance(knowing, Learning)
    assert knowing.learnt().reasons == ("known",)


def test_a_tap_passes_on_ends_when_told_and_turns_a_failure_into_a_reason() -> None:
    inbox, stop, clock = Inbox(), threading.Event(), ManualClock()
    scripted = Scripted()
    scripted.items.extend([batch(1.0), Gap(S, S, "x")])
    tap = tapped(scripted, inbox, stop)
    assert tap.open(clock) is OPENED
    assert len(tap.read(0.0)) == 1  # type: ignore[arg-type]
    assert isinstance(tap.read(0.0), Gap)
    assert [type(came.item) for came in inbox.take()[0]] == [Opened, Batch, Gap]
    stop.set()
    assert isinstance(tap.read(0.0), End)
    failing = tapped(Scripted(fails=DeviceError("it is not there")), inbox, threading.Event())
    assert failing.open(clock).unavailable[0].reason == "it is not there"

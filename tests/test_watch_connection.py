"""A device that is lost is opened again, and whatever happens everything is closed."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edgewatt.profiler.batch import Batch, End, Gap
from edgewatt.profiler.channel import Opened, Unavailable
from edgewatt.profiler.errors import DeviceError, NotMeasuredError, UsageError
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.watching import connection
from edgewatt.profiler.watching.connection import Asked
from edgewatt.profiler.watching.view import DeviceView
from edgewatt.profiler.watching.watch import LABEL_LIMIT, Watch, labels
from tests.watching_views import OPENED, Bench, Scripted, batch

PATIENCE_S = 60.0


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Bench]:
    def answering(*answers: Scripted | UsageError | DeviceError) -> Bench:
        made = Bench(answers)
        monkeypatch.setattr(connection, "opened", made.opened)
        monkeypatch.setattr(connection, "BACK_OFF_S", (0.01,))
        monkeypatch.setattr(connection, "LOOK_S", 0.01)
        return made

    return answering


def until(watch: Watch, holds: Callable[[DeviceView], bool]) -> DeviceView:
    """The view once it holds."""
    end_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < end_s:
        seen = watch.look().devices[0]
        if holds(seen):
            return seen
        time.sleep(0.005)
    pytest.fail(f"never seen: {seen}")


def scripted(*items: Batch | Gap | End | Exception, opened: Opened = OPENED) -> Scripted:
    made = Scripted(opened=opened)
    made.items.extend(items)
    return made


def test_it_is_opened_again_when_it_is_lost(bench: Callable[..., Bench]) -> None:
    lost, back = scripted(batch(1.0, 2.0), End("the cable was pulled")), scripted(batch(3.0))
    used = bench(lost, DeviceError("it does not answer"), back)
    with Watch([Asked("fake:")]) as watch:
        seen = until(watch, lambda device: device.samples == 3)
        assert (seen.state, seen.lost_times, used.attempts) == ("connected", 1, 3)
    assert (lost.closes, back.closes, used.closed) == (1, 1, 2)


def test_while_it_is_away_it_says_so(bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch) -> None:
    bench(scripted(End("the cable was pulled")))
    monkeypatch.setattr(connection, "BACK_OFF_S", (1000.0,))
    with Watch([Asked("fake:")]) as watch:
        seen = until(watch, lambda device: device.state == "waiting")
        assert seen.why == "meter: the cable was pulled"
        assert seen.retry_s is not None
        assert 900 < seen.retry_s <= 1000
        assert not watch.ended


def test_an_instrument_that_breaks_is_lost_too(bench: Callable[..., Bench]) -> None:
    used = bench(scripted(RuntimeError("a fault")), scripted(batch(1.0)))
    with Watch([Asked("fake:")]) as watch:
        until(watch, lambda device: device.samples == 1)
    assert used.closed == used.attempts == 2


@pytest.mark.parametrize(
    ("answer", "asked", "kind", "says"),
    [
        (UsageError("no such scheme"), Asked("fake:"), UsageError, "no such scheme"),
        (DeviceError("nobody answers"), Asked("fake:"), DeviceError, "nobody answers"),
        (Scripted(fails=DeviceError("no rights")), Asked("fake:"), NotMeasuredError, "scripted: no rights"),
        (
            Scripted(opened=Opened("m", {"": OPENED.channels[""]})),
            Asked("fake:", energy=True),
            NotMeasuredError,
            "energy",
        ),
        (
            Scripted(opened=Opened("m", {}, (Unavailable("power", "battery at 100 %", "unplug it"),))),
            *(Asked("fake:"), NotMeasuredError, "battery at 100 %. unplug it"),
        ),
    ],
)
def test_what_cannot_be_watched_is_said_at_once(
    bench: Callable[..., Bench], answer: Scripted | UsageError, asked: Asked, kind: type[Exception], says: str
) -> None:
    bench(answer)
    with pytest.raises(kind, match=says), Watch([asked]):
        pytest.fail("it was watched")
    assert not isinstance(answer, Scripted) or answer.closes == 1


def test_one_of_two_that_does_not_answer_is_tried_again(
    bench: Callable[..., Bench], monkeypatch: pytest.MonkeyPatch
) -> None:
    there, away = bench(scripted(batch(1.0))), Bench([DeviceError("not yet"), scripted(batch(1.0, 2.0))])
    monkeypatch.setattr(
        connection, "opened", lambda uri, meters: (away if uri == "away:" else there).opened(uri, meters)
    )
    with Watch([Asked("there:"), Asked("away:")]) as watch:
        end_s = time.monotonic() + PATIENCE_S
        while [device.samples for device in watch.look().devices] != [1, 2] and time.monotonic() < end_s:
            time.sleep(0.005)
        assert [device.state for device in watch.look().devices] == ["connected", "connected"]


def test_it_cannot_be_interrupted_into_leaving_something_open(bench: Callable[..., Bench]) -> None:
    instrument = scripted()
    used = bench(instrument)
    with pytest.raises(KeyboardInterrupt), Watch([Asked("fake:")]):
        raise KeyboardInterrupt
    assert (instrument.closes, used.closed) == (1, 1)


def test_with_a_run_a_device_that_is_lost_ends_it_and_the_run_is_kept(
    bench: Callable[..., Bench], tmp_path: Path
) -> None:
    instrument = scripted(batch(1.0, 2.0), End("the cable was pulled"))
    used = bench(instrument)
    with Watch([Asked("fake:", run=tmp_path / "run")]) as watch:
        seen = until(watch, lambda device: device.state == "refused")
        assert seen.samples == 2
        with pytest.raises(DeviceError, match="its instruments ended"):
            watch.raise_failure()
    assert (instrument.closes, used.attempts, used.closed) == (1, 1, 1)
    assert Trace.open(tmp_path / "run").rows("meter") == 2


def test_labels_are_short_and_no_two_alike() -> None:
    found = labels(["a", "a", "x" * 10_000, "x" * 10_000 + "y"])
    assert found[:2] == ["a", "a~2"]
    assert len(set(found)) == 4
    assert max(map(len, found)) <= LABEL_LIMIT + 2

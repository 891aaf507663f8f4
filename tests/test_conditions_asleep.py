"""A repeat in which a machine slept is void: the host by its own clocks, a board by what shows on it."""

from pathlib import Path
from typing import Any

import pytest

from edgewatt.collectors.android.state.sleep import Awake, State
from edgewatt.collectors.runtimes.commands.asked import asked
from edgewatt.collectors.runtimes.commands.places import SUSPENDED, There
from edgewatt.profiler.analysis.process import process
from edgewatt.profiler.clock import ManualClock
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.protocols import Completed
from edgewatt.profiler.running.asleep import HostSleep, slept_ns
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.storage.writer import RunWriter
from edgewatt.profiler.window import Window
from tests.measured_runs import S, written


def test_growth_of_the_one_clock_over_the_other_is_a_sleep() -> None:
    clock, seen = ManualClock(), [(100, 900), (200, 700), (5 * S, 5 * S + 9), (5 * S, 5 * S + 9)]
    sleep = HostSleep(clock, lambda: seen.pop(0))
    clock.advance(1.0)
    assert sleep.look() is None
    t0_ns = clock.now_ns()
    clock.advance(0.25)
    slept = sleep.look()
    assert slept is not None
    assert (slept.name, slept.t0_ns, slept.t1_ns) == ("suspended/host", t0_ns, clock.now_ns())
    assert slept.attributes["slept_s"] == pytest.approx(5.0)
    assert sleep.look() is None


def test_looks_that_were_interrupted_are_no_sleep() -> None:
    """A look may take seconds on a busy machine: what lies between its two halves is a bound, not a growth."""
    seen = [(0, 0), (-3 * S, 3 * S), (-9 * S, 2 * S), (0, 9 * S)]
    sleep = HostSleep(ManualClock(), lambda: seen.pop(0))
    assert [sleep.look() for _ in range(3)] == [None] * 3


def test_a_system_that_does_not_tell_has_not_slept() -> None:
    assert HostSleep(ManualClock(), lambda: None).look() is None


def test_this_machine_does_not_sleep_between_two_looks() -> None:
    one, other = slept_ns(), slept_ns()
    if one is not None and other is not None:
        assert one[0] <= one[1]
        assert other[0] - one[1] < S


def slept_run(path: Path, t0_s: float, t1_s: float) -> Trace:
    """The measured run with a sleep in it; repeats are at 105.5 to 107.5, 108.5 to 110.5 and 111.5 to 113.5 s."""
    original = RunWriter.close

    def close(self: RunWriter, *words: Any) -> None:
        self.window(Window("suspended/host", round(t0_s * S), round(t1_s * S), attributes={"slept_s": 60.0}))
        original(self, *words)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunWriter, "close", close)
        written(path)
    return process(path)


@pytest.mark.parametrize(
    ("at", "void"),
    [((106.0, 106.2), [0]), ((110.4, 111.6), [1, 2]), ((101.0, 101.2), []), ((107.7, 107.9), [])],
)
def test_only_the_repeats_that_it_touched_are_void(tmp_path: Path, at: tuple[float, float], void: list[int]) -> None:
    trace = slept_run(tmp_path / "run", *at)
    repeats, results = trace.repeats(), trace.results()
    assert repeats is not None
    assert results is not None
    rows = repeats.to_pylist()
    assert [row["repeat"] for row in rows if row["quality"] == "void"] == void
    assert all("suspended" in row["quality_reasons"] for row in rows if row["repeat"] in void)
    assert ("some_void" in results.to_pylist()[0]["quality_reasons"]) is bool(void)


class Machine:
    """Another machine; `looks` are what it shows of being awake, one after the other."""

    def __init__(self, *looks: State | DeviceError) -> None:
        self.looks = list(looks)

    def run(self, argv: Any, *, timeout_s: float) -> Completed:
        del argv, timeout_s
        return Completed(1, b"", b"")

    def awake(self) -> State:
        one = self.looks.pop(0)
        if isinstance(one, DeviceError):
            raise one
        return one


def at(boottime_s: float, awake_s: float) -> State:
    return State(boot_id="b" * 8, boottime_s=boottime_s, by_ticks=Awake(awake_s, boottime_s, 0.01))


@pytest.mark.parametrize(
    ("looks", "slept"),
    [
        ((at(100, 50), at(110, 60)), False),
        ((at(100, 50), at(130, 60)), True),
        ((at(100, 50), DeviceError("away")), False),
        ((DeviceError("away"), at(110, 60)), False),
    ],
)
def test_a_command_elsewhere_tells_that_its_machine_slept(looks: Any, slept: bool) -> None:  # noqa: FBT001
    place = There(asked("sleep 1", timeout_s=5.0), Machine(*looks), "board.boottime")  # type: ignore[arg-type]
    place.start(ManualClock())
    assert (SUSPENDED in place.reasons()) is slept

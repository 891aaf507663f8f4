"""What a run does with a device of its own: its clock, its conditions, what it held back, keeping it still."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewatt.profiler.batch import Batch, Gap
from edgewatt.profiler.channel import Channel, EnergySource, Opened
from edgewatt.profiler.clock import NS_PER_S, Clock, ManualClock
from edgewatt.profiler.clockfit import ClockFit, Echo
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.protocols import Completed
from edgewatt.profiler.running.beginning import begin_run
from edgewatt.profiler.running.clocks import DRIFT_UNKNOWN, ECHOES
from edgewatt.profiler.running.prepare import LEAVE, prepared
from edgewatt.profiler.running.record import record
from edgewatt.profiler.running.recording import Recording
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.units import Quantity

AHEAD_NS = 7_000_000_000_000
DRIFT = 40e-6
RTT_NS = 4_000_000
DEVICE_CLOCK = "board.boottime"


class Board:
    """A target whose clock is ahead and runs fast, and whose conditions are a dict; `gone` after so many questions."""

    def __init__(self, *, gone_after: int = 10**9, stubborn: Sequence[str] = ()) -> None:
        self.state = {"screen": "on", "governor": "schedutil"}
        self.found: dict[str, str] = {}
        self.stubborn = stubborn
        self.calls: list[str] = []
        self._left = gone_after

    def run(self, argv: Sequence[str], *, timeout_s: float) -> Completed:
        raise DeviceError(f"not asked for: {argv} {timeout_s}")

    def push(self, local: Path, remote: str) -> None:
        raise DeviceError(f"not asked for: {local} {remote}")

    def pull(self, remote: str, local: Path) -> None:
        raise DeviceError(f"not asked for: {local} {remote}")

    def probe_clock(self, clock: Clock) -> Echo:
        if self._left <= 0:
            raise DeviceError("the board went away")
        self._left -= 1
        asked_ns = clock.now_ns()
        clock.sleep(RTT_NS / 2 / NS_PER_S)
        device_ns = clock.now_ns() + AHEAD_NS + round(clock.now_ns() * DRIFT)
        clock.sleep(RTT_NS / 2 / NS_PER_S)
        return Echo(asked_ns, device_ns, clock.now_ns())

    def facts(self) -> Mapping[str, Any]:
        return dict(self.state)

    def apply(self, condition: str, value: str) -> None:
        self.calls.append(f"{condition}={value}")
        if condition not in self.state:
            raise DeviceError(f"{condition} cannot be set to {value}: no such thing on this board")
        self.found[condition], self.state[condition] = self.state[condition], value

    def undo(self, condition: str) -> None:
        self.calls.append(f"undo {condition}")
        if condition in self.stubborn:
            raise DeviceError(f"{condition} stayed at {self.state[condition]}")
        self.state[condition] = self.found.pop(condition)


class Log:
    """An instrument on the board that logs there: nothing while it measures, everything when it is drained."""

    channel = Channel("rail", Quantity.POWER, boundary="rail")

    def __init__(self, *, broken: bool = False) -> None:
        self.closed, self._broken = False, broken

    def open(self, clock: Clock) -> Opened:
        self._clock = clock
        return Opened("log", {"": (self.channel,)}, clock=DEVICE_CLOCK)

    def read(self, timeout_s: float) -> Batch:
        self._clock.sleep(timeout_s)
        return Batch.empty()

    def drain(self) -> Iterator[Batch | Gap]:
        t_ns = AHEAD_NS + np.arange(100, dtype=np.int64) * 10_000_000
        yield Batch(t_ns[:50], {self.channel.column: np.full(50, 1.5)})
        if self._broken:
            raise DeviceError("the log ends here")
        yield Gap(int(t_ns[49]), int(t_ns[50]), "full", 3)
        yield Batch(t_ns[50:], {self.channel.column: np.full(50, 1.5)})

    def close(self) -> None:
        self.closed = True


def board(target: Board, *collectors: Log) -> Device:
    return Device("board:", "a board", "b0a4d", collectors, target=target, clock=DEVICE_CLOCK)


def recorded(tmp_path: Path, device: Device, seconds: float = 2.0) -> Trace:
    return record(device, tmp_path / "run", seconds=seconds, clock=ManualClock(50 * NS_PER_S))


def test_what_was_held_back_is_stored_after_the_last_read(tmp_path: Path) -> None:
    log = Log()
    trace = recorded(tmp_path, board(Board(), log))
    assert trace.rows("log") == 100
    assert [(gap.cause, gap.samples_lost) for gap in trace.gaps()] == [("full", 3)]
    assert log.closed


def test_a_log_that_breaks_keeps_what_came_before(tmp_path: Path) -> None:
    trace = recorded(tmp_path, board(Board(), Log(broken=True)))
    assert trace.rows("log") == 50
    assert trace.manifest.quality_reasons == ["collector_failed:log: DeviceError: the log ends here"]


def test_the_devices_clock_is_mapped_with_its_drift_and_bound(tmp_path: Path) -> None:
    trace = recorded(tmp_path, board(Board(), Log()), seconds=600.0)
    fit = trace.clock_fit(DEVICE_CLOCK)
    assert fit.bound_ns == RTT_NS / 2
    for host_ns in (50 * NS_PER_S, 350 * NS_PER_S, 650 * NS_PER_S):
        device_ns = np.array([host_ns + AHEAD_NS + round(host_ns * DRIFT)])
        assert abs(int(fit.to_host(device_ns)[0]) - host_ns) < 1_000
    assert not trace.manifest.quality_reasons


def test_a_device_that_is_gone_at_the_end_leaves_a_wider_bound_and_a_reason(tmp_path: Path) -> None:
    trace = recorded(tmp_path, board(Board(gone_after=ECHOES), Log()), seconds=100.0)
    fit = trace.clock_fit(DEVICE_CLOCK)
    assert fit.drift == 0.0
    assert fit.bound_ns >= RTT_NS / 2 + DRIFT_UNKNOWN * 100 * NS_PER_S
    assert trace.manifest.quality_reasons == ["clock_drift_unknown: the board went away"]


def test_a_crash_after_the_first_look_loses_no_time_base(tmp_path: Path) -> None:
    class Killed(Board):
        def probe_clock(self, clock: Clock) -> Echo:
            if self._left == 1:
                self.looked = Trace.open(tmp_path / "run").manifest.clocks
            return super().probe_clock(clock)

    target = Killed(gone_after=2 * ECHOES)
    trace = recorded(tmp_path, board(target, Log()), seconds=5.0)
    early = ClockFit.from_json(target.looked[DEVICE_CLOCK])
    assert early.drift == 0.0
    assert trace.clock_fit(DEVICE_CLOCK).drift == pytest.approx(-DRIFT, rel=0.05)


def test_conditions_asked_for_come_first_and_all_are_put_back_in_reverse() -> None:
    target = Board()
    device = replace(board(target), prepare={"screen": "off"})
    with prepared(device, {"governor": "performance"}) as conditions:
        assert target.state == {"screen": "off", "governor": "performance"}
    assert target.state == {"screen": "on", "governor": "schedutil"}
    assert target.calls == ["governor=performance", "screen=off", "undo screen", "undo governor"]
    assert conditions.reasons == []


def test_they_are_put_back_when_the_run_breaks() -> None:
    target = Board()
    with pytest.raises(KeyboardInterrupt), prepared(board(target), {"screen": "off"}):
        raise KeyboardInterrupt
    assert target.state["screen"] == "on"


def test_a_default_that_cannot_be_set_is_a_reason() -> None:
    with prepared(replace(board(Board()), prepare={"wakelock": "on"}), {}) as conditions:
        pass
    assert conditions.reasons == ["not_set:wakelock"]
    (missing,) = conditions.unavailable
    assert missing.reason.startswith("wakelock cannot be set to on")


def test_one_asked_for_by_name_stops_the_run_and_undoes_the_others() -> None:
    target = Board()
    with (
        pytest.raises(DeviceError, match="fan cannot be set"),
        prepared(board(target), {"screen": "off", "fan": "max"}),
    ):
        pytest.fail("the run began")
    assert target.state["screen"] == "on"


def test_a_default_can_be_left_alone() -> None:
    target = Board()
    with prepared(replace(board(target), prepare={"screen": "off"}), {"screen": LEAVE}):
        assert target.calls == []


def test_what_cannot_be_put_back_is_said() -> None:
    target = Board(stubborn=["screen"])
    with prepared(board(target), {"screen": "off"}) as conditions:
        pass
    assert conditions.reasons == ["not_restored:screen: screen stayed at off"]


def test_a_meter_has_no_conditions() -> None:
    with (
        pytest.raises(UsageError, match="no device whose conditions"),
        prepared(Device("m:", "m", "m", ()), {"a": "b"}),
    ):
        pytest.fail("the run began")


class Rails:
    """An instrument with the channels that it is given, all of them sources."""

    def __init__(self, *periods_s: float | None) -> None:
        self.channels = tuple(
            Channel(f"rail{at}", Quantity.POWER, boundary="rail", period_s=period_s)
            for at, period_s in enumerate(periods_s)
        )

    def open(self, clock: Clock) -> Opened:
        self._clock = clock
        sources = tuple(EnergySource(f"rails/{c.name}", ((c.column,),), "rail") for c in self.channels)
        other = Channel("slow", Quantity.TEMPERATURE, period_s=60.0)
        return Opened("rails", {"": (*self.channels, other)}, sources=sources)

    def read(self, timeout_s: float) -> Batch:
        self._clock.sleep(timeout_s)
        return Batch.empty()

    def close(self) -> None:
        pass


@pytest.mark.parametrize(
    ("periods_s", "settles_s"), [((0.001, 0.25), 0.25), ((0.001, None), 1.0), ((3600.0,), 10.0), ((), 0.0)]
)
def test_idle_keeps_away_from_the_load_by_the_slowest_sensor_that_counts(
    tmp_path: Path, periods_s: tuple[float | None, ...], settles_s: float
) -> None:
    device = Device("rails:", "rails", "rails", ())
    with Recording(begin_run(tmp_path / "run", device), [Rails(*periods_s)], ManualClock()) as recording:
        assert recording.settles_s == settles_s

"""The turns of a run: idle, train, one repeat after the other, train, idle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.analysis.pins import PINNED
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.planning.ordering import Turn
from edgewatt.profiler.progress import Progress
from edgewatt.profiler.protocols import RepeatRequest
from edgewatt.profiler.running.configurations import Configuration
from edgewatt.profiler.running.marking import Marking
from edgewatt.profiler.running.options import ProfileOptions
from edgewatt.profiler.running.own_conditions import OwnConditions
from edgewatt.profiler.running.recording import Recording
from edgewatt.profiler.running.synchronise import Synchronising
from edgewatt.profiler.running.thermal import REASON, ThermalGate
from edgewatt.profiler.window import IDLE_AFTER, IDLE_BEFORE, SYNC_END, SYNC_START

# The reason code of a configuration that failed while others went on.
FAILED = "repeat_failed"
# So many configurations that fail one after the other mean that it is the device that does (assumed).
FAILURES_LIMIT = 2


@dataclass
class Turns:
    """What is between looking and analysing. Without energy only the repeats.

    An idle window ends and begins a sensor's period away from the load, or a slow sensor would show the load in it.
    Repeats begin up to such a period late, at random: at regular phases of it their spread would not be that of chance.
    They warm up for two: a gauge that lags, or means over its period, would show the pause in the measured window.
    """

    configurations: Mapping[int, Configuration]
    turns: Sequence[Turn]
    recording: Recording
    gate: ThermalGate
    trains: Synchronising
    own: OwnConditions
    options: ProfileOptions
    progress: Progress
    keep_going: bool = False
    _left_s: float = 0.0
    _failed: dict[int, str] = field(default_factory=dict)
    _failures: int = 0

    def measure(self) -> None:
        """All of it. Raises DeviceError if the device fails, or a configuration does where it must not."""
        recording, trains, idle_s = self.recording, self.trains, self.options.idle_s
        delays_s: NDArray[np.float64] = np.random.default_rng().uniform(0.0, recording.settles_s, len(self.turns))
        self._left_s = self._expected_s() + float(delays_s.sum())
        if self.options.ambient is not None:
            self.gate.wait_for_room(self.options.ambient, self.progress, self._left_s)
        self.gate.wait(self.progress, self._left_s)
        if recording.has_energy:
            self.progress.phase("idle before", self._left_s)
            recording.idle(IDLE_BEFORE, idle_s)
            recording.wait(recording.settles_s)
            self._left_s -= idle_s
        trains.train(SYNC_START, self.progress, self._left_s)
        self._left_s -= trains.takes_s
        for number, turn in enumerate(self.turns):
            if turn.place not in self._failed:
                self._take(number, turn, float(delays_s[number]))
            self._left_s -= self.options.repeat_s + float(delays_s[number])
        self.own.put_back()
        trains.train(SYNC_END, self.progress, self._left_s)
        if recording.has_energy:
            recording.wait(recording.settles_s)
            self.gate.wait(self.progress, idle_s)
            self.progress.phase("idle after", idle_s)
            recording.idle(IDLE_AFTER, idle_s)

    def _take(self, number: int, turn: Turn, delay_s: float) -> None:
        """One repeat, as cool as it gets within the limit, with what it needs set."""
        one, options, settles_s = self.configurations[turn.place], self.options, self.recording.settles_s
        cool = self.gate.cool_down(self.progress, self._left_s, options.cool_down_s)
        label = f": {one.label}" if one.label else ""
        self.progress.phase(f"repeat {number + 1} of {len(self.turns)}{label}", self._left_s)
        not_set = self.own.set_for(one.conditions)
        self.recording.wait(delay_s)
        self.recording.begin(one.identity)
        seconds = 0.0 if options.iterations else options.seconds
        asked = RepeatRequest(
            turn.repeat,
            one.identity,
            seconds,
            options.iterations,
            options.warmup_limit_s,
            turn.order,
            2 * settles_s,
        )
        with Marking(self.recording, turn.repeat) as sink:
            sink.reasons += [*not_set, *([] if cool else [REASON])]
            sink.attributes |= {PINNED: pinned_hz} if (pinned_hz := self.own.pinned_hz) else {}
            try:
                one.workload.repeat(asked, sink)
            except DeviceError as error:
                self._note_failure(turn, one, error)
                return
        self._failures = 0

    def _note_failure(self, turn: Turn, one: Configuration, error: DeviceError) -> None:
        """Go on without it, where that was asked for and another one may still work."""
        self._failures += 1
        if not self.keep_going or self._failures >= FAILURES_LIMIT or len(self.configurations) == 1:
            raise error
        self._failed[turn.place] = str(error)
        self.recording.reasons.append(f"{FAILED}:{one.label or one.identity}: {error}")

    def _expected_s(self) -> float:
        idle_s = 2 * self.options.idle_s if self.recording.has_energy else 0.0
        return len(self.turns) * self.options.repeat_s + idle_s + 2 * self.trains.takes_s

"""A GPU as an instrument: its power whenever the sensor has a new value, about 10 times a second, the rest once.

The row of the fast stream is stamped when the value was new, not when it was read (updates.py). A call that fails
leaves null; a GPU that is lost ends the stream with its reason.
"""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

from edgewatt.collectors.generic.polling import Reading
from edgewatt.collectors.nvidia import power, state
from edgewatt.collectors.nvidia.gpu import Gpu, find
from edgewatt.collectors.nvidia.library import NvmlError, not_started, session
from edgewatt.collectors.nvidia.power import Powers
from edgewatt.collectors.nvidia.pulse import Pulse, first_look
from edgewatt.collectors.nvidia.updates import Follower, Value
from edgewatt.device_profiles.gpus import choose
from edgewatt.profiler.batch import COUNTER_ABSENT, Batch, End, Gap
from edgewatt.profiler.channel import Opened, Unavailable
from edgewatt.profiler.clock import NS_PER_S, Clock
from edgewatt.profiler.protocols import Learnt

SLOW: Final = "slow"
# Second-hand (MangoHud, issue 2104): reading everything 40 times a second stalled programs on the GPU. A sensor that is
# faster is followed value by value where asking costs next to nothing (Pulse.is_cheap).
FAST_S: Final = 0.1
SLOW_S: Final = 1.0
JETSON: Final = "on a Jetson the rails and the GPU are read from the kernel: use the device `jetson`"


@dataclass(slots=True)
class _Open:
    """What an open GPU is read with."""

    gpu: Gpu
    powers: Powers
    pulse: Pulse
    follower: Follower | None
    readings: Sequence[Reading]
    slow_ns: int
    began_ns: int
    last_ns: int
    watts: Sequence[float | None] = ()
    slow_took_ns: int = 0
    read_ns: int = 0

    @property
    def slow_due_ns(self) -> int:
        """When its state is read: once a second, but not where that would make the follower late."""
        if self.follower is None:
            return self.slow_ns
        next_ns = self.follower.due_ns
        fits = self.follower.is_resting and max(self.slow_ns, self.read_ns) + 2 * self.slow_took_ns < next_ns
        return self.slow_ns if fits else max(self.slow_ns, min(next_ns + 1, self.slow_ns + round(SLOW_S * NS_PER_S)))


class Nvml:
    """Energy, power and state of one GPU, `asked` by index or UUID; channels and streams begin with `name`."""

    def __init__(self, asked: str, name: str = "nvml0") -> None:
        self._asked, self._name = asked, name
        self._held = ExitStack()
        self._open: _Open | None = None
        self._waiting: deque[Batch | Gap] = deque()
        self._lost: NvmlError | None = None
        self._learnt: dict[str, Any] = {}

    def open(self, clock: Clock) -> Opened:
        """What answers, and why the rest does not; up to a second and a half is spent watching the sensor.

        Raises DeviceError where NVML or the GPU is not there.
        """
        self.close()
        self._lost, self._clock = None, clock
        try:
            return self._opened(clock)
        except NvmlError as failure:
            self.close()
            raise not_started(failure) from None
        except BaseException:
            self.close()
            raise

    def _opened(self, clock: Clock) -> Opened:
        gpu = find(self._held.enter_context(session(clock)), self._asked)
        profile = choose(gpu.architecture, gpu.name)
        known = profile.facts.get("instant_window_s")
        powers, pulse = first_look(power.survey(gpu, self._name, profile), clock)
        readings, unavailable = state.survey(gpu, self._name)
        now_ns = clock.now_ns()
        self._open = _Open(
            gpu,
            powers,
            pulse,
            self._follower(powers, pulse, clock) if powers.channels else None,
            readings,
            now_ns,
            now_ns,
            now_ns,
        )
        sources, refused = pulse.usable(powers.sources(self._name))
        channels = {"": powers.channels, SLOW: tuple(c for reading in readings for c in reading.channels)}
        if not any(channels.values()):
            unavailable.append(Unavailable("nvml", "the GPU is there, and answers nothing that is measured", JETSON))
        return Opened(
            self._name,
            {suffix: of for suffix, of in channels.items() if of},
            (*powers.unavailable, *refused, *unavailable),
            sources,
            clock.name,
            facts={
                "profile": profile.name,
                "periods_s": {"": FAST_S, SLOW: SLOW_S},
                "window_basis": f"published: {known.source}" if known is not None else "unknown",
            },
        )

    def read(self, timeout_s: float) -> Batch | Gap | End:
        """One row, an empty Batch if none is due within the timeout; where the GPU was lost a Gap, then the End."""
        of = self._open
        if self._waiting:
            return self._waiting.popleft()
        if self._is_lost():
            return End(str(self._lost))
        if of is None:
            self._clock.sleep(timeout_s)
            return Batch.empty()
        end_ns = self._clock.now_ns() + round(timeout_s * NS_PER_S)
        while True:
            now_ns = of.read_ns = self._clock.now_ns()
            due_ns = min([end_ns, *self._dues(of)])
            if due_ns > now_ns:
                self._clock.sleep((due_ns - now_ns) / NS_PER_S)
                now_ns = self._clock.now_ns()
            item = self._ask(of, now_ns)
            if self._is_lost():
                return self._ending(of)
            if item is not None:
                return item
            if now_ns >= end_ns:
                return Batch.empty()

    def learnt(self) -> Learnt:
        """How often the sensor had a new value, and what asking cost."""
        return Learnt(facts=self._learnt if self._open is None else self._known(self._open))

    def close(self) -> None:
        """Give NVML back."""
        if self._open is not None:
            self._learnt = self._known(self._open)
        self._open = None
        self._waiting.clear()
        self._held.close()

    def _is_lost(self) -> bool:
        return self._lost is not None

    def _dues(self, of: _Open) -> list[int]:
        dues = [] if of.follower is None else [of.follower.due_ns]
        return [*dues, of.slow_due_ns] if of.readings else dues

    def _ask(self, of: _Open, now_ns: int) -> Batch | Gap | None:
        """What is due now."""
        if of.follower is not None and of.follower.due_ns <= now_ns:
            update = of.follower.look()
            if update is None or self._lost is not None:
                return None
            of.pulse.note(update, of.follower.period_ns)
            return self._row(of, update.value, update.t_ns)
        if of.readings and of.slow_due_ns <= now_ns:
            period_ns = round(SLOW_S * NS_PER_S)
            of.slow_ns += ((now_ns - of.slow_ns) // period_ns + 1) * period_ns
            row = self._state(of.readings)
            of.slow_took_ns = self._clock.now_ns() - now_ns
            return row
        return None

    def _state(self, readings: Sequence[Reading]) -> Batch:
        before_ns = self._clock.now_ns()
        row: dict[str, Value] = {}
        for reading in readings:
            columns = reading.absent
            values = self._quietly(reading.read, [None] * len(columns))
            row |= dict(zip(columns, values, strict=True))
        return Batch.row((before_ns + self._clock.now_ns()) // 2, row, stream=SLOW)

    def _row(self, of: _Open, lead: Value, t_ns: int) -> Batch | None:
        powers = of.powers
        watts = of.watts if powers.counter is None else self._quietly(powers.watts, [None] * len(powers.powers))
        if self._lost is not None or t_ns <= of.last_ns:
            return None
        of.last_ns = t_ns
        row: dict[str, Value] = {}
        if powers.counter is not None:
            row[powers.counter.column] = COUNTER_ABSENT if lead is None else int(lead)
        row |= {one.channel.column: value for one, value in zip(powers.powers, watts, strict=True)}
        return Batch.row(t_ns, row)

    def _follower(self, powers: Powers, pulse: Pulse, clock: Clock) -> Follower:
        every = 1 if pulse.is_cheap else max(round(FAST_S / pulse.period_s), 1)
        return Follower(
            self._lead(powers), clock, pulse.period_s * NS_PER_S, pulse.next_ns(clock.now_ns(), every), every
        )

    def _lead(self, powers: Powers) -> Callable[[], Value]:
        """The value whose changes are followed: the counter, else the best power (whose row is kept)."""
        if powers.counter is not None:
            return lambda: self._quietly(powers.energy, None)

        def watts() -> Value:
            if self._open is None:
                return None
            self._open.watts = self._quietly(powers.watts, [None] * len(powers.powers))
            return self._open.watts[0]

        return watts

    def _quietly(self, ask: Callable[[], Any], absent: Any) -> Any:
        """What is answered, `absent` where NVML refuses; that the GPU is lost is kept."""
        try:
            return ask()
        except NvmlError as failure:
            if failure.is_lost:
                self._lost = failure
            return absent

    def _ending(self, of: _Open) -> Gap:
        now_ns = self._clock.now_ns()
        gaps = [Gap(of.last_ns, max(now_ns, of.last_ns), str(self._lost))] if of.powers.channels else []
        if of.readings:
            gaps.append(Gap(min(of.slow_ns, now_ns), now_ns, str(self._lost), stream=SLOW))
        self._waiting.extend(gaps[1:])
        return gaps[0]

    def _known(self, of: _Open) -> dict[str, Any]:
        elapsed_ns = max(self._clock.now_ns() - of.began_ns, 1)
        spent = of.gpu.library.spent
        return {
            **of.pulse.facts(),
            "polling": {
                "share": sum(one.total_ns for one in spent.values()) / elapsed_ns,
                "calls": {
                    call: {
                        "calls": one.calls,
                        "mean_s": one.total_ns / max(one.calls, 1) / NS_PER_S,
                        "worst_s": one.worst_ns / NS_PER_S,
                    }
                    for call, one in sorted(spent.items())
                },
            },
        }

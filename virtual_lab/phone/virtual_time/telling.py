"""One phone in virtual time while something is executed on it: what it prints when asked, and the truth behind it."""

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from edgewatt.virtual_lab.clocks import DeviceClocks, Instants
from edgewatt.virtual_lab.phone.anatomy import BATTERY, OWN
from edgewatt.virtual_lab.phone.nodes import Instruments
from edgewatt.virtual_lab.phone.personality import Personality
from edgewatt.virtual_lab.phone.tree import properties
from edgewatt.virtual_lab.phone.virtual_time import looks
from edgewatt.virtual_lab.phone.virtual_time.files import Files
from edgewatt.virtual_lab.phone.virtual_time.plan import NS
from edgewatt.virtual_lab.phone.virtual_time.sampler import printed
from edgewatt.virtual_lab.phone.virtual_time.sampling import Ticks, ticks
from edgewatt.virtual_lab.phone.virtual_time.work import Scripted
from edgewatt.virtual_lab.power.load import pulses as load_pulses
from edgewatt.virtual_lab.power.timeline import Timeline

ORIGIN_NS: Final = 1_000 * NS
# What is drawn apart from the rest, so that none of it depends on what else is asked for.
TIMES, CLOCKS, DEVICE, GOING_ON, INSTRUMENTS, TICKS, PRINTING, TOOL, LINK, PULSES, SUITE, WORK = range(12)
_TICKS_PER_S: Final = 100
# Over a cable (assumed). The share of it before the phone looks at its clock is nearly the same all through a run.
_ROUND_TRIP_NS: Final = (2e6, 5e6)
_WAY_THERE, _WAY_SD = (0.15, 0.85), 0.05
SELF_STAT: Final = "/proc/self/stat"


class Telling:
    """A phone whose timeline is complete, but for the load of the sampler: what it says at any instant.

    Instants are int64 ns of the host's monotonic clock, which is the true one. The sampler makes load of its own: ask
    for its bytes before anything that is later than their beginning, or it is refused (ValueError).
    """

    phone: Personality
    seed: int
    clocks: DeviceClocks
    timeline: Timeline
    body: Scripted
    begin_ns: int
    sampled_ns: tuple[int, int]
    idle_ns: tuple[tuple[int, int], tuple[int, int]]

    def _equip(self) -> None:
        """Give it its instruments and files, once all that goes on in it is told."""
        self.body.play()
        self._instruments = Instruments.of(self.body, int(self._rng(INSTRUMENTS).integers(1 << 62)))
        self._files = Files(self.body, self._instruments, self.seed)
        self._way_there = self._rng(LINK).uniform(*_WAY_THERE)

    @property
    def properties(self) -> Mapping[str, str]:
        """What getprop says."""
        return properties(self.phone, self.seed)

    def survey(self, t_ns: int, sysfs: str = "/sys", proc: str = "/proc") -> bytes:
        """What a look at all files prints at an instant."""
        return looks.survey(self._files, t_ns, sysfs, proc)

    def sampler(
        self,
        streams: Sequence[tuple[float, Sequence[str]]],
        token: str,
        t0_ns: int,
        t1_ns: int,
        *,
        sysfs: str = "/sys",
        proc: str = "/proc",
    ) -> bytes:
        """What the sampler prints that is started at t0 and hung up on at t1: each stream's period in s and paths."""
        rows = ticks([period_s for period_s, _ in streams], (t0_ns, t1_ns), self.clocks, self._rng(TICKS, t0_ns))
        own = load_pulses(OWN, rows.woke_ns, rows.slept_ns, 1 / len(self.phone.clusters[0].cpus))
        self.timeline.record(own)
        names = {looks.rooted(name, sysfs, proc): name for name in self._files.names}
        rng = self._rng(PRINTING, t0_ns)

        def read(path: str, at_ns: Instants) -> list[str | None]:
            if path == SELF_STAT:
                return _self_stat(rows, at_ns)
            return self._files.read(names[path], at_ns, rng) if path in names else [None] * len(at_ns)

        return printed([of_stream for _, of_stream in streams], rows, token, self.clocks, read, rng)

    def echo(self, t_ns: int) -> tuple[int, bytes, int]:
        """The phone asked for its time at an instant: that, what it printed, and when that came."""
        rng = self._rng(LINK, t_ns)
        took_ns = rng.uniform(*_ROUND_TRIP_NS)
        there_ns = took_ns * np.clip(self._way_there + _WAY_SD * rng.standard_normal(), 0.05, 0.95)
        return t_ns, looks.clock(self.body, t_ns + round(there_ns)), t_ns + round(took_ns)

    def slept(self, t_ns: int, mark: str = "look") -> bytes:
        """What a look at the phone's sleep prints: each answer after a line `<mark>-<its number>`."""
        return looks.sleep(self.body, self._files, self._instruments, t_ns, mark)

    def gains(self) -> Mapping[str, float]:
        """By what each instrument of this phone is wrong: `battery` (current times voltage), and each rail."""
        return {BATTERY: self._instruments.gauge.gain, **self._instruments.rails.gains}

    @property
    def gauge_offset_a(self) -> float:
        """What the gauge's current shows too much."""
        return self._instruments.gauge.offset_a

    def _rng(self, *what: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, *what))


def _self_stat(rows: Ticks, at_ns: Instants) -> list[str | None]:
    """/proc/PID/stat of the sampler's shell, as far as its processor time (proc(5))."""
    spent_ns = np.concatenate([[0], np.cumsum(rows.slept_ns - rows.woke_ns)])
    edges_ns = np.stack([rows.woke_ns, rows.slept_ns], axis=1).ravel()
    spent_s = np.interp(at_ns, edges_ns, np.stack([spent_ns[:-1], spent_ns[1:]], axis=1).ravel()) / NS
    used = [divmod(ticks, 3) for ticks in (spent_s * _TICKS_PER_S).astype(np.int64).tolist()]
    return [f"4242 (sh) S 1 4242 4242 0 -1 4194560 0 0 0 0 {t + r} {2 * t} 0 0 20 0 1 0 0 0 0\n" for t, r in used]

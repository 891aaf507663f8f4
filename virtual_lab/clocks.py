"""The clocks of a simulated device, each a function of the true clock in int64 ns.

Readings are int64 arrays of the shape of the instants asked about. What the kernel's clocks do is documented in
clock_gettime(2): BOOTTIME counts suspension and MONOTONIC does not; both are slewed and never stepped; REALTIME is
BOOTTIME plus an offset that may be stepped. Sizes of drift are assumed where they are drawn (`ClockSpread`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Instants = NDArray[np.int64]

MS_NS: Final = 1_000_000
# The resolution of /proc/uptime (documented: proc(5) prints two decimals).
UPTIME_NS: Final = 10_000_000
_HOUR_NS: Final = 3.6e12


@dataclass(frozen=True, slots=True)
class Oscillator:
    """Reads `reading_ns` at `origin_ns` and is then too fast by `drift_ppm`, which itself changes slowly."""

    origin_ns: int = 0
    reading_ns: int = 0
    drift_ppm: float = 0.0
    drift_change_ppm_per_h: float = 0.0

    def at(self, t_ns: ArrayLike) -> Instants:
        """The reading at each instant."""
        elapsed_ns = np.asarray(t_ns, np.int64) - self.origin_ns
        gained_ppm = self.drift_ppm + 0.5 * self.drift_change_ppm_per_h * (elapsed_ns / _HOUR_NS)
        reading_ns: Instants = elapsed_ns + self.reading_ns + np.rint(elapsed_ns * gained_ppm * 1e-6).astype(np.int64)
        return reading_ns

    def when(self, reading_ns: ArrayLike) -> Instants:
        """The first instant with each reading, or the first later one where a reading is left out."""
        return earliest(self.at, reading_ns, self.origin_ns - self.reading_ns)


@dataclass(frozen=True, slots=True)
class Slew:
    """From `t_ns` on the kernel runs `ppm` faster for `duration_s` (documented: ntp_adjtime(2) allows 500 ppm)."""

    t_ns: int
    duration_s: float
    ppm: float


@dataclass(frozen=True, slots=True)
class Step:
    """At `t_ns` somebody sets the wall clock by `by_ns`."""

    t_ns: int
    by_ns: int


@dataclass(frozen=True, slots=True)
class Suspension:
    """The device sleeps from `t0_ns` to `t1_ns` of the true clock."""

    t0_ns: int
    t1_ns: int


@dataclass(frozen=True, slots=True)
class DeviceClocks:
    """All clocks of one device. `epoch_ns` is REALTIME minus BOOTTIME before any step.

    `bases` are timers of their own, such as those that stamp energy counters (second-hand: the two IIO devices of a
    Pixel 6 have different bases in ms). Suspensions are in order and do not overlap. What happens later is added by
    `dataclasses.replace`, which leaves the past as it was as long as it is later.
    """

    oscillator: Oscillator = Oscillator()
    epoch_ns: int = 0
    slews: tuple[Slew, ...] = ()
    steps: tuple[Step, ...] = ()
    suspensions: tuple[Suspension, ...] = ()
    bases: tuple[Oscillator, ...] = ()

    def boottime_ns(self, t_ns: ArrayLike) -> Instants:
        """CLOCK_BOOTTIME."""
        t_ns = np.asarray(t_ns, np.int64)
        reading_ns = self.oscillator.at(t_ns)
        for slew in self.slews:
            slewed_ns = np.clip(t_ns - slew.t_ns, 0, round(slew.duration_s * 1e9))
            reading_ns = reading_ns + np.rint(slewed_ns * slew.ppm * 1e-6).astype(np.int64)
        return reading_ns

    def when_boottime(self, reading_ns: ArrayLike) -> Instants:
        """The true instant of readings of CLOCK_BOOTTIME."""
        return earliest(self.boottime_ns, reading_ns, self.oscillator.origin_ns - self.oscillator.reading_ns)

    def monotonic_ns(self, t_ns: ArrayLike) -> Instants:
        """CLOCK_MONOTONIC: CLOCK_BOOTTIME without the suspensions."""
        t_ns = np.asarray(t_ns, np.int64)
        reading_ns = self.boottime_ns(t_ns)
        for one in self.suspensions:
            asleep_ns = self.boottime_ns(np.clip(t_ns, one.t0_ns, one.t1_ns)) - self.boottime_ns(one.t0_ns)
            reading_ns = reading_ns - asleep_ns
        return reading_ns

    def when_monotonic(self, reading_ns: ArrayLike) -> Instants:
        """The first true instant of readings of CLOCK_MONOTONIC; it stands still while the device is suspended."""
        reading_ns = np.asarray(reading_ns, np.int64)
        boottime_ns = reading_ns
        for one in self.suspensions:
            begin_ns, end_ns = self.boottime_ns([one.t0_ns, one.t1_ns])
            boottime_ns = boottime_ns + np.where(boottime_ns > begin_ns, end_ns - begin_ns, 0)
        return self.when_boottime(boottime_ns)

    def realtime_ns(self, t_ns: ArrayLike) -> Instants:
        """CLOCK_REALTIME. It has no inverse: a step back gives readings twice."""
        t_ns = np.asarray(t_ns, np.int64)
        reading_ns = self.boottime_ns(t_ns) + self.epoch_ns
        for step in self.steps:
            reading_ns = reading_ns + np.where(t_ns >= step.t_ns, step.by_ns, 0)
        return reading_ns

    def uptime_ns(self, t_ns: ArrayLike) -> Instants:
        """What /proc/uptime shows: CLOCK_BOOTTIME rounded down to 10 ms."""
        return self.boottime_ns(t_ns) // UPTIME_NS * UPTIME_NS

    def base_ms(self, number: int, t_ns: ArrayLike) -> Instants:
        """Whole milliseconds of one of the timers."""
        return self.bases[number].at(t_ns) // MS_NS


@dataclass(frozen=True, slots=True)
class ClockSpread:
    """What is drawn for one device (all assumed; a phone's crystal is good for some 20 ppm)."""

    drift_ppm_sd: float = 20.0
    drift_change_ppm_per_h_sd: float = 2.0
    boot_at_least_s: float = 60.0
    boot_at_most_s: float = 1e6
    wall_error_s_sd: float = 1.0
    wall_s: float = 1.76e9
    bases: int = 2


def drawn_clocks(rng: np.random.Generator, origin_ns: int = 0, spread: ClockSpread | None = None) -> DeviceClocks:
    """Clocks of a device that was booted some time before `origin_ns`; nothing is stepped, slewed or suspended yet."""
    spread = spread or ClockSpread()

    def oscillator() -> Oscillator:
        up_s = np.exp(rng.uniform(np.log(spread.boot_at_least_s), np.log(spread.boot_at_most_s)))
        drift_ppm, change = rng.standard_normal(2) * (spread.drift_ppm_sd, spread.drift_change_ppm_per_h_sd)
        return Oscillator(origin_ns, int(up_s * 1e9), float(drift_ppm), float(change))

    system = oscillator()
    wall_ns = int((spread.wall_s + spread.wall_error_s_sd * rng.standard_normal()) * 1e9)
    bases = tuple(oscillator() for _ in range(spread.bases))
    return DeviceClocks(system, wall_ns - system.reading_ns, bases=bases)


def earliest(clock: Callable[[Instants], Instants], reading_ns: ArrayLike, ahead_ns: int) -> Instants:
    """The first instants at which a clock that never goes back reads at least `reading_ns`.

    Its rate has to be within a percent of 1 and it has to read about `t - ahead_ns`.
    """
    wanted_ns: Instants = np.asarray(reading_ns, np.int64)
    t_ns: Instants = wanted_ns + ahead_ns
    for _ in range(12):
        off_ns = wanted_ns - clock(t_ns)
        if not off_ns.any():
            break
        t_ns = t_ns + off_ns
    for change in (1, -1):
        for _ in range(3):
            moves = clock(t_ns) < wanted_ns if change > 0 else clock(t_ns - 1) >= wanted_ns
            if not moves.any():
                break
            t_ns = t_ns + change * moves
    return t_ns

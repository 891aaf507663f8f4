"""What one energy source saw of the repeats of a run, and of the idle before and after them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.analysis.detected import CHARGING, charged
from edgewatt.profiler.analysis.lagging import lag_of
from edgewatt.profiler.analysis.repeats import Repeat, to_host
from edgewatt.profiler.analysis.stepped import stepped_between
from edgewatt.profiler.analysis.synchronised import SourceClock, source_clock
from edgewatt.profiler.channel import EnergySource
from edgewatt.profiler.energy.budget import WIDEST, Instrument, RepeatEnergy, unshifted
from edgewatt.profiler.energy.idle import IdlePower, idle_blocks, idle_power
from edgewatt.profiler.energy.sources import energy_of_source, instrument_of
from edgewatt.profiler.energy.terms import half_width_j
from edgewatt.profiler.energy.windows import WindowEnergies
from edgewatt.profiler.quality.table import refuses_energy
from edgewatt.profiler.storage.trace import Trace

IDLE: Final = "idle/"

# At most 0.1 % of the samples may be missing, the limit of MLPerf Tiny (facts/safe-regression-energy-tables.md, C1).
LEAST_COVERAGE: Final = 0.999

LEAST_UPDATES: Final = 2  # measurement.md, Energy of a window

GAPS, TOO_FEW_UPDATES, TOO_WIDE = "gaps", "too_few_updates", "interval_above_half"
UNDERSAMPLED, IDLE_DRIFT = "undersampled", "idle_drift"
NO_ENERGY_SOURCE: Final = "no_energy_source"
NO_IDLE, IDLE_UNKNOWN, ONE_IDLE = "no_idle", "idle_not_measured", "one_idle"


@dataclass(frozen=True, slots=True)
class Seen:
    """What `source` saw: per repeat its energy (None: refused), its coverage and the reasons; and the idle power.

    `source` is None where a run has none: then nothing was seen, for `reasons`. `clock` is what synchronising found.
    """

    source: EnergySource | None
    energies: Sequence[RepeatEnergy | None]
    coverage: Sequence[float | None]
    of_repeats: Sequence[tuple[str, ...]]
    idle: IdlePower | None = None
    instrument: Instrument | None = None
    reasons: tuple[str, ...] = ()
    clock: SourceClock | None = None

    @classmethod
    def nothing(cls, repeats: int, why: str) -> "Seen":
        """No energy of any repeat, and why."""
        return cls(None, [None] * repeats, [None] * repeats, [()] * repeats, reasons=(f"{NO_ENERGY_SOURCE}:{why}",))


def seen_by(trace: Trace, source: EnergySource, repeats: Sequence[Repeat]) -> Seen:
    """What a source saw of the repeats, in one pass over its samples. Raises as `energy_of_source` does.

    A meter that was synchronised sees them by its own clock; one that did not see the trains feeds something else. A
    sensor whose lag was calibrated shows them later.
    """
    clock = source_clock(trace, source)
    if clock is not None and (clock.is_refused or any(map(refuses_energy, clock.reasons))):
        return _unseen(source, repeats, clock.reasons, clock)
    is_tied = clock is not None and clock.found is not None
    if not is_tied and (stepped := stepped_between(trace, source, repeats)):
        return _unseen(source, repeats, stepped, clock)
    charging = charged(trace, source.boundary, repeats)
    if clock is not None:
        repeats = clock.moved(repeats)
    bounds_s = None if clock is None else clock.bounds_s
    idle_ns = np.asarray([to_host(trace, window) for window in trace.windows(IDLE)], np.int64).reshape(-1, 2)
    clocks = [repeat.window.clock for repeat in repeats]
    lag = lag_of(trace, source)
    if lag is not None:
        repeats = lag.moved(repeats)

    def energies(windows_ns: NDArray[np.int64]) -> WindowEnergies:
        return energy_of_source(trace, source, windows_ns[:, 0], windows_ns[:, 1], min_coverage=0.0, spread=True)

    def instrument(windows_ns: NDArray[np.int64], measured: WindowEnergies) -> Instrument:
        found = instrument_of(trace, source, windows_ns[:, 0], windows_ns[:, 1], clocks, measured, bounds_s)
        return found if lag is None else lag.unsure(found)

    seen = _uncharged(look(source, repeats, idle_ns, energies, instrument), charging)
    return seen if clock is None else replace(seen, reasons=(*seen.reasons, *clock.reasons), clock=clock)


def _unseen(
    source: EnergySource, repeats: Sequence[Repeat], reasons: tuple[str, ...], clock: SourceClock | None
) -> Seen:
    """No energy of any repeat from a source that is there."""
    nothing = [None] * len(repeats)
    return Seen(source, nothing, nothing, [()] * len(repeats), reasons=reasons, clock=clock)


def _uncharged(seen: Seen, charging: Sequence[bool]) -> Seen:
    """Without the energies of repeats in which the battery was charged, by its current or as they are negative."""
    energies, reasons = list(seen.energies), list(seen.of_repeats)
    is_gauge = seen.source is not None and seen.source.boundary == "gauge"
    for place, energy in enumerate(energies):
        if charging[place] or (is_gauge and energy is not None and energy.energy_j < 0):
            energies[place], reasons[place] = None, (*reasons[place], CHARGING)
    return replace(seen, energies=energies, of_repeats=reasons)


def look(
    source: EnergySource,
    repeats: Sequence[Repeat],
    idle_ns: NDArray[np.int64],
    energies_of: Callable[[NDArray[np.int64]], WindowEnergies],
    instrument_for: Callable[[NDArray[np.int64], WindowEnergies], Instrument],
) -> Seen:
    """What there is to say of the repeats and of the idle windows (int64 of shape [n, 2], host's clock).

    `energies_of` gives the energies of windows of that shape, with the sampling term and refusing none;
    `instrument_for` how the source looked at the measured ones.
    """
    idle_ns = idle_ns[idle_ns[:, 1] > idle_ns[:, 0]]
    measured_ns = np.asarray([(repeat.t0_ns, repeat.t1_ns) for repeat in repeats], np.int64).reshape(-1, 2)
    blocks_ns = np.stack(idle_blocks(idle_ns[:, 0], idle_ns[:, 1]), axis=1)
    found = energies_of(np.concatenate((measured_ns, idle_ns, blocks_ns)))
    measured, of_idle, of_blocks = _split(found, (len(repeats), len(idle_ns), len(blocks_ns)))
    idle = idle_power(idle_ns[:, 0] + (idle_ns[:, 1] - idle_ns[:, 0]) // 2, of_idle, of_blocks)
    instrument = instrument_for(measured_ns, measured)
    energies, reasons = [], []
    for place, repeat in enumerate(repeats):
        energy, why = _of_repeat(repeat, measured, place)
        if energy is not None:
            energy = unshifted(energy, idle, instrument)
            if _is_too_wide(energy):
                energy, why = None, (*why, TOO_WIDE)
        energies.append(energy)
        reasons.append(why)
    coverage = [float(share) for share in measured.coverage]
    return Seen(source, energies, coverage, reasons, idle, instrument, _of_idle(idle, len(idle_ns)))


def _split(found: WindowEnergies, lengths: Sequence[int]) -> list[WindowEnergies]:
    return [found[slice(a, b)] for a, b in pairwise(accumulate(lengths, initial=0))]


def _of_repeat(repeat: Repeat, found: WindowEnergies, k: int) -> tuple[RepeatEnergy | None, tuple[str, ...]]:
    """The energy of one repeat and what marks it; None and why where it has to be refused."""
    coverage, updates, duration_s = float(found.coverage[k]), int(found.updates[k]), float(found.duration_s[k])
    if duration_s <= 0 or not repeat.iterations:
        return None, ()
    if coverage < LEAST_COVERAGE:
        return None, (GAPS,)
    if updates < LEAST_UPDATES:
        return None, (TOO_FEW_UPDATES,)
    interval_s = max(found.interval_s, duration_s / updates)
    undersampled = found.u_sampling_j is not None and interval_s > duration_s / repeat.iterations
    energy = RepeatEnergy(
        energy_j=float(found.energy_j[k] + found.edge_loss_j[k]),
        duration_s=duration_s,
        at_ns=repeat.t0_ns + (repeat.t1_ns - repeat.t0_ns) // 2,
        iterations=repeat.iterations,
        u_edge_j=float(found.u_edge_j[k]),
        u_sampling_j=float(found.u_sampling_j[k]) if undersampled and found.u_sampling_j is not None else 0.0,
        updates=updates,
        coverage=coverage,
    )
    return energy, (UNDERSAMPLED,) if undersampled else ()


def _is_too_wide(energy: RepeatEnergy) -> bool:
    return not half_width_j(energy.alone) <= WIDEST * abs(energy.energy_j / energy.iterations)


def _of_idle(idle: IdlePower | None, windows: int) -> tuple[str, ...]:
    if not windows:
        return (NO_IDLE,)
    if idle is None:
        return (IDLE_UNKNOWN,)
    if idle.drift_w is None:
        return (ONE_IDLE,)
    return (IDLE_DRIFT,) if idle.has_drifted else ()

"""The mean power of windows as an energy source saw it, trimmed where a sensor cannot tell load from what is beside.

A load is the same all along. So nothing is lost by leaving out what lies at its edges, and an error of clocks or of a
slow sensor, which would cost a short window so many joules, costs nothing.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.analysis.detected import CHARGING, charged
from edgewatt.profiler.analysis.seen import GAPS, LEAST_UPDATES, TOO_FEW_UPDATES
from edgewatt.profiler.analysis.stepped import stepped_between
from edgewatt.profiler.analysis.synchronised import TIE, UNEVEN, SourceClock, source_clock
from edgewatt.profiler.calibrating.stretches import IDLE, Stretch
from edgewatt.profiler.channel import EnergySource
from edgewatt.profiler.energy.idle import BLOCKS, idle_blocks, idle_power
from edgewatt.profiler.energy.sources import energy_of_source, instrument_of
from edgewatt.profiler.energy.windows import WindowEnergies
from edgewatt.profiler.quality.table import code_of, refuses_energy
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.synchronising.pair import Synchronised

# What a governor needs to arrive at its frequency, and a supply at its power (measurement.md, Clocks: a 10 ms rise);
# assumed.
SETTLE_S: Final = 0.2
# No more than so much of a window is left out at either edge; what then still may be smeared is in its uncertainty.
MOST_TRIMMED: Final = 0.25
LEAST_COVERAGE: Final = 0.95
SHORT: Final = "window_short"
# At either end of a load its power is another, by more than that share of its step above idle: heat or a governor do
# less. The window lies beside its load, by its clocks, or something else began or ended.
BESIDE: Final = "window_beside_load"
MOST_BESIDE: Final = 0.1
_AT_ENDS: Final = 2


@dataclass(frozen=True, slots=True)
class SeenPower:
    """Mean power of one window, and its standard uncertainty `u_w` on `df` degrees of freedom.

    `u_w` is what another window would not repeat: noise, sampling, edges. `gain_rel` (None: nobody states it) and
    `offset_w` are common to all windows of the source, and do not average out.
    """

    power_w: float
    u_w: float
    df: float
    coverage: float
    updates: int
    boundary: str
    gain_rel: float | None = None
    offset_w: float = 0.0
    reasons: tuple[str, ...] = ()


def powers_by(
    trace: Trace, source: EnergySource, stretches: Sequence[Stretch]
) -> tuple[list[SeenPower | None], tuple[str, ...]]:
    """What a source saw of each stretch, None where it has to be refused; and why it saw nothing at all.

    Raises as `energy_of_source` does.
    """
    if not stretches:
        return [], ()
    repeats = [stretch.repeat for stretch in stretches]
    clock = _known(trace, source) or source_clock(trace, source)
    if clock is not None and (clock.is_refused or any(map(refuses_energy, clock.reasons))):
        return [None] * len(stretches), clock.reasons
    tied = clock is not None and clock.found is not None
    if not tied and (stepped := stepped_between(trace, source, repeats)):
        return [None] * len(stretches), stepped
    spans_ns = _spans_ns(clock, stretches)
    whole = energy_of_source(trace, source, spans_ns[:, 0], spans_ns[:, 1], min_coverage=0.0)
    clocks = [stretch.window.clock for stretch in stretches]
    bounds_s = None if clock is None else clock.bounds_s
    instrument = instrument_of(trace, source, spans_ns[:, 0], spans_ns[:, 1], clocks, whole, bounds_s)
    length_s = (spans_ns[:, 1] - spans_ns[:, 0]) / 1e9
    own_s = np.asarray([stretch.bound_s for stretch in stretches])
    needed_s = sum(instrument.widths_s) + sum(instrument.bounds_s) + SETTLE_S + own_s
    trimmed_s = np.minimum(needed_s, MOST_TRIMMED * np.maximum(length_s, 0.0))
    cut_ns = np.rint(trimmed_s * 1e9).astype(np.int64)
    begin_ns, end_ns = spans_ns[:, 0] + cut_ns, spans_ns[:, 1] - cut_ns
    blocks = idle_blocks(begin_ns, end_ns)
    found = energy_of_source(
        trace, source, np.concatenate((begin_ns, blocks[0])), np.concatenate((end_ns, blocks[1])), min_coverage=0.0
    )
    charging = charged(trace, source.boundary, repeats)
    inside, of_blocks = found[: len(stretches)], found[len(stretches) :]
    idle_w = _idle_w(inside, stretches)
    powers: list[SeenPower | None] = []
    for k in range(len(stretches)):
        missing_s = float(needed_s[k] - trimmed_s[k])
        mine = slice(k, k + 1), slice(k * BLOCKS, (k + 1) * BLOCKS)
        looked = _look(begin_ns[mine[0]], inside[mine[0]], of_blocks[mine[1]])
        if looked is None:
            powers.append(None)
            continue
        power_w, u_w, df = looked
        left_s = max(float(end_ns[k] - begin_ns[k]) / 1e9, 1e-9)
        # a rectangle: up to all of what could not be cut away lies beside the load
        edge_w = abs(power_w - idle_w) * missing_s / left_s / math.sqrt(3)
        beside = stretches[k].kind == "cpu" and _is_beside(of_blocks[mine[1]], power_w - idle_w)
        reasons = [
            *([SHORT] if missing_s > 0 else []),
            *([CHARGING] if charging[k] else []),
            *([BESIDE] if beside else []),
        ]
        powers.append(
            SeenPower(
                power_w,
                math.hypot(u_w, edge_w),
                df,
                float(inside.coverage[k]),
                int(inside.updates[k]),
                source.boundary,
                instrument.gain_rel,
                instrument.offset_w,
                tuple(reasons),
            )
        )
    return powers, () if clock is None else clock.reasons


def refusal(found: SeenPower | None) -> str | None:
    """Why a power is not used: too little of it was seen, or the battery was charged meanwhile."""
    if found is None:
        return TOO_FEW_UPDATES
    if found.coverage < LEAST_COVERAGE:
        return GAPS
    return next((reason for reason in (CHARGING, BESIDE) if reason in found.reasons), None)


def _known(trace: Trace, source: EnergySource) -> SourceClock | None:
    """What `process` found already and keeps in the run; looking for trains again takes seconds."""
    if any(code_of(reason) == UNEVEN for reason in trace.manifest.quality_reasons):
        return None
    before = f"{source.name}{TIE}"
    tied = next((name for name in trace.manifest.clocks if name.startswith(before)), None)
    if tied is None:
        return None
    return SourceClock(tied.removeprefix(before), Synchronised(trace.clock_fit(tied), None, ()))


def source_spans_ns(trace: Trace, source: EnergySource, stretches: Sequence[Stretch]) -> NDArray[np.int64]:
    """Begin and end of each stretch where a source saw it, int64 [n, 2] on the host's clock."""
    return _spans_ns(_known(trace, source), stretches)


def _spans_ns(clock: SourceClock | None, stretches: Sequence[Stretch]) -> NDArray[np.int64]:
    repeats = [stretch.repeat for stretch in stretches]
    moved = repeats if clock is None else clock.moved(repeats)
    return np.asarray([(repeat.t0_ns, repeat.t1_ns) for repeat in moved], np.int64).reshape(-1, 2)


def _look(
    at_ns: NDArray[np.int64], window: WindowEnergies, blocks: WindowEnergies
) -> tuple[float, float, float] | None:
    """Mean power, its uncertainty from independent blocks, and their degrees of freedom; None: cannot tell."""
    if window.updates[0] < LEAST_UPDATES or not window.duration_s[0] > 0:
        return None
    looked = idle_power(at_ns, window, blocks)
    if looked is not None:
        return float(looked.power_w[0]), looked.u_w, looked.df
    covered_s = float(window.duration_s[0] * window.coverage[0])
    if not covered_s > 0 or not np.isfinite(window.energy_j[0]):
        return None
    # Too few updates for a spread: what an edge of the sensor's period may hold is all that is known of it.
    power_w = float(window.energy_j[0] + window.edge_loss_j[0]) / covered_s
    return power_w, float(window.u_edge_j[0]) / covered_s, 1.0


def _is_beside(blocks: WindowEnergies, step_w: float) -> bool:
    """Whether the first or the last blocks of a load have another power than those between."""
    if blocks.updates.min() < LEAST_UPDATES or not np.isfinite(blocks.energy_j).all():
        return False
    power_w = blocks.energy_j / (blocks.duration_s * blocks.coverage)
    middle = power_w[2 * _AT_ENDS : -2 * _AT_ENDS]
    level, spread = float(np.median(middle)), float(middle.std(ddof=1))
    away = max(abs(float(np.mean(ends)) - level) for ends in (power_w[:_AT_ENDS], power_w[-_AT_ENDS:]))
    return away > MOST_BESIDE * abs(step_w) + 4 * spread


def _idle_w(found: WindowEnergies, stretches: Sequence[Stretch]) -> float:
    """What idling takes, about; 0 where nobody idled."""
    idle = np.asarray([stretch.kind == IDLE for stretch in stretches])
    with np.errstate(invalid="ignore", divide="ignore"):
        power_w = found.energy_j / (found.duration_s * found.coverage)
    seen = power_w[idle & np.isfinite(power_w)]
    return float(np.median(seen)) if len(seen) else 0.0

"""Observations: windows of a run with their power, what ran in them, and how warm it was."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from edgewatt.profiler.analysis.pins import NOT_HELD, NOT_VERIFIED
from edgewatt.profiler.analysis.temperature import REACH_NS, chosen_columns
from edgewatt.profiler.calibrating.rails import sources_of
from edgewatt.profiler.calibrating.residency import BACKGROUND, CORES_DIFFER, Residency, residencies
from edgewatt.profiler.calibrating.seen_power import SeenPower, powers_by, refusal
from edgewatt.profiler.calibrating.stretches import MEASURE, Stretch, stretches_of
from edgewatt.profiler.calibrating.values import number
from edgewatt.profiler.errors import EdgewattError
from edgewatt.profiler.quality.reason import VOID
from edgewatt.profiler.quality.table import code_of, weight_of
from edgewatt.profiler.storage.checked import TEXT_LIMIT
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.units import Quantity

# For these a window's power is not that of what was asked, whatever else is right with it.
SPOILS_POWER: Final = frozenset({NOT_HELD, NOT_VERIFIED, CORES_DIFFER, BACKGROUND, "throttled", "failed"})
_LOOKS: Final = 9


@dataclass(frozen=True, slots=True)
class Observation:
    """One window. `powers` are by the name of the energy source; `run` is the digest of its run.

    `temperature_c` and `rssi_dbm` are means over the window, None where nobody looked; `temperature_u_k` is by how much
    the first may be off (standard), as nobody knows how old a reading is. `t0_s`, `t1_s`: on the host's
    clock since the run's first window. `config` is what was executed, of a measured repeat.
    """

    run: str
    stretch: Stretch
    powers: Mapping[str, SeenPower]
    refused: Mapping[str, str]
    ran: Residency
    temperature_c: float | None
    rssi_dbm: float | None
    conditions: Mapping[str, Any]
    config: Mapping[str, Any] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    temperature_u_k: float = 0.0

    @property
    def kind(self) -> str:
        """What was executed: that of its load, `idle` or `measure`."""
        return self.stretch.kind

    @property
    def step(self) -> str:
        """The step of the suite, "" where nobody says."""
        return self.stretch.step

    @property
    def is_void(self) -> bool:
        """True if nothing of it counts."""
        return any(weight_of(reason) == VOID for reason in self.reasons)

    @property
    def spoilt(self) -> tuple[str, ...]:
        """Why its power says nothing of what was asked; empty where it does.

        A network is what it is when it was throttled, too: of a measured repeat only what voids it counts.
        """
        is_load = self.kind != MEASURE
        return tuple(r for r in self.reasons if weight_of(r) == VOID or (is_load and code_of(r) in SPOILS_POWER))

    def power_of(self, source: str) -> SeenPower | None:
        """What a source saw of it, None where that cannot be used."""
        return None if self.spoilt else self.powers.get(source)


def observations(trace: Trace) -> list[Observation]:
    """Every executed load, idle window and measured repeat of a run, in the order of time.

    Raises UsageError for a damaged run, NotMeasuredError for a clock that was never compared with the host's.
    """
    stretches = stretches_of(trace)
    found: list[dict[str, SeenPower]] = [{} for _ in stretches]
    refused: list[dict[str, str]] = [{} for _ in stretches]
    for source in sources_of(trace):
        try:
            powers, why = powers_by(trace, source, stretches)
        except EdgewattError as error:
            powers, why = [None] * len(stretches), (str(error),)
        for k, power in enumerate(powers):
            reason = refusal(power)
            if power is None or reason is not None:
                refused[k][source.name] = "; ".join(why) if power is None and why else reason or ""
            else:
                found[k][source.name] = power
    ran = residencies(trace, stretches)
    warm_c, rssi_dbm = _temperatures_c(trace, stretches), _rssi_dbm(trace, stretches)
    manifest = trace.manifest
    return [
        Observation(
            manifest.digest or "",
            stretch,
            found[k],
            refused[k],
            ran[k],
            warm_c[k][0],
            rssi_dbm[k],
            manifest.conditions,
            manifest.configs.get(stretch.window.config_id or "", {}),
            tuple(dict.fromkeys((*stretch.repeat.reasons, *ran[k].reasons))),
            warm_c[k][1],
        )
        for k, stretch in enumerate(stretches)
    ]


def sources_seen(seen: Sequence[Observation]) -> list[str]:
    """The names of the sources that saw any of them, in their order."""
    return list(dict.fromkeys(name for one in seen for name in one.powers))


def digests(seen: Sequence[Observation]) -> str:
    """The runs that observations come from, as a row's `source` names them."""
    runs = list(dict.fromkeys(one.run for one in seen if one.run))
    whole = " ".join(runs)
    # As long as a text in a table may be; of so many runs the first digits tell as well.
    return whole if len(whole) <= TEXT_LIMIT else " ".join(run[:12] for run in runs)[:TEXT_LIMIT]


def _temperatures_c(trace: Trace, stretches: Sequence[Stretch]) -> list[tuple[float | None, float]]:
    """The mean of the hottest sensor over each window, None without a reading near it; its uncertainty in kelvin."""
    if not stretches:
        return []
    shares = (np.arange(_LOOKS) + 0.5) / _LOOKS
    spans = np.asarray([(one.repeat.t0_ns, one.repeat.t1_ns) for one in stretches], np.int64)
    at_ns = spans[:, :1] + np.rint(np.outer(spans[:, 1] - spans[:, 0], shares)).astype(np.int64)
    seen_c = np.full(at_ns.shape, np.nan)
    ages_s = [0.0]
    for column in chosen_columns(trace):
        t_ns, value_c = trace.series(column).to_numpy()
        t_ns, value_c = t_ns[np.isfinite(value_c)], value_c[np.isfinite(value_c)]
        if not len(t_ns):
            continue
        after = np.clip(np.searchsorted(t_ns, at_ns), 1, len(t_ns)) - 1
        near_ns = np.minimum(np.abs(at_ns - t_ns[after]), np.abs(t_ns[np.minimum(after + 1, len(t_ns) - 1)] - at_ns))
        seen_c = np.fmax(seen_c, np.where(near_ns <= REACH_NS, np.interp(at_ns, t_ns, value_c), np.nan))
        ages_s.append(float(np.median(np.diff(t_ns))) / 1e9 if len(t_ns) > 1 else 0.0)
    lengths_s = np.maximum((spans[:, 1] - spans[:, 0]) / 1e9, 1e-9)
    found: list[tuple[float | None, float]] = []
    for of, length_s in zip(seen_c, lengths_s, strict=True):
        looked = of[np.isfinite(of)]
        change_k = abs(float(looked[-1] - looked[0])) * _LOOKS / (_LOOKS - 1) if len(looked) else 0.0
        # a rectangle, from no age to a whole interval
        u_k = change_k / length_s * min(max(ages_s), length_s) / math.sqrt(12)
        found.append((float(np.mean(looked)) if len(looked) else None, u_k))
    return found


def _rssi_dbm(trace: Trace, stretches: Sequence[Stretch]) -> list[float | None]:
    """What was measured in the window, else what was seen before and after it. Of two radios' channels nobody knows."""
    columns = [c for c, s in trace.columns.items() if s.channel.quantity is Quantity.RSSI]
    series = [trace.series(column).to_numpy() for column in columns] if len(columns) == 1 else []
    found: list[float | None] = []
    for one in stretches:
        inside = [
            float(of)
            for t_ns, values in series
            for of in values[(t_ns >= one.repeat.t0_ns) & (t_ns <= one.repeat.t1_ns)]
            if np.isfinite(of)
        ]
        told = one.seen.get("rssi_dbm")
        listed = told if isinstance(told, list | tuple) else [told]
        seen = inside or [value for said in listed if (value := number(said)) is not None]
        found.append(float(np.mean(seen)) if seen else None)
    return found

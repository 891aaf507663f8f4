"""The power of a whole device while nothing is executed."""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from edgewatt.profiler.calibrating.observations import Observation, digests, sources_seen
from edgewatt.profiler.calibrating.power_design import LEAST_KELVIN
from edgewatt.profiler.calibrating.seen_power import SeenPower
from edgewatt.profiler.calibrating.stretches import IDLE
from edgewatt.profiler.calibrating.values import Found, Value, cells, mean_of, within

# Idling between transfers, or hot, is not what a device does when nothing is asked of it.
_OTHER: Final = frozenset({"radio", "offload", "thermal"})
# From so many windows on, a line over temperature leaves enough to tell what they scatter by; assumed.
_FEW: Final = 5


def idle_state(one: Observation) -> str:
    """`screen_on`, what the run says of its idle, or `awake`: a device that runs something is."""
    if one.conditions.get("screen") == "on":
        return "screen_on"
    said = one.conditions.get("idle_state")
    return said if isinstance(said, str) and said else "awake"


def idle_rows(seen: Sequence[Observation], whole: Sequence[str]) -> Found:
    """One row per state and source that sees the whole device."""
    found = Found()
    mine = [one for one in seen if one.kind == IDLE and one.step not in _OTHER and not one.ran.pinned]
    for source in (name for name in sources_seen(mine) if name in whole):
        for state in dict.fromkeys(idle_state(one) for one in mine):
            pairs = [(one, p) for one in mine if idle_state(one) == state and (p := one.power_of(source)) is not None]
            if not pairs:
                continue
            powers = [power for _, power in pairs]
            warm = [one.temperature_c for one, _ in pairs if one.temperature_c is not None]
            value = _mean([p.power_w for p in powers], [one.temperature_c for one, _ in pairs], powers[0])
            found.add(
                "idle",
                {
                    "state": state,
                    **cells("idle", "w", value),
                    "temperature_c": float(np.mean(warm)) if warm else None,
                    "observations_n": len(pairs),
                    "energy_source": source,
                    "energy_boundary": powers[0].boundary,
                    "source": digests([one for one, _ in pairs]),
                },
            )
    return found


def _mean(power_w: Sequence[float], warm_c: Sequence[float | None], about: SeenPower) -> Value | None:
    """The mean of windows; what they differ by because one is warmer than another is not what they scatter by.

    The mean is that at their mean temperature, so that it is the same with or without a line over it.
    """
    known = [at for at in warm_c if at is not None]
    if len(known) < max(len(power_w), _FEW) or max(known) - min(known) < LEAST_KELVIN:
        return mean_of(power_w, [about.u_w], gain_rel=about.gain_rel)
    away = np.asarray(known) - np.mean(known)
    left = np.asarray(power_w) - np.polyval(np.polyfit(away, power_w, 1), away)
    n = len(left)
    u = math.sqrt(float(left @ left) / (n - 2) / n)
    return within(float(np.mean(power_w)), u, n - 2, gain_rel=about.gain_rel)

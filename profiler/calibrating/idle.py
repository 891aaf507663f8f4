"""The power of a whole device while nothing is executed."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from edgewatt.profiler.calibrating.observations import Observation, digests, sources_seen
from edgewatt.profiler.calibrating.stretches import IDLE
from edgewatt.profiler.calibrating.values import Found, cells, mean_of

# Idling between transfers, or hot, is not what a device does when nothing is asked of it.
_OTHER: Final = frozenset({"radio", "offload", "thermal"})


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
            value = mean_of([p.power_w for p in powers], [p.u_w for p in powers], gain_rel=powers[0].gain_rel)
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

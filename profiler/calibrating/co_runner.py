"""How much slower a network is beside a co-runner, and how many watts more, over the same network alone."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from edgewatt.profiler.calibrating.observations import Observation, digests
from edgewatt.profiler.calibrating.values import Found, Value, cells, ratio_of, together, within
from edgewatt.profiler.calibrating.work import CO_LOADS, Work, works


def co_runner_rows(seen: Sequence[Observation], whole: Sequence[str]) -> Found:
    """One row per network, target and co-load; power by the first of `whole`, the sources of the whole device."""
    found = Found()
    alone: dict[tuple[tuple[str, Any], ...], list[Work]] = {}
    beside: list[Work] = []
    for work in works(seen, training=False):
        ratios = [dict(work.what)[key] for key in CO_LOADS]
        if all(not ratio for ratio in ratios):
            alone.setdefault(_network(work), []).append(work)
        else:
            beside.append(work)
    for work in beside:
        what = dict(work.what)
        others = alone.get(_network(work), [])
        # Alone in the same step, if it was there: the other steps are from another hour.
        same = [one for of in others for one in of.seen if one.step == work.seen[0].step]
        base = Work(work.what, tuple(same or [one for of in others for one in of.seen]))
        if not base.seen:
            found.notes.append(f"{what['model']} on {what['target']} beside a co-runner: no run of it alone to compare")
            continue
        source = next((name for name in whole if work.powers_w(name) and base.powers_w(name)), None)
        found.add(
            "co_runner",
            {
                **{key: what[key] for key in ("model", "target", *CO_LOADS)},
                **cells("slowdown", "ratio", ratio_of(work.latencies_s(), base.latencies_s())),
                **cells("power", "w", None if source is None else _more_w(work, base, source)),
                "observations_n": len(work.seen),
                "source": digests([*work.seen, *base.seen]),
            },
        )
    return found


def _network(work: Work) -> tuple[tuple[str, Any], ...]:
    return tuple((key, of) for key, of in work.what if key not in CO_LOADS)


def _more_w(work: Work, base: Work, source: str) -> Value:
    """The difference of mean powers, with Welch's interval and the instrument's gain."""
    sides = [np.asarray(of.powers_w(source)) for of in (work, base)]
    value = float(sides[0].mean() - sides[1].mean())
    if min(len(side) for side in sides) < 2:
        return Value(value)
    u, df = together([(float(side.std(ddof=1)) / math.sqrt(len(side)), len(side) - 1) for side in sides])
    gain = next(power.gain_rel for one in work.seen if (power := one.power_of(source)) is not None)
    return within(value, u, df, gain_rel=gain)

"""How much slower a network is beside a co-runner, and how many watts more, over the same network alone."""

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.calibrating.observations import Observation, digests
from edgewatt.profiler.calibrating.spreads import UNKNOWN, Spread, moderated, spread_of
from edgewatt.profiler.calibrating.stretches import IDLE
from edgewatt.profiler.calibrating.values import Found, Value, cells, ratio_of, together, within
from edgewatt.profiler.calibrating.work import CO_LOADS, Work, spreads, works

# Repeats from which on a line over their order leaves something.
_LEAST: Final = 3


def co_runner_rows(seen: Sequence[Observation], whole: Sequence[str]) -> Found:
    """One row per network, target and co-load; power by the first of `whole`, the sources of the whole device."""
    found = Found()
    alone: dict[tuple[tuple[str, Any], ...], list[Work]] = {}
    beside: list[Work] = []
    every = works(seen, training=False)
    scatter = dict(zip((work.what for work in every), spreads(every, Work.latencies_s), strict=True))
    for work in every:
        ratios = [dict(work.what)[key] for key in CO_LOADS]
        if all(not ratio for ratio in ratios):
            alone.setdefault(_network(work), []).append(work)
        else:
            beside.append(work)
    pairs: list[tuple[Work, Work]] = []
    for work in beside:
        others = alone.get(_network(work), [])
        # Alone in the same step, if it was there: the other steps are from another hour.
        same = [one for of in others for one in of.seen if one.step == work.seen[0].step]
        compared = tuple(same or [one for of in others for one in of.seen])
        if compared:
            pairs.append((work, Work(others[0].what, compared)))
            continue
        what = dict(work.what)
        found.notes.append(f"{what['model']} on {what['target']} beside a co-runner: no run of it alone to compare")
    source = next((name for name in whole if any(a.powers_w(name) and b.powers_w(name) for a, b in pairs)), None)
    steps = {work.seen[0].step for work, _ in pairs}
    idle = [one for one in seen if one.kind == IDLE and one.step in steps]
    more_w = [None] * len(pairs) if source is None else _more_w(pairs, idle, source)
    for (work, base), power in zip(pairs, more_w, strict=True):
        what = dict(work.what)
        slower = ratio_of(work.latencies_s(), base.latencies_s(), [scatter[work.what], scatter[base.what]])
        found.add(
            "co_runner",
            {
                **{key: what[key] for key in ("model", "target", *CO_LOADS)},
                **cells("slowdown", "ratio", slower),
                **cells("power", "w", power),
                "observations_n": len(work.seen),
                "source": digests([*work.seen, *base.seen]),
            },
        )
    return found


def _network(work: Work) -> tuple[tuple[str, Any], ...]:
    return tuple((key, of) for key, of in work.what if key not in CO_LOADS)


def _more_w(pairs: Sequence[tuple[Work, Work]], idle: Sequence[Observation], source: str) -> list[Value | None]:
    """The difference of the mean powers of each work over its network alone, with its interval.

    Repeats come in the same order in both, after the same idling, and what a device gains by warming is much the same.
    So it is the differences of repeats of one place that scatter, around a straight line over their order, by as much
    in all pairs; and what a run has more than another shows in how it idles before.
    """
    sides = [tuple(np.asarray(of.powers_w(source)) for of in pair) for pair in pairs]
    own = [_paired(*both) for both in sides]
    scatter = moderated([one or UNKNOWN for one in own])
    found: list[Value | None] = []
    for (work, base), both, paired, spread in zip(pairs, sides, own, scatter, strict=True):
        if not all(len(side) for side in both):
            found.append(None)
            continue
        value = float(both[0].mean() - both[1].mean())
        if paired is None or spread.df <= 0:
            alone = [spread_of(side) for side in both]
            terms = [(one.sd / math.sqrt(len(side)), one.df) for one, side in zip(alone, both, strict=True)]
            terms = terms if min(one.df for one in alone) > 0 else []
        else:
            terms = [(spread.sd / math.sqrt(len(both[0])), spread.df), _between_runs((work, base), idle, source)]
        gain = next(power.gain_rel for one in work.seen if (power := one.power_of(source)) is not None)
        found.append(within(value, *together(terms), gain_rel=gain) if terms else Value(value))
    return found


def _paired(above: NDArray[np.float64], below: NDArray[np.float64]) -> Spread | None:
    """How the differences of as many repeats scatter around a straight line; None where they are too few for it."""
    n = len(above)
    if n != len(below) or n < _LEAST:
        return None
    order = np.arange(n) - (n - 1) / 2
    apart = above - below
    left = apart - np.polyval(np.polyfit(order, apart, 1), order)
    return Spread(math.sqrt(float(left @ left) / (n - 2)), n - 2.0)


def _between_runs(pair: tuple[Work, Work], idle: Sequence[Observation], source: str) -> tuple[float, float]:
    """By what two runs differ in power, by how the runs of these steps idled before; 0 within one run."""
    runs = [{one.run for one in work.seen} for work in pair]
    if runs[0] & runs[1]:
        return 0.0, math.inf
    first: dict[str, float] = {}
    for one in idle:
        if (power := one.power_of(source)) is not None:
            first.setdefault(one.run, power.power_w)
    spread = spread_of(list(first.values()))
    return (spread.sd * math.sqrt(2), spread.df) if spread.df > 0 else (0.0, math.inf)

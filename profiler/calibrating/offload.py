"""What it takes to have something executed elsewhere: there, the work, back; and the joules of the device meanwhile."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.calibrating.observations import Observation, digests
from edgewatt.profiler.calibrating.offload_spreads import send_spreads, time_spreads
from edgewatt.profiler.calibrating.radio import BIN_DB, idle_near, interface_of, listed, rate_spreads
from edgewatt.profiler.calibrating.spreads import Spread
from edgewatt.profiler.calibrating.stretches import IDLE
from edgewatt.profiler.calibrating.values import Found, Value, cells, mean_alike, mean_of, positive, whole

_PARTS = ("send_s", "remote_s", "receive_s")


def offload_rows(seen: Sequence[Observation], sources: Sequence[str]) -> Found:
    """One row per partner, network or size, signal strength within BIN_DB, and source of the whole device.

    Times are of one exchange; energy is that of the device above idle for one exchange.
    """
    found = Found()
    mine = [one for one in seen if one.step == "offload" and not one.is_void]
    idle = [one for one in mine if one.kind == IDLE]
    alike: dict[tuple[Any, ...], list[Observation]] = {}
    for one in mine:
        if one.kind == "exchange" and _count(one):
            alike.setdefault(_what(one), []).append(one)
    groups = [(what, of) for what, every in alike.items() for of in _by_signal(every)]
    scatter = _scatter(groups, seen)
    for place, ((to, interface, model, sent_b, received_b), of) in enumerate(groups):
        strengths = [one.rssi_dbm for one in of if one.rssi_dbm is not None]
        times = {part: _time(of, part, scatter[place][part]) for part in _PARTS}
        every: list[str | None] = [name for name in sources if any(one.power_of(name) for one in of)]
        for source in every or [None]:
            energy = None if source is None else _energy(of, idle, source)
            boundary = next((p.boundary for one in of if source and (p := one.power_of(source)) is not None), None)
            found.add(
                "offload",
                {
                    "to": to,
                    "interface": interface,
                    "rssi_dbm": float(np.mean(strengths)) if strengths else None,
                    "model": model,
                    "sent_b": sent_b,
                    "received_b": received_b,
                    **{key: cell for part, v in times.items() for key, cell in cells(part[:-2], "s", v).items()},
                    **cells("energy", "j", energy),
                    "observations_n": sum(_count(one) for one in of),
                    "energy_source": source,
                    "energy_boundary": boundary,
                    "source": digests(of),
                },
            )
    return found


def _what(one: Observation) -> tuple[Any, ...]:
    asked = one.stretch.asked
    to, model = asked.get("to"), asked.get("model")
    return (
        to if isinstance(to, str) else None,
        interface_of(one),
        model if isinstance(model, str) else None,
        _size(one, "sent_b"),
        _size(one, "received_b"),
    )


def _by_signal(of: Sequence[Observation]) -> list[list[Observation]]:
    """Windows of like signal strength together: from the weakest on, what lies within BIN_DB of it."""
    blind = [one for one in of if one.rssi_dbm is None]
    groups: list[list[Observation]] = [blind] if blind else []
    weakest = math.inf
    seen = [(one.rssi_dbm, k, one) for k, one in enumerate(of) if one.rssi_dbm is not None]
    for rssi_dbm, _, one in sorted(seen):
        if weakest == math.inf or rssi_dbm - weakest > BIN_DB:
            groups.append([])
            weakest = rssi_dbm
        groups[-1].append(one)
    return groups


def _size(one: Observation, key: str) -> int | None:
    """The bytes of one exchange: as asked, where the window keeps that apart; else all that went by how often."""
    said = whole(one.stretch.asked.get(key))
    if said is None or one.stretch.asked is not one.stretch.seen or not _told_count(one):
        return said
    return round(said / _count(one))


def _told_count(one: Observation) -> int:
    return whole(one.stretch.seen.get("exchanges_n")) or 0


def _count(one: Observation) -> int:
    return _told_count(one) or len(listed(one, "send_s"))


def _time(of: Sequence[Observation], part: str, relative: Spread) -> Value | None:
    """Of the means of windows: exchanges in a row share their link."""
    return positive(mean_alike([one.mean() for one in _windows(of, part)], relative))


def _windows(of: Sequence[Observation], part: str) -> list[NDArray[np.float64]]:
    return [np.asarray(each) for one in of if (each := listed(one, part))]


def _scatter(
    groups: Sequence[tuple[Any, Sequence[Observation]]], seen: Sequence[Observation]
) -> list[dict[str, Spread]]:
    """By what share of itself each time of each group scatters, as all sizes to one partner tell it."""
    alike: dict[tuple[Any, Any], list[int]] = {}
    for place, (what, _) in enumerate(groups):
        alike.setdefault(what[:2], []).append(place)
    found: list[dict[str, Spread]] = [{} for _ in groups]
    for (_, interface), places in alike.items():
        radio = [one for one in seen if one.step == "radio" and not one.is_void and interface_of(one) == interface]
        for part in _PARTS:
            windows = [_windows(groups[place][1], part) for place in places]
            if part == "send_s":
                told = send_spreads(windows, [groups[place][0][3] for place in places], rate_spreads(radio)["send"])
            else:
                told = time_spreads(windows)
            for place, spread in zip(places, told, strict=True):
                found[place][part] = spread
    return found


def _energy(of: Sequence[Observation], idle: Sequence[Observation], source: str) -> Value | None:
    joules, u, gain = [], [], None
    for one in of:
        power, near = one.power_of(source), idle_near(one, idle, source)
        if power is not None and near is not None:
            each_s = one.stretch.duration_s / _count(one)
            joules.append((power.power_w - near[0]) * each_s)
            u.append((power.u_w**2 + near[1] ** 2) ** 0.5 * each_s)
            gain = power.gain_rel
    return mean_of(joules, u, gain_rel=gain)

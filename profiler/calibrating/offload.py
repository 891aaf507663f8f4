"""What it takes to have something executed elsewhere: there, the work, back; and the joules of the device meanwhile."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from edgewatt.profiler.calibrating.observations import Observation, digests
from edgewatt.profiler.calibrating.radio import BIN_DB, bin_of, idle_near, interface_of, listed
from edgewatt.profiler.calibrating.stretches import IDLE
from edgewatt.profiler.calibrating.values import Found, Value, cells, mean_of, positive, whole

_PARTS = ("send_s", "remote_s", "receive_s")


def offload_rows(seen: Sequence[Observation], sources: Sequence[str]) -> Found:
    """One row per partner, network or size, bin of signal strength, and source of the whole device.

    Times are of one exchange; energy is that of the device above idle for one exchange.
    """
    found = Found()
    mine = [one for one in seen if one.step == "offload" and not one.is_void]
    idle = [one for one in mine if one.kind == IDLE]
    groups: dict[tuple[Any, ...], list[Observation]] = {}
    for one in mine:
        if one.kind == "exchange" and _count(one):
            groups.setdefault(_what(one), []).append(one)
    for (to, interface, model, sent_b, received_b, _), of in groups.items():
        strengths = [one.rssi_dbm for one in of if one.rssi_dbm is not None]
        times = {part: _time(of, part) for part in _PARTS}
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
    strength = None if one.rssi_dbm is None else bin_of(one.rssi_dbm) + BIN_DB / 2
    return (
        to if isinstance(to, str) else None,
        interface_of(one),
        model if isinstance(model, str) else None,
        _size(one, "sent_b"),
        _size(one, "received_b"),
        strength,
    )


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


def _time(of: Sequence[Observation], part: str) -> Value | None:
    """Of the means of windows, as exchanges in a row are not independent; of one window, of its exchanges."""
    each = [listed(one, part) for one in of]
    means = [float(np.mean(one)) for one in each if one]
    return positive(mean_of(means) if len(means) > 1 else mean_of([value for one in each for value in one]))


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

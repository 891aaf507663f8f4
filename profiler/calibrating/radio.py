"""Power, rate and round trip of a radio by the signal strength that was measured.

Power and rate are fitted as ln(value) = ln_level + ln_slope x (rssi - pivot): they change exponentially as the signal
falls (Kim and Chung, ISLPED 2017, abstract; facts/scheduling-and-carbon.md, 1.8).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.calibrating.least_squares import solve
from edgewatt.profiler.calibrating.observations import Observation, digests
from edgewatt.profiler.calibrating.power import PowerFit
from edgewatt.profiler.calibrating.radio_tail import Tail
from edgewatt.profiler.calibrating.spreads import UNKNOWN, Spread, pooled, spread_of
from edgewatt.profiler.calibrating.stretches import IDLE
from edgewatt.profiler.calibrating.values import (
    Found,
    Row,
    Value,
    cells,
    known,
    mean_alike,
    number,
    positive,
    together,
    within,
)
from edgewatt.profiler.statistics import percentiles

BIN_DB: Final = 5.0
# A slope is fitted from so many strengths, whole dBm apart, over so many dB (assumed); else there are bins alone.
LEAST_STRENGTHS: Final = 3
LEAST_SPREAD_DB: Final = 6.0
_DIRECTIONS: Final = ("send", "receive")


@dataclass(frozen=True, slots=True)
class _Above:
    """What one window has above idle: watts, their uncertainty, and that of the idle, which its bin shares."""

    one: Observation
    watts: float
    u_w: float


def interface_of(one: Observation) -> str | None:
    """What a transfer went over, None where nobody says."""
    said = one.stretch.asked.get("interface") or one.stretch.window.attributes.get("interface")
    return said if isinstance(said, str) else None


def bin_of(rssi_dbm: float) -> float:
    """The lower end of its bin."""
    return math.floor(rssi_dbm / BIN_DB) * BIN_DB


def radio_rows(
    seen: Sequence[Observation], whole: Sequence[str], base: Mapping[str, PowerFit], tails: Mapping[str, Sequence[Tail]]
) -> Found:
    """One row per interface, bin and source of the whole device, and the fits over the signal where there are several.

    `tails` are those that a source shows behind transfers. Windows whose signal nobody measured are left out, and said.
    """
    found = Found()
    mine = [one for one in seen if one.step == "radio" and not one.is_void]
    blind = [one for one in mine if one.kind in _DIRECTIONS and one.rssi_dbm is None]
    if blind:
        found.notes.append(f"radio: {len(blind)} windows are left out, as nobody measured their signal strength")
    mine = [one for one in mine if one.rssi_dbm is not None or one.kind == IDLE]
    interfaces = dict.fromkeys(interface_of(one) for one in mine if one.kind != IDLE)
    for interface in interfaces:
        of_it = [one for one in mine if one.kind == IDLE or interface_of(one) == interface]
        _rates(found, of_it, interface)
        every: list[str | None] = [name for name in whole if any(one.power_of(name) for one in of_it)]
        for source in every or [None]:
            of_source = tails.get(source, ()) if source is not None else ()
            _interface(found, of_it, interface, source, (None if source is None else base.get(source), of_source))
    return found


def _interface(
    found: Found,
    seen: Sequence[Observation],
    interface: str | None,
    source: str | None,
    more: tuple[PowerFit | None, Sequence[Tail]],
) -> None:
    base, tails = more
    idle = [one for one in seen if one.kind == IDLE and source is not None and one.power_of(source)]
    above = {kind: _above(seen, idle, source, kind) for kind in _DIRECTIONS}
    scatter = {kind: _spread([(a.one, a.watts) for a in of]) for kind, of in above.items()}
    for low in sorted({bin_of(one.rssi_dbm) for one in seen if one.rssi_dbm is not None and one.kind != IDLE}):
        here = [one for one in seen if one.rssi_dbm is not None and bin_of(one.rssi_dbm) == low]
        powers = {
            kind: _of_bin([a for a in of if a.one in here], scatter[kind], idle, source) for kind, of in above.items()
        }
        rates = {
            kind: positive(mean_alike([rate for one in here if (rate := rate_of(one, kind)) is not None], of))
            for kind, of in rate_spreads(seen).items()
        }
        trips = percentiles([trip for one in here for trip in listed(one, "rtt_s")], [50, 95])
        tail = next((of for of in tails if of.interface == interface and of.low_dbm == low), None)
        if tail is not None and tail.why:
            found.notes.append(f"radio tail of {interface} at {low:g} dBm by {source}: {tail.why}")
        found.add(
            "radio",
            {
                "interface": interface,
                "rssi_low_dbm": low,
                "rssi_high_dbm": low + BIN_DB,
                **{key: of for kind, value in powers.items() for key, of in cells(kind, "w", value).items()},
                **cells("radio_idle", "w", _idle(here, source, base)),
                **{key: of for kind, value in rates.items() for key, of in _rate_cells(kind, value).items()},
                "rtt_p50_s": None if trips is None else trips[0],
                "rtt_p95_s": None if trips is None else trips[1],
                **cells("tail", "s", None if tail is None else tail.seconds),
                **cells("tail", "w", None if tail is None else tail.watts),
                "observations_n": sum(one.kind != IDLE for one in here),
                "energy_source": source,
                "energy_boundary": None if not idle or source is None else idle[0].powers[source].boundary,
                "source": digests(here),
            },
        )
    if source is not None:
        for kind, of in above.items():
            gain = next((p.gain_rel for a in of if (p := a.one.power_of(source)) is not None), None)
            points = [(a.one, a.watts, a.u_w) for a in of]
            _line(found, points, f"radio_{kind}", (interface, source, "w"), gain)


def _rates(found: Found, seen: Sequence[Observation], interface: str | None) -> None:
    for kind in _DIRECTIONS:
        points = [(one, rate, 0.0) for one in seen if (rate := rate_of(one, kind)) is not None]
        _line(found, points, f"radio_{kind}_rate", (interface, None, "b_per_s"), None)


def rate_of(one: Observation, kind: str) -> float | None:
    """Bytes per second of a transfer of that kind, None of another window."""
    moved = number(one.stretch.seen.get("sent_b" if kind == "send" else "received_b"))
    if one.kind != kind or not moved or one.stretch.duration_s <= 0:
        return None
    return moved / one.stretch.duration_s


def listed(seen: Observation, key: str) -> list[float]:
    """The values of a list that was seen, one of each exchange; what is no number is left out."""
    said: Any = seen.stretch.seen.get(key)
    return [of for one in said if (of := number(one)) is not None] if isinstance(said, list | tuple) else []


def idle_near(one: Observation, idle: Sequence[Observation], source: str) -> tuple[float, float] | None:
    """What idling took around a window, of its own run: the mean of the windows before and after, and its u."""
    mine = [of for of in idle if of.run == one.run and of.power_of(source)]
    before = [of for of in mine if of.stretch.repeat.t1_ns <= one.stretch.repeat.t0_ns + 1]
    after = [of for of in mine if of.stretch.repeat.t0_ns >= one.stretch.repeat.t1_ns - 1]
    chosen = [*before[-1:], *after[:1]] or mine[:1]
    powers = [power for of in chosen if (power := of.power_of(source)) is not None]
    if not powers:
        return None
    return float(np.mean([p.power_w for p in powers])), math.hypot(*(p.u_w for p in powers)) / len(powers)


def _above(seen: Sequence[Observation], idle: Sequence[Observation], source: str | None, kind: str) -> list[_Above]:
    found = []
    for one in seen:
        power = None if source is None or one.kind != kind else one.power_of(source)
        near = None if source is None or power is None else idle_near(one, idle, source)
        if power is not None and near is not None:
            found.append(_Above(one, power.power_w - near[0], math.hypot(power.u_w, near[1])))
    return found


def rate_spreads(seen: Sequence[Observation]) -> dict[str, Spread]:
    """By what share of itself a rate scatters around its law over the signal, by direction, of one interface."""
    return {
        kind: _spread([(one, rate) for one in seen if (rate := rate_of(one, kind)) is not None]) for kind in _DIRECTIONS
    }


def _spread(points: Sequence[tuple[Observation, float]]) -> Spread:
    """By what share values scatter around the line over the signal; where there is none, within bins."""
    used = [(one.rssi_dbm, value) for one, value in points if one.rssi_dbm is not None]
    if not used or min(value for _, value in used) <= 0:
        return UNKNOWN
    rssi, level = np.asarray([of for of, _ in used]), np.log([value for _, value in used])
    if not _has_line(rssi):
        bins = np.floor(rssi / BIN_DB)
        return pooled([spread_of(level[bins == one]) for one in np.unique(bins)])
    left = level - np.polyval(np.polyfit(rssi - rssi.mean(), level, 1), rssi - rssi.mean())
    df = len(left) - 2.0
    return Spread(math.sqrt(float(left @ left) / df), df)


def _has_line(rssi: NDArray[np.float64]) -> bool:
    return len(np.unique(np.round(rssi))) >= LEAST_STRENGTHS and float(np.ptp(rssi)) >= LEAST_SPREAD_DB


def _of_bin(above: Sequence[_Above], relative: Spread, idle: Sequence[Observation], source: str | None) -> Value | None:
    if not above or source is None:
        return None
    gain = next((p.gain_rel for one in idle if (p := one.power_of(source)) is not None), None)
    return mean_alike([of.watts for of in above], relative, [of.u_w for of in above], gain_rel=gain)


def _idle(here: Sequence[Observation], source: str | None, base: PowerFit | None) -> Value | None:
    """What idling with the radio at that strength takes above what the power model says of it, at its warmth.

    None without a model. Its runs are other runs than the model's: what differs between them is in the windows' spread.
    """
    if base is None or source is None:
        return None
    rows, above, gain = [], [], None
    for one in here:
        power = one.power_of(source) if one.kind == IDLE else None
        row, why = base.design.row(one.ran, one.temperature_c)
        if power is not None and why is None:
            rows.append(row)
            above.append(power.power_w - float(row @ base.fit.values))
            gain = power.gain_rel
    if len(rows) < 2 or not base.fit.tells(mean_row := np.mean(rows, axis=0)):
        return None
    watts = np.asarray(above)
    _, u, df = base.fit.of(mean_row)
    u, df = together([(u, df), (float(watts.std(ddof=1)) / math.sqrt(len(watts)), len(watts) - 1)])
    return within(float(watts.mean()), u, df, gain_rel=gain)


def _line(
    found: Found,
    points: Sequence[tuple[Observation, float, float]],
    fit: str,
    of: tuple[str | None, str | None, str],
    gain_rel: float | None,
) -> None:
    """The terms of a log-linear fit over the signal; else a sentence on why there is none."""
    interface, source, unit = of
    used = [(one, value, u) for one, value, u in points if value > 0 and one.rssi_dbm is not None]
    rssi = np.asarray([one.rssi_dbm for one, _, _ in used], np.float64)
    strengths = len(np.unique(np.round(rssi)))
    if not len(rssi):
        return
    if not _has_line(rssi):
        found.notes.append(
            f"{fit} of {interface or 'an interface that nobody named'}{f' by {source}' if source else ''}: no slope "
            f"over the signal from {strengths} strength{'s' if strengths > 1 else ''} ({rssi.min():.0f} to "
            f"{rssi.max():.0f} dBm); measure at {LEAST_STRENGTHS} or more, over {LEAST_SPREAD_DB:g} dB or more"
        )
        return
    pivot = float(rssi.mean())
    level = np.log([value for _, value, _ in used])
    u = np.asarray([u / value for _, value, u in used])
    groups = np.round(rssi / 2).astype(np.intp)
    line = solve(np.column_stack((np.ones(len(rssi)), rssi - pivot)), level, u, groups)
    common = {
        "fit": fit,
        "of": interface,
        "energy_source": source,
        "over": "rssi_dbm",
        "valid_low": float(rssi.min()),
        "valid_high": float(rssi.max()),
        "residual": float(np.sqrt(np.mean(line.residuals**2))),
        "residual_unit": f"ln_{unit}",
        "df_n": known(line.df),
        "observations_n": len(used),
        "condition_number": known(line.condition),
        "source": digests([one for one, _, _ in used]),
    }
    values = {
        # A gain multiplies: it shifts the logarithm, and leaves the slope.
        "ln_level": (f"ln_{unit}", within(*line.of(np.array([1.0, 0.0])), zero=gain_rel or 0.0)),
        "ln_slope": ("per_db", within(*line.of(np.array([0.0, 1.0])))),
        "pivot": ("dbm", Value(pivot)),
    }
    for term, (unit_of, value) in values.items():
        row: Row = {"term": term, "unit": unit_of, "value": value.value, "low": value.low, "high": value.high}
        found.add("fits", {**common, **row})


def _rate_cells(kind: str, value: Value | None) -> Row:
    found = value or Value(math.nan)
    names = (f"{kind}_b_per_s", f"{kind}_low_b_per_s", f"{kind}_high_b_per_s")
    return dict(zip(names, map(known, (found.value, found.low, found.high)), strict=True))

"""On-device power monitors of Pixel 6 and later: joules per rail, counted by the power chips themselves.

`energy_value` of each IIO device: a line `t=<ms>` with the time of the measurement in the device's own time base, then
`CH<n>(T=<ms>)[<RAIL>], <uWs>` with T since that channel began to count (kernel drivers/iio/power/odpm of Pixel kernels,
second-hand; recordings of a Pixel 6). Two devices have two time bases and are two streams. Counters start at 0 with the
phone; which rails there are, and what hangs on them, differs between models: only a profile knows.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from edgewatt.collectors.android.files.look import FAST_S, Found, Look, clean, decimal, folder, name_of
from edgewatt.collectors.android.files.nodes import Node, Values
from edgewatt.collectors.generic.sysfs import unique_names
from edgewatt.device_profiles.rules import energy_sources, match
from edgewatt.profiler.channel import Channel, Unavailable
from edgewatt.profiler.units import Quantity

COLLECTOR: Final = "phone"
STREAM: Final = "odpm"
_DEVICE: Final = "{sysfs}/bus/iio/devices/iio:device"
# The two that a Pixel has, by name as well: a folder that cannot be listed may have files that can be read.
CANDIDATES: Final = tuple(
    f"{_DEVICE}{number}/{file}"
    for number in ("*", "0", "1")
    for file in ("energy_value", "enabled_rails", "sampling_rate")
)

J_PER_UWS: Final = 1e-6
DEVICES: Final = 4
RAILS: Final = 64
# The driver shows a new value every so many periods of the chip (second-hand: LISA, 31 Hz at a rate of 250 Hz).
PERIODS: Final = 8
_TEXT_LIMIT: Final = 1 << 14
_MS: Final = 1_000_000
# A line of a channel, or that of the time.
_LINES: Final = re.compile(
    r"^[ \t]*(?:CH([0-9]{1,3})(?:\(T=([0-9]{1,12})\))?\[([^\]\n]{1,64})\],?[ \t]*([0-9]{1,18})|(?:t=)?([0-9]{1,12}))"
    r"[^\S\n]*$",
    re.MULTILINE,
)
_ENABLED: Final = re.compile(r"[ \t]*CH([0-9]{1,3})\[([^\]\n]{1,64})\]:([^\n]{1,64})")


@dataclass(frozen=True, slots=True)
class Measured:
    """What one reading of energy_value says: its time, T where most lines agree, and microjoule by (channel, rail)."""

    t_ms: int | None
    duration_ms: int | None
    uws: Mapping[tuple[int, str], int]


@lru_cache(maxsize=2 * DEVICES)  # a reading is asked for its counts and for its time
def parse_energy(text: str) -> Measured:
    """The lines that are whole; damaged ones are left out, and two that contradict each other both."""
    lines = _LINES.findall(text[:_TEXT_LIMIT])
    times = [time for _, _, _, _, time in lines if time]
    uws = {(int(channel), label): int(count) for channel, _, label, count, _ in lines if channel}
    if len(uws) < len(lines) - len(times):
        said = Counter((int(channel), label) for channel, _, label, _, _ in lines if channel)
        uws = {rail: count for rail, count in uws.items() if said[rail] == 1}
    durations = [duration for _, duration, _, _, _ in lines if duration]
    return Measured(int(times[0]) if times else None, _agreed_ms(durations), uws)


def _agreed_ms(durations: Sequence[str]) -> int | None:
    """What most lines say; as a rule it is the same in all of them."""
    if len(set(durations)) > 1:
        return Counter(map(int, durations)).most_common(1)[0][0]
    return int(durations[0]) if durations else None


def parse_enabled(text: str) -> dict[int, str]:
    """The subsystem that each channel belongs to, from `CH<n>[RAIL]:<Subsystem>`."""
    hits = (_ENABLED.fullmatch(line) for line in text[:_TEXT_LIMIT].split("\n"))
    return {int(hit[1]): clean(hit[3]) for hit in hits if hit}


def find(look: Look) -> Found:
    """A counter per rail, the joules that the profile lets be formed of them, and what does not count."""
    paths = [path for path in look.matching(f"{_DEVICE}*/energy_value") if parse_energy(look.text(path) or "").uws]
    paths = paths[:DEVICES]
    if not paths:
        return Found(unavailable=tuple(_why_none(look)))
    rails = [
        (path, rail, uws)
        for path in paths
        for rail, uws in list(parse_energy(look.text(path) or "").uws.items())[:RAILS]
    ]
    names = unique_names((rail[1], name_of(folder(path))) for path, rail, _ in rails)
    named = [(path, rail, name, uws) for (path, rail, uws), name in zip(rails, names, strict=True)]
    nodes = tuple(
        _node(look, path, {rail: name for at, rail, name, _ in named if at == path}, number)
        for number, path in enumerate(paths)
    )
    terms = {channel.name: (channel.column,) for node in nodes for channel in node.channels}
    still = [name for _, _, name, uws in named if uws == 0]
    counting = {name: term for name, term in terms.items() if name not in still}
    unavailable = tuple(
        Unavailable(
            f"{name}.energy_j", "it has not counted since the phone started, which is not 0 J: null until it does"
        )
        for name in still
    )
    sources = energy_sources(look.profile, COLLECTOR, counting, unreadable=still)
    return Found(nodes, unavailable, sources, _facts(look, named))


def _node(look: Look, path: str, rails: dict[tuple[int, str], str], number: int) -> Node:
    update_s = _update_s(look, path)
    period_s = look.every(update_s or FAST_S, "odpm_period_s" if update_s is None else "")
    return Node(
        path,
        tuple(_channel(look, path, name, update_s) for name in rails.values()),
        _counts(tuple(rails)),
        period_s,
        f"{STREAM}{number}",
        whole=True,
        own_ns=_own_ns(parse_energy(look.text(path) or "")),
    )


def _channel(look: Look, path: str, name: str, update_s: float | None) -> Channel:
    found = match(look.profile, name)
    return Channel(
        name,
        Quantity.ENERGY,
        "counter",
        source=path,
        scale=J_PER_UWS,
        period_s=update_s,
        boundary=found.rail.boundary if found else "rail",
        covers=found.covers if found else (),
    )


def _counts(rails: Sequence[tuple[int, str]]) -> Callable[[str], Values]:
    """Microjoule of each rail; None where its line is missing, damaged, or has not counted yet."""

    def parse(text: str) -> Values:
        uws = parse_energy(text).uws
        return [uws.get(rail) or None for rail in rails]

    return parse


def _own_ns(first: Measured) -> Callable[[str], int | None]:
    """The time of a reading, from the line that the first reading had: t, else T."""
    has_t = first.t_ms is not None

    def own_ns(text: str) -> int | None:
        now = parse_energy(text)
        value_ms = now.t_ms if has_t else now.duration_ms
        return None if value_ms is None else value_ms * _MS

    return own_ns


def _update_s(look: Look, path: str) -> float | None:
    """How often the driver has a new value; None where it does not say its rate."""
    rate_hz = decimal(look.text(f"{folder(path)}/sampling_rate") or "")
    return PERIODS / rate_hz if rate_hz is not None and 1 <= rate_hz <= 10_000 else None


def _facts(look: Look, named: Sequence[tuple[str, tuple[int, str], str, int]]) -> dict[str, Any]:
    enabled = {path: parse_enabled(look.text(f"{folder(path)}/enabled_rails") or "") for path, _, _, _ in named}
    return {"odpm_rails": {name: enabled[path].get(rail[0]) for path, rail, name, _ in named}}


def _why_none(look: Look) -> list[Unavailable]:
    """Why no rail can be read, where there is something that looks like a monitor; other phones have none."""
    there = [path for path in look.matching(f"{_DEVICE}*/energy_value") if look.why(path) != "not there"]
    return [
        Unavailable("odpm rails", f"{path}: {look.why(path)}", "dumpsys IPowerStats is tried instead") for path in there
    ]

"""What the services remember: how the battery was charged (batterystats), and the last frames (SurfaceFlinger).

`9,h,...` is the format of `dumpsys batterystats --checkin` and `-c`, as public captures of it show (confirmed: tests of
perfetto and battery-historian); `--history` prints the same for people (AOSP, remembered). `--latency` gives the
refresh period and rows of three instants of CLOCK_MONOTONIC, one of each of the last frames (confirmed: Chromium's
SurfaceStatsCollector). What was before the phone's beginning is made up, and the same for every phone.
"""

import time
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from edgewatt.profiler.clock import NS_PER_S
from edgewatt.virtual_lab.phone.anatomy import SCREEN
from edgewatt.virtual_lab.phone.body import Body
from edgewatt.virtual_lab.phone.gauge import Seen

_MS: Final = 1_000_000
_PERIOD_NS: Final = 16_666_667
_ROWS: Final = 127
# Of so many frames one is a period late, and the next is left out.
_LATE_OF: Final = 40
_READY_NS, _SHOWN_NS = 6_000_000, 25_000_000
_VOLT_AT: Final = (3500.0, 8.0)
_BEFORE_S: Final = 5 * 3600


class _State(NamedTuple):
    """The battery from an instant on, in seconds before the phone's beginning."""

    ago_s: int
    level: int
    status: str
    plug: str
    temperature: int


# A charge at a wall socket of an hour and a half, and what was used since.
_PAST: Final = (
    _State(_BEFORE_S, 36, "d", "n", 281),
    _State(16_000, 35, "c", "a", 284),
    _State(14_000, 55, "c", "a", 331),
    _State(12_300, 75, "c", "a", 342),
    _State(10_600, 91, "c", "a", 328),
    _State(10_500, 91, "d", "n", 326),
    _State(6_000, 82, "d", "n", 290),
    _State(900, 73, "d", "n", 284),
)
_WORDS: Final = {"d": "discharging", "c": "charging", "n": "none", "a": "ac", "u": "usb"}


def checkin(body: Body, seen: Seen, t_ns: int) -> str:
    """`dumpsys batterystats --checkin`: the version, and the history."""
    lines = ["9,0,i,vers,36,214,VIRTUAL,VIRTUAL"]
    delta_ms = 0
    before: _State | None = None
    for state in _states(body, seen, t_ns):
        if before is None:
            lines.append(f"9,h,0:RESET:TIME:{_wall_ms(body, state)}")
        else:
            delta_ms = round((before.ago_s - state.ago_s) * 1e3)
        if changed := list(_changed(state, before)):
            lines.append(f"9,h,{delta_ms},{','.join(changed)}")
            before = state
    return "\n".join([*lines, ""])


def history(body: Body, seen: Seen, t_ns: int) -> str:
    """`dumpsys batterystats --history`."""
    lines = ["Battery History (1% used, 2048 used of 4096KB, 21 strings using 1024):"]
    first: _State | None = None
    for state in _states(body, seen, t_ns):
        since_ms = 0 if first is None else round((first.ago_s - state.ago_s) * 1e3)
        words = f"status={_WORDS[state.status]} health=good plug={_WORDS[state.plug]} temp={state.temperature}"
        lines.append(f"{_since(since_ms):>20} (2) {state.level:03d} {words} volt={_volt(state.level)}")
        first = first or state
    return "\n".join([*lines, ""])


def latency(body: Body, t_ns: int) -> str:
    """`dumpsys SurfaceFlinger --latency LAYER` of the layer that draws; rows of zeros while the screen is off."""
    if float(body.timeline.use(np.int64(t_ns), SCREEN)) <= 0:
        return f"{_PERIOD_NS}\n" + "0\t0\t0\n" * _ROWS
    now_ns = body.monotonic_ns(t_ns)
    last = (now_ns - _SHOWN_NS) // _PERIOD_NS
    frames = [n for n in range(last - 2 * _ROWS, last) if n % _LATE_OF != 1][-_ROWS:]
    rows = []
    for number in frames:
        posted_ns = number * _PERIOD_NS
        late_ns = _PERIOD_NS if number % _LATE_OF == 0 else 0
        rows.append(f"{posted_ns}\t{posted_ns + _SHOWN_NS + late_ns}\t{posted_ns + _READY_NS + late_ns}\n")
    return f"{_PERIOD_NS}\n{''.join(rows)}"


def _states(body: Body, seen: Seen, t_ns: int) -> Iterator[_State]:
    plug, status = ("u", "c") if seen.charging else ("n", "d")
    yield from _PAST
    level, temperature = round(100 * seen.level), round(10 * seen.temperature_c)
    yield _State(0, level, status, plug, temperature)
    later_s = (t_ns - body.origin_ns) // NS_PER_S
    yield _State(-int(later_s), level, status, plug, temperature)


def _changed(state: _State, before: _State | None) -> Iterator[str]:
    fields = {"Bl": state.level, "Bs": state.status, "Bh": "g", "Bp": state.plug, "Bt": state.temperature}
    was = {} if before is None else {"Bl": before.level, "Bs": before.status, "Bh": "g", "Bp": before.plug}
    was |= {} if before is None else {"Bt": before.temperature}
    yield from (f"{name}={value}" for name, value in fields.items() if was.get(name) != value)
    if before is None or before.level != state.level:
        yield f"Bv={_volt(state.level)}"


def _volt(level: int) -> int:
    return round(_VOLT_AT[0] + _VOLT_AT[1] * level)


def _wall_ms(body: Body, state: _State) -> int:
    # In real time the wall clock is the machine's, of which the phone's clocks know nothing.
    at_ns = int(body.clocks.realtime_ns(body.origin_ns)) if body.clocks.epoch_ns else _wall_ns(body.origin_ns)
    return at_ns // _MS - state.ago_s * 1000


def _wall_ns(t_ns: int) -> int:
    return time.time_ns() - (time.monotonic_ns() - t_ns)


def _since(ms: int) -> str:
    """As AOSP's TimeUtils writes a duration."""
    if ms == 0:
        return "0"
    text, rest = "", ms
    for unit, length in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        count, rest = divmod(rest, length)
        if count or text:
            text += f"{count:02d}{unit}" if text else f"{count}{unit}"
    return f"+{text}{rest:03d}ms" if text else f"+{rest}ms"

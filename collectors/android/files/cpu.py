"""Processors of a phone: frequency, caps and time in each state per cluster, load per processor.

Kernel Documentation/admin-guide/pm/cpufreq.rst (kilohertz) and Documentation/cpu-freq/cpufreq-stats.rst
(time_in_state, in ticks of 10 ms). A processor that is offline cannot be read: null, which is not 0.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from edgewatt.collectors.android.files.look import FAST_S, SLOW_S, Found, Look, clean, folder, whole
from edgewatt.collectors.android.files.nodes import Node, Values
from edgewatt.collectors.host.frequency import to_hz
from edgewatt.collectors.host.kernel import Ticks, load_ratio, parse_stat
from edgewatt.profiler.channel import Channel, Unavailable
from edgewatt.profiler.units import Quantity

_POLICY: Final = "{sysfs}/devices/system/cpu/cpufreq/policy*"
_CURRENT, _STATES = f"{_POLICY}/scaling_cur_freq", f"{_POLICY}/stats/time_in_state"
_CAPS: Final = ("min", "max")
_PRESENT, _STAT = "{sysfs}/devices/system/cpu/present", "{proc}/stat"
CANDIDATES: Final = (
    _CURRENT,
    *(f"{_POLICY}/scaling_{cap}_freq" for cap in _CAPS),
    f"{_POLICY}/scaling_governor",
    f"{_POLICY}/related_cpus",
    _STATES,
    _PRESENT,
    _STAT,
)

TICK_S: Final = 0.01
# Bounds on what a phone can make us record: the largest have 3 or 4 clusters, 10 processors and about 30 steps.
CLUSTERS: Final = 16
PROCESSORS: Final = 64
STEPS: Final = 64
_TEXT_LIMIT: Final = 1 << 16
_ONE_STEP: Final = re.compile(r"[ \t]*([0-9]{1,10})[ \t:]+([0-9]{1,18})\s*")


def find(look: Look) -> Found:
    """Everything of the processors that this phone shows."""
    policies = [folder(path) for path in look.matching(f"{_POLICY}/*")][: CLUSTERS * 8]
    clusters = list(dict.fromkeys(policies))[:CLUSTERS]
    parts = (_load(look, clusters), _frequencies(look, clusters), _states(look, clusters), _caps(look, clusters))
    found = Found(facts=_facts(look, clusters))
    for part in parts:
        found = found.and_(part)
    return found


def parse_khz(text: str) -> Values:
    """Kilohertz in hertz; None where no processor can run at it."""
    return [to_hz(whole(text))]


def parse_states(text: str) -> dict[int, int]:
    """The counter of each step, from lines of a frequency and a count; what is no such line is left out."""
    hits = (_ONE_STEP.fullmatch(line) for line in text[:_TEXT_LIMIT].split("\n"))
    return {int(hit[1]): int(hit[2]) for hit in hits if hit}


def states_node(path: str, name: str, text: str, *, tick_s: float, period_s: float) -> Node | None:
    """A counter of seconds for each frequency step in kilohertz that `text` has, `<name>_<step>khz`; None without."""
    steps = tuple(parse_states(text))[:STEPS]

    def parse(text: str) -> Values:
        now = parse_states(text)
        return [now.get(step) for step in steps]

    channels = tuple(
        Channel(f"{name}_{step}khz", Quantity.DURATION, "counter", source=path, scale=tick_s, resolution=tick_s)
        for step in steps
    )
    return Node(path, channels, parse, period_s, whole=True) if steps else None


def _name(policy: str) -> str:
    return f"cpu{policy.rpartition('policy')[2]}"


def _processors(look: Look, policy: str) -> tuple[str, ...]:
    listed = (look.text(f"{policy}/related_cpus") or "").split()[:PROCESSORS]
    return tuple(f"cpu{number}" for number in listed if re.fullmatch(r"[0-9]{1,3}", number))


def _frequencies(look: Look, clusters: Sequence[str]) -> Found:
    nodes, unavailable = [], []
    for policy in clusters:
        path = f"{policy}/scaling_cur_freq"
        if parse_khz(look.text(path) or "")[0] is None:
            unavailable.append(Unavailable(f"{_name(policy)}.frequency_hz", f"{path}: {look.why(path)}"))
            continue
        channel = Channel(
            _name(policy),
            Quantity.FREQUENCY,
            source=path,
            window_s=0.0,
            resolution=1000.0,
            covers=_processors(look, policy),
        )
        nodes.append(Node(path, (channel,), parse_khz, look.every(FAST_S, "frequency_period_s"), "freq"))
    if not clusters:
        unavailable.append(Unavailable("cpu.frequency_hz", f"no cpufreq policy under {look.at(folder(_POLICY))}"))
    return Found(tuple(nodes), tuple(unavailable))


def _states(look: Look, clusters: Sequence[str]) -> Found:
    nodes, unavailable = [], []
    for policy in clusters:
        path = f"{policy}/stats/time_in_state"
        text, period_s = look.text(path) or "", look.every(SLOW_S)
        node = states_node(path, _name(policy), text, tick_s=TICK_S, period_s=period_s)
        if node is None:
            unavailable.append(Unavailable(f"{_name(policy)}.duration_s per step", f"{path}: {look.why(path)}"))
        else:
            nodes.append(node)
    return Found(tuple(nodes), tuple(unavailable))


def _caps(look: Look, clusters: Sequence[str]) -> Found:
    nodes, unavailable = [], []
    for policy in clusters:
        for cap in _CAPS:
            path, name = f"{policy}/scaling_{cap}_freq", f"{_name(policy)}_{cap}"
            if parse_khz(look.text(path) or "")[0] is None:
                unavailable.append(Unavailable(f"{name}.frequency_hz", f"{path}: {look.why(path)}"))
                continue
            channel = Channel(name, Quantity.FREQUENCY, source=path, window_s=0.0, resolution=1000.0)
            nodes.append(Node(path, (channel,), parse_khz, look.every(SLOW_S)))
    return Found(tuple(nodes), tuple(unavailable))


def load_parser(names: Sequence[str]) -> Callable[[str], Values]:
    """The share of time since the text before in which each of `names` was busy; None for one that is offline."""
    before: dict[str, Ticks] = {}

    def parse(text: str) -> Values:
        nonlocal before
        now = parse_stat(text.encode(errors="replace"))
        ratios = [load_ratio(before.get(name), now.get(name)) for name in names]
        before = now
        return ratios

    return parse


def _load(look: Look, clusters: Sequence[str]) -> Found:
    path = look.at(_STAT)
    online = parse_stat((look.text(path) or "").encode(errors="replace"))
    if not online:
        return Found(unavailable=(Unavailable("cpu.load_ratio", f"{path}: {look.why(path)}"),))
    known = {*online, *_present(look), *(cpu for policy in clusters for cpu in _processors(look, policy))} - {"cpu"}
    names = ("cpu", *sorted(known, key=lambda name: int(name[3:]))[:PROCESSORS])
    period_s = look.every(SLOW_S)
    channels = tuple(
        Channel(
            name, Quantity.LOAD, source=path, period_s=period_s, window_s=period_s, resolution=min(TICK_S / period_s, 1)
        )
        for name in names
    )
    return Found((Node(path, channels, load_parser(names), period_s, whole=True),))


def _present(look: Look) -> Iterator[str]:
    """The processors that this phone has, such as `0-7`."""
    for part in (look.text(look.at(_PRESENT)) or "").strip().split(",")[:PROCESSORS]:
        hit = re.fullmatch(r"([0-9]{1,3})(?:-([0-9]{1,3}))?", part)
        if hit:
            yield from (f"cpu{number}" for number in range(int(hit[1]), min(int(hit[2] or hit[1]), PROCESSORS - 1) + 1))


def _facts(look: Look, clusters: Sequence[str]) -> dict[str, object]:
    governors = {_name(policy): clean(look.text(f"{policy}/scaling_governor") or "") or None for policy in clusters}
    cpus = {_name(policy): list(_processors(look, policy)) for policy in clusters}
    return {"cpu_governors": governors, "cpu_clusters": cpus} if clusters else {}

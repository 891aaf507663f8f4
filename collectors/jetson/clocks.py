"""Clocks and loads beside the processors: graphics unit, memory controller, and the engines for video and vision.

Paths: jetson_stats (second-hand) where their line says nothing else. Most of debugfs is for root alone. A clock of 0 is
one that is gated: null, as it runs at none.
"""

import re
from collections.abc import Callable, Iterator
from typing import Final

from edgewatt.collectors.android.files.look import FAST_S, SLOW_S, Found, folder, name_of, whole
from edgewatt.collectors.android.files.nodes import Node, Values
from edgewatt.collectors.jetson.look import BoardLook
from edgewatt.profiler.channel import Channel, Unavailable, channel_name
from edgewatt.profiler.units import Quantity

HIGHEST_HZ: Final = 1e10
ENGINES: Final = 32
STREAM: Final = "freq"

_ROOT: Final = "run edgewatt as root: sudo -E env PATH=$PATH edgewatt ..."
_DEVFREQ: Final = "{sysfs}/class/devfreq/*"
# What the graphics unit's node is called in the device tree (jetson_stats, second-hand; the facts' list).
_GPUS: Final = ("gp10b", "gv11b", "ga10b", "gb10b", "gpu", "gm20b")
_LOADS: Final = (
    f"{_DEVFREQ}/device/load",
    "{sysfs}/devices/platform/gpu.0/load",
    "{sysfs}/devices/gpu.0/load",
)
_GPC: Final = "{debugfs}/bpmp/debug/clk/nafll_gpc*/pto_counter"
_BPMP_EMC, _OLD_EMC = "{debugfs}/bpmp/debug/clk/emc/rate", "{debugfs}/clk/override.emc/clk_rate"
_EMC: Final = (_BPMP_EMC, _OLD_EMC, "{sysfs}/class/devfreq/bwmgr/cur_freq")
_EMC_ACTIVITY: Final = (
    "{debugfs}/cactmon/mc_all",
    "{debugfs}/bpmp/debug/actmon/mc_all_avg_activity",
    "{sysfs}/kernel/actmon_avg_activity/mc_all",
)
_VIC: Final = "{debugfs}/vic/actmon_avg_norm"
_CLK: Final = "{debugfs}/clk/*"
_ENGINE_NAMES: Final = ("nvenc*", "nvdec*", "nvjpg*", "msenc*", "vic*", "ofa*", "ape*", "dla*", "pva*", "cvnas*", "se")
_ENGINE: Final = re.compile(r"(?:nvenc|nvdec|nvjpg|msenc|vic|ofa|ape|nvdla|dla|pva|cvnas|se)[0-9]?(?:_[a-z0-9]{1,12})?")
CANDIDATES: Final = (
    *(f"{_DEVFREQ}/{file}" for file in ("cur_freq", "min_freq", "max_freq", "governor")),
    *(f"{_DEVFREQ}/device/{file}" for file in ("of_node/name", "railgate_enable", "enable_3d_scaling", "tpc_pg_mask")),
    *_LOADS,
    _GPC,
    *_EMC,
    *(f"{{debugfs}}/bpmp/debug/clk/emc/{file}" for file in ("min_rate", "max_rate", "mrq_rate_locked")),
    *_EMC_ACTIVITY,
    "{sysfs}/kernel/nvpmodel_emc_cap/emc_iso_cap",
    _VIC,
    *(f"{{debugfs}}/clk/{name}/{file}" for name in _ENGINE_NAMES for file in ("clk_rate", "clk_enable_count")),
)


def find(look: BoardLook) -> Found:
    """What of them this board shows, and why the rest is missing."""
    return _gpu(look).and_(_emc(look)).and_(_engines(look))


def hertz(text: str) -> Values:
    """A clock in hertz; None where it is gated (0) or impossible."""
    value = whole(text)
    return (float(value) if value is not None and 0 < value <= HIGHEST_HZ else None,)


def permille(text: str) -> Values:
    """A load of 0 to 1000 as a share."""
    value = whole(text)
    return (value / 1000 if value is not None and 0 <= value <= 1000 else None,)


def gpus(look: BoardLook) -> list[tuple[str, str]]:
    """The devfreq folders of graphics units and what they are called: `gpu`, on a Thor `gpu-gpc-0` and others."""
    found = []
    for path in look.matching(f"{_DEVFREQ}/cur_freq"):
        place = folder(path)
        node = (look.fact(f"{place}/device/of_node/name") or "").lower()
        base = re.split(r"[.@]", name_of(place))[-1].lower()
        if name_of(place).startswith("gpu-"):
            found.append((place, channel_name(name_of(place))))
        elif node in _GPUS or base in _GPUS:
            found.append((place, "gpu"))
    plain = [one for one in found if one[1] == "gpu"][:1]
    return [*plain, *(one for one in found if one[1] != "gpu")][:8]


def _gpu(look: BoardLook) -> Found:
    nodes, unavailable = [], []
    for place, name in gpus(look):
        path = f"{place}/cur_freq"
        if whole(look.text(path) or "") is None and not look.answers_later(path):
            unavailable.append(_why(look, f"{name}.frequency_hz", path))
            continue
        nodes.append(_clock(look, path, name))
    if not nodes and not unavailable:
        reason = f"no graphics unit is visible under {look.at('{sysfs}/class/devfreq')}"
        unavailable.append(Unavailable("gpu.frequency_hz", reason))
    loads = [path for pattern in _LOADS for path in look.matching(pattern) if _is_load(look, path)]
    if loads:
        channel = Channel("gpu", Quantity.LOAD, source=loads[0], resolution=0.001)
        nodes.append(Node(loads[0], (channel,), permille, look.every(FAST_S), STREAM))
    else:
        unavailable.append(Unavailable("gpu.load_ratio", "no load node of the graphics unit is visible"))
    counters = [path for path in look.matching(_GPC)[:8] if whole(look.text(path) or "") is not None]
    nodes += [_clock(look, path, name_of(folder(path)).removeprefix("nafll_")) for path in counters]
    return Found(tuple(nodes), tuple(unavailable))


def _is_load(look: BoardLook, path: str) -> bool:
    graphics = [place for place, _ in gpus(look)]
    is_its_own = path.endswith("gpu.0/load") or any(path.startswith(f"{place}/") for place in graphics)
    return is_its_own and (permille(look.text(path) or "")[0] is not None or look.answers_later(path))


def _clock(look: BoardLook, path: str, name: str) -> Node:
    channel = Channel(name, Quantity.FREQUENCY, source=path, window_s=0.0)
    return Node(path, (channel,), hertz, look.every(FAST_S), STREAM)


def _emc(look: BoardLook) -> Found:
    """The memory controller's clock, and how busy it is: activity / clock in kHz is per cent (jetson_stats)."""
    rates = [path for pattern in _EMC for path in look.matching(pattern) if hertz(look.text(path) or "")[0]]
    if not rates:
        tried = [path for pattern in _EMC for path in look.matching(pattern) if look.why(path) != "not there"]
        return Found(unavailable=(_why(look, "emc.frequency_hz", tried[0] if tried else look.at(_BPMP_EMC)),))
    now: list[float | None] = [None]

    def rate(text: str) -> Values:
        now[:] = hertz(text)
        return tuple(now)

    def load(text: str) -> Values:
        activity, at_hz = whole(text), now[0]
        ratio = None if activity is None or not at_hz else activity / (at_hz / 1000) / 100
        return (ratio if ratio is not None and 0 <= ratio <= 1 else None,)

    period_s = look.every(SLOW_S)
    clock = Channel("emc", Quantity.FREQUENCY, source=rates[0], window_s=0.0)
    nodes = [Node(rates[0], (clock,), rate, period_s)]
    activities = [
        p for pattern in _EMC_ACTIVITY for p in look.matching(pattern) if whole(look.text(p) or "") is not None
    ]
    if activities:
        busy = Channel("emc", Quantity.LOAD, source=activities[0])
        return Found((*nodes, Node(activities[0], (busy,), load, period_s)))
    reason = "no activity of the memory controller can be read: it is for root alone on most releases"
    return Found(tuple(nodes), (Unavailable("emc.load_ratio", reason, _ROOT),))


def _engines(look: BoardLook) -> Found:
    nodes: list[Node] = []
    for place in dict.fromkeys(folder(path) for path in look.matching(f"{_CLK}/clk_rate")):
        name = name_of(place)
        if _ENGINE.fullmatch(name) and whole(look.text(f"{place}/clk_rate") or "") is not None:
            nodes += _engine(look, place, name)
    if look.matching(_VIC) and permille(look.text(look.at(_VIC)) or "")[0] is not None:
        # That it counts to 1000, as the graphics unit's load does, is remembered of the driver.
        channel = Channel("vic", Quantity.LOAD, source=look.at(_VIC), resolution=0.001)
        nodes.append(Node(look.at(_VIC), (channel,), permille, look.every(SLOW_S)))
    if nodes:
        return Found(tuple(nodes[: 2 * ENGINES]))
    clocks = look.at(folder(_CLK))
    return Found(
        unavailable=(
            Unavailable("engines", f"no clock of an engine can be read under {clocks}: root alone may", _ROOT),
        )
    )


def _engine(look: BoardLook, place: str, name: str) -> Iterator[Node]:
    """Whether an engine's clock is on, and its rate where it is: the rate alone stays when the engine is off."""
    on: list[float | None] = [None]

    def enabled(text: str) -> Values:
        count = whole(text)
        on[0] = None if count is None or count < 0 else float(count > 0)
        return tuple(on)

    def rate_if_on(text: str) -> Values:
        return hertz(text) if on[0] else (None,)

    rate: Callable[[str], Values] = hertz
    path = f"{place}/clk_enable_count"
    if whole(look.text(path) or "") is not None:
        state = Channel(f"{name}_on", Quantity.STATE, source=path)
        yield Node(path, (state,), enabled, look.every(SLOW_S))
        rate = rate_if_on
    channel = Channel(name, Quantity.FREQUENCY, source=f"{place}/clk_rate", window_s=0.0)
    yield Node(f"{place}/clk_rate", (channel,), rate, look.every(SLOW_S))


def _why(look: BoardLook, column: str, path: str) -> Unavailable:
    return Unavailable(column, f"{path}: {look.why(path)}", look.fix(path))

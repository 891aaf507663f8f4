"""The graphics unit: its clock and how busy it is, from whatever its driver lets the shell see.

Sources are tried from best to worst; one gives `gpu.frequency_hz`, one `gpu.load_ratio`, the others are named in the
facts as left out. Paths: second-hand, from public samplers, where their line says nothing else.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from edgewatt.collectors.android.files.cpu import states_node
from edgewatt.collectors.android.files.look import FAST_S, SLOW_S, Found, Look, whole
from edgewatt.collectors.android.files.nodes import Node, Values
from edgewatt.profiler.channel import Channel, Unavailable
from edgewatt.profiler.units import Quantity

HIGHEST_HZ: Final = 5e9
INSTEAD: Final = "`dumpsys gpu` is tried instead"
_TEXT_LIMIT: Final = 1 << 14


def hertz(text: str) -> float | None:
    """A clock in hertz. 0 is one that is gated, here and below."""
    return _clock(whole(text), 1.0)


def sized_hertz(text: str) -> float | None:
    """A clock in MHz, kHz or Hz, which its size tells: graphics units run at 0.05 to 5 GHz (assumed)."""
    return _sized(whole(text))


def ged_frequency(text: str) -> float | None:
    """MediaTek's `<step> <clock>`, the clock by its size."""
    hit = re.fullmatch(r"\s*[0-9]{1,4}\s+([0-9]{1,12})\s*", text)
    return None if hit is None else _sized(int(hit[1]))


def gpufreq_status(text: str) -> float | None:
    """The clock in the line `[GPU-OPP] Index: N, Freq: <kHz>, ...`, that of its stack where it has two."""
    hits = {hit[1]: hit[2] for hit in re.finditer(r"\[(GPU|STACK)-OPP\][^\n]{0,80}?Freq: ?([0-9]{1,9})", _cut(text))}
    found = hits.get("STACK", hits.get("GPU"))
    return None if found is None else _clock(int(found), 1e3)


def gpufreq_dump(text: str) -> float | None:
    """The clock in kHz that MediaTek's older drivers dump: the measured one, else that of the current step."""
    for pattern in (r"real clock freq\D{0,8}([0-9]{1,9})", r"g_cur_(?:opp|gpu)_freq\s{0,4}=\s{0,4}([0-9]{1,9})"):
        if hit := re.search(pattern, _cut(text)):
            return _clock(int(hit[1]), 1e3)
    return None


def percent(text: str) -> float | None:
    """`NN %`, or NN, as a share."""
    hit = re.fullmatch(r"\s*([0-9]{1,3}(?:\.[0-9]{1,9})?)\s*%?\s*", text)
    return None if hit is None else _share(float(hit[1]), 100.0)


def busy_total(text: str) -> float | None:
    """`<busy> <total>` of the driver's LAST window (not since boot): their ratio; `0 0` is a unit that is off, 0."""
    hit = re.fullmatch(r"\s*([0-9]{1,18})\s+([0-9]{1,18})\s*", text)
    if hit is None:
        return None
    busy, total = int(hit[1]), int(hit[2])
    return 0.0 if busy == total == 0 else _share(busy, total)


def at_clock(text: str) -> float | None:
    """`NN@<clock>` of devfreq, the load as a share."""
    hit = re.fullmatch(r"\s*([0-9]{1,3})\s*@\s*[0-9]{1,12}\s*(?:Hz)?\s*", text)
    return None if hit is None else _share(float(hit[1]), 100.0)


def ged_load(text: str) -> float | None:
    """MediaTek's `<busy> <blocked> <idle>` in per cent, the first as a share."""
    hit = re.fullmatch(r"\s*([0-9]{1,3})(?:\s+[0-9]{1,3}){0,2}\s*", text)
    return None if hit is None else _share(float(hit[1]), 100.0)


@dataclass(frozen=True, slots=True)
class _Way:
    pattern: str
    read: Callable[[str], float | None]
    whole: bool = False

    def clock(self, text: str) -> Values:
        return [self.read(text) or None]

    def load(self, text: str) -> Values:
        return [self.read(text)]


_KGSL: Final = "{sysfs}/class/kgsl/kgsl-3d0"
# Tensor G1, G2, G3 (public: the Pixel's own health service and samplers), then whatever else is called so.
_TENSOR: Final = tuple(f"{{sysfs}}/devices/platform/{at}.mali" for at in ("1c500000", "28000000", "1f000000", "*"))
_SAMSUNG: Final = "{sysfs}/kernel/gpu"
_GED: Final = "{sysfs}/kernel/ged/hal"
_MALI: Final = "{sysfs}/class/misc/mali0/device"
_DEVFREQ: Final = tuple(f"{{sysfs}}/class/devfreq/*{kind}*" for kind in ("kgsl", "mali", "gpu"))

FREQUENCIES: Final = (
    _Way(f"{_KGSL}/gpuclk", hertz),
    _Way(f"{_KGSL}/devfreq/cur_freq", hertz),
    *(_Way(f"{device}/cur_freq", sized_hertz) for device in _TENSOR),
    _Way(f"{_SAMSUNG}/gpu_clock", sized_hertz),
    _Way("{proc}/gpufreqv2/gpufreq_status", gpufreq_status, whole=True),
    _Way("{proc}/gpufreq/gpufreq_var_dump", gpufreq_dump, whole=True),
    _Way("{proc}/gpufreq/gpufreq_opp_dump", gpufreq_dump, whole=True),
    _Way(f"{_GED}/current_freqency", ged_frequency),
    _Way(f"{_MALI}/devfreq/*/cur_freq", hertz),
    *(_Way(f"{device}/cur_freq", hertz) for device in _DEVFREQ),
)
LOADS: Final = (
    _Way(f"{_KGSL}/gpu_busy_percentage", percent),
    _Way(f"{_KGSL}/gpubusy", busy_total),
    *(_Way(f"{device}/utilization", percent) for device in _TENSOR),
    _Way(f"{_SAMSUNG}/gpu_busy", percent),
    _Way(f"{_GED}/gpu_utilization", ged_load),
    _Way(f"{_MALI}/devfreq/*/load", at_clock),
    *(_Way(f"{device}/load", at_clock) for device in _DEVFREQ),
)
_STATES: Final = tuple(f"{device}/time_in_state" for device in _TENSOR)
_MODELS: Final = (f"{_KGSL}/gpu_model", f"{_SAMSUNG}/gpu_model", *(f"{device}/gpuinfo" for device in _TENSOR))
CANDIDATES: Final = (*(way.pattern for way in (*FREQUENCIES, *LOADS)), *_STATES, *_MODELS)
# Tensor's time_in_state is in milliseconds (facts: second-hand).
_STATE_TICK_S: Final = 1e-3


def find(look: Look) -> Found:
    """The best clock and the best load that answer, the residency where a driver counts it, and what is missing."""
    period_s = look.every(FAST_S, "frequency_period_s")
    found = Found(
        unavailable=(
            Unavailable("dsp.load_ratio", "no load node is visible: no phone shows one to the shell"),
            Unavailable("npu.load_ratio", "no load node is visible: no phone shows one to the shell"),
        ),
        facts=_model(look),
    )
    for ways, quantity in ((FREQUENCIES, Quantity.FREQUENCY), (LOADS, Quantity.LOAD)):
        found = found.and_(_best(look, ways, Channel("gpu", quantity), period_s))
    return found.and_(_residency(look))


def _best(look: Look, ways: Sequence[_Way], channel: Channel, period_s: float) -> Found:
    tried = {path: way for way in ways for path in look.matching(way.pattern)}
    alive = {path: value for path, way in tried.items() if (value := way.read(look.text(path) or "")) is not None}
    if not alive:
        return Found(unavailable=(_why_none(look, channel.column, list(tried)),))
    is_clock = channel.quantity is Quantity.FREQUENCY
    first, *others = sorted(alive, key=lambda path: is_clock and not alive[path])
    way = tried[first]
    node = Node(first, (_of(channel, first),), way.clock if is_clock else way.load, period_s, "freq", way.whole)
    key = "gpu_frequency" if is_clock else "gpu_load"
    left: dict[str, Any] = {f"{key}_left_out": others[:8]} if others else {}
    return Found((node,), facts={f"{key}_from": first, **left})


def _of(channel: Channel, path: str) -> Channel:
    window_s = 0.0 if channel.quantity is Quantity.FREQUENCY else None
    resolution = 0.01 if channel.quantity is Quantity.LOAD and not path.endswith("gpubusy") else None
    return Channel(channel.name, channel.quantity, source=path, window_s=window_s, resolution=resolution)


def _why_none(look: Look, column: str, tried: Sequence[str]) -> Unavailable:
    there = [path for path in tried if look.why(path) != "not there"]
    if not there:
        return Unavailable(column, "no node of a graphics driver is visible", INSTEAD)
    more = f" (and {len(there) - 1} more)" if len(there) > 1 else ""
    return Unavailable(column, f"{there[0]}: {look.why(there[0])}{more}", INSTEAD)


def _residency(look: Look) -> Found:
    """What the clock really was: a clock that is asked for is not always the one that it runs at."""
    for path in dict.fromkeys(path for pattern in _STATES for path in look.matching(pattern)):
        text, period_s = look.text(path) or "", look.every(SLOW_S)
        if node := states_node(path, "gpu", text, tick_s=_STATE_TICK_S, period_s=period_s):
            return Found((node,))
    return Found()


def _model(look: Look) -> dict[str, Any]:
    for path in (path for pattern in _MODELS for path in look.matching(pattern)):
        if model := look.fact(path):
            return {"gpu_model": model}
    return {}


def _clock(raw: float | None, scale: float) -> float | None:
    value_hz = None if raw is None else raw * scale
    return value_hz if value_hz is not None and 0 <= value_hz <= HIGHEST_HZ else None


def _sized(raw: float | None) -> float | None:
    if raw == 0:
        return 0.0
    for scale in (1e6, 1e3, 1.0):
        if raw is not None and 5e7 <= raw * scale <= HIGHEST_HZ:
            return raw * scale
    return None


def _share(part: float, of: float) -> float | None:
    return part / of if of > 0 and 0 <= part <= of else None


def _cut(text: str) -> str:
    return text[:_TEXT_LIMIT]

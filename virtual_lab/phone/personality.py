"""What makes one phone differ from another, as far as a measurement meets it; every plain field is a quirk to set.

Sources are named where a personality is (personalities.py). Watts are assumed, in the order of magnitude of phones.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, get_args, get_origin, get_type_hints

from edgewatt.profiler.errors import UsageError
from edgewatt.virtual_lab.phone.quirk_limits import expected_of
from edgewatt.virtual_lab.phone.tool_delegates import FATES, Fate
from edgewatt.virtual_lab.phone.tool_text import GENERATIONS

Gpu = Literal["adreno", "tensor", "samsung", "mediatek", "none"]
Thermal = Literal["aosp", "shifted", "not_ready", "none"]


@dataclass(frozen=True, slots=True)
class Cluster:
    """Processors that share a clock: its steps in kHz, and what all of them draw at the highest, in watt."""

    cpus: tuple[int, ...]
    khz: tuple[int, ...]
    top_w: float
    rail: str
    online: bool = True


@dataclass(frozen=True, slots=True)
class Rail:
    """A channel of ODPM: its PMIC, label, subsystem, and the share that it has of the power of a domain."""

    pmic: int
    label: str
    subsystem: str
    domain: str
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Zone:
    """A thermal zone: its type, how it writes degrees (milli, tenths, whole), and how far it is above the skin's."""

    kind: str
    per_c: int = 1000
    above_c: float = 0.0
    readable: bool = True


@dataclass(frozen=True, slots=True)
class Personality:
    """One phone.

    `gauge_*` is its battery's fuel gauge, `gauge_gain_rel` and `gauge_offset_a` the spreads of its errors, `gauge_sign`
    -1 where a current out of it reads negative, as Android's rule is. `rooted`: a userdebug build whose adbd is root.
    Its radio hears the access point at `rssi_dbm`, or walks `rssi_swing_db` away from it and back, `rssi_swing_s` at
    each station; `radio_send_w`, `_receive_w` and `_tail_w` are above its idle, at -54 dBm (radio_law.py). At `trip_c`
    of its chip the clocks of its processors are throttled. It sleeps `suspend_s` from `suspend_after_s` on unless a
    wake lock is held. `denied`: paths under the tree that the shell may not read, with the wildcards of fnmatch;
    `unlisted`: folders that it may search but not list.
    """

    name: str
    title: str
    manufacturer: str
    brand: str
    model: str
    device: str
    android: str
    sdk: int
    soc: str
    clusters: tuple[Cluster, ...]
    soc_maker: str = ""
    generation: str = "2025"
    shell_v2: bool = True
    rooted: bool = False
    plugged: bool = False
    screen: bool = False
    gauge_node: str = "battery"
    gauge_unit: Literal["uA", "mA"] = "uA"
    gauge_sign: int = -1
    gauge_voltage_unit: Literal["uV", "mV", "V"] = "uV"
    gauge_period_s: float = 1.0
    gauge_window_s: float = 0.0
    gauge_gain_rel: float = 0.03
    gauge_offset_a: float = 0.0
    gauge_drop_out: float = 0.0
    gauge_counts_charge: bool = True
    gauge_readable: bool = True
    second_gauge: bool = False
    service_period_s: float = 2.0
    service_tells_current: bool = False
    odpm: bool = False
    odpm_period_s: float = 0.032
    odpm_second_base_s: float = 0.0
    power_stats: bool = False
    gpu: Gpu = "none"
    gpu_work: bool = False
    thermal_service: Thermal = "aosp"
    wifi_status: bool = True
    clock_offset_s: float = 86_400.0
    clock_drift_ppm: float = 12.0
    idle_w: float = 0.35
    trip_c: float = 95.0
    screen_w: float = 0.6
    gpu_w: float = 2.5
    npu_w: float = 1.2
    rssi_dbm: float = -54.0
    rssi_swing_db: float = 0.0
    rssi_swing_s: float = 30.0
    link_mbit_per_s: float = 433.0
    rtt_s: float = 0.004
    radio_idle_w: float = 0.03
    radio_send_w: float = 0.9
    radio_receive_w: float = 0.55
    radio_tail_w: float = 0.25
    radio_tail_s: float = 0.2
    delegate_gpu: Fate = "all"
    delegate_nnapi: Fate = "none"
    delegate_hexagon: Fate = "absent"
    delegate_npu: Fate = "absent"
    late_lines: bool = False
    torn: float = 0.0
    denied: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()
    disk_b: int = 0
    late_s: float = 0.0
    bytes_per_s: float = 0.0
    cut_after_s: float = 0.0
    stall_after_s: float = 0.0
    stall_s: float = 8.0
    suspend_after_s: float = 0.0
    suspend_s: float = 5.0
    rails: tuple[Rail, ...] = ()
    zones: tuple[Zone, ...] = ()
    properties: Mapping[str, str] = field(default_factory=dict)

    @property
    def fates(self) -> dict[str, Fate]:
        """What becomes of each accelerator that a tool is asked to use."""
        return {
            "gpu": self.delegate_gpu,
            "nnapi": self.delegate_nnapi,
            "hexagon": self.delegate_hexagon,
            "npu": self.delegate_npu,
        }

    @property
    def cpus(self) -> int:
        """How many processors it has."""
        return sum(len(cluster.cpus) for cluster in self.clusters)


_WHOLE = ("clusters", "rails", "zones", "properties", "name")
_WORDS: Mapping[str, tuple[str, ...]] = {"generation": GENERATIONS}


def quirks() -> list[str]:
    """The names of what can be set."""
    return [field.name for field in fields(Personality) if field.name not in _WHOLE]


def with_quirk(personality: Personality, name: str, text: str) -> Personality:
    """The personality with one field set from text. Raises UsageError for no such field, or a value that is none."""
    if name not in quirks():
        raise UsageError(f"quirk {name!r}: known are {', '.join(quirks())}")
    kind = get_type_hints(Personality)[name]
    words = _WORDS.get(name) or (FATES if kind is Fate else get_args(kind) if get_origin(kind) is Literal else ())
    if words and text not in words:
        raise UsageError(f"quirk {name}={text!r}: expected one of {', '.join(words)}")
    try:
        value = _value(kind, text)
    except (KeyError, ValueError):
        expected = {bool: "true or false", int: "a whole number"}.get(kind, "a number")
        raise UsageError(f"quirk {name}={text!r}: expected {expected}") from None
    if (fit := expected_of(name, value)) is not None:
        raise UsageError(f"quirk {name}={text!r}: expected {fit}")
    changed: dict[str, Any] = {name: value}
    return replace(personality, **changed)


def _value(kind: object, text: str) -> object:
    if kind is bool:
        return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
    if kind in (int, float):
        number = float(text)
        if number != number or abs(number) > 1e15:  # noqa: PLR0124  (no NaN, nothing absurd)
            raise ValueError(text)
        return int(text) if kind is int else number
    return tuple(part for part in text.split(",") if part) if get_origin(kind) is tuple else text

"""What makes one phone differ from another: its properties, its files, its services, and how they change."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Denied:
    """A file that the shell user may not open (EACCES)."""

    text: str = "0"


@dataclass(frozen=True, slots=True)
class Failing:
    """A file that opens and cannot be read (EIO), as that of a core which is offline."""


@dataclass(frozen=True, slots=True)
class Hanging:
    """A file whose opening never returns, as some drivers' do when their chip is gone."""


@dataclass(frozen=True, slots=True)
class Link:
    """A link to another path of the tree, relative as sysfs makes them."""

    to: str


Node = str | Denied | Failing | Hanging | Link
Nodes = dict[str, Node]


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of a phone, for tests to compare with. Idle and busy are at load 0 and 1, linear between.

    `rails_w` has (idle, busy) by rail; `frequencies_hz` what a cluster steps through by its policy's number;
    temperatures in degC by the zone's type. `battery_v` and `battery_w` are at the battery's terminals, and
    `charging_w` is what flows in when it charges.
    """

    battery_v: float
    battery_w: tuple[float, float]
    charging_w: float
    level: int
    frequencies_hz: Mapping[int, tuple[int, ...]]
    cpus: Mapping[int, tuple[int, ...]]
    temperatures_c: Mapping[str, float]
    rails_w: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    gpu_hz: tuple[int, ...] = ()
    gpu_busy: tuple[float, float] = (0.0, 0.0)
    rssi_dbm: int = -52
    full_c: float = 18000.0  # 5 Ah


@dataclass(frozen=True, slots=True)
class Moment:
    """A point of the kernel's time: since the phone started, since it booted, and integrals of the load.

    `load_s` is the integral of the load in s, so that an energy is idle_w * t_s + (busy_w - idle_w) * load_s.
    `clusters` has, by policy, which of its frequencies runs now, and how many s each has run since the start.
    """

    t_s: float
    boot_s: float
    load: float
    load_s: float
    charging: bool
    plugged: bool  # as the services say, which `cmd battery unplug` fakes
    flowed_j: float  # into the battery since the start
    faked: bool = False  # `dumpsys battery set` or `unplug` is in force
    clusters: Mapping[int, tuple[int, tuple[float, ...]]] = field(default_factory=dict)

    def between(self, ends: tuple[float, float]) -> float:
        """A quantity at this load."""
        return ends[0] + (ends[1] - ends[0]) * self.load

    def integral(self, ends: tuple[float, float]) -> float:
        """Its integral since the start, in its unit times s."""
        return ends[0] * self.t_s + (ends[1] - ends[0]) * self.load_s


@dataclass(frozen=True, slots=True)
class Personality:
    """`live` gives the texts, by path, that a moment has; `live_services` those of `dumpsys NAME`.

    `suspendable`: `cmd battery suspend_input` has an effect.
    """

    name: str
    truth: Truth
    properties: Mapping[str, str]
    nodes: Mapping[str, Node]
    live: Callable[[Moment], Mapping[str, str]]
    live_services: Callable[[Moment], Mapping[str, str]]
    services: Mapping[str, str] = field(default_factory=dict)
    unlistable: tuple[str, ...] = ()
    suspendable: bool = False

"""What a Jetson board is made of, as far as software can see it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from edgewatt.virtual_lab.power.domains import Boundary, Device, Domain, Load, Zone

Line = Literal["r32", "r35", "r36", "r38", "r39"]
ROOM_C: Final = 27.0
# Where a zone is not one of the timeline's: a placeholder's fixed figure, or a sensor that is off.
GATED: Final = "gated"
# What the regulators between the board's input and its rails leave (assumed).
EFFICIENCY: Final = 0.9


@dataclass(frozen=True, slots=True)
class Part:
    """A part with a supply of its own, in watts at rest and at full use (assumed, sized after recordings)."""

    idle_w: float
    full_w: float = 0.0
    rise_s: float = 0.004
    fall_s: float = 0.003


@dataclass(frozen=True, slots=True)
class Rail:
    """A measured rail: `parts` are drawn from it. `volts` and `shunt_mohm` set the steps of its readings.

    With `total` it is the board's input: everything, through regulators. tegrastats leaves some out (`printed`).
    """

    label: str
    volts: float
    shunt_mohm: float
    parts: tuple[str, ...] = ()
    total: bool = False
    printed: bool = True


@dataclass(frozen=True, slots=True)
class Chip:
    """A power monitor at a bus and an address; None where a channel is not connected, which the board calls NC."""

    at: str
    rails: tuple[Rail | None, ...]
    kind: Literal["ina3221", "ina238"] = "ina3221"


@dataclass(frozen=True, slots=True)
class Gpu:
    """Its devfreq node, what the device tree calls it, and its clocks in MHz; `gpcs` are printed one by one."""

    node: str
    of_name: str
    mhz: tuple[int, ...]
    gpcs: int = 1


@dataclass(frozen=True, slots=True)
class Board:
    """A board. `zones` are thermal zones by name: the timeline's zone each shows, degrees that never change, or GATED.

    `line` is the shape of tegrastats' lines, `release` of /etc/nv_tegra_release. Texts of the device tree are
    remembered; a client should rely on no more than the chip's name in `compatible`.
    """

    name: str
    model: str
    compatible: tuple[str, ...]
    release: tuple[int, str]
    line: Line
    chips: tuple[Chip, ...]
    parts: Mapping[str, Part]
    cpus: int
    cpu_mhz: tuple[int, ...]
    gpu: Gpu
    zones: Mapping[str, str | float]
    ram_mb: int
    emc_mhz: tuple[int, int]
    modes: Mapping[int, str]
    mode: int
    offline: int = 0
    swap_mb: int = 0
    engines: str = ""
    engines_mid: str = ""
    loads: Mapping[str, Mapping[str, float]] = field(
        default_factory=lambda: {
            "cpu": {"cpu": 1.0, "memory": 0.3},
            "gpu": {"gpu": 1.0, "memory": 0.6, "soc": 0.3, "cpu": 0.1},
            "memory": {"memory": 1.0},
        }
    )

    @property
    def old(self) -> bool:
        """Whether its kernel is NVIDIA's 4.9, with a driver of its own for the INA3221."""
        return self.release[0] <= 32

    @property
    def rails(self) -> dict[str, Rail]:
        """The rails that are measured, by label."""
        return {rail.label: rail for chip in self.chips for rail in chip.rails if rail is not None}

    def device(self) -> Device:
        """The parts as a device of the timeline: each rail is a boundary."""
        domains = tuple(
            Domain(name, one.idle_w, full_w=one.full_w, rise_s=one.rise_s, fall_s=one.fall_s)
            for name, one in self.parts.items()
        )
        everything = dict.fromkeys(self.parts, 1 / EFFICIENCY)
        boundaries = tuple(
            Boundary(rail.label, everything if rail.total else dict.fromkeys(rail.parts, 1.0))
            for rail in self.rails.values()
        )
        # Degrees above the room at full power, within some seconds (assumed).
        heated = {
            "cpu": {"cpu": 1.0, "soc": 0.3},
            "gpu": {"gpu": 1.0, "soc": 0.3},
            "soc": dict.fromkeys(self.parts, 1.0),
        }
        full_w = {
            zone: sum((self.parts[name].idle_w + self.parts[name].full_w) * share for name, share in by.items())
            for zone, by in heated.items()
        }
        zones = tuple(Zone(zone, 40.0 / full_w[zone], 8.0 * full_w[zone] / 40.0, by) for zone, by in heated.items())
        return Device(domains, tuple(Load(name, use) for name, use in self.loads.items()), zones, (), boundaries)

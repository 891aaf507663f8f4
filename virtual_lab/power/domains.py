"""What a simulated device is made of: power domains, loads, heat, throttling, and where on its power path one looks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

# Leakage is stated at this temperature (assumed; data sheets state it at 25 C).
LEAKAGE_REFERENCE_C: Final = 25.0
# Beyond it leakage grows no further, or a badly cooled device would run away (assumed: chips switch off near 125 C).
LEAKAGE_LIMIT_C: Final = 125.0


@dataclass(frozen=True, slots=True)
class Domain:
    """A part with a supply of its own. Its power is led to `idle_w + (full_w + capacitance_f f V^2) x`, plus leakage.

    x is what of its full power it draws at a use (`drawn`). Of several `cores`, the first that works also wakes what
    they share (clock tree, caches): `on_share` of the full power, as long as any of them works (assumed). C f V^2 is
    dynamic power (textbook; the kernel's energy model of a CPU too, remembered); `capacitance_f` is the switched
    capacitance of all its cores together. `full_w` is what a part without a clock of its own (display, radio) takes at
    use 1. Suspended, a domain takes `suspended_w` alone. Leakage doubles every `leakage_doubling_k` of its zone's
    temperature (assumed: an exponential; it ignores the voltage). `rise_s` and `fall_s` are time constants
    (measurement.md: rise times of 2 to 50 ms). `efficiency` is its regulator's.
    """

    name: str
    idle_w: float
    suspended_w: float = 0.0
    full_w: float = 0.0
    capacitance_f: float = 0.0
    frequencies_hz: tuple[float, ...] = ()
    voltages_v: tuple[float, ...] = ()
    leakage_w: float = 0.0
    leakage_doubling_k: float = 30.0
    rise_s: float = 0.005
    fall_s: float = 0.003
    zone: str = ""
    efficiency: float = 1.0
    cores: int = 1
    on_share: float = 0.0

    def __post_init__(self) -> None:
        if self.cores < 1 or not 0.0 <= self.on_share <= 1.0:
            raise ValueError(f"{self.name}: at least one core is needed, and an on_share from 0 to 1")
        if len(self.frequencies_hz) != len(self.voltages_v) or sorted(self.frequencies_hz) != [*self.frequencies_hz]:
            raise ValueError(f"{self.name}: each frequency needs its voltage, and they have to ascend")
        if min(self.rise_s, self.fall_s, self.efficiency, self.leakage_doubling_k) <= 0:
            raise ValueError(f"{self.name}: rise, fall, efficiency and leakage_doubling_k have to be above 0")

    def use_w(self, frequency_hz: NDArray[np.float64] | float) -> NDArray[np.float64] | float:
        """Watt at use 1 and this frequency, above idle; voltages between the steps are interpolated."""
        if not self.frequencies_hz:
            return self.full_w
        voltage_v = np.interp(frequency_hz, self.frequencies_hz, self.voltages_v)
        return self.full_w + self.capacitance_f * frequency_hz * voltage_v * voltage_v

    def drawn(self, use: NDArray[np.float64] | float) -> NDArray[np.float64] | float:
        """The share of its full power at a use from 0 to 1: a use below one core's is one core's for a while."""
        if self.cores == 1 or not self.on_share:
            return use
        return (1 - self.on_share) * use + self.on_share * np.minimum(use * self.cores, 1.0)


@dataclass(frozen=True, slots=True)
class Load:
    """Something that runs: by domain, the share of it that is used at intensity 1. Uses add up, to at most 1.

    One with a `core` is bound to that core of its only domain; the others are where there is room.
    """

    name: str
    use: Mapping[str, float]
    core: int | None = None


@dataclass(frozen=True, slots=True)
class Zone:
    """A thermal zone: one resistance to the room and one capacity (first order; a real phone has several).

    `heated_by` is the share of each domain's power that ends here.
    """

    name: str
    resistance_k_per_w: float
    capacity_j_per_k: float
    heated_by: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Throttle:
    """At `trip_c` the domains' top frequency goes down one step per poll; `hysteresis_k` below, up again, one by one.

    The rule of the kernel's step_wise governor (remembered; Documentation/driver-api/thermal), without its trend.
    """

    zone: str
    domains: tuple[str, ...]
    trip_c: float
    hysteresis_k: float = 3.0


@dataclass(frozen=True, slots=True)
class Boundary:
    """Where on the power path one looks: `constant_w` and so much of each domain's power."""

    name: str
    factors: Mapping[str, float]
    constant_w: float = 0.0


@dataclass(frozen=True, slots=True)
class Device:
    """All of it. `poll_s`: how often heat, leakage and throttling take a step.

    250 ms is a usual `polling-delay-passive` (remembered: examples of the kernel's thermal-zones binding).
    Raises ValueError where a name is used twice or means nothing.
    """

    domains: tuple[Domain, ...]
    loads: tuple[Load, ...] = ()
    zones: tuple[Zone, ...] = ()
    throttles: tuple[Throttle, ...] = ()
    boundaries: tuple[Boundary, ...] = ()
    poll_s: float = 0.25
    sources: Mapping[str, Boundary] = field(init=False)

    def __post_init__(self) -> None:
        alone = [Boundary(domain.name, {domain.name: 1.0}) for domain in self.domains]
        sources = {one.name: one for one in (*alone, *self.boundaries)}
        if len(sources) != len(alone) + len(self.boundaries):
            raise ValueError("two domains or boundaries of the device have the same name")
        known = {domain.name for domain in self.domains}
        throttled = {name for throttle in self.throttles for name in throttle.domains}
        tables = (*(load.use for load in self.loads), *(zone.heated_by for zone in self.zones))
        named = {name for table in (*tables, *(b.factors for b in self.boundaries)) for name in table} | throttled
        zones = {zone.name for zone in self.zones}
        warm = {domain.zone for domain in self.domains} - {""} | {throttle.zone for throttle in self.throttles}
        if unknown := (named - known) | (warm - zones):
            raise ValueError(
                f"the device has no {', '.join(sorted(unknown))}; it has {', '.join(sorted(known | zones))}"
            )
        if still := [d.name for d in self.domains if d.name in throttled and not d.frequencies_hz]:
            raise ValueError(f"{', '.join(still)} cannot be throttled: no frequencies")
        object.__setattr__(self, "sources", sources)

    def domain(self, name: str) -> Domain:
        """The domain called so. Raises KeyError."""
        return {one.name: one for one in self.domains}[name]


def at_the_supply(name: str, domains: tuple[Domain, ...], constant_w: float = 0.0) -> Boundary:
    """What a battery or a board's input gives: every domain through its regulator, and a rest that is always there."""
    return Boundary(name, {domain.name: 1 / domain.efficiency for domain in domains}, constant_w)

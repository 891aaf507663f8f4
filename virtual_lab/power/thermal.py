"""Heat: the temperature of each zone, the leakage that grows with it, and the throttling that it causes.

Time is cut at fixed polls and where the device is suspended or woken. Over one step the leakage is that of the
temperature at its beginning, and the power that heats is the exact mean of the step, for which a first-order zone has
a closed form. So leakage is a step function, and the power of the device stays a function with an exact integral.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgewatt.virtual_lab.power.domains import LEAKAGE_LIMIT_C, LEAKAGE_REFERENCE_C, Device
from edgewatt.virtual_lab.power.steps import S_PER_NS

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Heat:
    """States at n instants: temperatures (n x zones) and how far leakage has grown (n x groups of domains).

    Of the last instant also how deep each throttle is.
    """

    t_ns: NDArray[np.int64]
    temperature_c: Floats
    growth: Floats
    depth: tuple[int, ...]


class Thermal:
    """The laws of one device in one room.

    Domains of one zone and one doubling form a group, whose leakage is one factor times that at the reference.
    """

    def __init__(self, device: Device, ambient_c: float) -> None:
        self._device, self._ambient_c = device, ambient_c
        names = [zone.name for zone in device.zones]
        leaking = sorted({(d.zone, d.leakage_doubling_k) for d in device.domains if d.leakage_w})
        self._groups = [(names.index(zone) if zone else None, doubling_k) for zone, doubling_k in leaking]
        self._leak_w = np.array(
            [[d.leakage_w * ((d.zone, d.leakage_doubling_k) == one) for d in device.domains] for one in leaking]
        ).reshape(len(leaking), len(device.domains))
        self._k_per_w = np.array(
            [
                [zone.resistance_k_per_w * zone.heated_by.get(d.name, 0.0) for d in device.domains]
                for zone in device.zones
            ]
        ).reshape(len(names), len(device.domains))
        self._tau_s = np.array([zone.resistance_k_per_w * zone.capacity_j_per_k for zone in device.zones])
        self._zone_of = [names.index(throttle.zone) for throttle in device.throttles]
        steps = {domain.name: domain.frequencies_hz for domain in device.domains}
        self._deepest = [max(len(steps[name]) for name in one.domains) - 1 for one in device.throttles]

    def leak_w(self, factors: Mapping[str, float]) -> Floats:
        """The leakage of so much of each domain at the reference temperature, by group."""
        of_domains = np.array([factors.get(domain.name, 0.0) for domain in self._device.domains])
        leak_w: Floats = self._leak_w @ of_domains
        return leak_w

    def settled(self, t_ns: int, power_w: Floats) -> Heat:
        """The state that constant powers of the domains, leakage apart, end in."""
        temperature_c = np.full(len(self._tau_s), self._ambient_c)
        for _ in range(20):
            leak_w = np.asarray(self._growth(temperature_c.tolist())) @ self._leak_w
            temperature_c = self._ambient_c + self._k_per_w @ (power_w + leak_w)
        return self.started(t_ns, temperature_c)

    def started(self, t_ns: int, temperature_c: Floats) -> Heat:
        """The state at given temperatures of the zones, awake and not throttled."""
        growth = np.array(self._growth(temperature_c.tolist()))
        return Heat(np.array([t_ns]), temperature_c[None], growth[None], (0,) * len(self._deepest))

    def steps(
        self, heat: Heat, t_ns: NDArray[np.int64], power_w: Floats, polled: NDArray[np.bool_], awake: NDArray[np.bool_]
    ) -> Heat:
        """The states at n instants `t_ns`, up to the first one at which a throttle moves.

        `power_w` (domains x n) holds mean powers, leakage apart, over the step that ends at each instant.
        """
        lengths_s = np.diff(t_ns, prepend=heat.t_ns[-1]) * S_PER_NS
        kept = np.exp(-lengths_s[:, None] / self._tau_s).tolist()
        ends_c = (self._ambient_c + self._k_per_w @ power_w).T.tolist()
        leaks_k = (self._k_per_w @ self._leak_w.T).tolist()
        now_c, growth, depth = heat.temperature_c[-1].tolist(), heat.growth[-1].tolist(), heat.depth
        temperatures, growths = [], []
        for end_c, kept_here, poll, up in zip(ends_c, kept, polled.tolist(), awake.tolist(), strict=True):
            for zone, leak_k in enumerate(leaks_k):
                end = end_c[zone]
                for leak, grown in zip(leak_k, growth, strict=True):
                    end += leak * grown
                now_c[zone] = end + (now_c[zone] - end) * kept_here[zone]
            growth = self._growth(now_c) if up else [0.0] * len(self._groups)
            temperatures.append(now_c.copy())
            growths.append(growth)
            if poll and (depth := self._throttled(now_c, heat.depth)) != heat.depth:
                break
        n = len(temperatures)
        return Heat(
            t_ns[:n],
            np.array(temperatures).reshape(n, len(self._tau_s)),
            np.array(growths).reshape(n, len(self._groups)),
            depth,
        )

    def caps_hz(self, depth: tuple[int, ...]) -> dict[str, float]:
        """By domain, the frequency that the throttles leave; absent where they leave all."""
        caps: dict[str, float] = {}
        steps = {domain.name: domain.frequencies_hz for domain in self._device.domains}
        for throttle, down in zip(self._device.throttles, depth, strict=True):
            for name in throttle.domains if down else ():
                cap_hz = steps[name][max(len(steps[name]) - 1 - down, 0)]
                caps[name] = min(cap_hz, caps.get(name, math.inf))
        return caps

    def _growth(self, temperature_c: list[float]) -> list[float]:
        """By group, leakage relative to the reference."""
        return [
            2.0
            ** (
                (min(self._ambient_c if zone is None else temperature_c[zone], LEAKAGE_LIMIT_C) - LEAKAGE_REFERENCE_C)
                / doubling_k
            )
            for zone, doubling_k in self._groups
        ]

    def _throttled(self, temperature_c: list[float], depth: tuple[int, ...]) -> tuple[int, ...]:
        moved = list(depth)
        for i, throttle in enumerate(self._device.throttles):
            now_c = temperature_c[self._zone_of[i]]
            if now_c >= throttle.trip_c:
                moved[i] = min(depth[i] + 1, self._deepest[i])
            elif now_c < throttle.trip_c - throttle.hysteresis_k:
                moved[i] = max(depth[i] - 1, 0)
        return tuple(moved)


def mean_powers(energy_j: Floats, t_ns: NDArray[np.int64]) -> Floats:
    """Mean power between successive instants, along the last axis; 0 where two of them are the same."""
    lengths_s = np.diff(t_ns) * S_PER_NS
    steps_j = np.diff(energy_j)
    return np.divide(steps_j, lengths_s, out=np.zeros_like(steps_j), where=lengths_s > 0)

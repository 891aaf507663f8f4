"""The power timeline: what a device draws, at every instant and exactly, given what happened to it.

Everything is a function of the true clock in int64 ns. Changes are recorded as time goes on. What was asked about is
settled: the past never changes, in virtual time (a change before it is refused) as in real time (it is moved to the
first instant that is still open, up to a limit, and `late_ns` says by how much).
"""

import math
import threading
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgewatt.virtual_lab.power.columns import in_blocks
from edgewatt.virtual_lab.power.cores import core_use
from edgewatt.virtual_lab.power.domains import Boundary, Device, Domain
from edgewatt.virtual_lab.power.load import Change
from edgewatt.virtual_lab.power.ramps import Ramp
from edgewatt.virtual_lab.power.steps import S_PER_NS, Steps, merged
from edgewatt.virtual_lab.power.thermal import Thermal, mean_powers

# A throttled stretch is worked out in parts: each step of a throttle throws away what was worked out beyond it.
CAREFUL_NS: Final = 2_000_000_000


class Timeline:
    """The power of `device` from `origin_ns` on; before, it was idle. Thread-safe.

    Sources are named: a domain (its rail) or one of the device's boundaries. Zones without a temperature in
    `temperature_c` begin at the one that idling settles at. `late_limit_ns` is how late a change may be recorded.
    """

    def __init__(
        self,
        device: Device,
        *,
        origin_ns: int = 0,
        ambient_c: float = 25.0,
        temperature_c: Mapping[str, float] | None = None,
        late_limit_ns: int = 0,
    ) -> None:
        self.device, self.origin_ns, self.late_limit_ns, self.late_ns = device, origin_ns, late_limit_ns, 0
        self._lock = threading.RLock()
        self._done_ns, self._changed = origin_ns, False
        self._poll_ns = round(device.poll_s * 1e9)
        self._thermal = Thermal(device, ambient_c)
        heat = self._thermal.settled(origin_ns, np.array([domain.idle_w for domain in device.domains]))
        if temperature_c is not None:
            given = zip(device.zones, heat.temperature_c[0], strict=True)
            heat = self._thermal.started(origin_ns, np.array([temperature_c.get(zone.name, c) for zone, c in given]))
        self._heat = heat
        self._domains = {domain.name: domain for domain in device.domains}
        self._loads = {load.name: Steps(origin_ns, 0.0) for load in device.loads}
        self._asked_hz = {d.name: Steps(origin_ns, d.frequencies_hz[-1]) for d in device.domains if d.frequencies_hz}
        self._given_hz = {name: Steps(origin_ns, asked.values[0]) for name, asked in self._asked_hz.items()}
        self._suspended = Steps(origin_ns, 0.0)
        self._used_by = {load.name: tuple(load.use) for load in device.loads}
        self._loads_on = {
            d.name: [(self._loads[one.name], one.use[d.name]) for one in device.loads if d.name in one.use]
            for d in device.domains
        }
        self._bound = {
            d.name: [
                (one.core, self._loads[one.name]) for one in device.loads if one.core is not None and d.name in one.use
            ]
            for d in device.domains
        }
        # By domain, the last instant at which something happens to it; there is nothing to work out beyond.
        self._caused_ns = dict.fromkeys(self._domains, origin_ns - 1)
        self._used = {domain.name: Steps(origin_ns, 0.0) for domain in device.domains}
        self._ramps = {d.name: Ramp(origin_ns, d.idle_w, rise_s=d.rise_s, fall_s=d.fall_s) for d in device.domains}
        self._warmth = {zone.name: Steps(origin_ns, heat.temperature_c[0, i]) for i, zone in enumerate(device.zones)}
        self._growth = [Steps(origin_ns, growth) for growth in heat.growth[0].tolist()]
        # By source, its leakage at the reference in each group that leaks there.
        self._leaks = {
            name: [
                (leak_w, growth)
                for leak_w, growth in zip(self._thermal.leak_w(one.factors).tolist(), self._growth, strict=True)
                if leak_w
            ]
            for name, one in device.sources.items()
        }

    def record(self, *changes: Change) -> None:
        """Let things happen, at or after all instants that were asked about.

        Raises KeyError for an unknown load or domain, ValueError for a change that comes later than the limit allows,
        or before an earlier one of the same thing.
        """
        with self._lock:
            for change in changes:
                steps, t_ns = self._steps_of(change), change.t_ns
                if not len(t_ns):
                    continue
                late_ns = self._done_ns - int(t_ns[0])
                if late_ns > self.late_limit_ns:
                    raise ValueError(
                        f"{change.kind} {change.name}: a change at {t_ns[0]} ns was recorded after the power at "
                        f"{self._done_ns} ns had been asked for; the past cannot change (limit {self.late_limit_ns} ns)"
                    )
                if late_ns > 0:
                    self.late_ns = max(self.late_ns, late_ns)
                    t_ns = np.maximum(t_ns, self._done_ns)
                steps.extend(t_ns, change.value)
                self._changed = True
                for name in self._domains_of(change):
                    self._caused_ns[name] = max(self._caused_ns[name], int(t_ns[-1]))

    def power_w(self, t_ns: ArrayLike, source: str) -> NDArray[np.float64]:
        """Watt at instants of any shape."""
        with self._lock:
            return in_blocks(partial(self._power_w, self.device.sources[source]), self._settle(t_ns))

    def energy_j(self, t0_ns: ArrayLike, t1_ns: ArrayLike, source: str) -> NDArray[np.float64]:
        """Joules from each t0 to its t1, exact up to rounding; shapes broadcast. Negative if t1 is before t0."""
        with self._lock:
            end_j = self.total_j(t1_ns, source)
            energy_j: NDArray[np.float64] = end_j - self.total_j(t0_ns, source)
            return energy_j

    def total_j(self, t_ns: ArrayLike, source: str) -> NDArray[np.float64]:
        """Joules from the origin to instants of any shape."""
        with self._lock:
            return in_blocks(partial(self._total_j, self.device.sources[source]), self._settle(t_ns))

    def temperature_c(self, t_ns: ArrayLike, zone: str) -> NDArray[np.float64]:
        """Of the last poll not after each instant."""
        with self._lock:
            return self._warmth[zone].at(self._settle(t_ns))

    def frequency_hz(self, t_ns: ArrayLike, domain: str) -> NDArray[np.float64]:
        """What the domain runs at: what was asked for, or less where it is throttled."""
        with self._lock:
            return self._given_hz[domain].at(self._settle(t_ns))

    def use(self, t_ns: ArrayLike, domain: str) -> NDArray[np.float64]:
        """The share of the domain in use, 0 to 1."""
        with self._lock:
            return self._used[domain].at(self._settle(t_ns))

    def busy_s(self, t_ns: ArrayLike, domain: str) -> NDArray[np.float64]:
        """Seconds of full use since the origin: what /proc/stat counts, over all cores of the domain."""
        with self._lock:
            return self._used[domain].integral(self._settle(t_ns))

    def core_busy_s(self, t_ns: ArrayLike, domain: str, core: int) -> NDArray[np.float64]:
        """As `busy_s`, of one core: what is bound to it, and its part of the rest, which is where there is room."""
        with self._lock:
            t_ns = self._settle(t_ns)
            bound = {number: steps for number, steps in self._bound[domain] if len(steps.edge_ns) > 1}
            if not bound:
                return self._used[domain].integral(t_ns)
            cores = self._domains[domain].cores
            return core_use(self._used[domain], self._suspended, bound, core, cores).integral(t_ns)

    def asked_hz(self, t_ns: ArrayLike, domain: str) -> NDArray[np.float64]:
        """What was asked of the domain's clock."""
        with self._lock:
            return self._asked_hz[domain].at(self._settle(t_ns))

    def residency_s(self, t_ns: ArrayLike, domain: str) -> dict[float, NDArray[np.float64]]:
        """Seconds since the origin at each of the domain's frequencies and any other it ran at: time_in_state."""
        with self._lock:
            t_ns = self._settle(t_ns)
            given = self._given_hz[domain]
            ran = {hz: given.lasted_s(hz, t_ns) for hz in dict.fromkeys(given.values.tolist())}
            return {**dict.fromkeys(self._domains[domain].frequencies_hz, np.zeros(t_ns.shape)), **ran}

    def suspended(self, t_ns: ArrayLike) -> NDArray[np.bool_]:
        """Whether the device is suspended."""
        with self._lock:
            return self._suspended.at(self._settle(t_ns)) > 0

    def _power_w(self, boundary: Boundary, t_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        power_w = np.full(t_ns.shape, boundary.constant_w)
        for leak_w, growth in self._leaks[boundary.name]:
            power_w += leak_w * growth.at(t_ns)
        for name, factor in boundary.factors.items():
            power_w += factor * self._ramps[name].power_w(t_ns)
        return power_w

    def _total_j(self, boundary: Boundary, t_ns: NDArray[np.int64]) -> NDArray[np.float64]:
        total_j = np.asarray((t_ns - self.origin_ns) * (S_PER_NS * boundary.constant_w), np.float64)
        for leak_w, growth in self._leaks[boundary.name]:
            total_j += leak_w * growth.integral(t_ns)
        for name, factor in boundary.factors.items():
            total_j += factor * self._ramps[name].energy_j(t_ns)
        return total_j

    def _steps_of(self, change: Change) -> Steps:
        return {"load": self._loads, "frequency": self._asked_hz, "suspended": {"": self._suspended}}[change.kind][
            change.name
        ]

    def _domains_of(self, change: Change) -> Iterable[str]:
        if change.kind == "suspended":
            return self._domains
        return self._used_by[change.name] if change.kind == "load" else [change.name]

    def _settle(self, t_ns: ArrayLike) -> NDArray[np.int64]:
        """`t_ns` as an array, the timeline being worked out so far."""
        t_ns = np.asarray(t_ns, np.int64)
        until_ns = int(t_ns.max(initial=self._done_ns))
        span_ns = until_ns - self._done_ns
        while self._done_ns < until_ns or self._changed:
            stop_ns = min(until_ns, self._done_ns + span_ns)
            span_ns = CAREFUL_NS if self._advance(stop_ns) else 4 * span_ns
        return t_ns

    def _advance(self, stop_ns: int) -> bool:
        """Work out the power until `stop_ns`, or until a throttle moves: then True."""
        self._changed = False
        caps_hz = self._thermal.caps_hz(self._heat.depth)
        for domain in self.device.domains:
            if self._caused_ns[domain.name] >= self._done_ns:
                self._lead(domain, stop_ns, caps_hz.get(domain.name, math.inf))
        depth = self._heat.depth
        self._warm(stop_ns)
        moved = self._heat.depth != depth
        self._done_ns = int(self._heat.t_ns[-1]) if moved else stop_ns
        if moved:
            for ramp in self._ramps.values():
                ramp.forget_from(self._done_ns)
            for name in {name for throttle in self.device.throttles for name in throttle.domains}:
                self._caused_ns[name] = max(self._caused_ns[name], self._done_ns)
            for steps in (*self._used.values(), *self._given_hz.values()):
                steps.forget_from(self._done_ns)
        return moved

    def _warm(self, stop_ns: int) -> None:
        """Work out temperatures and leakage until `stop_ns`, or until a throttle moves."""
        since_ns = int(self._heat.t_ns[-1])
        first, last = (since_ns - self.origin_ns) // self._poll_ns + 1, (stop_ns - self.origin_ns) // self._poll_ns
        gates_ns = self._suspended.between(max(self._done_ns, since_ns) - 1, stop_ns)
        if last < first and not len(gates_ns):
            return
        polls_ns = self.origin_ns + self._poll_ns * np.arange(first, last + 1)
        t_ns = merged([polls_ns, gates_ns])
        bounds_ns = np.concatenate([[since_ns], t_ns])
        power_w = np.stack([mean_powers(ramp.energy_j(bounds_ns), bounds_ns) for ramp in self._ramps.values()])
        awake = self._suspended.at(t_ns) == 0
        self._heat = self._thermal.steps(self._heat, t_ns, power_w, np.isin(t_ns, polls_ns), awake)
        for i, warmth in enumerate(self._warmth.values()):
            warmth.extend(self._heat.t_ns, self._heat.temperature_c[:, i])
        for i, growth in enumerate(self._growth):
            growth.extend(self._heat.t_ns, self._heat.growth[:, i])

    def _lead(self, domain: Domain, stop_ns: int, cap_hz: float) -> None:
        """Lead the domain's power through what happened since, up to and including `stop_ns`."""
        loads, asked = self._loads_on[domain.name], self._asked_hz.get(domain.name)
        causes = [*(steps for steps, _ in loads), self._suspended, *([asked] if asked else [])]
        edge_ns = merged([np.array([self._done_ns]), *(steps.between(self._done_ns, stop_ns) for steps in causes)])
        use: NDArray[np.float64] | float = 0.0
        for steps, share in loads:
            use = use + share * steps.over(edge_ns)
        awake = 1.0 - self._suspended.over(edge_ns)
        use = np.minimum(use, 1.0) * awake
        given_hz = 0.0 if asked is None else np.minimum(asked.over(edge_ns), cap_hz)
        level_w = domain.idle_w + domain.use_w(given_hz) * domain.drawn(use)
        if np.any(awake == 0):
            level_w = np.where(awake == 0, domain.suspended_w, level_w)
        self._ramps[domain.name].extend(edge_ns, _each(level_w, edge_ns))
        self._used[domain.name].extend(edge_ns, _each(use, edge_ns))
        if asked is not None:
            self._given_hz[domain.name].extend(edge_ns, _each(given_hz, edge_ns))


def _each(value: NDArray[np.float64] | float, edge_ns: NDArray[np.int64]) -> NDArray[np.float64]:
    """One value for each edge."""
    return value if isinstance(value, np.ndarray) and value.ndim else np.full(len(edge_ns), value)

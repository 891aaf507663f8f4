"""What a calibration of a virtual phone should find, by the rows that it gives.

Each is that of the long run: an interval speaks of "the same again", not of what happened to happen. It is the plain
truth where its intervals allow for the stated gain of the meter, or the truth as that meter sees it: a power that is a
difference with its gain alone, one that stands for itself with its zero point as well. What wakes up
by itself in an idle phone, and the sampler, are a part of `base`: nothing that is executed is without them.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from edgewatt.profiler.calibration.calibration import Calibration
from edgewatt.virtual_lab.phone.anatomy import BATTERY, COPYING, SOC
from edgewatt.virtual_lab.phone.virtual_time import VirtualRun
from edgewatt.virtual_lab.phone.virtual_time.one_phone import OnePhone
from edgewatt.virtual_lab.phone.virtual_time.suite import Executed, VirtualLoads
from edgewatt.virtual_lab.power.terms import Terms
from tests.virtual_suite.meter import SuiteMeter
from tests.virtual_time.truths import iteration_s

Row = Mapping[str, Any]
# What the hottest zone reads above the chip (personalities.py: BIG).
ABOVE_C: Final = 12.0
AT_BATTERY: Final = ("monsoon/main", "phone/battery")
RAIL: Final = "phone/cpu"
_MEMORY: Final = "memory"
# Longer than any supply of the lab takes to rise (docs/lab.md: 2 to 50 ms).
RISES_NS: Final = 200_000_000


@dataclass(frozen=True, slots=True)
class Expected:
    """One constant of one row: its name without what differs from seed to seed, and the truth as the meter sees it."""

    constant: str
    column: str
    row: Row
    truth: float


@dataclass(frozen=True, slots=True)
class Truths:
    """Of one phone and the runs of its suite, as `meter` sees its battery and with the gains of its `rails`."""

    one: OnePhone
    meter: SuiteMeter
    rails: Mapping[str, float]
    loads: Mapping[str, VirtualLoads]
    networks: Mapping[tuple[float, float], VirtualRun]

    def of(self, found: Calibration) -> Iterator[Expected]:
        """Every constant of a calibration that has a truth."""
        yield from self._power(found.rows("power"))
        yield from self._idle(_at_battery(found.rows("idle")))
        yield from self._radio(_at_battery(found.rows("radio")))
        yield from self._fits(_at_battery(found.rows("fits")), _at_battery(found.rows("power", unit="base")))
        yield from self._offload(_at_battery(found.rows("offload")))
        yield from self._thermal(found.rows("thermal"))
        yield from self._co_runner(found.rows("co_runner"))
        yield from self._inference(_at_battery(found.rows("inference")))

    @property
    def _quietest(self) -> VirtualLoads:
        """The run of processors, if there is one: that in which idle windows are met most."""
        return self.loads.get("cpu") or next(iter(self.loads.values()))

    def _power(self, rows: Sequence[Row]) -> Iterator[Expected]:
        for row in rows:
            unit, hz = str(row["unit"]), row["frequency_hz"]
            source = str(row["energy_source"])
            if source in AT_BATTERY:
                terms, gain, where = self.one.at_battery, self.meter.gain, ""
            elif source == RAIL and unit.startswith("cpu"):
                label = next(of.label for of in self.one.phone.rails if of.domain == self.one.domain_of(unit))
                terms, gain, where = Terms(self.one.device, label), self.rails[label], f" at {source}"
            else:
                continue
            if unit == "base":
                yield Expected("base", "idle_w", row, self._base_w(row["temperature_c"]))
            elif unit == _MEMORY:
                yield Expected("memory busy", "busy_w", row, gain * COPYING * terms.busy_w(_MEMORY))
            elif unit.startswith("cpu") and hz is not None:
                domain, at = self.one.domain_of(unit), f"{unit} {hz / 1e6:.0f} MHz{where}"
                yield Expected(f"busy {at}", "busy_w", row, gain * terms.busy_w(domain, hz))
                yield Expected(f"on {at}", "on_w", row, gain * terms.on_w(domain, hz))
                if not where and (idle_w := self._idle_w(unit, hz)) is not None:
                    yield Expected(f"idle {at}", "idle_w", row, gain * idle_w)

    def _idle_w(self, unit: str, hz: float) -> float | None:
        """What a unit that is pinned adds in the long run while nothing is executed, None where it was not pinned so.

        What wakes up by itself, and the sampler, run on the first cluster: pinned, it does that at its clock instead of
        the lowest. The others sleep at any clock.
        """
        idle = [x.asked for x in self._quietest.executed if x.asked.load.kind == "idle"]
        if not any((asked.unit, asked.frequency_hz) == (unit, hz) for asked in idle):
            return None
        first = self.one.phone.clusters[0]
        if int(unit.removeprefix("cpu")) not in first.cpus:
            return 0.0
        terms, domain = self.one.at_battery, self.one.domain_of(unit)
        awake_w = [terms.on_w(domain, at) + terms.busy_w(domain, at) for at in (hz, first.khz[0] * 1e3)]
        return self._beside_w() * (awake_w[0] / awake_w[1] - 1)

    def _beside_w(self) -> float:
        """What wakes up by itself, and the sampler, in the idle windows of the run of processors."""
        run, base_w = self._quietest, self.one.at_battery.base_w
        idle = [one for one in run.executed if _is_idle(one)]
        return float(np.mean([run.mean_w(one.t0_ns, one.t1_ns) - base_w(_zones(run, one)) for one in idle]))

    def _base_w(self, channel_c: float | None) -> float:
        """Of the run of processors: at a temperature of the channel, or in its idle windows on average."""
        run, terms = self._quietest, self.one.at_battery
        idle = [(one, run.mean_w(one.t0_ns, one.t1_ns)) for one in run.executed if _is_idle(one)]
        if channel_c is None:
            return self.meter.seen_w(float(np.mean([power_w for _, power_w in idle])))
        return self.meter.seen_w(terms.base_w({SOC: channel_c - ABOVE_C}) + self._beside_w())

    def _idle(self, rows: Sequence[Row]) -> Iterator[Expected]:
        idle = [run.mean_w(x.t0_ns, x.t1_ns) for run in self.loads.values() for x in run.executed if _is_idle(x)]
        for row in rows:
            if row["state"] == "awake":
                celsius = row["temperature_c"]
                truth_w = self.meter.seen_w(float(np.mean(idle))) if celsius is None else self._base_w(celsius)
                yield Expected("idle awake", "idle_w", row, truth_w)

    def _radio(self, rows: Sequence[Row]) -> Iterator[Expected]:
        one, gain = self.one, self.meter.gain
        for row in rows:
            low, high = row["rssi_low_dbm"], row["rssi_high_dbm"]
            for kind, law, down in (("send", one.send_w, False), ("receive", one.receive_w, True)):
                at = [x.rssi_dbm for x in self._at_radio(kind) if low <= float(np.mean(x.ran.seen["rssi_dbm"])) < high]
                if at:
                    yield Expected(f"radio {kind} bin", f"{kind}_w", row, gain * float(np.mean([law(x) for x in at])))
                    rates = [one.rate_b_per_s(x, down=down) for x in at]
                    yield Expected(f"radio {kind} rate bin", f"{kind}_b_per_s", row, float(np.mean(rates)))
            yield Expected("radio idle", "radio_idle_w", row, 0.0)
            yield Expected("radio tail watts", "tail_w", row, gain * one.tail_w)
            yield Expected("radio tail seconds", "tail_s", row, one.phone.radio_tail_s)
            yield Expected("radio round trip", "rtt_p50_s", row, one.phone.rtt_s)

    def _fits(self, rows: Sequence[Row], base: Sequence[Row]) -> Iterator[Expected]:
        one, gain = self.one, math.log(self.meter.gain)
        pivots = {(row["fit"], row["of"]): row["value"] for row in rows if row["term"] == "pivot"}
        for row in rows:
            fit, term = str(row["fit"]), str(row["term"])
            pivot = pivots.get((row["fit"], row["of"]))
            if fit == "power" and term == "leakage":
                for at in base:
                    zones = {SOC: at["temperature_c"] - ABOVE_C}
                    leakage = self.meter.gain * one.at_battery.leakage_w_per_k(zones, SOC)
                    yield Expected("leakage", "value", row, leakage)
            elif pivot is not None and fit in ("radio_send", "radio_receive"):
                law = one.send_w if fit == "radio_send" else one.receive_w
                truth = {"ln_level": math.log(law(pivot)) + gain, "ln_slope": -one.power_per_db}.get(term)
                if truth is not None:
                    yield Expected(f"{fit} {term}", "value", row, truth)
            elif pivot is not None and fit in ("radio_send_rate", "radio_receive_rate"):
                rate = math.log(one.rate_b_per_s(pivot, down=fit == "radio_receive_rate"))
                truth = {"ln_level": rate, "ln_slope": one.rate_per_db}.get(term)
                if truth is not None:
                    yield Expected(f"{fit} {term}", "value", row, truth)

    def _offload(self, rows: Sequence[Row]) -> Iterator[Expected]:
        for row in rows:
            dbm, rtt_s = row["rssi_dbm"], self.one.phone.rtt_s
            mean_rtt_s = rtt_s * math.exp(PING_REL**2 / 2)
            up_s = row["sent_b"] / self.one.rate_b_per_s(dbm)
            yield Expected(f"offload send {row['sent_b']} B", "send_s", row, up_s + mean_rtt_s)

    def _thermal(self, rows: Sequence[Row]) -> Iterator[Expected]:
        device = self.one.device
        zone = next(zone for zone in device.zones if zone.name == SOC)
        to_heat = 1 / (device.sources[BATTERY].factors["other"] * self.meter.gain)
        for row in rows:
            yield Expected("thermal resistance", "resistance_k_per_w", row, zone.resistance_k_per_w * to_heat)
            time_s = zone.resistance_k_per_w * zone.capacity_j_per_k
            yield Expected("thermal time constant", "time_constant_s", row, time_s)

    def _co_runner(self, rows: Sequence[Row]) -> Iterator[Expected]:
        alone = self.networks.get((0.0, 0.0))
        for row in rows:
            ratios = row["co_cpu_ratio"], row["co_memory_ratio"]
            run = self.networks.get(ratios)
            if run is None or alone is None:
                continue
            yield Expected(f"slowdown {ratios}", "slowdown_ratio", row, self.one.slowdown(*ratios))
            more_w = (_measured_w(run) - _measured_w(alone)) * self.meter.gain
            yield Expected(f"co-runner power {ratios}", "power_w", row, more_w)

    def _inference(self, rows: Sequence[Row]) -> Iterator[Expected]:
        for row in rows:
            run = self.networks.get((row["co_cpu_ratio"], row["co_memory_ratio"]))
            if run is None:
                continue
            each_s = iteration_s(run)
            at = f"({row['co_cpu_ratio']}, {row['co_memory_ratio']})"
            yield Expected(f"latency {at}", "latency_s", row, each_s - run.plan.gap_s)
            energy_j = self.meter.seen_w(_measured_w(run)) * each_s
            yield Expected(f"energy {at}", "energy_j", row, energy_j)

    def _at_radio(self, kind: str) -> Iterator[Executed]:
        for name, run in self.loads.items():
            if name.startswith("radio"):
                yield from (one for one in run.executed if one.asked.load.kind == kind)


PING_REL: Final = 0.15


def _at_battery(rows: Sequence[Row]) -> list[Row]:
    """Without those of a rail; a row may be of no source at all."""
    return [row for row in rows if row.get("energy_source") in (None, *AT_BATTERY)]


def _is_idle(one: Executed) -> bool:
    return one.asked.load.kind == "idle" and not one.asked.pin


def _zones(run: VirtualLoads, one: Executed) -> dict[str, float]:
    at_ns = np.linspace(one.t0_ns, one.t1_ns, 9).astype(np.int64)
    return {SOC: float(np.mean(run.timeline.temperature_c(at_ns, SOC)))}


def _measured_w(run: VirtualRun) -> float:
    """While a network is executed, without what its supply needs to rise once, however long that repeat is."""
    begin_ns, end_ns = np.array([(phase.t0_ns + RISES_NS, phase.t1_ns - RISES_NS) for phase in run.phases]).T
    return float(np.mean(run.timeline.energy_j(begin_ns, end_ns, BATTERY) / (end_ns - begin_ns) * 1e9))

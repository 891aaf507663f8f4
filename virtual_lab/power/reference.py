"""A phone that does not exist, with figures of the right size, and how one such phone differs from the next."""

from dataclasses import dataclass, replace

import numpy as np

from edgewatt.virtual_lab.power.domains import Boundary, Device, Domain, Load, Throttle, Zone, at_the_supply


@dataclass(frozen=True, slots=True)
class Spread:
    """Relative standard deviations of what is drawn for one device (all assumed).

    `power_rel` is of idle powers and capacitances, `leakage_rel` of leakage (chips of one type differ by a factor of
    two), `ramp_rel` of rise and fall times, `cooling_rel` of thermal resistances.
    """

    power_rel: float = 0.05
    leakage_rel: float = 0.3
    ramp_rel: float = 0.2
    cooling_rel: float = 0.1


def reference_phone() -> Device:
    """Three clusters, GPU, TPU, memory, display, radio and the rest, without a SIM card.

    Every figure is assumed: sized so that the phone idles near 0.5 W with its screen off, that four big threads take
    about 4 W, and that it throttles after some minutes of it. Clusters are named as in device_profiles, little first.
    """
    little = _cluster(0, capacitance_f=0.25e-9, leakage_w=0.008, top_hz=1.8e9, rise_s=0.004)
    middle = _cluster(1, capacitance_f=0.45e-9, leakage_w=0.015, top_hz=2.25e9, rise_s=0.005)
    big = _cluster(2, capacitance_f=0.95e-9, leakage_w=0.040, top_hz=2.8e9, rise_s=0.008)
    domains = (
        little,
        middle,
        big,
        _slow("gpu", leakage_w=0.02, idle_w=0.005, capacitance_f=4e-9, top_hz=0.85e9),
        _slow("tpu", leakage_w=0.01, idle_w=0.002, capacitance_f=2e-9, top_hz=1.0e9),
        Domain("memory", 0.06, 0.008, full_w=0.9, rise_s=0.003, fall_s=0.003, zone="soc", efficiency=0.88),
        Domain("display", 0.0, 0.0, full_w=1.2, rise_s=0.05, fall_s=0.02, zone="skin", efficiency=0.9),
        Domain("radio", 0.05, 0.005, full_w=0.8, rise_s=0.01, fall_s=0.05, zone="skin", efficiency=0.9),
        Domain("rest", 0.12, 0.012, zone="skin", efficiency=0.9),
    )
    inside = ("cpu-cluster-0", "cpu-cluster-1", "cpu-cluster-2", "gpu", "tpu", "memory")
    return Device(
        domains=domains,
        loads=(
            Load("inference", {"cpu-cluster-2": 0.9, "cpu-cluster-0": 0.05, "memory": 0.4}),
            Load("inference-gpu", {"gpu": 0.9, "cpu-cluster-0": 0.1, "memory": 0.5}),
            Load("inference-tpu", {"tpu": 0.9, "cpu-cluster-0": 0.1, "memory": 0.3}),
            Load("pulse", {"cpu-cluster-2": 0.5}),
            Load("sampler", {"cpu-cluster-0": 0.2}),
            Load("background", {"cpu-cluster-0": 0.4, "cpu-cluster-1": 0.2, "memory": 0.1}),
            Load("screen", {"display": 1.0}),
            Load("wifi", {"radio": 1.0}),
        ),
        zones=(
            Zone("soc", 6.0, 4.0, dict.fromkeys(inside, 1.0)),
            Zone("skin", 3.5, 90.0, {domain.name: 1.0 for domain in domains}),
        ),
        throttles=(Throttle("soc", ("cpu-cluster-2", "cpu-cluster-1", "gpu"), 62.0, 3.0),),
        boundaries=(
            at_the_supply("battery", domains, 0.015),
            Boundary("cpu", {"cpu-cluster-0": 1.0, "cpu-cluster-1": 1.0, "cpu-cluster-2": 1.0}),
        ),
    )


def drawn(device: Device, rng: np.random.Generator, spread: Spread | None = None) -> Device:
    """One device of this type."""
    spread = spread or Spread()

    def times(rel: float) -> float:
        return float(np.exp(rel * rng.standard_normal()))

    domains = []
    for one in device.domains:
        power, leakage, rise, fall = (
            times(spread.power_rel),
            times(spread.leakage_rel),
            times(spread.ramp_rel),
            times(spread.ramp_rel),
        )
        domains.append(
            replace(
                one,
                idle_w=one.idle_w * power,
                suspended_w=one.suspended_w * power,
                full_w=one.full_w * power,
                capacitance_f=one.capacitance_f * power,
                leakage_w=one.leakage_w * leakage,
                rise_s=one.rise_s * rise,
                fall_s=one.fall_s * fall,
            )
        )
    zones = tuple(
        replace(zone, resistance_k_per_w=zone.resistance_k_per_w * times(spread.cooling_rel)) for zone in device.zones
    )
    return replace(device, domains=tuple(domains), zones=zones)


def _cluster(number: int, *, capacitance_f: float, leakage_w: float, top_hz: float, rise_s: float) -> Domain:
    return Domain(
        f"cpu-cluster-{number}",
        idle_w=0.02,
        suspended_w=0.001,
        capacitance_f=capacitance_f,
        frequencies_hz=tuple(round(top_hz * share / 1e8) * 1e8 for share in (0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 1.0)),
        voltages_v=(0.55, 0.6, 0.66, 0.74, 0.84, 0.93, 1.05),
        leakage_w=leakage_w,
        rise_s=rise_s,
        fall_s=0.003,
        zone="soc",
        efficiency=0.87,
    )


def _slow(name: str, *, leakage_w: float, idle_w: float, capacitance_f: float, top_hz: float) -> Domain:
    return Domain(
        name,
        idle_w=idle_w,
        suspended_w=0.0005,
        capacitance_f=capacitance_f,
        frequencies_hz=(0.3 * top_hz, 0.6 * top_hz, top_hz),
        voltages_v=(0.6, 0.7, 0.85),
        leakage_w=leakage_w,
        rise_s=0.02,
        fall_s=0.01,
        zone="soc",
        efficiency=0.87,
    )

"""The power timeline against fine numerical integration, and its past against its future."""

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edgewatt.virtual_lab.power.domains import Boundary, Device, Domain, Load, Throttle, Zone, at_the_supply
from edgewatt.virtual_lab.power.load import bursts, frequency, level, loop, pulses, suspension
from edgewatt.virtual_lab.power.reference import drawn, reference_phone
from edgewatt.virtual_lab.power.timeline import Timeline

S = 1_000_000_000
MS = 1_000_000
SOURCES = ("battery", "cpu", "cpu-cluster-2", "memory", "display", "rest")


def busy_phone(seed: int, *, seconds: float = 12.0, ambient_c: float = 25.0) -> Timeline:
    """Everything that can happen to a phone happens to this one."""
    rng = np.random.default_rng(seed)
    timeline = Timeline(drawn(reference_phone(), rng), origin_ns=int(rng.integers(0, 10**15)), ambient_c=ambient_c)
    at = timeline.origin_ns
    begin_ns, end_ns = loop(rng, at + 2 * S, int((seconds - 4) / 0.0071), latency_s=0.006, spread=0.1, gap_s=0.001)
    changes_ns = np.sort(rng.integers(at, at + int(seconds * S), 6))
    timeline.record(
        pulses("inference", begin_ns, end_ns, rng.uniform(0.8, 1.0, len(begin_ns))),
        bursts(rng, "background", at, at + int(seconds * S), rate_hz=5.0, length_s=0.02),
        frequency("cpu-cluster-2", changes_ns, rng.choice([1.0e9, 2.2e9, 2.5e9, 2.8e9], 6)),
        level("screen", [at, at + S, at + 9 * S], [0.4, 0.0, 0.7]),
        level("sampler", at + S, 0.3),
        suspension(at + int(1.3 * S), at + int(1.8 * S)),
    )
    return timeline


known_phone = cache(busy_phone)


def by_quadrature(timeline: Timeline, t0_ns: int, t1_ns: int, source: str, step_ns: int = 5000) -> float:
    """The middle rule in steps that are short against any rise time."""
    edges_ns = np.append(np.arange(t0_ns, t1_ns, step_ns), t1_ns)
    middle_ns = edges_ns[:-1] + np.diff(edges_ns) // 2
    return float(np.sum(timeline.power_w(middle_ns, source) * np.diff(edges_ns) * 1e-9))


def one_domain(rise_s: float = 0.01, fall_s: float = 0.004) -> Device:
    return Device((Domain("cpu", 0.5, 0.1, full_w=2.0, rise_s=rise_s, fall_s=fall_s),), (Load("work", {"cpu": 1.0}),))


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.integers(0, 11 * S), st.integers(1, S), st.sampled_from(SOURCES))
def test_energy_is_the_integral_of_power(seed: int, after_ns: int, lasts_ns: int, source: str) -> None:
    timeline = known_phone(seed % 20)
    t0_ns = timeline.origin_ns + after_ns
    exact_j = float(timeline.energy_j(t0_ns, t0_ns + lasts_ns, source))
    assert exact_j == pytest.approx(by_quadrature(timeline, t0_ns, t0_ns + lasts_ns, source), rel=2e-4, abs=1e-6)


def test_finer_quadrature_comes_closer() -> None:
    timeline = known_phone(3)
    t0_ns, t1_ns = timeline.origin_ns + 4 * S, timeline.origin_ns + 5 * S
    exact_j = float(timeline.energy_j(t0_ns, t1_ns, "battery"))
    assert by_quadrature(timeline, t0_ns, t1_ns, "battery", 1000) == pytest.approx(exact_j, rel=1e-6)


@given(st.integers(0, 19), st.lists(st.integers(-S, 15 * S), min_size=3, max_size=3), st.sampled_from(SOURCES))
def test_energies_add_up(seed: int, cuts: list[int], source: str) -> None:
    timeline = known_phone(seed)
    a, b, c = (timeline.origin_ns + cut for cut in sorted(cuts))
    whole_j = float(timeline.energy_j(a, c, source))
    parts_j = float(timeline.energy_j(a, b, source)) + float(timeline.energy_j([b], [c], source)[0])
    assert parts_j == pytest.approx(whole_j, rel=1e-12, abs=1e-18)


def test_windows_are_worked_out_together_as_one_by_one() -> None:
    timeline = known_phone(4)
    t_ns = timeline.origin_ns + np.sort(np.random.default_rng(0).integers(0, 12 * S, (20, 2)))
    together_j = timeline.energy_j(t_ns[:, 0], t_ns[:, 1], "battery")
    assert together_j.tolist() == [float(timeline.energy_j(a, b, "battery")) for a, b in t_ns]
    assert timeline.power_w(t_ns, "battery").shape == (20, 2)


def test_a_step_of_load_is_an_exponential_with_its_own_rise_and_fall() -> None:
    timeline = Timeline(one_domain(rise_s=0.01, fall_s=0.004))
    timeline.record(pulses("work", S, 2 * S))
    after_ms = np.array([0, 1, 10, 30])
    risen_w = timeline.power_w(S + after_ms * MS, "cpu")
    fallen_w = timeline.power_w(2 * S + after_ms * MS, "cpu")
    assert risen_w == pytest.approx(0.5 + 2.0 * (1 - np.exp(-after_ms / 10)), rel=1e-12)
    assert fallen_w == pytest.approx(0.5 + 2.0 * np.exp(-after_ms / 4), rel=1e-12)
    assert timeline.energy_j(0, 10 * S, "cpu") == pytest.approx(5.0 + 2.0 * (1 - 0.010 + 0.004), rel=1e-9)


@given(st.lists(st.integers(1, 40 * MS), min_size=2, max_size=60), st.floats(0.002, 0.05), st.floats(0.002, 0.05))
def test_power_stays_between_its_levels_and_never_jumps(lengths: list[int], rise_s: float, fall_s: float) -> None:
    edges_ns = S + np.cumsum(lengths[: len(lengths) // 2 * 2])
    timeline = Timeline(one_domain(rise_s, fall_s))
    timeline.record(pulses("work", edges_ns[::2], edges_ns[1::2]))
    power_w = timeline.power_w(np.stack([edges_ns - 1, edges_ns, edges_ns + 1]), "cpu")
    assert (power_w >= 0.5).all()
    assert (power_w <= 2.5).all()
    assert np.abs(np.diff(power_w, axis=0)).max() <= 2.0 * 1.01e-9 / min(rise_s, fall_s)


def test_dynamic_power_goes_with_frequency_and_the_square_of_voltage() -> None:
    cpu = Domain(
        "cpu", 0.0, capacitance_f=1e-9, frequencies_hz=(1e9, 2e9), voltages_v=(0.5, 1.0), rise_s=1e-3, fall_s=1e-3
    )
    timeline = Timeline(Device((cpu,), (Load("work", {"cpu": 0.5}), Load("more", {"cpu": 0.8}))))
    timeline.record(
        level("work", 0, 1.0), level("more", 3 * S, 1.0), frequency("cpu", [0, S, 2 * S], [1e9, 1.5e9, 2e9])
    )
    power_w = timeline.power_w([S - 1, 2 * S - 1, 3 * S - 1, 4 * S], "cpu")
    assert power_w == pytest.approx([0.5 * 0.25, 0.5 * 1.5 * 0.5625, 0.5 * 2.0, 2.0])
    assert timeline.busy_s(4 * S, "cpu") == pytest.approx(3 * 0.5 + 1.0)
    assert timeline.residency_s(4 * S, "cpu") == pytest.approx({1e9: 1.0, 1.5e9: 1.0, 2e9: 2.0})
    assert timeline.use([0, 4 * S], "cpu").tolist() == [0.5, 1.0]


def test_a_boundary_is_the_sum_of_its_domains_through_their_regulators() -> None:
    timeline = known_phone(5)
    t0_ns, t1_ns = timeline.origin_ns + 3 * S, timeline.origin_ns + 7 * S
    parts_j = [timeline.energy_j(t0_ns, t1_ns, d.name) / d.efficiency for d in timeline.device.domains]
    assert timeline.energy_j(t0_ns, t1_ns, "battery") == pytest.approx(float(np.sum(parts_j)) + 4 * 0.015, rel=1e-12)


def test_suspended_a_device_takes_next_to_nothing() -> None:
    timeline = known_phone(6)
    at_ns = timeline.origin_ns + int(1.75 * S)
    floor_w = sum(d.suspended_w / d.efficiency for d in timeline.device.domains) + 0.015
    assert float(timeline.power_w(at_ns, "battery")) == pytest.approx(floor_w, rel=0.02)
    assert timeline.suspended([at_ns, at_ns + S]).tolist() == [True, False]


def hot_device(trip_c: float) -> Device:
    cpu = Domain(
        "cpu", 0.1, capacitance_f=2e-9, frequencies_hz=(0.5e9, 1e9, 1.5e9, 2e9), voltages_v=(0.6, 0.7, 0.85, 1.0),
        leakage_w=0.1, zone="soc", efficiency=0.9,
    )  # fmt: skip
    return Device(
        (cpu,),
        (Load("work", {"cpu": 1.0}),),
        (Zone("soc", 10.0, 0.5, {"cpu": 1.0}),),
        (Throttle("soc", ("cpu",), trip_c, 3.0),),
        (at_the_supply("board", (cpu,)),),
    )


def test_heat_raises_leakage_towards_the_temperature_that_it_sustains() -> None:
    timeline = Timeline(hot_device(1000.0))
    timeline.record(level("work", 10 * S, 1.0))
    warm_c, hot_c = timeline.temperature_c([9 * S, 100 * S], "soc")
    warm_w, hot_w = timeline.power_w([9 * S, 100 * S], "cpu")
    assert hot_w - 4.1 == pytest.approx(0.1 * 2 ** ((hot_c - 25.0) / 30.0), rel=1e-6)
    assert warm_w - 0.1 == pytest.approx(0.1 * 2 ** ((warm_c - 25.0) / 30.0), rel=1e-6)
    assert hot_c == pytest.approx(25.0 + 10.0 * hot_w, rel=1e-4)
    assert warm_c == pytest.approx(25.0 + 10.0 * warm_w, rel=1e-4)


def test_throttling_holds_the_temperature_and_lets_go() -> None:
    timeline = Timeline(hot_device(50.0))
    timeline.record(pulses("work", S, 60 * S))
    t_ns = np.arange(0, 90 * S, S // 4)
    given_hz, hot_c = timeline.frequency_hz(t_ns, "cpu"), timeline.temperature_c(t_ns, "soc")
    assert hot_c.max() < 55.0
    assert given_hz[t_ns < 2 * S].min() == 2e9
    assert given_hz.min() < 2e9
    assert given_hz[-1] == 2e9
    cooler = np.diff(given_hz) > 0
    assert (hot_c[1:][cooler] < 47.0).all()
    assert float(timeline.energy_j(0, 20 * S, "board")) == pytest.approx(
        by_quadrature(timeline, 0, 20 * S, "board", 50_000), rel=1e-5
    )


def everything(timeline: Timeline, t_ns: NDArray[np.int64]) -> list[list[float]]:
    device = timeline.device
    return [
        *(timeline.power_w(t_ns, name).tolist() for name in device.sources),
        *(timeline.total_j(t_ns, name).tolist() for name in device.sources),
        *(timeline.temperature_c(t_ns, zone.name).tolist() for zone in device.zones),
        *(timeline.busy_s(t_ns, domain.name).tolist() for domain in device.domains),
    ]


@pytest.mark.parametrize("trip_c", [1000.0, 45.0])
def test_the_past_does_not_change(trip_c: float) -> None:
    timeline, whole = Timeline(hot_device(trip_c)), Timeline(hot_device(trip_c))
    begin_ns, end_ns = loop(np.random.default_rng(1), S, 3000, latency_s=0.006, spread=0.2, gap_s=0.001)
    whole.record(pulses("work", begin_ns, end_ns))
    asked_ns = np.arange(0, S, 10 * MS)
    seen = [everything(timeline, asked_ns)]
    for part in range(100):
        rows = slice(30 * part, 30 * part + 30)
        timeline.record(pulses("work", begin_ns[rows], end_ns[rows]))
        now_ns = np.linspace(begin_ns[rows][0], end_ns[rows][-1], 40).astype(np.int64)
        asked_ns = np.concatenate([asked_ns, now_ns])
        everything(timeline, now_ns)
        if part % 10 == 0:
            seen.append(everything(timeline, asked_ns))
    for before in seen:
        n = len(before[0])
        assert [values[:n] for values in everything(timeline, asked_ns)] == before
    at_once, bit_by_bit = everything(whole, asked_ns), everything(timeline, asked_ns)
    for one, other in zip(at_once, bit_by_bit, strict=True):
        assert one == pytest.approx(other, rel=1e-11, abs=1e-14)


def test_a_change_of_the_past_is_refused_or_moved_and_reported() -> None:
    strict, lenient = Timeline(one_domain()), Timeline(one_domain(), late_limit_ns=MS)
    for timeline in (strict, lenient):
        timeline.power_w(5 * S, "cpu")
    with pytest.raises(ValueError, match="past cannot change"):
        strict.record(level("work", 5 * S - 1, 1.0))
    lenient.record(level("work", 5 * S - 1000, 1.0))
    assert lenient.late_ns == 1000
    assert float(lenient.power_w(5 * S, "cpu")) == 0.5
    assert lenient.use([5 * S - 1, 5 * S], "cpu").tolist() == [0.0, 1.0]
    with pytest.raises(ValueError, match="past cannot change"):
        lenient.record(level("work", 3 * S, 0.0))


def test_what_the_device_has_not_is_refused() -> None:
    timeline = Timeline(one_domain())
    with pytest.raises(KeyError):
        timeline.record(level("nothing", 0, 1.0))
    with pytest.raises(KeyError):
        timeline.power_w(0, "battery")
    with pytest.raises(ValueError, match="not in order"):
        pulses("work", [0, 10], [20, 30])
    with pytest.raises(ValueError, match="has no gpu"):
        Device((Domain("cpu", 1.0),), boundaries=(Boundary("battery", {"gpu": 1.0}),))
    with pytest.raises(ValueError, match="same name"):
        Device((Domain("cpu", 1.0),), boundaries=(Boundary("cpu", {"cpu": 1.0}),))


def test_a_seed_decides_everything() -> None:
    at_ns = np.arange(0, 12 * S, 50 * MS)
    one, same, other = (busy_phone(seed) for seed in (7, 7, 8))
    assert everything(one, one.origin_ns + at_ns) == everything(same, same.origin_ns + at_ns)
    assert everything(one, one.origin_ns + at_ns) != everything(other, other.origin_ns + at_ns)

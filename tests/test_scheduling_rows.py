"""What else of a calibration the world uses: long loads, tails of a radio, 95th percentiles, whole exchanges, rails."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgewatt.models.scheduling.autoscale import learn, learning_of, lessons_of
from edgewatt.models.scheduling.baselines import CPU_FP32, ORACLE, best
from edgewatt.models.scheduling.building import build
from edgewatt.models.scheduling.constants import Draw
from edgewatt.models.scheduling.environment import Simulation
from edgewatt.models.scheduling.executing import Inferences, executed
from edgewatt.models.scheduling.scenarios import drawn
from edgewatt.models.scheduling.states import bins_of
from edgewatt.models.scheduling.trial import tried
from edgewatt.models.scheduling.world import Conditions, World
from tests.scheduling_worlds import CONSTANTS, core, inference, measured, own_phone

THERMAL = {
    "unit": "cpu4", "cores_n": 2, "ambient_c": 30.0, "channel": "big", "resistance_k_per_w": 10.0,
    "time_constant_s": 20.0, "trip_c": 50.0, "sustained_ratio": 0.6, "leakage_w_per_k": 0.025, "observations_n": 4,
}  # fmt: skip
CURVE = [
    {"unit": "cpu4", "cores_n": 2, "t_s": t, "speed_ratio": speed, "temperature_c": c}
    for t, speed, c in ((1.0, 1.0, 45.0), (9.0, 0.9, 52.0), (19.0, 0.8, 54.0))
]
RADIO = {
    "interface": "wlan0", "rssi_low_dbm": -60.0, "rssi_high_dbm": -50.0, "send_w": 1.0, "receive_w": 0.8,
    "send_b_per_s": 1e7, "receive_b_per_s": 2e7, "rtt_p50_s": 0.004, "observations_n": 3,
}  # fmt: skip


def world(**more: Any) -> World:
    return build(measured(own_phone(**more)))


def around(**said: float) -> Conditions:
    usual = {"co_cpu": 0.0, "co_memory": 0.0, "wlan_dbm": -55.0, "p2p_dbm": -55.0, "temperature_c": 35.0}
    return Conditions(**{name: np.array([value]) for name, value in {**usual, **said}.items()})


def place_of(of: World, text: str) -> int:
    return [str(action) for action in of.actions].index(text)


def test_a_long_load_says_when_it_slows_and_by_how_much() -> None:
    of = world(thermal=[THERMAL], throttling=CURVE)
    trip_c, slowdown, reference_c, leakage, least = of.heat[0]
    assert (trip_c, least, reference_c) == (50.0, 0.6, 35.0)
    assert slowdown == pytest.approx((2 * 0.1 + 4 * 0.2) / (2**2 + 4**2))
    assert leakage == pytest.approx(0.025 / (2 * 1.2 + 0.1)), "of the watts of all cores at the top"
    hot, hotter = (of.outcome(0, 0, 1, around(temperature_c=c)).latency_s[0] for c in (52.0, 90.0))
    assert hot == pytest.approx(0.030 / (1 - 2 * slowdown))
    assert hotter == pytest.approx(0.030 / 0.6), "never slower than what it sustained"


def test_a_load_that_never_slowed_moves_the_assumed_trip_point_up() -> None:
    cool = [{**row, "speed_ratio": 1.0} for row in CURVE]
    of = world(thermal=[{**THERMAL, "trip_c": None, "sustained_ratio": 1.0}], throttling=cool)
    assert of.heat[0, 0] == 54.0
    assert any("did not slow up to 54 C; beyond 54 C assumed" in note for note in of.notes)


def test_temperature_follows_the_watts_exactly() -> None:
    of = world(thermal=[THERMAL], throttling=CURVE)
    outcome = of.outcome(0, 0, 1, around(temperature_c=40.0))
    warm_c, power_w = of.warmer(0, 0, np.array([40.0]), outcome)
    watts = (outcome.energy_j[0] + 0.5 * (0.05 - outcome.latency_s[0])) / 0.05
    assert power_w == pytest.approx(watts)
    assert warm_c == pytest.approx(30 + 10 * watts + (40 - 30 - 10 * watts) * np.exp(-0.05 / 20))
    assert not world().warms, "without such a row a scenario draws the temperature"


def test_a_case_begins_as_warm_as_its_inferences_keep_it() -> None:
    of = world(thermal=[THERMAL], throttling=CURVE)
    n = 12
    same = Inferences(np.zeros(n, dtype=np.intp), drawn(CONSTANTS, "S1", n, np.random.default_rng(0)), np.zeros(n), n)
    _, found = executed(of, lambda network, _: np.ones(len(network), dtype=np.intp), same)
    watts = (found.energy_j + 0.5 * (0.05 - found.latency_s)) / 0.05
    warm_c = 30 + 10 * watts
    assert warm_c == pytest.approx(np.full(n, warm_c[-1]), rel=0.05), "it stays there"
    assert found.latency_s[0] > 0.0301, "which is above the trip point"


def test_the_oracle_and_the_agent_see_the_phone_warm() -> None:
    of = world(thermal=[{**THERMAL, "resistance_k_per_w": 16.0}], throttling=CURVE)
    trial = tried(of, None, CONSTANTS, ["S1"], 6, 0)
    cool = tried(world(), None, CONSTANTS, ["S1"], 6, 0)
    assert trial.latency_s[CPU_FP32][0, 0] > 1.3 * cool.latency_s[CPU_FP32][0, 0]
    assert (trial.energy_j[ORACLE] <= trial.energy_j[CPU_FP32]).all()
    bins = bins_of(CONSTANTS)
    lessons = lessons_of(of, bins, CONSTANTS, ["S1"], [0], 30)
    hot, cold = (learn(w, bins, lessons, learning_of(CONSTANTS, [Draw()]), 0) for w in (of, world()))
    assert (hot != cold).any()


def test_the_environment_warms_and_cools() -> None:
    simulation = Simulation(measured(own_phone(thermal=[THERMAL], throttling=CURVE)), ["S1"], 1, length=400)
    simulation.begin(np.random.default_rng(0))
    degrees = []
    for k in range(300):
        busy = np.array([1 if k < 200 else place_of(simulation.world, "cloud gpu fp32")])
        degrees.append(float(simulation.execute(busy)[-1]["temperature_c"][0]))
    assert degrees[0] == pytest.approx(30 + 10 * 0.5), "it begins as it idles"
    assert degrees[200] > degrees[100] > degrees[0]
    assert degrees[299] < degrees[200]


def test_the_tail_of_a_radio_is_charged_once_per_exchange() -> None:
    a = place_of(world(), "cloud gpu fp32")
    with_tail, without = (world(radio=[{**RADIO, **tail}]) for tail in ({"tail_s": 0.2, "tail_w": 0.4}, {}))
    first, second = (of.outcome(0, 0, a, around()) for of in (with_tail, without))
    assert first.energy_j - second.energy_j == pytest.approx(0.2 * 0.4)
    assert first.latency_s == second.latency_s
    assert with_tail.outcome(0, 0, 1, around()).energy_j == without.outcome(0, 0, 1, around()).energy_j


def test_a_95th_percentile_is_the_spread_of_what_is_drawn() -> None:
    rows = [inference(hz, 0.020, energy_j=0.06, latency_p95_s=0.026) for hz in (1e9, 2e9)]
    of = world(inference=rows)
    noise = np.random.default_rng(3).standard_normal(200_000)
    seconds = of.outcome(0, 0, 1, around(), noise).latency_s
    assert seconds.mean() == pytest.approx(0.020, rel=0.005)
    assert np.percentile(seconds, 95) == pytest.approx(0.026, rel=0.01)
    assert of.expected(0, 0, 1, around()).latency_s == pytest.approx(0.020)
    assert world().spread[0, 0, 1] == CONSTANTS["noise.local_ratio"]
    wild = world(inference=[{**row, "latency_p95_s": 9.0} for row in rows]).spread[0, 0, 1]
    assert wild == pytest.approx(1.645, abs=1e-3), "the most that a log-normal's percentile over its mean can say"


def exchange(sent_b: int, send_s: float, **more: Any) -> dict[str, Any]:
    row = {
        "to": "server", "interface": "wlan0", "rssi_dbm": -55.0, "sent_b": sent_b, "received_b": 4000,
        "send_s": send_s, "remote_s": 0.0, "receive_s": 0.002, "energy_j": 0.05, "observations_n": 30,
        "energy_boundary": "battery_bypass",
    }  # fmt: skip
    return {**row, **more}


def test_a_measured_exchange_of_the_network_takes_what_it_took() -> None:
    of = world(radio=[RADIO], offload=[exchange(150_528, 0.030, model="net"), exchange(1000, 0.001)])
    a = place_of(of, "cloud gpu fp32")
    found, remote_s = of.outcome(0, 0, a, around()), 3e8 / 5e11 + 0.002
    assert found.latency_s == pytest.approx(0.030 + 0.002 + remote_s)
    assert found.energy_j == pytest.approx(0.05 + 0.5 * found.latency_s), "its joules are above idle"
    weak, strong = (of.outcome(0, 0, a, around(wlan_dbm=dbm)) for dbm in (-85.0, -55.0))
    assert weak.latency_s > strong.latency_s
    beside = place_of(of, "edge gpu fp16")
    assert of.outcome(0, 0, beside, around()).latency_s == world().outcome(0, 0, beside, around()).latency_s
    assert any("net: over wlan its bytes take" in note for note in of.notes)


def test_other_sizes_tell_of_those_between_them_and_of_no_others() -> None:
    a = place_of(world(), "cloud gpu fp32")
    plain, between, beyond = (
        world(radio=[RADIO], offload=rows).outcome(0, 0, a, around()).latency_s[0]
        for rows in (
            [], [exchange(100_000, 0.030), exchange(200_000, 0.055)], [exchange(1000, 0.02), exchange(10_000, 0.02)]
        )
    )  # fmt: skip
    assert between > 1.2 * plain
    assert beyond == plain


def test_the_joules_of_a_rail_are_not_those_of_the_phone() -> None:
    rail = {"energy_source": "gauge/cpu", "energy_boundary": "rail"}
    whole = {"energy_source": "monsoon/main", "energy_boundary": "battery_bypass"}
    rows = [
        *(inference(2e9, 0.030, energy_j=1e-6 * k, **{**rail, "energy_source": f"gauge/{k}"}) for k in (1, 2, 3)),
        inference(2e9, 0.030, energy_j=0.09, **whole),
    ]
    assert world(inference=rows).outcome(0, 0, 1, around()).energy_j == pytest.approx(0.09)
    alone = world(inference=[{**rows[0], "energy_j": 1e-6}])
    assert alone.busy_w[0, 0, 1] == pytest.approx(2 * 1.2 + 0.1), "the watts of the step stand for them"


def test_drawn_worlds_differ_in_what_has_an_interval() -> None:
    wide = {**THERMAL, "resistance_low_k_per_w": 8.0, "resistance_high_k_per_w": 12.5}
    asked = measured(own_phone(thermal=[wide], throttling=CURVE))
    first, second = (build(asked, Draw(seed=k)).course[0, 0] for k in (1, 2))
    assert first != second
    assert 5.0 < first < 20.0


def test_power_at_the_top_says_what_leakage_is_of() -> None:
    power = [{**core(2e9, 1.2), "temperature_c": 41.0}]
    of = world(power=power, inference=[inference(2e9, 0.030, energy_j=0.09)], thermal=[THERMAL])
    assert of.heat[0, 2] == 41.0
    assert of.heat[0, 1] == CONSTANTS["heat.slowdown_per_k"], "no curve tells how speed falls"
    assert replace(of, heat=of.heat).warms


def test_the_oracle_counts_what_is_seldom_and_long() -> None:
    """At the higher step one inference in twenty takes nine times as long: its mean is what counts, not its median."""
    rows = [
        inference(1e9, 0.030, energy_j=0.060, latency_p95_s=0.031),
        inference(2e9, 0.029, energy_j=0.058, latency_p95_s=0.120),
    ]
    of = world(inference=rows)
    only = replace(of, valid=of.valid & ~of.is_remote, qos_s=np.array([1.0]))
    here = around()
    assert str(only.actions[best(only, np.array([0]), here).action[0]]) == "cpu fp32 2000 MHz"
    noise = np.random.default_rng(5).standard_normal(100_000)
    steady, wild = (of.outcome(0, 0, a, here, noise).energy_j.mean() for a in (0, 1))
    assert (steady, wild) == pytest.approx((0.060, 0.058), rel=0.02)
    by_median = [float(of.outcome(0, 0, a, here).energy_j[0]) for a in (0, 1)]
    assert by_median[1] < 0.8 * by_median[0], "a median would say that it costs far less"

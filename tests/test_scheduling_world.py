"""The world of AutoScale: from rows where there are any, else from constants that are called assumed."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewatt.models.scheduling.building import Asked, build
from edgewatt.models.scheduling.constants import Draw
from edgewatt.models.scheduling.scenarios import expected, names
from edgewatt.models.scheduling.world import Conditions, World, stacked
from edgewatt.profiler.errors import UsageError
from tests.scheduling_worlds import (
    CONSTANTS,
    LAYERS,
    as_published,
    calibration,
    core,
    inference,
    measured,
    own_phone,
)

WORLD = build(as_published())
VARIED = [build(as_published(), Draw(seed=seed, vary=True)) for seed in range(3)]


def around(**said: float) -> Conditions:
    usual = {"co_cpu": 0.0, "co_memory": 0.0, "wlan_dbm": -55.0, "p2p_dbm": -55.0, "temperature_c": 35.0}
    return Conditions(**{name: np.array([value]) for name, value in {**usual, **said}.items()})


def place_of(world: World, text: str) -> int:
    return [str(action) for action in world.actions].index(text)


def test_the_mi_8_pro_has_66_actions() -> None:
    assert len(WORLD.actions) == 66
    assert len({str(action) for action in WORLD.actions}) == 66
    bert = [w.name for w in WORLD.workloads].index("mobilebert")
    units = {a.unit for a, able in zip(WORLD.actions, WORLD.valid[bert], strict=True) if able and a.place == "phone"}
    assert units == {"cpu"}, "a recurrent network has no co-processor on the phone"


@pytest.mark.parametrize(("device_id", "steps"), [("galaxy_s10e", 2 * 21 + 2 * 9), ("moto_x_force", 2 * 15 + 2 * 6)])
def test_a_phone_without_a_dsp_has_none(device_id: str, steps: int) -> None:
    world = build(as_published(device_id))
    assert len(world.actions) == steps + 5
    assert f"no dsp: {device_id} has none in the calibration" in world.notes


def test_energy_adds_up_on_the_phone() -> None:
    a = place_of(WORLD, "cpu fp32 2800 MHz")
    found = WORLD.outcome(0, 2, a, around())
    rest_s = 569e6 / (8.5 * 2.8e9) + 0.0005
    assert found.latency_s == pytest.approx(rest_s)
    assert found.energy_j == pytest.approx((5.5 + 0.6) * rest_s)
    assert found.all_energy_j == pytest.approx(found.energy_j)
    assert found.accuracy == 71.0


def test_energy_adds_up_elsewhere() -> None:
    a = place_of(WORLD, "cloud gpu fp32")
    found = WORLD.outcome(0, 2, a, around())
    send_s, receive_s, remote_s = 150_528 / 1e7, 4000 / 1e7, 569e6 / 5e11
    assert found.latency_s == pytest.approx(send_s + receive_s + 0.008 + 0.002 + remote_s)
    assert found.energy_j == pytest.approx(1.3 * send_s + 1.0 * receive_s + 0.6 * found.latency_s)
    assert found.all_energy_j == pytest.approx(found.energy_j + 150 * remote_s)


def test_a_co_runner_and_heat_slow_it_down() -> None:
    a = place_of(WORLD, "cpu fp32 2800 MHz")
    alone, beside, hot = (
        float(WORLD.outcome(0, 2, a, of).latency_s[0])
        for of in (around(), around(co_cpu=0.5, co_memory=0.2), around(temperature_c=55.0))
    )
    assert beside == pytest.approx(alone * (1 + 1.5 * 0.5 + 0.9 * 0.2))
    assert hot == pytest.approx(alone / (1 - 0.03 * 10))


@settings(max_examples=30, deadline=None)
@given(st.floats(-92, -26), st.floats(0, 40), st.integers(0, 9), st.sampled_from(VARIED))
def test_more_signal_never_costs_more(dbm: float, more: float, network: int, world: World) -> None:
    strong = min(dbm + more, -25.0)
    weak = world.outcome(0, network, np.arange(66), around(wlan_dbm=dbm, p2p_dbm=dbm))
    well = world.outcome(0, network, np.arange(66), around(wlan_dbm=strong, p2p_dbm=strong))
    assert (well.energy_j <= weak.energy_j).all()
    assert (well.latency_s <= weak.latency_s).all()


def test_stacked_worlds_are_each_as_before() -> None:
    other = build(as_published(), Draw(seed=3, vary=True))
    both = stacked([WORLD, other])
    e, a = np.array([0, 1]), np.array([5, 64])
    found = both.outcome(e, np.array([1, 2]), a, expected(CONSTANTS, "D2"))
    for k, world in enumerate((WORLD, other)):
        alone = world.outcome(0, k + 1, a[k], expected(CONSTANTS, "D2"))
        assert found.energy_j[k] == pytest.approx(alone.energy_j[0])
        assert found.latency_s[k] == pytest.approx(alone.latency_s[0])


def test_a_measured_phone_is_taken_as_it_is() -> None:
    world = build(measured(own_phone()))
    assert [str(a) for a in world.actions[:2]] == ["cpu fp32 1000 MHz", "cpu fp32 2000 MHz"]
    found = world.outcome(0, 0, np.array([0, 1]), around())
    assert found.latency_s == pytest.approx([0.058, 0.030])
    assert found.energy_j == pytest.approx([0.075, 0.09]), "a row's joules have the idle watts in them already"
    assert world.basis[0, :2].tolist() == ["measured", "measured"]
    assert world.basis[0, 2] == "assumed"


def test_a_step_that_was_not_measured_is_scaled_and_called_assumed() -> None:
    world = build(measured(own_phone(inference=[inference(2e9, 0.030, energy_j=0.09)])))
    assert world.rest_s[0, 0, :2] == pytest.approx([0.060, 0.030])
    assert world.busy_w[0, 0, 0] == pytest.approx((0.09 / 0.03 - 0.5) * (2 * 0.4 + 0.1) / (2 * 1.2 + 0.1))
    assert world.basis[0, :2].tolist() == ["assumed", "measured"]


def test_between_two_steps_time_is_linear_in_the_period() -> None:
    rows = [core(1e9, 0.4), core(1.5e9, 0.7), core(2e9, 1.2)]
    world = build(measured(own_phone(power=rows)))
    assert world.rest_s[0, 0, 1] == pytest.approx(0.030 + (0.058 - 0.030) * (1 / 1.5 - 1 / 2) / (1 - 1 / 2))


def test_measured_radio_and_co_runner_are_used() -> None:
    bins = [
        {"interface": "wlan0", "rssi_low_dbm": low, "rssi_high_dbm": low + 5, "send_w": w, "receive_w": 0.5,
         "send_b_per_s": rate, "receive_b_per_s": 1e7, "rtt_p50_s": 0.004}
        for low, w, rate in ((-60.0, 0.9, 2e7), (-80.0, 1.1, 5e6))
    ]  # fmt: skip
    slow = [{"model": "net", "target": "cpu", "co_cpu_ratio": 0.5, "co_memory_ratio": 0.0, "slowdown_ratio": 1.4}]
    world = build(measured(own_phone(radio=bins, co_runner=slow)))
    a = place_of(world, "cloud gpu fp32")
    found = world.outcome(0, 0, a, around(wlan_dbm=-57.0))
    send_s = 150_528 / 2e7
    assert found.latency_s == pytest.approx(send_s + 4000 / 1e7 + 0.004 + 0.002 + 3e8 / 5e11)
    assert world.of_cpu[0, 0] == pytest.approx(0.8)
    assert world.of_memory[0, 0] == CONSTANTS["co_runner.cpu_of_memory"]
    between = world.signal[0, 0, 2, round(-67 - world.lowest_dbm)]
    assert 5e6 < between < 2e7
    assert any("known from -80 to -55 dBm; outside" in note for note in world.notes)


def test_what_is_lacking_is_named() -> None:
    lacking = measured(own_phone()).lacking()
    for interface in ("wlan", "p2p"):
        assert any(f"radio {interface}: no row of `radio` with send_w" in note for note in lacking)
    assert "no gpu: p has none in the calibration" in build(measured(own_phone())).notes


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ({"power": [{"unit": "gpu", "busy_w": 1.0}], "inference": []}, "cannot be the phone"),
        ({"models": []}, "does not say conv_n, fc_n, rc_n, macs_n, input_b, output_b of 'net'"),
        ({"models": [{"model": "net", "conv_n": 3, "fc_n": 1, "rc_n": 0, "macs_n": 9, "qos_s": 1.0, "input_b": 1}]},
         r"--given models.output_b@net=N"),
        ({"power": [], "inference": [inference(2e9, 0.03, precision="int4", accuracy_ratio=0.7)]},
         "nothing can execute net: p has no processor of which their seconds and watts are known"),
    ],
)  # fmt: skip
def test_what_cannot_be_simulated_is_refused(tables: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        build(measured(own_phone(**tables)))


@pytest.mark.parametrize(("rc_n", "qos_s", "what"), [(0, 0.05, "vision"), (3, 0.1, "translation")])
def test_a_deadline_that_nobody_gave_is_the_papers_and_is_said(rc_n: int, qos_s: float, what: str) -> None:
    models = [{"model": "net", **LAYERS, "rc_n": rc_n, "qos_s": None}]
    world = build(measured(own_phone(models=models)))
    assert world.qos_s.tolist() == [qos_s]
    assert any(f"{qos_s * 1e3:.0f} ms, the paper's of {what}, is assumed" in note for note in world.notes)


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(UsageError, match=r"'cloud' cannot be the phone of a simulation: .* mi8pro, galaxy_s10e"):
        as_published("cloud")
    with pytest.raises(UsageError, match="none that has power of a CPU"):
        Asked(calibration(idle=[{"idle_w": 1.0}]), calibration(), "p", CONSTANTS)


def test_every_unconfirmed_constant_says_why_it_is_not_varied_or_is() -> None:
    asked: set[str] = set()
    build(as_published(), Draw(asked=asked))
    assert {"radio.wlan.send_w", "power.mi8pro.cpu.busy_w", "heat.leakage_per_k"} <= asked
    assert not {"radio.pivot_dbm", "cloud.idle_w"} & asked, "those are fixed"
    tags = {of.tag for of in CONSTANTS.by_name.values()}
    assert tags <= {"confirmed", "second-hand", "remembered", "assumed"}
    assert all(of.source and of.unit for of in CONSTANTS.by_name.values())
    assert not set(names(CONSTANTS, "tuning")) & set(names(CONSTANTS, "test"))
    assert len(names(CONSTANTS)) == 9


def test_a_precision_of_unknown_accuracy_is_not_chosen() -> None:
    world = build(measured(own_phone(inference=[inference(2e9, 0.030, energy_j=0.09, accuracy_ratio=0.7)])))
    able = {a.target for a, of in zip(world.actions, world.valid[0], strict=True) if of}
    assert able == {"cpu fp32", "edge cpu fp32", "edge gpu fp16", "cloud cpu fp32", "cloud gpu fp32"}
    assert "net: accuracy in int8 is not known, so that it is not chosen" in world.notes


def test_what_no_phone_has_is_refused_before_it_takes_memory() -> None:
    with pytest.raises(UsageError, match="cpu: steps_n is 2000000000, expected 1 to 200"):
        build(
            measured(own_phone(power=[{"unit": "cpu", "frequency_hz": 2e9, "busy_w": 3.0, "steps_n": 2_000_000_000}]))
        )
    many = [core(1e9 + 1e6 * k, 0.4) for k in range(1200)]
    with pytest.raises(UsageError, match="p: 1205 choices and 1 networks, expected at most 1000 of each"):
        build(measured(own_phone(power=many)))

"""A fleet from a calibration: the timings of the paper's Figure 2, what is around it, and what cannot be a fleet."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from edgewatt.device_profiles.published import published
from edgewatt.models.federated.fleet.building import as_published, fleet_of
from edgewatt.models.federated.fleet.fleet import CalibratedFleet
from edgewatt.models.federated.fleet.variance import scenarios_of
from edgewatt.models.federated.round import HIGH, LOW, MID, Choice, Conditions, Costs, Job
from edgewatt.models.scheduling.constants import Draw, constants_of
from edgewatt.profiler.calibration.calibration import Calibration, calibration_of_rows
from edgewatt.profiler.calibration.head import CalibratedDevice, Head
from edgewatt.profiler.errors import UsageError

CONSTANTS = constants_of("../federated/testbed")
AUTOFL = published("autofl")
UNIT = "work unit of Figure 2"
UPDATE_B = int(CONSTANTS["work_unit.update_b"])
FIRSTS = np.array([0, 30, 100])  # the first device of each tier
MEASURED = {"basis": "measured", "source": "aa"}


def fleet(scenario: str = "ideal", seed: int = 1, calibration: Calibration = AUTOFL, **more: Any) -> CalibratedFleet:
    return fleet_of(calibration, CONSTANTS, more.pop("draw", Draw()), scenario, seed, **more)


@cache
def drawn_fleet(scenario: str = "ideal", seed: int = 1) -> CalibratedFleet:
    return fleet(scenario, seed)


def a_job(model: str = UNIT, rc_n: int = 0, update_b: int = UPDATE_B) -> Job:
    return Job(model, 2, 1, rc_n, update_b, 16, 1, 3)


def costs(of: CalibratedFleet, around: Conditions | None = None, **of_choice: Any) -> Costs:
    devices = of_choice.pop("devices", FIRSTS)
    samples = of_choice.pop("samples", 16)
    job = of_choice.pop("job", a_job())
    whole = {"target": 0, "batch": 16, "epochs": 1, **of_choice}
    choice = Choice(devices, *(np.full(len(devices), whole[name]) for name in ("target", "batch", "epochs")))
    return of.costs(job, choice, np.full(len(of.kind_of), samples), around or of.conditions(0))


def phone(device_id: str = "a", training: Any = None, **tables: Any) -> Calibration:
    """A phone of which everything that a fleet takes was measured."""
    steps = training or [
        {"model": "net", "target": "cpu", "frequency_hz": 2e9, "batch": 8, "step_s": 0.10, "energy_j": 0.30},
        {"model": "net", "target": "cpu", "frequency_hz": 2e9, "batch": 16, "step_s": 0.18, "energy_j": 0.72},
        {"model": "net", "target": "cpu", "frequency_hz": 1e9, "batch": 8, "step_s": 0.19, "energy_j": 0.38},
        {"model": "net", "target": "gpu", "batch": 8, "step_s": 0.05},
    ]
    rows: dict[str, Any] = {
        "training_step": steps,
        "power": [
            {"unit": "cpu0", "frequency_hz": 1e9, "busy_w": 1.0},
            {"unit": "cpu0", "frequency_hz": 2e9, "busy_w": 3.0},
            {"unit": "gpu", "frequency_hz": 5e8, "busy_w": 2.0},
        ],
        "idle": [{"state": "awake", "idle_w": 0.5}],
        "radio": [
            {"interface": "wlan0", "rssi_low_dbm": -60, "rssi_high_dbm": -50, "send_w": 1.0, "send_b_per_s": 8e6},
            {"interface": "wlan0", "rssi_low_dbm": -90, "rssi_high_dbm": -80, "send_w": 2.0, "send_b_per_s": 2e6},
        ],
        "co_runner": [
            {"model": "net", "target": "cpu", "co_cpu_ratio": 0.5, "co_memory_ratio": 0.0, "slowdown_ratio": 1.5},
            {"model": "net", "target": "cpu", "co_cpu_ratio": 0.0, "co_memory_ratio": 0.5, "slowdown_ratio": 1.2},
        ],
        "devices": [{"tier": "mid", "devices_n": 4, "memory_b": 4_000_000_000, "free_memory_b": 1_000_000_000}],
        **tables,
    }
    head = Head(created="2026-11-26T10:00:00+00:00", devices={device_id: CalibratedDevice(f"Phone {device_id}")})
    return calibration_of_rows(
        head, {name: [{"device_id": device_id, **MEASURED, **row} for row in of] for name, of in rows.items()}
    )


def test_the_timings_of_figure_2_come_out_of_the_published_calibration() -> None:
    of = drawn_fleet()
    found = costs(of)
    assert found.compute_s == pytest.approx([0.0143, 0.0249, 0.0363])
    assert found.send_s == pytest.approx([0.0045] * 3)
    weak = of.good_b_per_s * of.physics[0].radio.ratios[0]
    around = replace(of.conditions(0), up_b_per_s=weak)
    assert costs(of, around).send_s == pytest.approx([0.0191] * 3)
    web = CONSTANTS.scenarios["interference"]
    loads = {name: np.full(200, web[name]["mean"]) for name in ("co_cpu_ratio", "co_memory_ratio")}
    beside = costs(of, replace(of.conditions(0), **loads)).compute_s
    assert beside[MID] == pytest.approx(0.0388, rel=1e-3)
    assert beside[HIGH] / found.compute_s[HIGH] < beside[MID] / found.compute_s[MID]
    assert beside[LOW] / found.compute_s[LOW] > beside[MID] / found.compute_s[MID]


def test_the_testbed_has_200_devices_whose_watts_keep_the_confirmed_ratios() -> None:
    of = drawn_fleet()
    tiers = np.array([kind.tier for kind in of.kinds])[of.kind_of]
    assert np.bincount(tiers).tolist() == [30, 70, 100]
    watts = costs(of).compute_j / costs(of).compute_s
    assert watts / watts[0] == pytest.approx([1.0, 0.643, 0.536], rel=2e-3)
    assert of.idle_w()[FIRSTS] / of.idle_w()[0] == pytest.approx([1.0, 0.643, 0.536], rel=5e-3)
    assert of.basis == "assumed"
    assert any("watts at the top" in note for note in of.notes)


def test_targets_are_a_few_steps_of_each_processor_the_cpus_top_first() -> None:
    for kind in drawn_fleet().kinds:
        cpu = [target.frequency_hz or 0.0 for target in kind.targets if target.kind == "cpu"]
        assert kind.targets[0].kind == "cpu"
        assert cpu == sorted(cpu, reverse=True)
        assert len(cpu) == int(CONSTANTS["frequency.steps_n"])
    of = drawn_fleet()
    top, low = (costs(of, target=place) for place in (0, 3))
    assert (low.compute_s > top.compute_s).all()
    assert (low.compute_j < top.compute_j).all()
    # A GPU pays for its queue: small batches are slower there, large ones of a large network faster.
    of_gpu = [costs(of, target=5, job=a_job(model)).compute_s for model in ("cnn", "mobilenet")]
    assert (of_gpu[0] > costs(of, job=a_job("cnn")).compute_s).all()
    assert (of_gpu[1] < costs(of, job=a_job("mobilenet")).compute_s).all()


def test_a_fleet_is_the_same_for_its_seed_in_any_order() -> None:
    first, again = drawn_fleet("mixed", 7), fleet("mixed", 7)
    later = first.conditions(5)
    again.conditions(0)
    for name in ("co_cpu_ratio", "co_memory_ratio", "up_b_per_s", "send_w"):
        assert np.array_equal(getattr(later, name), getattr(again.conditions(5), name))
        assert not np.array_equal(getattr(later, name), getattr(first.conditions(6), name))
        assert not np.array_equal(getattr(later, name), getattr(drawn_fleet("mixed", 8).conditions(5), name))
    # Co-runners are of the same users, whatever the network does.
    assert np.array_equal(later.co_cpu_ratio, fleet("interference", 7).conditions(5).co_cpu_ratio)


def test_scenarios_say_what_is_around_and_are_split() -> None:
    assert not set(scenarios_of(CONSTANTS, ["tuning"])) & set(scenarios_of(CONSTANTS, ["test"]))
    for name in scenarios_of(CONSTANTS):
        around = drawn_fleet(name).conditions(3)
        has_co_runners = bool(CONSTANTS.scenarios[name].get("share_ratio"))
        has_rates = "rate_ratio" in CONSTANTS.scenarios[name]
        assert (0.3 < np.mean(around.co_cpu_ratio > 0) < 0.7) == has_co_runners
        assert (np.unique(around.up_b_per_s).size > 100) == has_rates
        assert around.up_b_per_s.min() >= UPDATE_B / 0.0191 * 0.999  # the weak signal of Figure 2
        assert around.available.all()
    unstable = drawn_fleet("unstable_network").conditions(0)
    weak, strong = np.argmin(unstable.up_b_per_s[:30]), np.argmax(unstable.up_b_per_s[:30])
    assert unstable.send_w[weak] > unstable.send_w[strong] > drawn_fleet().idle_w()[0]


def test_steps_are_epochs_times_the_batches_that_samples_fill() -> None:
    of = drawn_fleet()
    assert costs(of, samples=40, epochs=5).compute_s == pytest.approx(15 * costs(of).compute_s)
    nothing = costs(of, samples=0, epochs=5)
    assert nothing.compute_s.tolist() == nothing.compute_j.tolist() == [0.0] * 3
    # A batch is no larger than what is there.
    assert costs(of, samples=8, batch=32).compute_s == pytest.approx(costs(of, samples=8, batch=8).compute_s)
    assert (costs(of, batch=1).compute_s / 16 < costs(of).compute_s).all()


def test_measured_steps_are_taken_as_they_are_and_joined_between_batches() -> None:
    of = fleet(calibration=phone())
    at = {"devices": np.array([0, 1]), "job": a_job("net")}
    assert [target.name for target in of.kinds[0].targets] == ["cpu 2000 MHz", "cpu 1000 MHz", "gpu 500 MHz"]
    assert costs(of, batch=8, samples=8, **at).compute_s == pytest.approx([0.10] * 2)
    assert costs(of, batch=8, samples=8, **at).compute_j == pytest.approx([0.30] * 2)
    assert costs(of, batch=12, samples=12, **at).compute_s == pytest.approx([0.14] * 2)
    assert costs(of, batch=16, samples=16, **at).compute_j == pytest.approx([0.72] * 2)
    # Beyond, as the line through its ends: 20 ms + 10 ms x batch.
    assert costs(of, batch=32, samples=32, **at).compute_s == pytest.approx([0.34] * 2)
    slow, gpu = (costs(of, target=place, batch=8, samples=8, **at) for place in (1, 2))
    assert slow.compute_s == pytest.approx([0.19] * 2)
    assert slow.compute_j == pytest.approx([0.38] * 2)
    assert gpu.compute_s == pytest.approx([0.05] * 2)
    assert gpu.compute_j == pytest.approx([0.05 * (2.0 + 0.5)] * 2)
    assert of.basis == "measured"


def test_a_measured_radio_and_co_runner_are_taken_as_they_are() -> None:
    of = fleet(calibration=phone())
    at = {"devices": np.array([0]), "job": a_job("net", update_b=8_000_000), "batch": 8, "samples": 8}
    around = of.conditions(0)
    assert costs(of, **at).send_s == pytest.approx([1.0])
    assert costs(of, **at).send_j == pytest.approx([1.0 + 0.5])
    weak = of.physics[0].radio.send_w(np.array([0.25, 0.5]))
    assert weak == pytest.approx([2.0, np.sqrt(2.0)])
    ones = np.ones(4)
    assert costs(of, replace(around, co_cpu_ratio=0.5 * ones), **at).compute_s == pytest.approx([0.15])
    assert costs(of, replace(around, co_memory_ratio=0.5 * ones), **at).compute_s == pytest.approx([0.12])


def test_a_batch_that_does_not_fit_costs_nothing() -> None:
    of = drawn_fleet()
    found = costs(of, job=a_job("mobilenet"), batch=64, samples=64)
    assert found.fits.tolist() == [True, True, False]
    for column in (found.compute_s, found.send_s, found.compute_j, found.send_j):
        assert column[LOW] == 0.0
        assert (column[:LOW] > 0).all()
    full = replace(of.conditions(0), co_memory_ratio=np.ones(200))
    assert not costs(of, full).fits.any()


def test_a_measured_peak_says_what_fits() -> None:
    steps = [
        {"model": "net", "batch": batch, "step_s": 0.01 * batch, "memory_peak_b": 100_000_000 * batch}
        for batch in (1, 4)
    ]
    of = fleet(calibration=phone(training=steps))
    at = {"devices": np.array([0]), "job": a_job("net"), "samples": 64}
    assert [bool(costs(of, batch=batch, **at).fits[0]) for batch in (2, 10, 11)] == [True, True, False]


def test_of_a_device_only_processors_with_times_and_watts_are_targets() -> None:
    steps = [
        {"model": "cnn", "target": "cpu", "frequency_hz": 1e9, "batch": 16, "step_s": 0.02, "energy_j": 0.04},
        {"model": "cnn", "target": "gpu", "batch": 16, "step_s": 0.01},
    ]
    alone = fleet(calibration=phone(training=steps, power=[]))
    assert [target.name for target in alone.kinds[0].targets] == ["cpu 1000 MHz"]
    assert costs(alone, devices=np.array([0]), job=a_job("cnn")).compute_j == pytest.approx([0.04])
    gpu = fleet(calibration=phone(training=[{**steps[1], "energy_j": 0.03}]))
    assert [target.kind for target in gpu.kinds[0].targets] == ["gpu"]
    # Another network there: by the shapes of both on a GPU.
    other = costs(gpu, devices=np.array([0]), job=a_job("mobilenet"))
    shapes = [
        np.array([CONSTANTS[f"models.{name}.{of}_ratio"] for of in ("fixed", "sample")])
        for name in ("mobilenet", "cnn")
    ]
    on_gpu = np.array([CONSTANTS["gpu.fixed_ratio"], 16 * CONSTANTS["gpu.sample_ratio"]])
    assert other.compute_s == pytest.approx([0.01 * (shapes[0] @ on_gpu) / (shapes[1] @ on_gpu)])
    with pytest.raises(UsageError, match="expected one of net, or rows"):
        costs(fleet(calibration=phone()), devices=np.array([0]), job=a_job("cnn"))


def test_tiers_without_a_word_are_by_speed_and_sizes_are_shared() -> None:
    def step(device_id: str, step_s: float) -> Mapping[str, Any]:
        return {"device_id": device_id, **MEASURED, "model": "cnn", "batch": 16, "step_s": step_s}

    head = Head(created="2026-11-26T10:00:00+00:00", devices={key: CalibratedDevice(key) for key in "abcd"})
    steps = [step("a", 0.040), step("b", 0.010), step("c", 0.016), step("d", 0.011)]
    of = fleet(calibration=calibration_of_rows(head, {"training_step": steps}), sizes={"high": 5, "low": 2})
    assert [(kind.name, kind.tier) for kind in of.kinds] == [("b", HIGH), ("d", HIGH), ("a", LOW)]
    assert np.bincount(of.kind_of).tolist() == [3, 2, 2]
    assert any("watts of its CPU are assumed" in note for note in of.notes)


def test_a_draw_varies_what_is_not_confirmed_alone() -> None:
    varied = costs(fleet(draw=Draw(seed=3, vary=True)))
    assert varied.compute_s == pytest.approx([0.0143, 0.0249, 0.0363])
    assert not np.allclose(varied.compute_j, costs(drawn_fleet()).compute_j, rtol=1e-3)


def test_a_job_can_send_what_the_papers_network_sends() -> None:
    assert as_published(a_job("cnn", update_b=7), CONSTANTS).update_b == 6_653_480
    assert as_published(a_job("net", update_b=7), CONSTANTS).update_b == 7


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"sizes": {"high": 3}, "calibration": phone()}, "no device of it: it has mid"),
        ({"sizes": {"huge": 3}}, "expected one of high, mid, low"),
        ({"sizes": {"high": -1}}, "expected 0 or more"),
        ({"sizes": {"high": 0}}, "a fleet of 0 devices"),
        ({"sizes": {"low": 10**8}}, "expected 1 to 10000000"),
        ({"scenario": "sunny"}, "expected one of ideal, interference"),
        ({"calibration": published("eafl")}, "lacks rows of training"),
        ({"calibration": phone(training=[{"model": "net", "step_s": None}])}, "no row of `training_step`"),
        ({"calibration": phone(training=[{"model": "net", "target": "dla", "step_s": 1.0}])}, "cpu, gpu, npu or not"),
        (
            {"calibration": phone(training=[{"model": "net", "target": "npu", "step_s": 1.0}])},
            "trained on npu, of which",
        ),
    ],
)
def test_what_is_no_fleet_is_refused(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        fleet(**asked)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"job": a_job("vgg")}, "model 'vgg': nothing says how long.*expected one of cnn, lenet, lstm"),
        ({"target": 99}, "target 99 of device 0"),
        ({"batch": 0}, "batch 0 of device 0"),
        ({"batch": 100_000}, "expected 1 to 512"),
        ({"epochs": 0}, "epochs 0 of device 0"),
    ],
)
def test_what_cannot_be_trained_is_refused(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        costs(drawn_fleet(), **asked)

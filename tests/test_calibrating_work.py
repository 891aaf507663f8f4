"""Networks, training steps and co-runners from measured repeats; accelerators; the energy estimator."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewatt.profiler.calibrating.accelerators import accelerator_rows, accelerators_in
from edgewatt.profiler.calibrating.co_runner import co_runner_rows
from edgewatt.profiler.calibrating.estimator import estimate_rows, estimates
from edgewatt.profiler.calibrating.idle import idle_rows
from edgewatt.profiler.calibrating.inference import inference_rows, training_rows
from edgewatt.profiler.calibrating.interactive import interactive_rows
from edgewatt.profiler.calibrating.observations import Observation
from edgewatt.profiler.calibrating.power import PowerFit, fit_power
from edgewatt.profiler.storage.trace import Trace
from tests.calibrating_runs import AT_C, CLUSTERS, METER, cpu_plan, recorded, truth_of
from tests.calibrating_windows import observation, residency, windows

TRUTH = truth_of(0, spread_w=0.001, spread_rel=0.001, leakage_w_per_k=0.0, gain_rel=None)
GPU_W = 1.8


@cache
def power_fit() -> PowerFit:
    found, _ = fit_power(windows(TRUTH, cpu_plan(0), 0), METER, list(CLUSTERS))
    assert found is not None
    return found


def config(model: str, target: str = "cpu", **more: Any) -> Mapping[str, Any]:
    return {"model": model, "target_asked": target, "precision": "fp32", "threads": 1, "batch": 1, **more}


def repeats(
    model: str,
    above_w: float,
    *,
    target: str = "cpu",
    latency_s: float = 0.02,
    cores: int = 1,
    seed: int = 0,
    conditions: Mapping[str, Any] | None = None,
    **more: Any,
) -> list[Observation]:
    """Five repeats of 10 s on so many cores of cpu4 at its highest step."""
    rng = np.random.default_rng(seed)
    found = []
    for k in range(5):
        each_s = latency_s * float(np.exp(0.01 * rng.standard_normal()))
        power_w = TRUTH.base_w + above_w + 0.003 * rng.standard_normal()
        ran = residency("cpu4", 2.4e9, cores, loads={"cpu4": 1.0, **({"gpu": 0.9} if target == "gpu" else {})})
        found.append(
            observation(
                k,
                "measure",
                power_w,
                ran,
                config=config(model, target, **more.get("config", {})),
                conditions=conditions or {},
                latency_s=each_s,
                iterations=round(10 / each_s),
                step=more.get("step", "inference"),
                told={"memory_peak_b": 1000 + k},
            )
        )
    return found


def cpu_w(cores: int) -> float:
    return TRUTH.on_w["cpu4", 2.4e9] + cores * TRUTH.busy_w["cpu4", 2.4e9]


def test_a_network_is_a_row() -> None:
    row = inference_rows(repeats("a.tflite", cpu_w(1))).rows["inference"][0]
    assert (row["model"], row["target"], row["threads"], row["co_cpu_ratio"]) == ("a.tflite", "cpu", 1, None)
    assert row["latency_low_s"] < 0.02 < row["latency_high_s"]
    assert row["energy_low_j"] < (TRUTH.base_w + cpu_w(1)) * 0.02 < row["energy_high_j"]
    assert (row["busy_ratio"], row["memory_peak_b"], row["observations_n"]) == (1.0, 1004, 5)
    assert row["energy_source"] == METER


def test_without_a_source_there_are_no_joules() -> None:
    seen = [
        observation(k, "measure", None, config=config("a.tflite"), latency_s=0.02, iterations=500) for k in range(3)
    ]
    row = inference_rows(seen).rows["inference"][0]
    assert (row["energy_j"], row["energy_source"]) == (None, None)
    assert row["latency_s"] == pytest.approx(0.02)


def test_a_void_repeat_does_not_count() -> None:
    seen = repeats("a.tflite", cpu_w(1))
    voided = [
        *seen[:4],
        observation(9, "measure", 99.0, config=config("a.tflite"), latency_s=9.0, reasons=("suspended",)),
    ]
    row = inference_rows(voided).rows["inference"][0]
    assert row["observations_n"] == 4
    assert row["latency_s"] < 0.03


def test_training_steps_by_batch() -> None:
    told = {"update_b": 4000, "frozen_prefix_n": 2}
    seen = [
        one
        for batch in (1, 8)
        for one in repeats(
            "cnn", cpu_w(2), cores=2, latency_s=0.01 * batch, step="training", config={"batch": batch, **told}
        )
    ]
    rows = training_rows(seen).rows["training_step"]
    assert [row["batch"] for row in rows] == [1, 8]
    assert rows[1]["step_low_s"] < 0.08 < rows[1]["step_high_s"]
    assert (rows[0]["update_b"], rows[0]["frozen_prefix_n"], rows[0]["frozen_n"]) == (4000, 2, None)
    assert rows[1]["energy_j"] == pytest.approx((TRUTH.base_w + cpu_w(2)) * 0.08, rel=0.02)
    assert "inference" not in inference_rows(seen).rows


def beside(cpu: float, slower: float, more_w: float, seed: int) -> list[Observation]:
    conditions = {"co_cpu_ratio": cpu, "co_memory_ratio": 0.0}
    return repeats(
        "a.tflite", cpu_w(1) + more_w, latency_s=0.02 * slower, seed=seed, conditions=conditions, step="co_runner"
    )


def test_a_co_runner_slows_and_takes_power() -> None:
    seen = [*beside(0.0, 1.0, 0.0, 1), *beside(0.25, 1.1, 0.2, 2), *beside(1.0, 1.6, 0.9, 3)]
    rows = co_runner_rows(seen, [METER]).rows["co_runner"]
    assert [row["co_cpu_ratio"] for row in rows] == [0.25, 1.0]
    for row, slower, more_w in zip(rows, (1.1, 1.6), (0.2, 0.9), strict=True):
        assert row["slowdown_low_ratio"] < slower < row["slowdown_high_ratio"]
        assert row["power_low_w"] < more_w < row["power_high_w"]
        assert row["slowdown_high_ratio"] - row["slowdown_low_ratio"] < 0.08


def test_a_co_runner_without_the_network_alone_is_said() -> None:
    found = co_runner_rows(beside(0.25, 1.1, 0.2, 2), [METER])
    assert found.rows == {}
    assert found.notes == ["a.tflite on cpu beside a co-runner: no run of it alone to compare"]


def gpu(models: Sequence[str]) -> list[Observation]:
    return [
        one
        for k, model in enumerate(models)
        for one in repeats(model, 0.9 * GPU_W + cpu_w(1), target="gpu", latency_s=0.005 * (k + 1), seed=k)
    ]


def test_a_gpu_is_what_the_processor_is_not() -> None:
    found = power_fit()
    seen = gpu(["a.tflite", "b.tflite"])
    assert accelerators_in(seen) == ["gpu"]
    rows = accelerator_rows(found, seen, ["gpu"]).rows
    row = rows["power"][0]
    assert (row["unit"], row["frequency_hz"], row["observations_n"]) == ("gpu", None, 10)
    assert row["busy_low_w"] < GPU_W < row["busy_high_w"]
    assert row["busy_high_w"] - row["busy_low_w"] < 0.2 * GPU_W
    assert (rows["fits"][0]["of"], rows["fits"][0]["term"], rows["fits"][0]["valid_low"]) == ("gpu", "busy", 0.9)


def test_memory_is_by_copies() -> None:
    found = power_fit()
    rng = np.random.default_rng(0)
    seen = [
        observation(
            k,
            "memory",
            TRUTH.base_w + cpu_w(n) + 0.3 * n + 0.002 * rng.standard_normal(),
            residency("cpu4", 2.4e9, n),
            asked={"cpus": list(range(n))},
            step="memory",
        )
        for k, n in enumerate((1, 2, 1, 2))
    ]
    row = accelerator_rows(found, seen, ["memory"]).rows["power"][0]
    assert row["busy_low_w"] < 0.3 < row["busy_high_w"]


def test_the_estimator_knows_networks_that_it_has_not_seen() -> None:
    """They take 0.2 W more than loops, whatever executes them, and no two of them the same."""
    found = power_fit()
    more_w = {"a": 0.20, "b": 0.19, "c": 0.22, "d": 0.205}
    seen = [
        one
        for k, (name, watts) in enumerate(more_w.items())
        for one in repeats(name, cpu_w(1 + k % 2) + watts, cores=1 + k % 2, latency_s=0.01 * (k + 2), seed=k)
    ]
    seen += gpu(["c", "d", "e"])
    done, notes = estimates(found, seen)
    assert notes == []
    assert len(done) == 7
    for of in done:
        assert of.estimate.low is not None
        assert of.estimate.high is not None
        assert of.estimate.low < of.measured_j < of.estimate.high
    fits = {row["of"]: row for row in estimate_rows(found, seen).rows["fits"]}
    assert fits.keys() == {"cpu", "gpu"}
    assert fits["cpu"]["value"] < 0.02
    assert fits["cpu"]["observations_n"] == 4
    assert fits["gpu"]["low"] <= fits["gpu"]["value"] <= fits["gpu"]["high"]


def test_a_network_that_is_alone_is_estimated_from_loops() -> None:
    """Which take less; one other tells how much, and nothing of how networks differ."""
    found = power_fit()
    seen = repeats("a.tflite", cpu_w(1) + 0.2)
    (alone,), notes = estimates(found, seen)
    assert [note.partition(" by ")[0] for note in notes] == ["energy of a.tflite on cpu"]
    assert "from loops alone" in notes[0]
    (beside, _), notes = estimates(found, [*seen, *repeats("b.tflite", cpu_w(2) + 0.2, cores=2)])
    assert notes == []
    assert beside.estimate.low is None
    assert beside.error_rel < 0.02
    assert alone.error_rel > 0.05


def test_the_estimator_does_not_look_at_what_it_estimates() -> None:
    """A network that takes twice the GPU's power: the others do not tell, and the error is large."""
    found = power_fit()
    odd = repeats("odd", 0.9 * 2 * GPU_W + cpu_w(1), target="gpu")
    done, _ = estimates(found, [*gpu(["c", "d"]), *odd])
    assert next(of for of in done if dict(of.work.what)["model"] == "odd").error_rel > 0.3


def test_the_estimator_says_why_it_cannot() -> None:
    found = power_fit()
    elsewhere = [
        observation(
            0,
            "measure",
            1.0,
            residency("cpu4", 3.0e9, 1),
            config=config("x"),
            latency_s=0.02,
            iterations=5,
            step="inference",
        )
    ]
    unread = [replace(one, ran=replace(one.ran, is_read=False, loads={})) for one in repeats("short.tflite", cpu_w(1))]
    _, notes = estimates(found, [*elsewhere, *gpu(["only"]), *unread])
    assert notes[2:] == [
        f"energy of short.tflite on cpu by {METER} is not estimated: nobody looked at how busy its processors were"
    ]
    assert notes[:2] == [
        f"energy of x on cpu by {METER} is not estimated: cpu4 at 3000 MHz was not measured",
        f"energy of only on gpu by {METER} is not estimated: no other network was measured on gpu",
    ]


def test_between_two_steps_power_is_interpolated() -> None:
    found = power_fit()
    between = found.predict(residency("cpu4", 1.8e9, 2), AT_C)
    assert not isinstance(between, str)
    ends = [found.predict(residency("cpu4", hz, 2), AT_C) for hz in (1.2e9, 2.4e9)]
    assert not isinstance(ends[0], str)
    assert not isinstance(ends[1], str)
    assert between[0] == pytest.approx((ends[0][0] + ends[1][0]) / 2)


def test_idle_by_state() -> None:
    seen = [observation(k, "idle", 0.6 + 0.01 * k, conditions={"screen": "off"}) for k in range(3)]
    lit = [observation(k, "idle", 1.6, conditions={"screen": "on"}) for k in range(3, 5)]
    pinned = [observation(9, "idle", 9.0, residency(pinned=True))]
    rows = idle_rows([*seen, *lit, *pinned], [METER]).rows["idle"]
    assert [(row["state"], row["observations_n"]) for row in rows] == [("awake", 3), ("screen_on", 2)]
    assert rows[0]["idle_w"] == pytest.approx(0.61)
    assert rows[0]["idle_low_w"] < 0.61 < rows[0]["idle_high_w"]


def test_charge_and_frames_are_read_by_whom_is_handed_over(tmp_path: Path) -> None:
    run = recorded(tmp_path / "r", TRUTH, cpu_plan(0)[:1], 0)
    (run / "raw").mkdir(exist_ok=True)
    (run / "raw" / "frames.txt").write_bytes(b"60")
    rows: Mapping[str, Sequence[Mapping[str, Any]]] = {
        "frames": [{"application": "game", "rate_hz": 60.0}],
        "power": [{"unit": "cpu0"}],
    }
    found = interactive_rows(
        Trace.open(run), {"frames.txt": lambda text: rows if text == b"60" else {}, "other": lambda _: rows}
    )
    assert list(found.rows) == ["frames"]
    assert found.rows["frames"][0]["rate_hz"] == 60.0

"""What a co-runner takes: differences of repeats that warmed as much, and of runs that are not the same."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from edgewatt.profiler.calibrating.co_runner import co_runner_rows
from edgewatt.profiler.calibrating.idle import idle_rows
from edgewatt.profiler.calibrating.observations import Observation
from edgewatt.profiler.calibrating.power import fit_power, with_idle_steps
from edgewatt.profiler.calibrating.power_design import warmed_k
from edgewatt.profiler.calibrating.power_rows import power_rows
from edgewatt.profiler.calibrating.values import Row
from tests.calibrating_runs import CLUSTERS, METER, STEPS, cpu_plan, truth_of
from tests.calibrating_windows import observation, residency, windows

WATTS = 6.0
WARMS_W = 0.02
CONFIG = {"model": "a.tflite", "target_asked": "cpu", "threads": 4}


def run_of(cpu: float, more_w: float, seed: int, *, idle_w: float = 0.6, repeats: int = 3) -> list[Observation]:
    """A run of a network that takes more from repeat to repeat as the device warms, with its idling before."""
    rng = np.random.default_rng(seed)
    about: dict[str, Any] = {
        "step": "co_runner",
        "run": f"{seed}" * 64,
        "conditions": {"co_cpu_ratio": cpu, "co_memory_ratio": 0.0},
    }
    found = [observation(0, "idle", idle_w, **about)]
    for k in range(repeats):
        watts = WATTS + more_w + WARMS_W * k + 0.0005 * rng.standard_normal()
        found.append(observation(k + 1, "measure", watts, latency_s=0.02 * (1 + cpu), config=CONFIG, **about))
    return found


def rows_of(seen: Sequence[Observation]) -> list[Row]:
    return co_runner_rows(seen, [METER]).rows["co_runner"]


def half_w(row: Row) -> float:
    return float(row["power_high_w"] - row["power_low_w"]) / 2


def test_what_warms_in_both_is_no_scatter_of_their_difference() -> None:
    rows = rows_of([*run_of(0.0, 0.0, 1), *run_of(0.25, 0.01, 2), *run_of(1.0, 0.04, 3)])
    for row, more_w in zip(rows, (0.01, 0.04), strict=True):
        assert row["power_low_w"] < more_w < row["power_high_w"]
        assert half_w(row) < WARMS_W / 4


def test_runs_that_idle_at_another_power_are_as_unsure() -> None:
    seen = [*run_of(0.0, 0.0, 1), *run_of(0.25, 0.01, 2, idle_w=0.61), *run_of(1.0, 0.04, 3, idle_w=0.59)]
    assert all(half_w(row) > 0.014 for row in rows_of(seen))


def test_fewer_repeats_than_a_line_takes_have_what_they_scatter() -> None:
    rows = rows_of([*run_of(0.0, 0.0, 1, repeats=2), *run_of(0.25, 0.01, 2, repeats=2)])
    assert half_w(rows[0]) > WARMS_W
    alone = rows_of([*run_of(0.0, 0.0, 1, repeats=1), *run_of(0.25, 0.01, 2, repeats=1)])
    assert alone[0]["power_w"] == pytest.approx(0.01, abs=0.003)
    assert alone[0]["power_low_w"] is None


def test_idling_that_is_warmer_takes_more_and_does_not_scatter() -> None:
    seen = [observation(k, "idle", 0.6 + 0.006 * k, temperature_c=40.0 + k) for k in range(8)]
    row = idle_rows(seen, [METER]).rows["idle"][0]
    assert (row["idle_w"], row["temperature_c"]) == (pytest.approx(0.621), 43.5)
    assert row["idle_high_w"] - row["idle_low_w"] < 0.001


def test_leakage_bends_as_it_does_in_textbooks() -> None:
    assert (1 + 0.03 * warmed_k(23.1)) == pytest.approx(2.0, rel=1e-3)
    assert warmed_k(0.1) == pytest.approx(0.1, rel=2e-3)
    assert warmed_k(1e9) == warmed_k(100.0)


@pytest.mark.parametrize("wakes", [(0.05, 0.05), (0.02, 0.08)])
def test_idling_at_a_step_is_of_wakes_that_are_never_as_many_again(wakes: tuple[float, float]) -> None:
    truth = truth_of(0, spread_w=0.0001, spread_rel=0.0001, gain_rel=None)
    low, top = STEPS["cpu0"][0], STEPS["cpu0"][-1]
    low_w, top_w = (truth.busy_w["cpu0", hz] + truth.on_w["cpu0", hz] for hz in (low, top))
    seen = [one for one in windows(truth, cpu_plan(0), 0) if one.kind != "idle"]
    for k in range(12):
        hz, each_w = (top, top_w) if k == 0 else (low, low_w)
        ran = residency("cpu0", hz, beside={"cpu0": wakes[k % 2]}, beside_on={"cpu0": wakes[k % 2]})
        seen.append(observation(500 + k, "idle", truth.base_w + wakes[k % 2] * each_w, ran))
    found, _ = fit_power(seen, METER, list(CLUSTERS))
    assert found is not None
    rows = power_rows(found, with_idle_steps(found), {}).rows["power"]
    row = next(of for of in rows if (of["unit"], of.get("frequency_hz")) == ("cpu0", top))
    scatter_w = 2 * float(np.std(wakes)) * top_w
    assert row["idle_low_w"] <= np.mean(wakes) * (top_w - low_w) <= row["idle_high_w"]
    assert row["idle_high_w"] - row["idle_low_w"] > 2 * scatter_w

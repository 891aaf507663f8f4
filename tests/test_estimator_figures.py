"""The energy estimator against what networks took that it has not seen, in virtual time."""

from dataclasses import replace

import numpy as np
import pytest

from edgewatt.virtual_lab.phone.virtual_time import Plan, VirtualRun
from edgewatt.virtual_lab.phone.virtual_time.one_phone import one_phone
from tests.estimator_figures.figures import mape, page
from tests.estimator_figures.networks import ANYWHERE, networks
from tests.estimator_figures.trials import Outcome, Trial, outcome, outcomes

PAPER = 0.073


def test_a_network_that_is_bound_and_held_runs_where_and_as_fast_as_it_is_told() -> None:
    one = one_phone("pixel", 3)
    plan = Plan(
        repeats=1, seconds=0.5, idle_s=0.5, warmup_s=0.1, threads=2, cpus=(0, 1, 2, 3), held_hz=(("cpu0", 930e6),)
    )
    fewer, held, more, free = (
        VirtualRun(one.phone, 3, of, device=one.device, alone=True)
        for of in (replace(plan, threads=1), plan, replace(plan, memory=0.5), replace(plan, cpus=()))
    )
    at_ns = np.array([(phase.t0_ns + phase.t1_ns) // 2 for phase in held.phases])
    assert held.timeline.frequency_hz(at_ns, "cpu0").tolist() == [930e6]
    assert held.energies("cpu0")[0] > 1.2 * fewer.energies("cpu0")[0]
    assert free.energies("cpu2")[0] > 10 * held.energies("cpu2")[0]
    assert more.energies("memory")[0] > held.energies("memory")[0]
    assert more.energies("cpu0")[0] == pytest.approx(held.energies("cpu0")[0], rel=0.01)


def test_networks_are_drawn_for_every_unit() -> None:
    phone = one_phone("pixel", 1).phone
    drawn = networks(phone, 1)
    assert drawn == networks(phone, 1) != networks(phone, 2)
    assert {one.unit for one in drawn} == {"cpu0", "cpu4", "cpu6", ANYWHERE, "gpu", "nnapi"}
    assert len({one.name for one in drawn}) == len(drawn)
    assert any(one.is_held for one in drawn)


def test_a_phone_is_estimated() -> None:
    """One network of each cluster, and one on all: each from the loops and the three others."""
    found = outcome(1, 1)
    assert len(found.trials) == 4
    assert mape(found.trials) < 3 * PAPER
    assert all(
        trial.by_loops is not None and trial.by_loops < 0 for trial in found.trials
    )  # they leave the memory idle
    assert {note.rpartition(": ")[2] for note in found.notes} == {
        "no other network was measured on gpu",
        "no other network was measured on npu",
    }


def test_the_page_has_a_line_for_each_unit() -> None:
    trials = [Trial(0, "cpu0", False, 0.1, -0.2, True), Trial(1, "cpu0", False, -0.3, -0.2, False)]
    text = page(
        [Outcome((trials[0], Trial(0, "gpu", False, 0.05, None, None)), ("why",)), Outcome((trials[1],), ())], 0
    )
    assert "| cpu0 | 2 | 20.0% +- 10.0% | -10.0% | 29.0% | 50.0% | 20.0% |" in text
    assert "| gpu | 1 | 5.0% +- nan% | +5.0% | 5.0% | - | - |" in text
    assert "| **all** | 3 | 15.0%" in text
    assert text.endswith("- why (1)\n")


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_the_estimator_is_as_good_as_the_papers() -> None:
    trials = [trial for found in outcomes(range(1000, 1010)) for trial in found.trials]
    assert mape(trials) < PAPER
    assert abs(float(np.mean([trial.off for trial in trials]))) < 0.03

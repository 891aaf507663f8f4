"""Agents against each other: how convergence is counted, what a transferred table tells, and who wins."""

import numpy as np
import pytest

from edgewatt.models.scheduling.autoscale import learn, learning_of, lessons_of
from edgewatt.models.scheduling.bandit import Trust
from edgewatt.models.scheduling.bandit_prior import prior_of
from edgewatt.models.scheduling.building import build, drawn_worlds
from edgewatt.models.scheduling.constants import Draw
from edgewatt.models.scheduling.contest import TRANSFERRED, TUNED, UNTAUGHT, contest
from edgewatt.models.scheduling.contest_headlines import contest_figures, contest_headlines
from edgewatt.models.scheduling.convergence import Converged, autoscale_converges, bandit_converges, cases_of
from edgewatt.models.scheduling.states import bins_of
from edgewatt.models.scheduling.transfer import mapped, mapping
from edgewatt.models.scheduling.trial import AUTOSCALE
from edgewatt.models.scheduling.tuning import OURS, above_oracle, late_above_oracle, tries
from edgewatt.models.scheduling.world import Action, stacked
from tests.scheduling_worlds import CONSTANTS, as_published, measured, own_phone

BINS = bins_of(CONSTANTS)


def steps(*mhz: float, precision: str = "fp32") -> list[Action]:
    return [Action("phone", "cpu", precision, k, of * 1e6) for k, of in enumerate(mhz)]


def test_convergence_is_where_nine_of_ten_are_good_from_there_on() -> None:
    at_once, late, never = np.ones(20, bool), np.arange(20) >= 8, np.arange(20) % 2 == 1
    good = np.stack([at_once, late, never], axis=1)[:, :, None, None]
    runs = Converged(good).runs()
    assert Converged(good).never == pytest.approx(1 / 3)
    assert runs[0] == 0
    assert runs[1] == 7, "one of thirteen may be another"
    assert runs[2] == 20, "half of its choices are good, up to the end"
    assert Converged(good).share[[0, 9]] == pytest.approx([1 / 3, 1.0])


def test_a_step_is_taken_from_the_step_at_the_same_share_of_the_top() -> None:
    theirs, ours = steps(500, 1000, 2000), [*steps(1400, 2800), Action("phone", "dsp", "int8")]
    found = mapping(theirs, ours)
    assert found.source.tolist() == [1, 2, -1]
    assert found.lacking == 1
    table = np.array([[1.0, 2.0, 3.0]], dtype=np.float32)
    fresh = np.full((1, 3), 9.0, dtype=np.float32)
    assert mapped(table, theirs, ours, fresh).tolist() == [[2.0, 3.0, 9.0]]


def test_the_table_of_a_phone_that_is_alike_shortens_learning() -> None:
    world = build(measured(own_phone()))
    learning = learning_of(CONSTANTS, [Draw()] * 6)
    lessons = lessons_of(world, BINS, CONSTANTS, ["S2"], range(6), 80)
    table = learn(stacked([world] * 6), BINS, lessons, learning, 1)
    cases = cases_of([world] * 6, BINS, CONSTANTS, ["S2"], 40)
    alone, helped = (
        autoscale_converges(cases, learning, taught=taught) for taught in (None, (table, world.actions, BINS))
    )
    assert helped.good[:8].mean() > alone.good[:8].mean()
    assert helped.runs().mean() < alone.runs().mean()


def test_agents_of_ours_converge_sooner() -> None:
    asked = measured(own_phone())
    cases = cases_of(drawn_worlds(asked, 40, 3), BINS, CONSTANTS, ["S1", "D2"], 40)
    ours = bandit_converges(cases, prior_of(asked, draws=12), Trust())
    theirs = autoscale_converges(cases, learning_of(CONSTANTS, [Draw()] * 3))
    assert ours.good.shape == (40, 3, 2, 1)
    assert ours.runs().mean() < theirs.runs().mean()


def test_a_contest_says_who_was_better_and_in_how_many_worlds() -> None:
    held = contest(measured(own_phone()), ["S3", "S5", "D2", "D4"], seeds=2, learn_n=8, try_n=4)
    assert set(held.trials[0].energy_j) >= {AUTOSCALE, TUNED, OURS, UNTAUGHT, "oracle"}
    assert not held.other, "the calibration has one phone"
    found = {of.name: of for of in contest_headlines(held, CONSTANTS)}
    ours, theirs = (found[f"energy above the oracle, test scenarios, {of}"] for of in ("our agent", "AutoScale"))
    assert list(ours.values) == [above_oracle(trial, OURS) for trial in held.trials]
    assert "of 2 worlds" in theirs.gap
    assert "before its first inference" in ours.gap
    runs = found["inferences to converge, test scenarios, AutoScale"]
    assert (runs.published, runs.headline) == (45.0, False)
    assert "remembered" in runs.gap
    assert [of.title for of in contest_figures(held, {})] == ["Runs to converge", "Energy above the oracle"]


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_ours_beats_autoscale_on_the_test_scenarios_in_twenty_worlds() -> None:
    held = contest(as_published(), ["S3", "S5", "D2", "D4"], seeds=20, learn_n=300, try_n=40)
    for value in (above_oracle, late_above_oracle):
        ours = [value(trial, OURS) for trial in held.trials]
        for other in (AUTOSCALE, TUNED):
            less = np.array([value(trial, other) for trial in held.trials]) - ours
            assert less.mean() > 3 * less.std(ddof=1) / np.sqrt(20), value.__name__
    runs = {name: of.runs().mean() for name, of in held.converged.items()}
    assert runs[OURS] < 0.5 * min(runs[AUTOSCALE], runs[TUNED])
    assert TRANSFERRED in runs
    assert held.other == "galaxy_s10e"


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_both_kinds_of_agents_get_as_many_tries() -> None:
    found = list(tries(measured(own_phone()), seeds=2, learn_n=10, try_n=5))
    assert [of.agent for of in found] == [AUTOSCALE] * 9 + [OURS] * 9
    assert all(np.isfinite(of.cost) for of in found)

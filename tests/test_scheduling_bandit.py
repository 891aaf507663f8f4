"""Our agent: what a calibration tells it before it begins, what it learns, and that it keeps deadlines."""

from dataclasses import replace

import numpy as np
import pytest

from edgewatt.models.scheduling.autoscale import Lessons, course_of, learn, learning_of, lessons_of
from edgewatt.models.scheduling.bandit import Beliefs, Trust, begin, learn_bandit
from edgewatt.models.scheduling.bandit_prior import ENERGY, FEATURES, LATENCY, Prior, features, prior_of
from edgewatt.models.scheduling.bandit_table import bandit_rows, decider_of
from edgewatt.models.scheduling.baselines import ORACLE, best
from edgewatt.models.scheduling.building import Asked, build
from edgewatt.models.scheduling.constants import Draw
from edgewatt.models.scheduling.scenarios import drawn
from edgewatt.models.scheduling.states import bins_of
from edgewatt.models.scheduling.trial import AUTOSCALE, tried
from edgewatt.models.scheduling.world import Conditions, World
from tests.scheduling_worlds import CONSTANTS, inference, measured, own_phone

BINS = bins_of(CONSTANTS)
OURS = "bandit"


def phone(width: float = 0.02) -> Asked:
    """A phone whose measured seconds and joules are known to within `width` of themselves."""
    rows = [
        inference(
            hz, s, energy_j=j, latency_low_s=s * (1 - width), latency_high_s=s * (1 + width),
            energy_low_j=j * (1 - width), energy_high_j=j * (1 + width),
        )
        for hz, s, j in ((2e9, 0.030, 0.09), (1e9, 0.046, 0.075))
    ]  # fmt: skip
    return measured(own_phone(inference=rows))


ASKED = phone()
PRIOR = prior_of(ASKED, draws=12)
CPU = PRIOR.group[0]


def lessons(world: World, scenarios: list[str], each_n: int) -> Lessons:
    return lessons_of(world, BINS, CONSTANTS, scenarios, [0], each_n)


def slower(world: World, ratio: float) -> World:
    """A world whose phone takes longer than the calibration has it."""
    return replace(world, rest_s=np.where(world.is_remote, world.rest_s, world.rest_s * ratio))


def test_a_wider_interval_of_the_calibration_is_a_wider_prior() -> None:
    sure, unsure = (prior_of(phone(width), draws=12).covariance[LATENCY, CPU, 0, 0] for width in (0.02, 0.4))
    assert unsure > 20 * sure


def test_the_prior_of_a_target_holds_what_its_worlds_do() -> None:
    """A world that the prior was not drawn from lies within four of its standard deviations."""
    around = drawn(CONSTANTS, "D2", 20, np.random.default_rng(2))
    other = build(ASKED, Draw(seed=77, vary=True))
    for a in range(len(PRIOR.world.actions)):
        which = np.full(20, a)
        off = np.log(other.outcome(0, 0, which, around).energy_j / PRIOR.world.outcome(0, 0, which, around).energy_j)
        shown = np.concatenate([features(PRIOR.world, which, around, PRIOR.step), np.ones((20, 1))], axis=1)
        g = PRIOR.group[a]
        variance = np.einsum("nj,jk,nk->n", shown, PRIOR.covariance[ENERGY, g], shown) + PRIOR.misfit[ENERGY, g]
        assert (np.abs(off) < 4 * np.sqrt(variance) + 1e-6).all(), PRIOR.world.actions[a]


def test_what_it_learns_is_the_regression_over_all_that_it_saw() -> None:
    """The same as the posterior in closed form, from all inferences at once."""
    world = slower(build(ASKED), 1.3)
    of, course = lessons(world, ["D2"], 25), course_of(lessons(world, ["D2"], 25))
    beliefs = learn_bandit(PRIOR, world, of, Trust(), 3, course=course)
    rng = np.random.default_rng([3, 2])
    rng.random((2, 25, 1))
    noise = rng.standard_normal((25, 1))[:, 0]
    chosen, around = course.chosen[:, 0].astype(np.intp), of.around[:, 0]
    seen = np.log(world.outcome(0, 0, chosen, around, noise).latency_s)
    stated, later = (np.log(PRIOR.world.outcome(0, 0, chosen, around, z).latency_s) for z in (0.0, 1.0))
    shown = np.concatenate([features(PRIOR.world, chosen, around, PRIOR.step), np.ones((25, 1))], axis=1)
    for g in set(PRIOR.group[chosen].tolist()):
        mine = PRIOR.group[chosen] == g
        weight = 1 / ((later - stated)[mine] ** 2 + PRIOR.misfit[LATENCY, g])
        first = np.linalg.inv(PRIOR.covariance[LATENCY, g] + Trust().floor ** 2 * np.eye(len(FEATURES) + 1))
        precision = first + (shown[mine].T * weight) @ shown[mine]
        mean = np.linalg.solve(precision, (shown[mine].T * weight) @ (seen - stated)[mine])
        assert beliefs.mean[LATENCY, 0, g] == pytest.approx(mean, abs=1e-8)
        assert beliefs.covariance[LATENCY, 0, g] == pytest.approx(np.linalg.inv(precision), abs=1e-8)


def above(beliefs: Beliefs, table: np.ndarray, world: World, scenarios: list[str]) -> dict[str, tuple[float, float]]:
    """Joules over the oracle's, and the share too late, of both agents."""
    trial = tried(world, table, CONSTANTS, scenarios, 40, 1, {OURS: beliefs.chooses()})
    return {
        name: (float((trial.energy_j[name] / trial.energy_j[ORACLE]).mean()), float(trial.late[name].mean()))
        for name in (OURS, AUTOSCALE)
    }


def test_it_wastes_less_and_is_late_less_often_than_autoscale_after_the_same_lessons() -> None:
    world = build(ASKED, Draw(seed=5, vary=True))
    of = lessons(world, ["S1", "S3", "D2"], 60)
    table = learn(world, BINS, of, learning_of(CONSTANTS, [Draw()]), 0)[0]
    found = above(learn_bandit(PRIOR, world, of, Trust(), 0), table, world, ["S1", "S3", "D2"])
    assert found[OURS][0] < 1.1
    assert found[OURS][0] < found[AUTOSCALE][0]
    assert found[OURS][1] <= found[AUTOSCALE][1]


def test_it_unlearns_a_calibration_that_is_wrong() -> None:
    """Everything elsewhere takes eight times what the calibration says, far outside of its intervals."""
    stated = build(ASKED)
    world = replace(stated, signal=stated.signal / np.array([1, 1, 8, 8])[:, None])
    where = [a.place for a in world.actions]
    around = drawn(CONSTANTS, "S1", 20, np.random.default_rng(1))
    network = np.zeros(20, dtype=np.intp)
    assert {where[a] for a in begin(PRIOR, 1, Trust()).chooses()(network, around)} != {"phone"}
    assert {where[a] for a in best(world, network, around).action} == {"phone"}
    taught = learn_bandit(PRIOR, world, lessons(world, ["S1"], 80), Trust(), 0)
    assert {where[a] for a in taught.chooses()(network, around)} == {"phone"}


def only_the_phone(prior: Prior) -> Prior:
    able = prior.world.valid & ~prior.world.is_remote
    return replace(prior, world=replace(prior.world, valid=able))


def test_a_deadline_in_the_middle_of_what_may_be_is_kept_by_a_faster_step() -> None:
    """46 ms at the lower step of a deadline of 47: late too often by its noise alone, though expected in time."""
    prior = only_the_phone(PRIOR)
    prior = replace(prior, world=replace(prior.world, qos_s=np.array([0.047])))
    around, network = drawn(CONSTANTS, "S1", 10, np.random.default_rng(1)), np.zeros(10, dtype=np.intp)
    careful, careless = (begin(prior, 1, Trust(late=late)).chooses()(network, around) for late in (0.05, 0.5))
    assert {str(prior.world.actions[a]) for a in careful} == {"cpu fp32 2000 MHz"}
    assert {str(prior.world.actions[a]) for a in careless} == {"cpu fp32 1000 MHz"}


def test_it_never_takes_what_cannot_execute_a_network_and_repeats_itself() -> None:
    world = build(ASKED)
    prior, of = only_the_phone(PRIOR), lessons(world, ["S4"], 20)
    first, second = course_of(of), course_of(of)
    for course in (first, second):
        learn_bandit(prior, world, of, Trust(), 0, course=course)
    assert (first.chosen == second.chosen).all()
    assert not world.is_remote[first.chosen.astype(np.intp)].any()


def test_its_table_for_a_phone_decides_as_it_does() -> None:
    world = build(ASKED)
    beliefs = learn_bandit(PRIOR, world, lessons(world, ["S1", "D2"], 20), Trust(), 0)
    decider = decider_of(beliefs, BINS, "net")
    assert len(decider.best) == 4 * 4 * 2 * 2
    for cpu, memory, wlan, p2p in ((0.0, 0.0, -52.5, -52.5), (0.125, 0.5, -86.0, -52.5), (0.875, 0.875, -86.0, -86.0)):
        around = Conditions(*(np.array([of]) for of in (cpu, memory, wlan, p2p, 35.0)))
        assert decider.decide(cpu, memory, wlan, p2p) == beliefs.chooses()(np.zeros(1, dtype=np.intp), around)[0]
    rows = list(bandit_rows(beliefs, BINS))
    assert len(rows) == 64
    assert rows[0]["action"] == str(world.actions[decider.best[0]])
    with pytest.raises(KeyError):
        decider_of(beliefs, BINS, "another")

"""The study: when a model has converged, gains and their terms, kept trials, and the figures of both systems."""

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgewatt.device_profiles.published import published
from edgewatt.models.federated.engines.loop import Keeping
from edgewatt.models.federated.policies.fixed import Setting
from edgewatt.models.federated.study import many as many_trials
from edgewatt.models.federated.study.cases import Case, cases_of, setting_of, study_constants, tuned_of
from edgewatt.models.federated.study.emitted import carbon_headlines
from edgewatt.models.federated.study.explaining import terms
from edgewatt.models.federated.study.given import Given
from edgewatt.models.federated.study.many import many
from edgewatt.models.federated.study.output import figures, tables
from edgewatt.models.federated.study.reaching import moving, reached, settled
from edgewatt.models.federated.study.results import RANDOM, results_of
from edgewatt.models.federated.study.study import Size, Study, study
from edgewatt.models.federated.study.trial import Asked, Trial, trial_from
from edgewatt.models.federated.study.tuning import TRIES, tries
from edgewatt.models.shelf import Shelf, shelf_of
from edgewatt.profiler.errors import UsageError

# How many times faster than FedAvg-Random a made-up method's accuracy rises, and how much less its rounds take.
MADE = {RANDOM: (1.0, 1.0), "autofl": (2.0, 2.0), "ours": (2.0, 4.0), "fedgpo": (1.0, 2.0), "fixed-best": (1.0, 1.0)}
IDEAL = Case("S3", "ideal")


def made(_given: Given, asked: Asked, _keeping: Keeping | None = None) -> Trial:
    """A trial that nobody trained: accuracy rises to 90 % in 20 rounds of 10 s, 100 J and 300 J, times what is MADE."""
    faster, less = MADE[asked.method]
    less *= 1.0 if asked.case.scenario == "ideal" else 0.5
    number = np.arange(1, asked.rounds_n + 1)
    accuracy = 90 * np.minimum(number * faster / 20, 1.0) + asked.seed
    each = np.ones(asked.rounds_n) / less * (1.0 if asked.draw is None else 1.1)
    work = dict(asked.tuned).get("epochs", 1.0)
    tiers = np.tile(
        {"ideal": [5.0, 5, 10], "interference": [9.0, 5, 6]}.get(asked.case.scenario, [4.0, 4, 12]), (asked.rounds_n, 1)
    )
    return Trial(
        accuracy, 10 * each * work, 100 * each * work, 300 * each * work, tiers, -np.minimum(number, 15.0),
        {"compute": 1.0}, {"high cpu": 5}, np.full(3, 16.0), np.array([5.0, 4.0, 3.0]), {}, "published",
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many_trials, "one", made)


def given() -> Given:
    return Given(published("autofl"))


def tried(system: str, scenario: str = "reduced", **more: object) -> Study:
    methods = ("fedavg-random", "autofl", "fedgpo", "fixed-best", "ours")
    size = Size(seeds=2, rounds=40, draws=2, methods=methods, processes=1)
    if system == "fedgpo":
        size = replace(size, searched=[Setting(16, 5, 20), Setting(16, 1, 20)])
    return study((system, scenario, cases_of(scenario)), given(), replace(size, **more))  # type: ignore[arg-type]


def test_a_model_has_converged_where_the_moving_mean_reaches_the_target() -> None:
    accuracy = np.array([10.0, 20, 90, 20, 30, 40, 80, 80, 80, 80])
    assert moving(accuracy, 3)[[0, 1, 2, 9]].tolist() == [10, 15, 40, 80]
    ones = np.ones(10)
    found = reached(accuracy, 2 * ones, 3 * ones, 4 * ones, 60.0, 3)
    assert (found.is_reached, found.rounds, found.seconds, found.local_j, found.global_j) == (True, 8, 16, 24, 32)
    never = reached(accuracy, 2 * ones, ones, ones, 85.0, 3)
    assert (never.is_reached, never.rounds, never.seconds) == (False, 10, 20)


def test_a_reward_has_settled_where_it_stays_near_its_end() -> None:
    rising = np.concatenate([np.arange(30.0), np.full(30, 30.0)])
    found = settled(rising, 5, 0.1)
    assert found is not None
    assert 28 <= found <= 32
    assert settled(np.ones(40), 5, 0.1) == 5
    assert settled(np.ones(9), 5, 0.1) is None


def test_cases_are_of_the_papers_settings_and_known_scenarios() -> None:
    assert setting_of("S1") == (32, 10, 20)
    assert [str(case) for case in cases_of("interference", "S4")] == ["S4 interference"]
    assert len(cases_of("full")) == 4 * len(study_constants().scenarios["of"])
    assert not {str(c) for c in cases_of("tuning")} & {str(c) for c in cases_of("test")}
    with pytest.raises(UsageError, match="scenario 'moon': expected one of reduced, full"):
        cases_of("moon")
    with pytest.raises(UsageError, match="setting 'S9'"):
        cases_of("reduced", "S9")


def test_gains_are_ratios_to_the_baseline_and_the_product_of_their_terms() -> None:
    asked = [Asked(method, IDEAL, 0, 40) for method in (RANDOM, "autofl")]
    found = results_of({of: made(given(), of) for of in asked})
    base, ours = (found.reached(method, IDEAL, 0) for method in (RANDOM, "autofl"))
    assert base.is_reached
    assert found.gain("seconds", "autofl", RANDOM, IDEAL, 0) == pytest.approx(2 * base.rounds / ours.rounds)
    said = terms(found, "global_j", "autofl", RANDOM, IDEAL, [0])
    assert said == f"{base.rounds / ours.rounds:.2f} times fewer rounds x 2.00 times fewer joules of the fleet in each"


def test_a_method_that_never_gets_there_is_counted_to_the_end_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(MADE, "fedgpo", (0.7, 2.0))
    for rounds, is_said in ((40, False), (24, True)):
        found = tried("autofl", rounds=rounds)
        row = next(of for of in found.headlines if of.name == "global PPW of ours over fedgpo, paired")
        # In all cases alike, and none of them is left out.
        assert ("counted to the end of the run: fedgpo in 8 of 8 runs" in row.gap) == is_said
        mean = next(of for of in found.headlines if of.name == "global PPW of fedgpo over fedavg-random")
        assert ("fedgpo in 8 of 8 runs" in mean.gap) == is_said


def test_autofls_numbers_stand_beside_the_papers() -> None:
    found = tried("autofl")
    rows = {of.name: of for of in found.headlines}
    first = [of for of in found.headlines if of.headline]
    assert [of.published for of in first] == [3.6, 4.7, 5.2]
    assert all(len(of.values) == 2 and len(of.varied) == 2 for of in first)
    assert "the paper's lies outside our range" in first[0].gap
    assert rows["convergence over fedavg-random, S3 interference"].published == 3.2
    shift = rows["participants moved to the high tier by interference"]
    assert shift.ours == pytest.approx(20.0)
    assert shift.published == pytest.approx(11.5)
    assert shift.gap.startswith("the direction holds")
    assert "does not hold" in rows["participants moved to the mid tier by non_iid_75"].gap
    assert rows["rounds until the reward has settled"].values
    assert {of.basis for of in found.headlines} == {"simulated on published/assumed constants"}


def test_fedgpo_is_compared_with_the_best_fixed_setting_that_was_searched() -> None:
    found = tried("fedgpo")
    assert found.fixed == Setting(16, 1, 20)
    assert [of.published for of in found.headlines if of.headline] == [2.4, 3.6]
    assert "B 16, E 1, K 20 of 2" in found.headlines[0].gap
    rows = {of.name: of for of in found.headlines}
    assert rows["epochs of the low tier over those of the high"].ours == pytest.approx(0.6)


def test_the_test_cases_have_a_world_for_each_seed_and_are_paired() -> None:
    found = tried("autofl", "test")
    assert found.of.draws == ()
    row = next(of for of in found.headlines if of.name == "global PPW of ours over autofl, paired, test cases")
    assert row.values == pytest.approx([2.0, 2.0])
    assert "better in 6 of 6 pairs" in row.gap


def test_tables_charts_and_carbon(tmp_path: Path) -> None:  # noqa: ARG001
    found = tried("autofl")
    made_tables = tables(found)
    assert set(made_tables) == {"headlines", "trials", "rounds", "causes", "targets"}
    assert made_tables["trials"].num_rows == 4 * 5 * 2
    assert made_tables["rounds"].num_rows == 4 * 5 * 2 * 40
    assert {of.basis for of in figures(found)} == {"simulated"}
    korea, norway = (carbon_headlines(found.of, zone)[0].ours for zone in ("KR", "NO"))
    assert korea is not None
    assert norway is not None
    assert korea > 5 * norway
    with pytest.raises(UsageError, match="zone"):
        carbon_headlines(found.of, "Atlantis")


def test_what_is_kept_of_other_files_is_not_taken(tmp_path: Path) -> None:
    def written(folder: str, ink: int) -> Given:
        (tmp_path / folder).mkdir(exist_ok=True)
        for half in ("train", "t10k"):
            start = tmp_path / folder / half
            start.with_name(f"{half}-images-idx3-ubyte").write_bytes(
                struct.pack(">4I", 0x803, 2, 8, 8) + 128 * bytes([ink])
            )
            start.with_name(f"{half}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, 2) + bytes([1, 2]))
        return replace(given(), workload="mnist", data=tmp_path / folder)

    kept = str(tmp_path / "kept")
    shelf_of(kept, written("of", 1).words())
    shelf_of(kept, written("of", 1).words())
    with pytest.raises(UsageError, match="of another calibration, data"):
        shelf_of(kept, written("of", 200).words())


def test_what_is_kept_is_not_done_again_and_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = [Asked(method, IDEAL, seed, 12) for method in MADE for seed in (0, 1)]
    unbroken = many(given(), asked)
    done: list[Asked] = []

    def killed(_given: Given, of: Asked, keeping: Keeping | None = None) -> Trial:
        assert keeping is not None
        done.append(of)
        if len(done) == 4:
            raise KeyboardInterrupt
        return made(_given, of)

    monkeypatch.setattr(many_trials, "one", killed)
    with pytest.raises(KeyboardInterrupt):
        many(given(), asked, shelf_of(str(tmp_path / "kept"), given().words()))
    resumed = many(given(), asked, shelf_of(str(tmp_path / "kept"), given().words()))
    assert len(done) == len(asked) + 1
    assert {of: trial.to_json() for of, trial in resumed.items()} == {
        of: trial.to_json() for of, trial in unbroken.items()
    }
    with pytest.raises(UsageError, match="keeps trials of another calibration"):
        shelf_of(str(tmp_path / "kept"), replace(given(), engine="flower").words())
    for damaged in ("{", "[" * 100_000):
        (tmp_path / "kept" / "study.json").write_text(damaged)
        with pytest.raises(UsageError, match=r"study.json is no JSON"):
            shelf_of(str(tmp_path / "kept"), given().words())
        (tmp_path / "kept" / "one.json").write_text(damaged)
        assert Shelf(tmp_path / "kept", "").find("one") is None
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="is not empty"):
        shelf_of(str(tmp_path / "full"), given().words())


def test_a_trial_comes_back_from_its_file_whole() -> None:
    trial = made(given(), Asked("ours", IDEAL, 3, 5))
    assert trial_from(trial.to_json()).to_json() == trial.to_json()
    for odd in ({}, {**trial.to_json(), "causes": 3}, {**trial.to_json(), "tiers": "x"}):
        with pytest.raises((KeyError, TypeError, ValueError)):
            trial_from(odd)


def test_each_agent_has_nine_tries_on_the_tuning_cases() -> None:
    assert {len(of) for of in TRIES.values()} == {9}
    found = tries(given(), ["ours"], 30, 1, processes=1)
    assert len(found) == 9
    assert found[0].time < 1
    assert found[0].cost == found[0].energy


@pytest.mark.parametrize("agent", TRIES)
def test_what_was_chosen_for_an_agent_is_one_of_its_nine_tries(agent: str) -> None:
    assert len(TRIES[agent]) == 9
    assert tuned_of(agent) in TRIES[agent]
    assert tuned_of("fedavg-random") == ()

"""Real trials of digits in PyTorch (extra `federated`): every method, twice the same, resumed, in two processes."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from edgewatt.device_profiles.published import published
from edgewatt.models.federated.engines.loop import Keeping
from edgewatt.models.federated.round import Policy
from edgewatt.models.federated.study import one as one_trial
from edgewatt.models.federated.study.cases import Case
from edgewatt.models.federated.study.given import Given
from edgewatt.models.federated.study.many import many
from edgewatt.models.federated.study.methods import METHODS, Situation, policy_of
from edgewatt.models.federated.study.one import one
from edgewatt.models.federated.study.trial import Asked

pytestmark = pytest.mark.extra
CASE = Case("S3", "mixed_non_iid_75")
FIXED = (("batch", 16.0), ("epochs", 2.0), ("participants", 5.0))


def given() -> Given:
    pytest.importorskip("torch")
    pytest.importorskip("sklearn")
    return Given(published("autofl"))


@pytest.mark.parametrize("method", METHODS)
def test_each_method_plays_rounds_whose_joules_add_up(method: str) -> None:
    """Without training: some of them ask for hundreds of steps."""
    of = Given(given().calibration, trains=False)
    trial = one(of, Asked(method, CASE, 1, 2, tuned=FIXED if method == "fixed-best" else ()))
    assert trial.round_s.min() > 0
    assert trial.accuracy_percent.tolist() == [0, 0]
    assert sum(trial.causes.values()) == pytest.approx(trial.global_j.sum())
    assert trial.tiers.sum() == sum(trial.targets.values())
    assert len(trial.rewards) == (2 if method in ("autofl", "autofl-shared", "fedgpo") else 0)


def test_what_sends_twice_the_arrays_is_billed_twice_the_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = {}

    def caught(method: str, at: Situation, tuned: Mapping[str, float]) -> Policy:
        sent[method] = at.job.update_b
        return policy_of(method, at, tuned)

    monkeypatch.setattr(one_trial, "policy_of", caught)
    for method in ("fednova", "fedl"):
        one(Given(given().calibration, trains=False), Asked(method, CASE, 0, 1))
    assert sent == {"fednova": 6_653_480, "fedl": 2 * 6_653_480}


@pytest.mark.parametrize("method", ["fedavg-random", "fednova", "ours"])
def test_accuracy_rises_as_the_digits_are_learnt(method: str) -> None:
    trial = one(given(), Asked(method, Case("S3", "ideal"), 0, 8))
    assert trial.accuracy_percent[-3:].mean() > 15 + trial.accuracy_percent[0]


@pytest.mark.parametrize("method", ["autofl", "fedl"])
def test_resumed_gives_what_an_unbroken_run_gives(method: str, tmp_path: Path) -> None:
    keeping = Keeping(tmp_path / method, method, every_n=2)
    one(given(), Asked(method, CASE, 0, 2), keeping)
    resumed = one(given(), Asked(method, CASE, 0, 4), keeping)
    assert resumed.to_json() == one(given(), Asked(method, CASE, 0, 4)).to_json()


@pytest.mark.long
def test_two_processes_give_what_one_gives() -> None:
    asked = [Asked("fedavg-random", CASE, 0, 2), Asked("autofl", CASE, 0, 2)]
    apart, alone = many(given(), asked, processes=2), many(given(), asked)
    assert [of.to_json() for of in apart.values()] == [of.to_json() for of in alone.values()]

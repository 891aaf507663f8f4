"""The method's rules by hand, its constants as they are cut, and the numbers that a study comes to."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgewatt.models.federated.heteroswitch.headlines import Tried, headlines_of, pooled, reduction
from edgewatt.models.federated.heteroswitch.hook import Switching
from edgewatt.models.federated.heteroswitch.kept import words
from edgewatt.models.federated.heteroswitch.methods import FEDAVG, HETEROSWITCH, METHODS, setup_of
from edgewatt.models.federated.heteroswitch.output import figures, tables
from edgewatt.models.federated.heteroswitch.study import Study, size_of
from edgewatt.models.federated.heteroswitch.switching import dense_mean, diversified, drawn, is_on, next_ema
from edgewatt.models.federated.heteroswitch.trial import Trial
from edgewatt.models.federated.learning.data import Data
from edgewatt.models.federated.round import Update
from edgewatt.models.scheduling.constants import Draw, constants_of
from edgewatt.profiler.errors import UsageError

CONSTANTS = constants_of("../federated/heteroswitch")
TYPES = ("one", "two", "three")


def test_runs_on_the_same_pictures_of_other_phones_are_another_study() -> None:
    pictures, classes, owners = np.zeros((4, 3, 2, 2), np.uint8), np.arange(4), np.array([0, 0, 1, 1])
    of = Data("made", pictures, classes, pictures, classes, 4, owners, owners, ("galaxys22", "pixel5"))
    others = replace(of, owners=1 - owners), replace(of, held_owners=1 - owners), replace(of, owner_names=("a", "b"))
    assert len({words("reduced", data, None) for data in (of, *others)}) == 4
    assert words("reduced", of, None) == words("reduced", replace(of, inputs=pictures.copy()), None)


def test_switches() -> None:
    assert not is_on(0.1, None)
    assert is_on(0.1, 0.2)
    assert not is_on(0.2, 0.2)
    assert not is_on(float("nan"), 0.2)


def test_the_server_remembers_losses() -> None:
    assert next_ema(None, np.array([1.0, 3.0]), 0.9) == 2.0
    assert next_ema(2.0, np.array([1.0]), 0.9) == pytest.approx(1.1)
    assert next_ema(2.0, np.array([np.nan, 1.0]), 0.9) == pytest.approx(1.1)
    assert next_ema(2.0, np.array([]), 0.9) == 2.0
    assert next_ema(2.0, np.array([np.inf]), 0.9) == 2.0


def test_what_the_server_remembers_travels() -> None:
    here, there = (Switching(HETEROSWITCH, setup_of(CONSTANTS, Draw(), "reduced")) for _ in range(2))
    assert here.kept() == {}
    update = Update({}, 3.0, 2.0, 1, 1)
    here.learn([update, replace(update, loss=4.0)])
    there.keep(here.kept())
    assert here.loss_ema == there.loss_ema == 3.0
    for odd in (np.array(1.0), np.array([np.nan]), np.array(["1"]), np.array([1])):
        with pytest.raises(UsageError, match="loss_ema is no finite number"):
            there.keep({"loss_ema": odd})
    with pytest.raises(UsageError, match=r"loss_ema alone; found \['loss_ema', 'x'\]"):
        there.keep({"x": np.zeros(1), **here.kept()})
    assert there.loss_ema == 3.0
    there.keep({})
    assert there.loss_ema is None


def test_pictures_are_changed_within_the_degrees() -> None:
    rng = np.random.default_rng(0)
    draws = [drawn(rng, 0.001, 0.9) for _ in range(2000)]
    gains, gammas = np.array([g for g, _ in draws]), np.array([g for _, g in draws])
    assert 0.999 <= gains.min() < gains.max() <= 1.001
    assert 0.1 <= gammas.min() < 0.15
    assert 1.85 < gammas.max() <= 1.9
    pictures = np.array([0.0, 0.25, 1.0])
    assert diversified(pictures, np.array(1.0), 0.5) == pytest.approx([0, 0.5, 1])
    assert diversified(pictures, np.array(2.0), 1.0) == pytest.approx([0, 0.5, 1])


def test_a_dense_mean_is_the_mean() -> None:
    weights = np.random.default_rng(0).normal(size=(5, 3))
    mean = weights[0]
    for batch, of in enumerate(weights):
        mean = dense_mean(mean, of, batch)
    assert mean == pytest.approx(weights.mean(0))


def test_constants_are_cut_where_they_have_no_meaning() -> None:
    setups = [setup_of(CONSTANTS, Draw(seed=k, vary=True), "reduced") for k in range(60)]
    assert max(of.ema for of in setups) == 1.0
    assert max(of.gamma_spread for of in setups) == 0.99
    assert {of.epochs for of in setups} == {1}
    assert min(of.batch for of in setups) >= 7
    stated = setup_of(CONSTANTS, Draw(), "full")
    assert (stated.ema, stated.gamma_spread, stated.wb_spread, stated.batch) == (0.9, 0.9, 0.001, 10)
    assert (stated.participants, stated.rounds) == (20, 1000)


def test_sizes() -> None:
    assert size_of(CONSTANTS, "full", 3).apart_seeds == 3
    assert size_of(CONSTANTS, "reduced", 5).seeds == 5
    with pytest.raises(UsageError, match="'S1': expected one of reduced, full"):
        size_of(CONSTANTS, "S1", 5)


def trial(method: str, seed: int, of_types: list[float], left_out: str = "") -> Trial:
    log: list[dict[str, Any]] = [
        {
            "round": 1,
            "client": k,
            "switch1": True,
            "switch2": k == 0,
            "taken": k < 3,
            "why_not": None if k < 3 else "odd",
        }
        for k in range(4)
    ]
    return Trial(method, seed, left_out, TYPES, np.array(of_types), ((1, float(np.mean(of_types))),), tuple(log))


def found() -> Tried:
    """FedAvg serves types 80, 90, 100; HeteroSwitch 85, 90, 95; all others as FedAvg."""
    served = {HETEROSWITCH.name: [85.0, 90.0, 95.0]}
    main: list[Mapping[str, Trial]] = [
        {m.name: trial(m.name, k, served.get(m.name, [80.0, 90.0, 100.0])) for m in METHODS} for k in range(2)
    ]
    pair = {name: main[0][name] for name in (FEDAVG.name, HETEROSWITCH.name)}
    apart = [trial(name, 0, [served.get(name, [80.0])[0]] * 3, left_out) for name in pair for left_out in TYPES]
    worse = replace(pair[HETEROSWITCH.name], of_types=np.array([70.0, 90.0, 100.0]))
    varied: list[Mapping[str, Trial]] = [pair, {**pair, HETEROSWITCH.name: worse}]
    return Tried(CONSTANTS, "accuracy", main, apart, [("tone", pair)], varied)


def test_headlines_by_hand() -> None:
    of = {row.name: row for row in headlines_of(found(), "simulated")}
    paper = of["variance over device types below FedAvg"]
    assert (paper.published, paper.headline, paper.unit, paper.better) == (6.3, True, "%", "higher")
    assert paper.ours == pytest.approx(75)
    span = paper.span
    assert span is not None
    assert span == pytest.approx((100 * (1 - 1400 / 600), 75))
    assert "68.7 points above the paper's 6.3 (confirmed)" in paper.gap
    assert "within our range" in paper.gap
    assert "100 and 33 % of updates" in paper.gap
    assert "tone 66.67 (+75.0 %)" in paper.gap
    assert "16 updates were not taken" in paper.gap
    assert "the mean over types changes by +0.0 points and the worst type by +5.0" in paper.gap
    assert "no gain" not in paper.gap
    assert of["worst device type above FedAvg, HeteroSwitch"].ours == pytest.approx(5)
    assert of["mean over device types above FedAvg, HeteroSwitch"].ours == pytest.approx(0)
    assert of["variance over device types below FedAvg, Scaffold"].ours == pytest.approx(0)
    assert of["variance over device types below FedAvg, Scaffold"].span is None
    assert of["device type that took no part above FedAvg, HeteroSwitch"].ours == pytest.approx(5)
    assert [row.name for row in of.values() if row.headline] == [paper.name]


def test_types_that_are_alike_as_all_are_worse_are_no_gain() -> None:
    of = found()
    lower: list[Mapping[str, Trial]] = [
        {**t, HETEROSWITCH.name: trial(HETEROSWITCH.name, 0, [79.0, 79.0, 80.0])} for t in of.main
    ]
    paper = headlines_of(replace(of, main=lower), "simulated")[0]
    assert paper.ours is not None
    assert paper.ours > 90
    assert "that is no gain" in paper.gap


def test_where_fedavg_serves_all_alike_there_is_no_number() -> None:
    alike = {m.name: trial(m.name, 0, [90.0, 90.0, 90.0]) for m in METHODS}
    assert reduction(alike, HETEROSWITCH.name) is None
    assert pooled([alike], HETEROSWITCH.name) is None
    rows = headlines_of(replace(found(), main=[alike], varied=[]), "simulated")
    assert (rows[0].ours, rows[0].gap) == (None, "FedAvg serves all types alike, nothing to lower")
    scaffold = next(row for row in rows if row.name == "variance over device types below FedAvg, Scaffold")
    assert scaffold.ours is None
    assert "nothing to lower" in scaffold.gap


def test_tables_and_charts() -> None:
    study = Study(tuple(headlines_of(found(), "simulated")), found())
    made = tables(study)
    assert list(made) == ["headlines", "devices", "spread", "rounds", "curves"]
    spread = made["spread"].to_pylist()
    plain = [row["variance_points2"] for row in spread if row["method"] == "FedAvg" and not row["left_out"]]
    assert plain == pytest.approx([200 / 3] * 5)
    assert {row["stage_alike"] for row in spread} == {"", "tone"}
    assert {row["draw"] for row in spread} == {None, 0, 1}
    assert len(made["rounds"]) == 2 * len(METHODS) * 4
    charts = figures(study)
    assert [chart.title for chart in charts][:2] == ["Each device type", "Variance over device types"]
    assert {chart.basis for chart in charts} == {"simulated"}
    assert all(len(line.x) == len(line.y) for chart in charts for line in chart.lines)

"""GreenScale's learners, population and study: what they learn, how sure a sample is, what moves a figure."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from edgewatt.models.carbon.grid import Grid
from edgewatt.models.carbon.synthetic import synthetic_grid
from edgewatt.models.greenscale.deciding import CARBON, ENERGY, LATENCY
from edgewatt.models.greenscale.facing import ACTIONS_N, Asked
from edgewatt.models.greenscale.headlines import greatest
from edgewatt.models.greenscale.intensities import period_of
from edgewatt.models.greenscale.learning import KINDS, SETTINGS
from edgewatt.models.greenscale.output import figures, tables
from edgewatt.models.greenscale.population import sampled
from edgewatt.models.greenscale.study import Size, Study, study
from edgewatt.models.greenscale.trial import lessons_of, tried
from edgewatt.models.greenscale.tuning import Try, above, chosen, tries
from edgewatt.models.headline import Headline
from edgewatt.models.scheduling.constants import Constant, Constants, Draw
from tests.greenscale_worlds import CONSTANTS, YEAR, asked, built, own_phone

SMALL = Size(seeds=2, draws=1, each_n=5, users_n=40, learns=False, terms=False)
TWO = ["base", "coal_home"]


def with_tasks(count: int) -> Constants:
    """The constants with another budget of the learners."""
    budget = Constant(count, "tasks", "assumed", "a test", "a budget")
    return replace(CONSTANTS, by_name={**CONSTANTS.by_name, "learning.tasks_n": budget})


def studied(of: Asked, size: Size = SMALL, scenarios: Sequence[str] = ("base",)) -> Study:
    return study(of, lambda _: YEAR, scenarios, size)


def by_name(of: Study) -> dict[str, Headline]:
    return {one.name: one for one in of.headlines}


def test_every_constant_has_a_tag_and_a_source() -> None:
    tags = {of.tag for of in CONSTANTS.by_name.values()}
    assert tags == {"confirmed", "second-hand", "remembered", "assumed"}
    assert all(of.source and of.unit for of in CONSTANTS.by_name.values())
    assert CONSTANTS["published.saving_up_to"] == 29.1
    assert CONSTANTS.variation_ratio == 0.3
    assert not set(CONSTANTS.scenarios["tuning"]) & set(CONSTANTS.scenarios["test"])


def test_shares_of_the_population_add_up() -> None:
    names = [*CONSTANTS.scenarios["tuning"], *CONSTANTS.scenarios["test"]]
    assert sum(
        {**CONSTANTS.scenarios["base"], **CONSTANTS.scenarios[name]}["share"] for name in names
    ) == pytest.approx(1)


def test_all_unconfirmed_constants_are_varied_within_30_percent_and_no_confirmed_one() -> None:
    draw = Draw(seed=3, vary=True)
    drawn = built(draw=draw)
    stated = built()
    for a, b in zip(drawn.apps, stated.apps, strict=True):
        assert 0.7 * b.phone_s <= a.phone_s <= 1.3 * b.phone_s
        assert a.deadline_s == b.deadline_s
    assert drawn.machines.access_w == stated.machines.access_w == 7.5
    assert drawn.machines.edge.peak_w != stated.machines.edge.peak_w
    assert "place.phone.embodied_kg_per_s" in draw.asked
    assert "network.access_w" not in draw.asked


def test_every_kind_of_learner_has_as_many_settings_and_the_same_tasks() -> None:
    assert {len(SETTINGS[kind]) for kind in KINDS} == {9}
    of = built(Asked(asked().rows, with_tasks(80)))
    first, again = (lessons_of(of, "base", 4) for _ in range(2))
    assert [len(one.seen) for one in first] == [10] * 8
    assert all((a.costs.kg == b.costs.kg).all() for a, b in zip(first, again, strict=True))
    assert {one.actions_n for one in first} == {3, ACTIONS_N}


def test_learners_come_near_the_least_carbon() -> None:
    of = built(Asked(asked().rows, with_tasks(1200)))
    best = {kind: SETTINGS[kind][3] for kind in KINDS}
    trial = tried(of, ["coal_home"], 40, 1, learners={"coal_home": best}, methods=(CARBON, "only edge"))
    loses = {kind: above(trial, kind, ["coal_home"]) for kind in (*KINDS, "only edge")}
    assert max(loses["regression"], loses["classification"]) < 5
    assert all(loses[kind] < loses["only edge"] for kind in KINDS)


def test_a_world_that_emits_nothing_is_simulated_too() -> None:
    grid = synthetic_grid({"A": "coal"}, 0.0, 8, 0)
    steps = grid.steps("A")
    nothing = Grid(grid.label, {"A": replace(steps, kg_per_j=np.zeros(len(steps.t0_s)))})
    of = Asked(asked().rows, with_tasks(80))
    size = replace(SMALL, seeds=1, draws=0, learns=True, tune_n=2)
    found = study(of, lambda _: period_of(nothing, "A", "A", 0.0), ["no_embodied"], size)
    assert all(result.kg == 0 for result in found.year[0].results.values())
    assert found.headlines[0].ours == 0
    assert found.samples == ((),)


def test_tuning_takes_the_cheapest_of_nine_of_each_kind() -> None:
    found = tries(built(Asked(asked().rows, with_tasks(80))), ["base"], 2)
    assert [of.kind for of in found].count("regression") == 9
    assert len(found) == 27
    pairs = [Try(kind, SETTINGS[kind][k], 10 - k, 2.0 * (k > 7)) for kind in KINDS for k in range(9)]
    assert chosen(pairs) == {kind: SETTINGS[kind][7] for kind in KINDS}


def test_the_error_of_a_sample_shrinks_with_its_size() -> None:
    of = sampled(built(), TWO, 1600, 0)
    assert [one.against for one in of] == [ENERGY, LATENCY]
    whole, part = of[0], of[0].first(100)
    assert part.error_t / whole.error_t == pytest.approx(4, rel=0.35)
    assert abs(part.saved_t - whole.saved_t) < 2 * part.error_t
    assert whole.users_n == 1e7
    assert whole.error_t == pytest.approx(1.96 * whole.each_t.std(ddof=1) / 40, rel=1e-3)


def test_the_stated_error_is_that_of_asking_others() -> None:
    estimates = [sampled(built(), ["base"], 150, seed)[0] for seed in range(10)]
    apart = np.std([one.saved_t for one in estimates], ddof=1)
    assert 0.4 < apart / np.mean([one.error_t / 1.96 for one in estimates]) < 1.8


def test_scenarios_that_nobody_lives_in_have_no_population() -> None:
    assert sampled(built(), ["no_embodied"], 30, 0) == []


def test_the_headline_has_its_interval_its_range_and_its_gap() -> None:
    row = studied(asked()).headlines[0].as_json()
    assert (row["published"], row["headline"], row["unit"], row["better"]) == (29.1, True, "%", "higher")
    assert row["range_low"] <= row["ours"] <= row["range_high"]
    assert row["ci_low"] <= row["ours"] <= row["ci_high"]
    assert row["basis"] == "simulated on published/assumed constants"
    assert "the paper's 29.1 (confirmed)" in row["gap"]
    assert "the abstract does not say against what its saving is" in row["gap"]


def test_another_calibration_changes_the_figures() -> None:
    name = "carbon below only phone, mean"
    thrifty, thirsty = (by_name(studied(asked(own_phone(scale=scale))))[name] for scale in (0.6, 5.0))
    assert thrifty.basis == thirsty.basis == "simulated on measured rows and assumed constants"
    assert thirsty.ours is not None
    assert thrifty.ours is not None
    assert thirsty.ours > thrifty.ours + 1


def test_another_seed_moves_a_figure_within_its_interval() -> None:
    size = replace(SMALL, seeds=4, draws=0, each_n=20)
    name = "carbon below least energy, mean over a year"
    first = by_name(studied(asked(), size, ["base"]))[name]
    row = first.as_json()
    assert len(set(first.values)) == 4
    assert row["range_low"] is None, "nothing was varied"
    half = 2 * (row["ci_high"] - row["ours"])
    assert all(abs(value - row["ours"]) < half for value in first.values)
    assert by_name(studied(asked(), size, ["base"]))[name].values == first.values


def test_tables_and_charts_hold_what_was_simulated() -> None:
    of = studied(asked(), replace(SMALL, users_n=500), TWO)
    found = tables(of)
    assert set(found) == {"headlines", "cases", "population"}
    cases = found["cases"].to_pylist()
    assert len(cases) == 2 * 2 * 8 * (10 + 2)
    for row in cases[:40]:
        parts = [value for key, value in row.items() if key.endswith(("_operational_kg", "_embodied_kg"))]
        assert sum(parts) == pytest.approx(row["kg"])
    population = found["population"].to_pylist()
    assert [row["sampled_n"] for row in population[:3]] == [31, 125, 500]
    charts = figures(of)
    assert {chart.basis for chart in charts} == {"simulated"}
    assert all(len(line.x) == len(line.y) for chart in charts for line in chart.lines)


def test_single_constants_are_named_by_what_they_move() -> None:
    of = studied(asked(), replace(SMALL, seeds=1, draws=0, terms=True), ["base"])
    widths = [abs(high - low) for _, low, high in of.terms]
    assert widths == sorted(widths, reverse=True)
    _, scenario, app = greatest(of.year[0], ENERGY)
    assert (scenario, widths[0] > 1) == ("base", True)
    assert f"ours is that of {app} in base" in of.headlines[0].gap
    assert f"moves most with {of.terms[0][0]}" in of.headlines[0].gap

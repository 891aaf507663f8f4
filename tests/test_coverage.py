"""Coverage in virtual time: intervals hold the truth as often as they say, and are not wider than they need to be."""

from dataclasses import replace
from pathlib import Path

import pytest

from edgewatt.profiler.analysis.process import analyse, process
from edgewatt.profiler.analysis.results import result_rows
from edgewatt.virtual_lab.phone.virtual_time import VirtualRun
from tests.virtual_time.__main__ import main
from tests.virtual_time.cases import CASES, Case
from tests.virtual_time.chain import recorded
from tests.virtual_time.scores import Score, Share, Trial, score, scores
from tests.virtual_time.trials import all_trials, outcome
from tests.virtual_time.truths import truths

MEASURED = [case for case in CASES.values() if case.sources]
SEEDS, FEW = 200, 40
# Median half-widths stay below these: a wide interval is always right.
WIDEST = {"phone/cpu": 0.02, "phone/memory_interface": 0.02, "phone/battery": 0.05}


def trial(value_j: float | None, half_j: float = 1.0, *, seen_j: float = 10.0) -> Trial:
    """One that is half as sure of the plain truth, which is 11."""
    near = None if value_j is None else (value_j - half_j, value_j + half_j)
    far = None if value_j is None else (value_j - 2 * half_j, value_j + 2 * half_j)
    return Trial(1, "gauge", "gross", 11.0, seen_j, value_j, near, far, ("mark",) if value_j is None else ())


def test_what_a_score_sums_up() -> None:
    got = score([trial(10.0), trial(11.5), trial(9.2), trial(None)])
    assert (got.coverage, got.accuracy, got.refused) == (Share(2, 3), Share(3, 3), Share(1, 4))
    assert got.half_width == pytest.approx(0.1)
    assert got.bias == pytest.approx((0.15 - 0.08) / 3)
    assert got.rms == pytest.approx(((0.15**2 + 0.08**2) / 3) ** 0.5)
    assert got.reasons == (("mark", 1),)
    two = scores([trial(1.0), replace(trial(1.0), quantity="net"), trial(2.0)])
    assert [(one.quantity, one.trials) for one in two] == [("gross", 2), ("net", 1)]


def test_the_interval_of_a_share() -> None:
    """Wilson's, of 19 in 20: 0.7639 to 0.9911 (R 4.3, prop.test without correction)."""
    assert Share(19, 20).interval == pytest.approx((0.7639, 0.9911), abs=1e-4)
    assert Share(20, 20).interval[1] == pytest.approx(1.0)
    assert Share(0, 0).value != Share(0, 0).value


@pytest.mark.parametrize("phone", ["pixel", "xiaomi"])
def test_the_tables_of_a_closed_run_are_the_same(phone: str, tmp_path: Path) -> None:
    """Trials read a run before it is turned into its final form, which takes most of the time."""
    case = CASES[phone]
    run = VirtualRun(phone, case.seeds(1)[0], case.plan)
    before = result_rows(analyse(recorded(run, tmp_path / "run")))
    closed = process(tmp_path / "run")
    results = closed.results()
    assert results is not None
    after = results.to_pylist()
    assert {row["energy_source"] for row in after} >= set(case.sources)
    for row, other in zip(before, after, strict=True):
        marks = {"quality": row["quality"], "quality_reasons": [*closed.manifest.quality_reasons]}
        assert "not_closed" in marks["quality_reasons"]
        assert {k: v for k, v in row.items() if k not in marks} == {k: v for k, v in other.items() if k not in marks}


@pytest.mark.parametrize("phone", ["pixel", "samsung"])
def test_with_every_stream_the_joules_are_as_near_to_the_truth(phone: str, tmp_path: Path) -> None:
    """Trials read only streams that joules come from. A sampler that reads more works more, which the truth knows."""
    case = CASES[phone]
    run = VirtualRun(phone, case.seeds(1)[0], case.plan)
    trace = recorded(run, tmp_path / "run")
    assert {"phone-battery", "phone-sampler"} < set(trace.streams)
    rows = {row["energy_source"]: row for row in result_rows(analyse(trace))}
    for source in case.sources:
        for quantity, (_, seen_j) in truths(run, source).items():
            assert rows[source][f"energy_{quantity}_j_mean"] == pytest.approx(seen_j, rel=WIDEST[source])


def test_a_phone_without_a_gauge_has_no_joules_and_says_why() -> None:
    case = CASES["mediatek"]
    (row,) = outcome(case, case.seeds(1)[0]).rows
    assert row["energy_source"] is None
    assert row["energy_gross_j_mean"] is None
    assert row["latency_s_mean"] == pytest.approx(case.plan.latency_s, rel=0.1)
    assert any("no battery is visible" in reason for reason in row["quality_reasons"])


def check(found: Score, least: float, most: float) -> None:
    """Coverage within a band, middles closer to the truth than half-widths, nothing refused."""
    where = (found.source, found.quantity)
    assert least <= found.coverage.value <= most, where
    assert found.accuracy.value >= least, where
    assert abs(found.bias) < found.half_width / 2, where
    assert found.rms < found.half_width < WIDEST[found.source], where
    assert found.refused.count == 0, where


@pytest.mark.long
def test_a_few_seeds_find_a_gross_error() -> None:
    """Of 40 seeds, 33 or more are held in all but one in a thousand tries (binomial, of 95 %)."""
    case = CASES["old"]
    for found in scores(all_trials(case, case.seeds(FEW))):
        check(found, 33 / FEW, 1.0)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("case", MEASURED, ids=lambda case: case.personality)
def test_intervals_hold_the_truth_as_often_as_they_say(case: Case) -> None:
    """Net energy may be held in all: its interval allows for an idle power that changes between the two idles."""
    for found in scores(all_trials(case, case.seeds(SEEDS))):
        check(found, 0.90, 0.99 if found.quantity == "gross" else 1.0)


def test_the_figures_are_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "docs/coverage.md"
    assert main(["--seeds", "2", "--processes", "1", "-o", str(page), "old", "mediatek"]) == 0
    assert capsys.readouterr().out == page.read_text()
    rows = [line.split(" | ") for line in page.read_text().splitlines() if line.startswith(("| old", "| mediatek"))]
    assert [(row[0], row[1], row[3]) for row in rows] == [
        ("| old", "phone/battery", "gross"),
        ("| old", "phone/battery", "net"),
        ("| mediatek", "none", "none"),
    ]
    assert "no battery is visible" in page.read_text()
    for wrong in (["--seeds", "0"], ["nokia"]):
        with pytest.raises(SystemExit, match="2"):
            main(wrong)

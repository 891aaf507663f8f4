"""`edgewatt simulate autoscale`: its table, its JSON, its files; another calibration and another seed."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from edgewatt import cli
from edgewatt.commands import simulate_autoscale
from edgewatt.models.headline import Headline
from edgewatt.models.scheduling.policy import load_policy
from edgewatt.models.scheduling.study import Size, study
from edgewatt.profiler.calibration.calibration import write_calibration
from edgewatt.reports.simulation import simulation_text
from tests.scheduling_worlds import as_published, measured, own_phone

KEYS = [
    "name", "unit", "better", "headline", "published", "ours", "ci_low", "ci_high", "range_low", "range_high", "seeds",
    "basis", "gap",
]  # fmt: skip
SMALL = Size(seeds=2, draws=2, learn_n=6, try_n=3, terms=False, contest_seeds=0)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """So little that a test ends at once; what it says is not what it would be."""
    monkeypatch.setattr(simulate_autoscale, "_size", lambda _s, seeds, _c: replace(SMALL, seeds=seeds))


@pytest.fixture
def own(tmp_path: Path) -> str:
    """A calibration of a phone as a file."""
    return str(write_calibration(own_phone(), tmp_path / "own.zip"))


def test_the_json_has_the_shape_that_all_systems_share(own: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["simulate", "autoscale", "--calibration", own, "--seeds", "2", "--json"]) == 0
    out = capsys.readouterr()
    found = json.loads(out.out)
    assert list(found) == ["system", "calibration", "figures"]
    assert found["system"] == "autoscale"
    assert all(list(row) == KEYS for row in found["figures"])
    by_name = {row["name"]: row for row in found["figures"]}
    first = by_name["energy efficiency over CPU FP32"]
    assert (first["published"], first["headline"], first["seeds"]) == (9.8, True, 2)
    assert first["range_low"] <= first["ours"] <= first["range_high"]
    assert first["basis"] == "simulated on measured rows and assumed constants"
    assert "the paper's 9.8 (confirmed)" in first["gap"]
    assert {row["name"] for row in found["figures"] if row["headline"]} == {
        "energy efficiency over CPU FP32",
        "energy efficiency over cloud",
    }
    assert "no gpu: p has none in the calibration" in out.err
    assert "radio wlan: no row of `radio`" in out.err


def test_the_table_says_simulated_first_and_the_basis_beside_the_number(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert cli.main(["simulate", "autoscale", "--seeds", "1", "-o", str(out)]) == 0
    text = capsys.readouterr().out
    assert text.startswith("simulated: autoscale on The testbed of AutoScale")
    assert "reduced: one phone, no streamed vision (--scenario full has all)" in " ".join(text.split())
    line = next(line for line in text.splitlines() if line.startswith("energy efficiency over CPU FP32 "))
    assert "9.8 x*" in line
    assert " x, simulated on published/assumed constants" in line
    cases = pq.read_table(out / "cases.parquet").to_pylist()
    assert len(cases) == 9 * 10 * 6
    assert {row["method"] for row in cases} >= {"autoscale", "oracle", "cpu_fp32"}
    assert all(row["all_energy_j"] >= row["energy_j"] > 0 for row in cases)
    charts = json.loads((out / "figures.json").read_text())
    assert [chart["basis"] for chart in charts] == ["simulated"] * len(charts)
    assert load_policy(out / "policy-0.npz").size_b == 405_504
    assert cli.main(["simulate", "autoscale", "-o", str(out)]) == 2
    assert "exists already; nothing was simulated" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--scenario", "S9"], "scenario 'S9': expected reduced, full, tuning, test or one of S1, S2"),
        (["--device", "nexus"], "device 'nexus' cannot be the phone of a simulation: the calibration has mi8pro"),
        (["--calibration", "nowhere.zip"], "nowhere.zip"),
        (["--strict"], "--strict: the calibration lacks rows: "),
    ],
)
def test_a_wrong_request_is_named(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["simulate", "autoscale", *words]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("words", [["simulate"], ["simulate", "mosaic"], ["simulate", "autoscale", "--seeds", "0"]])
def test_what_is_no_request_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(words)
    assert "edgewatt simulate" in capsys.readouterr().err


def test_a_network_that_nothing_executes_in_time_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    models = [{**own_phone().rows("models")[0], "qos_s": 0.001}]
    slow = write_calibration(own_phone(models=models), tmp_path / "slow.zip")
    assert cli.main(["simulate", "autoscale", "--calibration", str(slow), "--scenario", "S1", "--seeds", "1"]) == 0
    assert "net: no target of p is in time (1 ms), even with nothing beside it" in " ".join(
        capsys.readouterr().out.split()
    )


def figures(study_of: Any) -> dict[str, Headline]:
    return {of.name: of for of in study_of.headlines}


def test_another_calibration_changes_the_figures() -> None:
    taught = replace(SMALL, learn_n=100, try_n=20)
    ours, thirsty = (
        figures(study([measured(own_phone(scale=scale))], ["S1"], taught))["energy efficiency over CPU FP32"].ours
        for scale in (1.0, 3.0)
    )
    assert ours is not None
    assert thirsty is not None
    assert thirsty > 1.5 * ours


def test_another_seed_moves_a_figure_within_its_interval() -> None:
    size = replace(SMALL, seeds=6, draws=0, learn_n=150, try_n=20)
    found = figures(study([measured(own_phone())], ["S1"], size))["energy efficiency over CPU FP32"]
    row = found.as_json()
    assert len(set(found.values)) == 6
    assert row["range_low"] is None, "nothing was varied"
    inside = [
        row["ci_low"] - 2 * _spread(found) <= value <= row["ci_high"] + 2 * _spread(found) for value in found.values
    ]
    assert all(inside)
    again = figures(study([measured(own_phone())], ["S1"], size))["energy efficiency over CPU FP32"]
    assert again.values == found.values


def _spread(of: Headline) -> float:
    mean = sum(of.values) / len(of.values)
    return float((sum((value - mean) ** 2 for value in of.values) / (len(of.values) - 1)) ** 0.5)


def test_a_phone_without_fp32_has_no_such_figure_and_says_why() -> None:
    rows = [{**row, "precision": "int8"} for row in own_phone().rows("inference")]
    found = figures(study([measured(own_phone(inference=rows))], ["S1"], SMALL))
    row = found["energy efficiency over CPU FP32"].as_json()
    assert (row["ours"], row["ci_low"], row["range_low"], row["headline"]) == (None, None, None, False)
    assert "p has no choice of that kind for 'net'" in row["gap"]
    assert "not simulated, see below" in simulation_text("autoscale", "own.zip", "little", [row])


def test_streamed_vision_has_a_tighter_deadline_than_translation() -> None:
    part = study([as_published(streaming=True)], ["S1"], replace(SMALL, seeds=1, draws=0, learn_n=1)).parts[0]
    deadlines = {w.name: w.qos_s for w in part.world.workloads}
    assert deadlines["mobilenet_v1"] == pytest.approx(1 / 30)
    assert deadlines["mobilebert"] == 0.1


def test_progress_says_what_is_done_and_the_share_before_it() -> None:
    seen: list[tuple[str, float]] = []
    study(
        [measured(own_phone()), measured(own_phone())], ["S3"], replace(SMALL, learn_n=2, contest_seeds=1),
        lambda what, done: seen.append((what, done)),
    )  # fmt: skip
    shares = [done for _, done in seen]
    assert shares[0] == 0
    assert shares == sorted(shares)
    assert shares[-1] < 1
    assert seen[0][0].endswith("(1 of 2)")
    assert seen[-1][0] == "contest: how soon each has learnt"

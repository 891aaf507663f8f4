"""`edgewatt profile --plan`: the estimate as text and JSON, the run, and what does not go together."""

import json
from pathlib import Path

import pytest

from tests.shell import called, edgewatt_json

PLAN = 'models = ["@tiny"]\nthreads = [1, 2]\nrepeats = 1\niterations = 5\nidle = 0.1\nwarmup = 0.1\n'


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    file = tmp_path / "plan.toml"
    file.write_text(PLAN)
    return file


def test_the_estimate_measures_nothing(plan: Path, tmp_path: Path) -> None:
    done = called("profile", "--plan", plan, "-d", "host", "-o", tmp_path / "run", "--dry-run", "--json")
    said = json.loads(done.stdout)
    assert not (tmp_path / "run").exists()
    assert [(row["number"], row["threads"], row["missing"]) for row in said["rows"]] == [(1, 1, 1), (2, 2, 1)]
    assert all(row["resolves_within"] is None for row in said["rows"]), "one repeat has no spread"
    assert sorted(said["order"]) == [[1, 0], [2, 0]]
    assert said["next"] == str(tmp_path / "run")
    text = called("profile", "--plan", plan, "-d", "host", "--dry-run").stdout
    assert text.startswith("plan ")
    assert "2 configurations, 2 repeats; nothing was measured" in text
    assert text.count("no interval") == 4


def test_a_plan_gives_a_row_for_each_configuration_and_is_done_once(plan: Path, tmp_path: Path) -> None:
    words: list[str | Path] = ["profile", "--plan", plan, "-d", "host", "-o", tmp_path / "run"]
    said = edgewatt_json(*words)
    assert sorted(row["threads"] for row in said["results"]) == [1, 2]
    assert said["plan"]["parts"] == [str(tmp_path / "run")]
    again = json.loads(called(*words, "--json").stdout)
    assert again["results"] == said["results"]
    assert not (tmp_path / "run.2").exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--threads", "2", "-o", "x"], "--threads does not go with --plan: the plan says it"),
        (["model.tflite", "-o", "x"], "MODEL does not go with --plan"),
        ([], "-o RUN is missing"),
    ],
)
def test_what_does_not_go_together_is_said(words: list[str], expected: str, plan: Path) -> None:
    done = called("profile", *words, "--plan", plan, "-d", "host")
    assert done.returncode == 2
    assert expected in done.stderr


def test_what_belongs_to_a_plan_needs_one() -> None:
    done = called("profile", "@tiny", "-d", "host", "--dry-run")
    assert done.returncode == 2
    assert "--dry-run goes with --plan FILE" in done.stderr


def test_a_typo_names_the_nearest_key(plan: Path) -> None:
    plan.write_text(PLAN + "tread = 3\n")
    done = called("profile", "--plan", plan, "-d", "host", "--dry-run")
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean 'threads'?" in done.stderr

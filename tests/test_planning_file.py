"""A plan's file: its rows, and one clear line for everything that is wrong in it."""

from pathlib import Path
from typing import Any

import pytest

from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.planning.plan_file import SIZE_LIMIT_B, read_plan
from edgewatt.profiler.planning.rows import Row, plan_sha256, rows_of

MODELS = 'models = ["a.tflite", "b.tflite"]\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.tflite", "b.tflite", "runner"):
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def rows(folder: Path, text: str | bytes) -> list[Row]:
    file = folder / "plan.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return rows_of(read_plan(file), lambda model: folder / model)


def test_every_combination_is_a_row(folder: Path) -> None:
    text = MODELS + 'targets = ["cpu", "gpu"]\nthreads = [1, 4]\nbatch = 2\nfrequencies_hz = [0, 1_200_000_000]\n'
    found = rows(folder, text)
    assert len(found) == 2 * 2 * 2 * 1 * 2
    assert len({row.label for row in found}) == len(found)
    assert {row.frequency_hz for row in found} == {None, 1.2e9}
    assert {(row.batch, row.repeats) for row in found} == {(2, 5)}
    assert found[-1].label == "b.tflite gpu, 4 threads, batch 2 at 1.20 GHz"


def test_some_configurations_are_otherwise(folder: Path) -> None:
    text = (
        MODELS
        + 'threads = [1, 2]\n[options]\nenv = { A = 1, B = true }\n[[for]]\nmodel = "b.tflite"\nrunner = "runner"\n'
        'repeats = 9\ninput_shapes = { ids = [1, 128] }\nset = { governor = "performance" }\n'
        '[[for]]\nmodel = "a.tflite"\nthreads = 2\nskip = true\n'
    )
    one, *others = rows(folder, text)
    assert (one.path.name, one.threads, one.repeats, one.options) == ("a.tflite", 1, 5, {"env": {"A": "1", "B": "on"}})
    assert len(others) == 2
    for row in others:
        assert row.repeats == 9
        assert row.conditions == {"governor": "performance"}
        assert row.options["runner"] == folder / "runner"
        assert row.options["input_shapes"] == {"ids": [1, 128]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "key 'models' is missing"),
        (MODELS + "thread = [1]", "key 'thread' is unknown; did you mean 'threads'?"),
        (MODELS + "[thermal]\ncooldown = 3", "thermal: key 'cooldown' is unknown; did you mean 'cool_down'?"),
        (MODELS + "zzzzzz = 1", "key 'zzzzzz' is unknown; known are models, targets"),
        (MODELS + "threads = []", "threads is an empty list: there would be nothing to measure"),
        (MODELS + "threads = [2, 1, 2]", "threads has 2 twice"),
        ('models = ["a.tflite", "a.tflite"]', "models has 'a.tflite' twice"),
        (MODELS + "threads = [0]", "threads is 0, expected a whole number from 1"),
        (MODELS + "threads = true", "threads is True, expected a whole number"),
        (MODELS + "frequencies_hz = [1.2]", "frequencies_hz is 1.2, expected a whole number of hertz"),
        (MODELS + "seconds = nan", "seconds is nan, expected seconds above 0"),
        (MODELS + "seconds = 5\niterations = 5", "seconds and iterations are both given"),
        (MODELS + "repeats = 0", "repeats is 0, expected a whole number from 1 to 10,000"),
        (MODELS + "room = 3", "room is 3, expected a table [room]"),
        (MODELS + "[room]\nlimit = 3", "room: key 'celsius' is missing"),
        (MODELS + "[set]\nscreen = []", "set is {'screen': []}, expected conditions"),
        (MODELS + "[[for]]\nskip = true", "for 1: says of no configuration"),
        (MODELS + '[[for]]\nmodel = "a.tflite"', "for 1: expected something that is otherwise there"),
        (MODELS + "[[for]]\nthreads = 7\nrepeats = 2", "for 1: no configuration has threads = 7"),
        (MODELS + '[[for]]\ntarget = "cpu"\nskip = true', "every configuration is skipped"),
        ('models = ["gone.tflite"]', "model 'gone.tflite': there is no file"),
        ('models = ["a.tflite", "./a.tflite"]', "are both called a.tflite"),
        (MODELS + '[options]\nrunner = "gone"', "runner 'gone': there is no file"),
        (MODELS + f"threads = {list(range(1, 1002))}", "threads has 1001 values, expected at most 1000"),
        (
            MODELS + f"threads = {list(range(1, 900))}",
            "2 models x 1 targets x 899 threads x 1 batch x 1 frequencies_hz are 1,798",
        ),
        (MODELS + "repeats = 10000\nthreads = [1, 2]", "4 configurations are 40,000 repeats in all"),
        ("models = [", "plan"),
        (b"models = \xff", "plan"),
        ("#" * (SIZE_LIMIT_B + 1), "expected a small TOML file"),
        ("a = " + "[" * 5000, "plan"),
    ],
)
def test_what_is_wrong_is_one_line(text: str | bytes, expected: str, folder: Path) -> None:
    with pytest.raises(UsageError) as error:
        rows(folder, text)
    assert str(error.value).startswith(f"plan {folder / 'plan.toml'}: ")
    assert expected in str(error.value)
    assert "\n" not in str(error.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_plan(tmp_path / "gone.toml")


def identity(folder: Path, text: str) -> str:
    found: Any = rows(folder, text)
    return plan_sha256(read_plan(folder / "plan.toml"), found)


def test_what_changes_the_measurement_changes_the_plan(folder: Path) -> None:
    before = identity(folder, MODELS)
    assert identity(folder, MODELS + 'session = "x"\n[assume]\npower_w = 3.0') == before, "only reckoned with, or said"
    assert identity(folder, MODELS + "repeats = 5") == before, "the default"
    changed = {
        identity(folder, MODELS + more)
        for more in ("repeats = 6", "seconds = 6", "seed = 1", "threads = 2", "[set]\nscreen = 'off'")
    }
    assert len(changed) == 5
    assert before not in changed
    (folder / "a.tflite").write_bytes(b"another model of that name")
    assert identity(folder, MODELS) != before

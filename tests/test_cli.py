"""The command line as a person meets it, wrong input included."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from edgewatt.cli import SHELLS, VERBS
from edgewatt.profiler import tables
from tests.shell import EDGEWATT, QUICK, called, called_json, edgewatt, edgewatt_json


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short profile of the small network on this host."""
    path = tmp_path_factory.mktemp("profile") / "run"
    done = edgewatt("profile", "@tiny", "-d", "host", "-o", path, *QUICK, "--session", "one")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("written to")
    return path


def test_profile_leaves_every_table(run: Path) -> None:
    repeats, results = (pq.read_table(run / f"{name}.parquet") for name in ("repeats", "results"))
    assert repeats.schema.remove_metadata() == tables.REPEATS
    assert results.schema.remove_metadata() == tables.RESULTS
    assert repeats["repeat"].to_pylist() == [0, 1] * (repeats.num_rows // 2)
    iterations = pq.read_table(run / "iterations.parquet")
    assert iterations.num_rows == sum(repeats["iterations"].to_pylist()[:2])
    assert pq.read_table(run / "operators.parquet").num_rows > 3


def test_energy_without_rails_is_null_and_says_why(run: Path) -> None:
    row = pq.read_table(run / "results.parquet").to_pylist()[0]
    if row["energy_source"] is not None:
        pytest.skip(f"this host measures energy: {row['energy_source']}")
    assert row["energy_gross_j_mean"] is None
    assert row["power_w"] is None
    assert any("energy" in reason for reason in row["quality_reasons"])


def test_profile_as_json_is_one_object(tmp_path: Path) -> None:
    answer = edgewatt_json("profile", "@tiny", "-d", "host", "-o", tmp_path / "run", *QUICK)
    assert answer["status"] == "complete"
    assert answer["results"][0]["latency_s_n"] == 2
    assert answer["results"][0]["latency_s_low"] <= answer["results"][0]["latency_s_mean"]


@pytest.mark.parametrize("fmt", ["csv", "parquet", "json", "markdown"])
def test_export(run: Path, tmp_path: Path, fmt: str) -> None:
    done = called("export", run, "--to", fmt, "-o", tmp_path / "table")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "table").stat().st_size > 100


def test_compare_with_itself_and_with_its_own_csv(run: Path, tmp_path: Path) -> None:
    same = called_json("compare", run, run)
    ratios = [row["ratio"] for row in same["rows"] if row["ratio"] is not None]
    assert ratios
    assert all(ratio == pytest.approx(1.0) for ratio in ratios)
    (tmp_path / "plain.csv").write_text("repeat,latency_s\n0,0.010\n1,0.011\n2,0.010\n")
    (tmp_path / "slower.csv").write_text("repeat,latency_s\n0,0.020\n1,0.022\n2,0.020\n")
    plain = called_json("compare", tmp_path / "plain.csv", tmp_path / "slower.csv")
    assert plain["rows"][0]["ratio"] == pytest.approx(2.0, rel=1e-3)
    assert plain["notices"]


def test_process_keeps_the_old_tables(run: Path) -> None:
    before = sorted(path.name for path in run.iterdir())
    assert called("process", run).returncode == 0
    after = sorted(path.name for path in run.iterdir())
    assert set(before) < set(after)


def test_a_replay_is_the_same_run(run: Path, tmp_path: Path) -> None:
    done = called("record", "-d", f"replay:{run}", "-o", tmp_path / "again")
    assert done.returncode == 0, done.stderr
    assert called("process", tmp_path / "again").returncode == 0
    for name in ("windows", "iterations"):
        first, second = (pq.read_table(path / f"{name}.parquet") for path in (run, tmp_path / "again"))
        assert first.equals(second), name
    old, new = (pq.read_table(path / "results.parquet")["latency_s_mean"] for path in (run, tmp_path / "again"))
    assert old.to_pylist() == new.to_pylist()


def test_doctor_names_what_is_missing_and_its_fix() -> None:
    report = called_json("doctor", "-d", "host")
    host = report["devices"][0]
    assert any(channel["column"].endswith("load_ratio") for channel in host["channels"])
    assert all(missing["reason"] for missing in host["unavailable"])
    everything = called("doctor").stdout
    assert "-d host" in everything
    assert "host: load_ratio  new every 1.00 s" in everything


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["profile", "absent.tflite", "-d", "host", "-o", "new"], 2, "absent.tflite"),
        (["profile", "@tiny", "-d", "nothing", "-o", "new"], 2, "nothing is registered"),
        (["profile", "@tiny", "-d", "host?colour=red", "-o", "new"], 2, "colour"),
        (["profile", "@tiny", "-d", "host", "-o", "new", "--repeats", "0"], 2, "repeats"),
        (["profile", "@tiny", "-d", "host", "-o", "new", "--target", "npu"], 2, "npu"),
        (["profile", "@tiny", "-d", "host", "-o", "new", "--input-shape", "x"], 2, "NAME:1x224"),
        (["record", "-d", "replay:absent", "-o", "new"], 2, "absent"),
        (["process", "absent"], 2, "absent is no run"),
        (["export", "absent", "--to", "csv", "-o", "new"], 2, "absent"),
        (["compare", "absent", "absent"], 2, "absent"),
        (["doctor", "-d", "nothing"], 2, "nothing is registered"),
        (["doctor", "--profile", "absent.toml"], 2, "absent.toml"),
        (["nothing"], 2, "invalid choice"),
        ([], 2, ""),
    ],
)
def test_wrong_input_is_one_clear_line(tmp_path: Path, words: list[str], code: int, says: str) -> None:
    done = called(*words, cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert not (tmp_path / "new").exists()


def test_from_the_shell_it_is_no_other(tmp_path: Path) -> None:
    done = edgewatt("profile", "absent.tflite", "-d", "host", "-o", "new", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "absent.tflite" in done.stderr


def test_a_run_is_never_written_over(run: Path) -> None:
    done = called("profile", "@tiny", "-d", "host", "-o", run, *QUICK)
    assert done.returncode == 2
    assert str(run) in done.stderr


def test_errors_are_json_too(tmp_path: Path) -> None:
    assert called_json("process", tmp_path / "absent", code=2)["exit_code"] == 2


def test_a_meter_without_energy_is_not_measured(tmp_path: Path) -> None:
    (tmp_path / "sys").mkdir()
    meter = f"host?sysfs={tmp_path / 'sys'}"
    done = called("profile", "@tiny", "-d", f"host?sysfs={tmp_path / 'sys'}", "-m", meter, "-o", tmp_path / "r", *QUICK)
    assert done.returncode == 5, done.stderr


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_knows_every_verb(shell: str) -> None:
    done = called("--print-completion", shell)
    assert done.returncode == 0
    assert all(verb in done.stdout for verb in VERBS)


def test_every_verb_has_examples() -> None:
    for verb in VERBS:
        assert f"edgewatt {verb}" in called(verb, "--help").stdout.partition("examples:")[2]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_the_run_is_kept(tmp_path: Path, number: int) -> None:
    words = [str(EDGEWATT), "record", "-d", "host", "-o", str(tmp_path / "run")]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr is not None
        assert "recording" in child.stderr.readline()
        os.kill(child.pid, number)
        said = child.stderr.read()
    assert child.returncode == 130, said
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "interrupted"
    assert edgewatt("process", tmp_path / "run").returncode == 0


def test_a_closed_pipe_is_no_fault() -> None:
    with subprocess.Popen([str(EDGEWATT), "doctor"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.close()
        assert b"Traceback" not in child.stderr.read()

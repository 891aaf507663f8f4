"""`edgewatt watch` as a person meets it, wrong input included."""

import json
import signal
import subprocess
from pathlib import Path

import pytest

from edgewatt.profiler.storage.trace import Trace
from tests.recorded_runs import recorded
from tests.shell import EDGEWATT, called


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small run, simulated, with a meter."""
    return recorded(tmp_path_factory.mktemp("watch") / "run")


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ((), 2, "say what to watch: -d DEVICE"),
        (("-m", "nvml:0"), 2, "say what to watch"),
        (("--http", "0"), 2, "say what to watch"),
        (("-d", "host", "--runs", "."), 2, "say --http PORT too"),
        (("-d", "host", "--listen", "127.0.0.1"), 2, "say --http PORT too"),
        (("-d", "host", "--http", "0", "--plain"), 2, "leave out one of them"),
        (("-d", "host", "--http", "0", "--runs", "/no/such"), 2, "is no folder"),
        (("-d", "host", "--http", "0", "--listen", "my.host"), 2, "expected an IP address"),
        (("-d", "host", "--http", "70000"), 2, "no port"),
        (("-d", "host", "--seconds", "-1"), 2, "no length of time"),
        (("-d", "nothing:x"), 2, "nothing is registered"),
        (("-d", "replay:/no/such"), 2, "nothing there"),
        (("-d", "host", "replay:x", "-o", "run"), 2, "a run is of one device"),
        (("-d", "host", "-o", "."), 2, "exists already"),
        (("-d", "host?nothing=1"), 2, "no option"),
        (("-d", *(f"replay:{n}" for n in range(65))), 2, "65 devices are more"),
        (("-d", "adb+tcp://127.0.0.1:1"), 6, "no adbd answers"),
    ],
)
def test_wrong_input_is_one_line(words: tuple[str, ...], code: int, says: str) -> None:
    done = called("watch", *words)
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert done.stdout == ""


def test_a_recorded_run_is_watched_and_ends(run: Path) -> None:
    done = called("watch", "-d", f"replay:{run}?speed=inf", "--seconds", "30")
    assert done.returncode == 0, done.stderr
    last = done.stdout.splitlines()[-1]
    assert last.startswith("SIMULATED ")
    assert "ended: " in last
    assert "end of the recording" in last


def test_an_object_a_line(run: Path) -> None:
    done = called("watch", "-d", f"replay:{run}", "--json", "--seconds", "0.2")
    assert done.returncode == 0, done.stderr
    objects = [json.loads(text) for text in done.stdout.splitlines()]
    assert objects[-1]["devices"][0]["device"] == f"replay:{run}?speed=1"
    assert done.stderr == ""


def test_energy_that_was_asked_for_and_is_not_there(tmp_path: Path, run: Path) -> None:
    done = called("watch", "-d", f"replay:{run}", "-m", f"host?sysfs={tmp_path}", "--json", "--seconds", "1")
    assert done.returncode == 5, done.stderr
    assert json.loads(done.stdout)["exit_code"] == 5


def test_what_is_watched_can_be_recorded_too(run: Path, tmp_path: Path) -> None:
    done = called("watch", "-d", f"replay:{run}?speed=inf", "-o", tmp_path / "again", "--plain", "--seconds", "30")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == f"written to {tmp_path / 'again'}"
    first, second = Trace.open(run), Trace.open(tmp_path / "again")
    assert [first.rows(name) for name in first.streams] == [second.rows(name) for name in second.streams]
    assert second.manifest.status == "complete"


def test_help_has_examples_and_needs_no_extra() -> None:
    assert "edgewatt watch -d host --http 8080 --runs runs" in called("watch", "--help").stdout


@pytest.mark.peer
def test_ctrl_c_is_130_and_the_run_is_kept(tmp_path: Path) -> None:
    command = [str(EDGEWATT), "watch", "-d", "host", "--json", "-o", str(tmp_path / "run")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert json.loads(process.stdout.readline())["devices"][0]["device"] == "host"
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
        assert process.wait(60) == 130
    assert "the run up to now is kept" in said
    assert "Traceback" not in said
    assert Trace.open(tmp_path / "run").manifest.status == "interrupted"


@pytest.mark.peer
def test_a_page_says_where_it_is(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("watch", "-d", f"replay:{run}", "--http", "0", "--runs", run.parent, "--json", "--seconds", "0.2")
    done = called(*words)
    assert done.returncode == 0, done.stderr
    first, *views = [json.loads(text) for text in done.stdout.splitlines()]
    assert first["http"].startswith("http://127.0.0.1:")
    assert first["token"] is None
    assert views[-1]["simulated"] is True
    monkeypatch.setenv("EDGEWATT_WATCH_TOKEN", "a-token-of-somebody")
    said = called(*words[:-3], "--seconds", "0.2").stdout
    assert "/?token=a-token-of-somebody" in said


def test_a_token_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEWATT_WATCH_TOKEN", "short")
    done = called("watch", "-d", "host", "--http", "0", "--seconds", "1")
    assert done.returncode == 2
    assert "at least 16" in done.stderr

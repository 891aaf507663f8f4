"""Killed with SIGKILL in the middle of a run, what was set is put back by the next one that is asked to."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from edgewatt.profiler import undo
from tests.shell import EDGEWATT, called
from tests.test_conditions_host import BEFORE, clusters, state

ASKED = ("--set", "governor=performance", "--set", "frequency=max", "--set", "turbo=off")


@pytest.fixture
def sysfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return clusters(tmp_path / "sys")


def started(sysfs: Path, run: Path) -> "subprocess.Popen[bytes]":
    words = ("profile", "--command", "sleep 60", "-d", f"host?sysfs={sysfs}", "-o", str(run), *ASKED)
    return subprocess.Popen(
        [str(EDGEWATT), *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def ended_by(process: "subprocess.Popen[bytes]", number: signal.Signals, ready: Callable[[], bool]) -> int:
    """Its exit code, once what was waited for came and the signal was sent; what it started is ended too."""
    children: list[psutil.Process] = []
    try:
        while not ready():
            assert process.poll() is None
            try:
                process.wait(0.05)
            except subprocess.TimeoutExpired:
                continue
        children = psutil.Process(process.pid).children(recursive=True)
        os.kill(process.pid, number)
        return process.wait(60)
    finally:
        for child in children:
            if child.is_running():
                child.kill()
        if process.poll() is None:
            process.kill()
            process.wait()


def test_killed_it_is_put_back_by_doctor(sysfs: Path, tmp_path: Path) -> None:
    code = ended_by(started(sysfs, tmp_path / "run"), signal.SIGKILL, lambda: state(sysfs)[-1] == "1")
    assert code == -signal.SIGKILL
    assert state(sysfs)[0] == "performance"
    assert [note.what for note in undo.notes("host")] == ["governor", "frequency", "turbo"]
    device = f"host?sysfs={sysfs}"
    said = called("record", "-d", device, "--seconds", "0.1", "-o", tmp_path / "next")
    assert said.returncode == 0
    reasons = json.loads((tmp_path / "next/run.json").read_text())["quality_reasons"]
    assert [r for r in reasons if r.startswith("left")] == [
        f"left_changed:{w}" for w in ("frequency", "governor", "turbo")
    ]
    assert state(sysfs) != BEFORE
    fixed = json.loads(called("doctor", "-d", device, "--fix", "--json").stdout)["left_changed"]
    assert [one["done"] for one in fixed] == [True] * 3
    assert state(sysfs) == BEFORE
    assert undo.notes() == []


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_it_puts_back_itself(sysfs: Path, tmp_path: Path, number: signal.Signals) -> None:
    assert ended_by(started(sysfs, tmp_path / "run"), number, lambda: state(sysfs)[-1] == "1") == 130
    assert state(sysfs) == BEFORE
    assert undo.notes() == []


@pytest.mark.long
@pytest.mark.parametrize("delay", range(12))
def test_killed_at_any_moment_it_is_put_back(sysfs: Path, tmp_path: Path, delay: int) -> None:
    """From the first note on, and at moments after it: what is changed is always noted."""
    process = started(sysfs, tmp_path / "run")
    looks = iter(range(1000))

    def ready() -> bool:
        return bool(undo.notes()) and next(looks) >= delay // 2

    ended_by(process, signal.SIGKILL, ready)
    called("doctor", "-d", f"host?sysfs={sysfs}", "--fix", "--json")
    assert state(sysfs) == BEFORE
    assert undo.notes() == []

"""Conditions of a board behind OpenSSH's own server: set as its user, put back, and refused where that one may not."""

import signal
import subprocess
from pathlib import Path

import pytest

from edgewatt.commands import left_changed
from edgewatt.profiler import undo
from edgewatt.profiler.device import open_device
from edgewatt.profiler.errors import DeviceError
from tests.shell import EDGEWATT
from tests.sshd.server import Board
from tests.test_conditions_host import BEFORE, TURBO, clusters, state
from tests.test_conditions_killed import ended_by

pytest_plugins = ["tests.sshd.fixtures"]
pytestmark = pytest.mark.peer


@pytest.fixture
def sysfs(board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    made = clusters(board.home / "sys")
    for path in (made, *made.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    return made


def test_set_put_back_and_refused(board: Board, sysfs: Path) -> None:
    device = open_device(f"{board.address.text}?sysfs={sysfs}")
    target = device.target
    assert target is not None
    try:
        for name, value in (("governor", "performance"), ("frequency", "max"), ("turbo", "off")):
            target.apply(name, value)
        assert state(sysfs) == ["performance", "1800000", "1800000", "performance", "2400000", "2400000", "1"]
        assert target.facts()["pinned_hz"] == {"cpu0": 1.8e9, "cpu4": 2.4e9}
        assert [note.what for note in undo.notes("ssh")] == ["governor", "frequency", "turbo"]
        for name in ("turbo", "frequency", "governor"):
            target.undo(name)
        assert state(sysfs) == BEFORE
        (sysfs / TURBO).chmod(0o444)
        with pytest.raises(DeviceError, match=rf"nor by sudo without a password.*: echo 1 . sudo tee {sysfs}/{TURBO}"):
            target.apply("turbo", "off")
        assert undo.notes() == []
    finally:
        device.close()


@pytest.mark.long
def test_what_a_killed_run_left_is_put_back_over_a_new_connection(board: Board, sysfs: Path, tmp_path: Path) -> None:
    uri = f"{board.address.text}?sysfs={sysfs}"
    words = ("profile", "--command", "sleep 60", "-d", uri, "-o", str(tmp_path / "run"), "--set", "turbo=off")
    quiet = subprocess.DEVNULL
    process = subprocess.Popen([str(EDGEWATT), *words], start_new_session=True, stdout=quiet, stderr=quiet)
    ended_by(process, signal.SIGKILL, lambda: state(sysfs)[-1] == "1")
    (left,) = left_changed.put_back()
    assert (left.done, left.problem) == (True, None)
    assert state(sysfs) == BEFORE

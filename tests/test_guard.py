"""The guard in the machine's own shell: what it puts back and when, and that nothing of it stays."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edgewatt.collectors.android.guarding.guard import Guard
from edgewatt.profiler.errors import DeviceError
from tests.shell_phone import ShellPhone


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[ShellPhone]:
    tmp = tmp_path / "it's a phone"
    tmp.mkdir()
    shell = ShellPhone(tmp)
    yield shell
    shell.end()
    assert list(tmp.glob("edgewatt-*")) == []


def until(true: Callable[[], object], within_s: float = 20.0) -> None:
    end_s = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < end_s, "it did not happen"
        time.sleep(0.02)


def test_folder_is_made_when_first_needed_and_is_private(shell: ShellPhone) -> None:
    guard = Guard(shell.phone())
    assert list(shell.tmp.iterdir()) == []
    folder = Path(guard.folder)
    assert folder.parent == shell.tmp
    assert folder.name.removeprefix("edgewatt-").isalnum()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert guard.folder == str(folder)
    assert len(shell.streams) == 1
    guard.close()


def test_close_removes_the_folder_ends_the_process_and_executes_nothing(shell: ShellPhone) -> None:
    guard, mark = Guard(shell.phone()), shell.tmp / "undone"
    guard.add("screen", _touch(mark))
    guard.close()
    assert list(shell.tmp.iterdir()) == []
    shell.streams[0].process.wait(5)
    guard.close()
    assert not mark.exists()


def test_close_of_a_guard_that_never_began_touches_nothing(shell: ShellPhone) -> None:
    Guard(shell.phone()).close()
    assert shell.links == []


def test_lost_connection_puts_back_in_reverse_order(shell: ShellPhone) -> None:
    guard, log = Guard(shell.phone(), grace_s=0), shell.tmp / "log"
    for key in ("a", "b", "c"):
        guard.add(key, f"echo {key} >>{_quoted(log)}")
    guard.remove("b")
    guard.add("a", f"echo replaced >>{_quoted(log)}")
    shell.unplug(stay_away=True)
    until(lambda: not Path(guard._folder).exists())
    assert log.read_text().split() == ["c", "replaced"]


def test_undo_is_text_that_no_shell_sees_before_its_time(shell: ShellPhone) -> None:
    guard, log = Guard(shell.phone(), grace_s=0), shell.tmp / "log"
    nasty = "a \\n $(touch evil) `touch evil` 'quoted' \"twice\"\n%s"
    guard.add("nasty; touch evil", f"printf '%s' {_quoted(nasty)} >{_quoted(log)}; echo $0 | grep -q undo && exit 3")
    guard.add("fails", "exit 1")
    shell.unplug(stay_away=True)
    until(lambda: not Path(guard._folder).exists())
    assert log.read_text() == nasty
    assert list(shell.tmp.glob("**/evil")) == []
    assert not Path("evil").exists()


def test_connection_that_comes_back_in_time_keeps_everything(shell: ShellPhone) -> None:
    phone = shell.phone()
    guard, mark = Guard(phone), shell.tmp / "undone"
    guard.add("screen", _touch(mark))
    (Path(guard.folder) / "model").write_text("kept")
    shell.unplug()
    until(lambda: len(shell.streams) == 2)  # its own thread saw to it
    shell.streams[0].process.wait(5)  # the guard before saw its successor
    assert (Path(guard.folder) / "model").read_text() == "kept"
    assert guard.renew()
    assert guard.undone == ()
    guard.close()
    assert not mark.exists()
    for stream in shell.streams:
        stream.process.wait(5)


def test_connection_that_comes_back_too_late_begins_anew_and_says_what_was_undone(shell: ShellPhone) -> None:
    guard, mark = Guard(shell.phone(), grace_s=0), shell.tmp / "undone"
    guard.add("screen", _touch(mark))
    (Path(guard.folder) / "model").write_text("gone")
    shell.unplug(stay_away=True)
    until(lambda: not Path(guard._folder).exists())
    shell.plugged = True
    assert not guard.renew()
    assert guard.undone == ("screen",)
    assert mark.exists()
    assert not (Path(guard.folder) / "model").exists()
    guard.add("again", "true")
    guard.close()


def test_grace_can_be_made_longer_for_a_cable_that_is_cut_on_purpose(shell: ShellPhone) -> None:
    guard, mark = Guard(shell.phone(), grace_s=0), shell.tmp / "undone"
    guard.add("screen", _touch(mark))
    guard.wait_longer(600)
    shell.unplug(stay_away=True)
    shell.streams[0].process.poll()
    with pytest.raises(subprocess.TimeoutExpired):
        shell.streams[0].process.wait(1.5)
    shell.plugged = True
    assert guard.renew()
    guard.close()
    assert not mark.exists()


def test_killed_program_is_put_back(shell: ShellPhone) -> None:
    folder = _left_by_a_killed_program(shell, "pass")
    until(lambda: not folder.exists())
    assert (shell.tmp / "undone").exists()


def test_folder_whose_guard_was_killed_is_put_back_by_the_next_one(shell: ShellPhone) -> None:
    other = Guard(shell.phone())
    other.add("screen", "true")
    folder = _left_by_a_killed_program(
        shell,
        # Stopped first: a shell whose child is killed goes on, and tidies up.
        "import psutil, subprocess; process = psutil.Process(shell.streams[0].process.pid); process.suspend();"
        "pids = [str(one.pid) for one in [*process.children(recursive=True), process]];"
        "subprocess.run(['sh', '-c', 'kill -9 \"$@\"', 'sh', *pids], stderr=subprocess.DEVNULL)",
    )
    assert folder.exists()
    third = Guard(shell.phone())
    assert Path(third.folder).exists()
    assert (shell.tmp / "undone").exists()
    assert not folder.exists()
    assert Path(other.folder).exists()
    third.close()
    other.close()


def _left_by_a_killed_program(shell: ShellPhone, last: str) -> Path:
    script = (
        "import os, signal, sys, pathlib; from tests.shell_phone import ShellPhone;"
        "from edgewatt.collectors.android.guarding.guard import Guard;"
        "shell = ShellPhone(pathlib.Path(sys.argv[1])); guard = Guard(shell.phone(), grace_s=0);"
        f"guard.add('screen', {_touch(shell.tmp / 'undone')!r});"
        f"print(guard.folder, flush=True); {last}; os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(shell.tmp)], capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr
    return Path(done.stdout.strip())


def test_place_that_cannot_be_written_is_named(shell: ShellPhone, tmp_path: Path) -> None:
    phone = shell.phone()
    phone.tmp = str(tmp_path / "missing")
    with pytest.raises(DeviceError, match=r"cannot make .*missing/edgewatt-.*No such file"):
        Guard(phone).add("screen", "true")


def test_full_phone_is_named(shell: ShellPhone) -> None:
    fake = shell.tmp.parent / "bin"
    fake.mkdir()
    (fake / "mkdir").write_text("#!/bin/sh\necho \"mkdir: '$1': No space left on device\" >&2\nexit 1\n")
    (fake / "mkdir").chmod(0o755)
    shell.env["PATH"] = f"{fake}:{shell.env['PATH']}"
    with pytest.raises(DeviceError, match=r"no space left for .*free some on the phone"):
        Guard(shell.phone()).folder  # noqa: B018


def _touch(path: Path) -> str:
    return f"touch {_quoted(path)}"


def _quoted(text: object) -> str:
    return "'" + str(text).replace("'", "'\\''") + "'"

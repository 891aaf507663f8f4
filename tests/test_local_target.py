"""This machine as a target: programs that end, hang, flood or leave children behind; files; its clock."""

import os
import sys
import time
from pathlib import Path

import pytest

from edgewatt.collectors.transports import local
from edgewatt.collectors.transports.local import LocalTarget
from edgewatt.profiler.clock import HostClock, ManualClock
from edgewatt.profiler.clockfit import fit_echoes
from edgewatt.profiler.errors import DeviceError, UsageError

TARGET = LocalTarget()


def python(code: str, *args: str) -> list[str]:
    return [sys.executable, "-c", code, *args]


def test_both_outputs_and_the_exit_code_come_back() -> None:
    done = TARGET.run(python("import sys; print(1); print(2, file=sys.stderr); sys.exit(3)"), timeout_s=30)
    assert (done.returncode, done.stdout, done.stderr) == (3, b"1\n", b"2\n")


def test_there_is_no_shell_and_no_input() -> None:
    code = "import sys; print(sys.argv[1:], repr(sys.stdin.read()))"
    done = TARGET.run(python(code, "$HOME; `ls` *", ""), timeout_s=30)
    assert done.stdout == b"['$HOME; `ls` *', ''] ''\n"


def test_a_death_by_signal_is_an_exit_code() -> None:
    assert TARGET.run(python("import os; os.kill(os.getpid(), 9)"), timeout_s=30).returncode == -9


@pytest.mark.parametrize("argv", [["/nowhere/program"], ["/etc"], ["no-such-program-anywhere"]])
def test_what_cannot_be_started_is_named(argv: list[str]) -> None:
    with pytest.raises(DeviceError, match=f"cannot run '{argv[0]}' on this host"):
        TARGET.run(argv, timeout_s=30)


@pytest.mark.parametrize("argv", [[], ["a\0b"]])
def test_what_is_no_command_is_refused(argv: list[str]) -> None:
    with pytest.raises(UsageError, match="expected a program"):
        TARGET.run(argv, timeout_s=30)


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def gone(pid: int) -> bool:
    """True once the process is; it was killed before, so this is a matter of milliseconds."""
    end_ns = time.monotonic_ns() + 10_000_000_000
    while alive(pid) and time.monotonic_ns() < end_ns:
        os.sched_yield()
    return not alive(pid)


def test_on_a_timeout_the_program_and_its_children_are_killed(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = 'sleep 600 & echo $$ $! > "$1"; sleep 600'
    with pytest.raises(DeviceError, match=r"was not done within 1\.5 s; it and what it started were killed"):
        TARGET.run(["sh", "-c", script, "sh", str(pids)], timeout_s=1.5)
    assert all(gone(int(pid)) for pid in pids.read_text().split())


def test_a_program_that_closed_its_outputs_is_still_waited_for_and_timed() -> None:
    code = "import os, time; os.close(1); os.close(2); time.sleep(600)"
    with pytest.raises(DeviceError, match="was not done within 1 s"):
        TARGET.run(python(code), timeout_s=1)


def test_a_child_that_keeps_the_output_open_is_not_waited_for() -> None:
    code = (
        "import os, time\nprint(os.getpid(), flush=True)\nchild = os.fork()\nif not child: time.sleep(30)\nprint(child)"
    )
    began_ns = time.monotonic_ns()
    done = TARGET.run(python(code), timeout_s=30)
    assert time.monotonic_ns() - began_ns < 20e9
    _, child = done.stdout.split()
    os.kill(int(child), 9)


def test_a_flood_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "OUTPUT_LIMIT_B", 1 << 20)
    with pytest.raises(DeviceError, match="printed more than 1 MiB and was killed"):
        TARGET.run(python("while True: print('x' * 1000)"), timeout_s=60)


def test_a_megabyte_on_both_outputs_arrives_whole() -> None:
    code = "import sys\nfor _ in range(1000): sys.stdout.write('o' * 1000); sys.stderr.write('e' * 1000)"
    done = TARGET.run(python(code), timeout_s=60)
    assert (done.stdout, done.stderr) == (b"o" * 1_000_000, b"e" * 1_000_000)


def test_files_are_copied_with_their_permissions(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(bytes(range(256)))
    program.chmod(0o755)
    TARGET.push(program, f"{tmp_path}/there")
    TARGET.pull(f"{tmp_path}/there", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == bytes(range(256))
    assert (tmp_path / "back").stat().st_mode & 0o777 == 0o755
    TARGET.push(program, str(program))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["back", "program", "there"]


@pytest.mark.parametrize(("source", "target"), [("missing", "x"), ("file", "no/folder/x"), (".", "x"), ("file", "\0")])
def test_what_cannot_be_copied_is_named_and_leaves_nothing(tmp_path: Path, source: str, target: str) -> None:
    (tmp_path / "file").write_bytes(b"1")
    with pytest.raises(DeviceError, match="cannot copy"):
        TARGET.push(tmp_path / source, f"{tmp_path}/{target}")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_clock_is_the_hosts_own() -> None:
    clock = HostClock()
    echoes = [TARGET.probe_clock(clock) for _ in range(5)]
    assert all(echo.asked_ns <= echo.device_ns <= echo.answered_ns for echo in echoes)
    fit = fit_echoes("host.monotonic", echoes)
    assert abs(fit.offset_ns) <= fit.bound_ns


def test_another_clock_is_bracketed() -> None:
    own, asked = ManualClock(7_000), ManualClock(5_000)
    echo = LocalTarget(clock=own).probe_clock(asked)
    assert (echo.asked_ns, echo.device_ns, echo.answered_ns) == (5_000, 7_000, 5_000)


def test_no_condition_can_be_set_and_the_message_says_what_to_do() -> None:
    with pytest.raises(DeviceError, match=r"cannot set 'governor' to 'performance'.*nothing is set by way"):
        TARGET.apply("governor", "performance")
    with pytest.raises(DeviceError, match="cannot put back 'governor'"):
        TARGET.undo("governor")


def test_it_knows_this_hosts_conditions() -> None:
    facts = TARGET.facts()
    assert facts["cpuset"]
    assert facts["os_build"]

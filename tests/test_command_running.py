"""Commands on this host that behave badly: what is kept of them, and that each ends with one line."""

import os
import select
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from edgewatt.collectors.runtimes.commands import running
from edgewatt.collectors.runtimes.commands.asked import Asked, asked
from edgewatt.collectors.runtimes.commands.heard import CUT, HELD_BACK, RAW_LIMIT_B
from edgewatt.collectors.runtimes.commands.places import Here
from edgewatt.collectors.runtimes.commands.running import environment
from edgewatt.collectors.runtimes.commands.workload import CommandWorkload
from edgewatt.profiler.clock import HostClock
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.protocols import RepeatFacts, RepeatRequest
from edgewatt.profiler.window import Window


class Kept:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.windows: list[Window] = []
        self.pairs: list[tuple[int, int]] = []
        self.printed = b""

    def window(self, window: Window) -> None:
        self.windows.append(window)

    def iterations(self, _repeat: int, t0_ns: NDArray[np.int64], t1_ns: NDArray[np.int64]) -> None:
        self.pairs += zip(t0_ns.tolist(), t1_ns.tolist(), strict=True)

    def raw(self, name: str, content: bytes) -> None:
        assert name == "command-0.txt"
        self.printed += content

    @property
    def measured(self) -> Window:
        (window,) = (window for window in self.windows if window.name == "measure/0")
        return window


def request(iterations: int = 0) -> RepeatRequest:
    return RepeatRequest(0, "c", 5.0, iterations, 1.0)


def execute(command: Asked, sink: Kept, iterations: int = 0) -> RepeatFacts:
    """One repeat of a command on this host."""
    workload = CommandWorkload(Here(command), command)
    try:
        workload.open(HostClock())
        return workload.repeat(request(iterations), sink)
    finally:
        workload.close()


def python(code: str, *, timeout_s: float = 60.0) -> Asked:
    return Asked((sys.executable, "-c", code), timeout_s)


def shell(*lines: str) -> Asked:
    return Asked(("/bin/sh", "-c", "\n".join(lines)), 60.0)


def failing(command: Asked) -> str:
    """The one line of a command that fails, and what it printed before is kept."""
    with pytest.raises(DeviceError) as error:
        execute(command, Kept())
    assert "\n" not in str(error.value)
    return str(error.value)


def is_over(pid: int) -> bool:
    """True once this process has ended, reaped or not."""
    try:
        pidfd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([pidfd], [], [], 10.0)[0])
    finally:
        os.close(pidfd)


def test_a_command_without_marks_is_one_iteration() -> None:
    sink = Kept()
    facts = execute(shell("echo out; echo err >&2"), sink)
    assert (facts.iterations, facts.reasons) == (1, ())
    assert sink.pairs == [(sink.measured.t0_ns, sink.measured.t1_ns)]
    assert sorted(sink.printed.split()) == [b"err", b"out"]


def test_the_user_may_say_how_many_iterations_it_does() -> None:
    sink = Kept()
    facts = execute(shell("true"), sink, iterations=40)
    span_s = (sink.measured.t1_ns - sink.measured.t0_ns) / 1e9
    assert (facts.iterations, facts.latency_stat, sink.pairs) == (40, "mean", [])
    assert facts.latency_s == pytest.approx(span_s / 40)


def test_printed_marks_make_iterations_by_any_language() -> None:
    sink = Kept()
    mark = "echo edgewatt:"
    facts = execute(shell("sleep 0.05", f"{mark} begin measure", *[f"sleep 0.02; {mark} iteration"] * 3,
                          f"{mark} end measure", "sleep 0.05"), sink)  # fmt: skip
    assert facts.iterations == 3
    assert all(t0 <= t1 for t0, t1 in sink.pairs)
    assert sink.measured.t0_ns == sink.pairs[0][0]


def test_marks_that_come_in_a_burst_are_said() -> None:
    code = "print('\\n'.join('edgewatt: iteration' for _ in range(50)))"
    assert HELD_BACK in execute(python(code), Kept()).reasons


def test_a_count_printed() -> None:
    assert execute(shell("echo edgewatt: iterations=12"), Kept()).iterations == 12


def test_exit_1() -> None:
    says = failing(shell("echo starting; echo 'no GPU here' >&2; exit 1"))
    assert "ended with exit code 1 after" in says
    assert says.endswith("it last said: no GPU here")


def test_the_last_lines_are_shown_without_their_tricks() -> None:
    says = failing(python("import sys; sys.stdout.buffer.write(b'\\x1b[31mred\\xff\\n\\0'); sys.exit(3)"))
    assert "exit code 3" in says
    assert says.isprintable()


def test_ended_by_a_signal() -> None:
    assert "was ended by SIGSEGV" in failing(shell("kill -SEGV $$"))


def test_it_says_nothing() -> None:
    assert failing(shell("exit 9")).endswith("; it said nothing")


def test_never_ending() -> None:
    """It, and what it started, are ended after the time that was given."""
    command = Asked(("/bin/sh", "-c", "sleep 600 & echo $!; wait"), 0.5)
    sink = Kept()
    with pytest.raises(DeviceError, match=r"was not done within 0\.5 s and was ended; give it more with --timeout"):
        execute(command, sink)
    assert is_over(int(sink.printed))


def test_one_that_does_not_want_to_end_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Told to end, it goes on; the group is killed a moment later."""
    monkeypatch.setattr(running, "GRACE_S", 0.1)
    says = failing(Asked(("/bin/sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"), 0.2))
    assert "was not done within" in says


def test_a_child_that_keeps_the_output_open_is_not_waited_for() -> None:
    sink = Kept()
    facts = execute(shell("sleep 600 & echo $!"), sink)
    assert facts.iterations == 1
    assert is_over(int(sink.printed))


def test_much_output_is_bounded_and_marks_in_it_are_found() -> None:
    """Also where it has no line ends, and where a mark lies across two reads."""
    code = """
import os
for _ in range(64):
    os.write(1, b"x" * 1_000_000)
    os.write(1, b"\\nedgewatt: be"); os.write(1, b"gin step\\n" + b"y" * 1000 + b"\\nedgewatt: end step\\n")
"""
    sink = Kept()
    facts = execute(python(code), sink)
    assert facts.iterations == 64
    assert len(sink.printed) == RAW_LIMIT_B + len(CUT)


def test_marks_after_a_progress_bar() -> None:
    code = "print('50%\\redgewatt: begin step\\r60%\\nedgewatt: end step')"
    assert "mark_not_begun" not in execute(python(code), Kept()).reasons


def test_stamps_of_its_own() -> None:
    code = """
import time
for _ in range(3):
    t0 = time.monotonic_ns(); t1 = time.monotonic_ns()
    print(f"edgewatt: begin step t_ns={t0}"); print(f"edgewatt: end step t_ns={t1}")
print("edgewatt: begin late t_ns=99999999999999999"); print("edgewatt: end late t_ns=-1")
"""
    sink = Kept()
    facts = execute(python(code), sink)
    assert "mark_time_nonsense" in facts.reasons
    assert len(sink.pairs) == 3


def test_windows_of_the_user_are_never_ours() -> None:
    code = "import edgewatt\nfor name in ('measure/7', 'idle/before', 'op/1'):\n  with edgewatt.window(name): pass"
    sink = Kept()
    execute(python(code), sink)
    assert [w.name for w in sink.windows[:-1]] == ["mark/measure/7", "mark/idle/before", "mark/op/1"]
    assert {w.parent for w in sink.windows[:-1]} == {"measure/0"}


@pytest.mark.parametrize("word", ["no-such-program-here", "/no/such/program", "a" * 5000])
def test_a_program_that_is_not_there(word: str) -> None:
    with pytest.raises(UsageError, match="was not found on this host"):
        execute(Asked((word,)), Kept())


def test_a_program_that_cannot_be_executed(tmp_path: Path) -> None:
    (tmp_path / "script").write_text("not a program")
    with pytest.raises(UsageError, match="is not executable"):
        execute(Asked((str(tmp_path / "script"),)), Kept())
    (tmp_path / "script").chmod(0o755)
    (tmp_path / "script").write_bytes(b"\x7fELF nonsense")
    with pytest.raises(DeviceError, match=r"cannot run .*/script"):
        execute(Asked((str(tmp_path / "script"),)), Kept())


def test_the_environment_is_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    """What our own command line sets for itself would make the user's matrices slow."""
    monkeypatch.setenv("MINE", "1")
    found = environment({"MORE": "2"})
    assert (found["MINE"], found["MORE"], found["PYTHONUNBUFFERED"]) == ("1", "2", "1")
    sink = Kept()
    code = "import os; os.environ['OPENBLAS_NUM_THREADS'] = '1'\n"
    code += "from edgewatt.collectors.runtimes.commands.running import environment as e\nprint(e({}).get(name))"
    inner = {key: value for key, value in os.environ.items() if key != "OPENBLAS_NUM_THREADS"}
    monkeypatch.setattr(os, "environ", inner)
    execute(python(f"name = 'OPENBLAS_NUM_THREADS'\n{code}"), sink)
    assert sink.printed.split() == [b"None"]


def test_interrupted_it_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C reaches only us: the command has a group of its own, and is ended by us."""
    command = shell("echo $$; exec sleep 600")
    workload = CommandWorkload(Here(command), command)
    workload.open(HostClock())
    sink = Kept()

    def interrupt(_self: object, chunks: Sequence[object]) -> None:
        if chunks:
            sink.raw("command-0.txt", chunks[0].data)  # type: ignore[attr-defined]
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("edgewatt.collectors.runtimes.commands.heard.Heard.take", interrupt)
    with pytest.raises(KeyboardInterrupt):
        workload.repeat(request(), sink)
    workload.close()
    assert is_over(int(sink.printed))


def test_nothing_stays_in_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    execute(asked("true"), Kept())
    assert list(tmp_path.iterdir()) == []

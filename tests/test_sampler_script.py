"""The sampler's script, executed by real shells: what it reads, when it ends, and what it never does."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.android.files.nodes import Node
from edgewatt.collectors.android.sampler.lines import STAMPS, Ended, Header, parse_line, text_of
from edgewatt.collectors.android.sampler.own_load import NODE, parse_cpu_s
from edgewatt.collectors.android.sampler.script import (
    DEADLINE_LIMIT_S,
    NODES_LIMIT_B,
    UNITS_PER_S,
    Group,
    Log,
    fitting,
    grouped,
    killing,
    script,
)
from edgewatt.collectors.android.sampler.survey import PATH
from edgewatt.profiler.errors import UsageError

TOKEN = "c0ffee"
SHELLS = [shell for shell in ("sh", "mksh") if shutil.which(shell)]
# However busy the machine is, a script that should have ended has.
PATIENCE_S = 60

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def node(path: Path | str, period_s: float = 0.02, stream: str = "", *, whole: bool = False) -> Node:
    return Node(str(path), (), lambda _: (), period_s, stream, whole)


@contextmanager
def started(shell: str, text: str) -> Iterator[subprocess.Popen[bytes]]:
    """The script, its input open, as adbd starts it; killed at the end."""
    process = subprocess.Popen(
        [shell, "-c", text],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def lines_of(process: subprocess.Popen[bytes], count: int) -> list[bytes]:
    """Its next lines."""
    assert process.stdout is not None
    return [process.stdout.readline().rstrip(b"\n") for _ in range(count)]


def rest_of(process: subprocess.Popen[bytes]) -> list[bytes]:
    """All that it still prints until it ends by itself; its input stays open."""
    assert process.stdout is not None
    lines = process.stdout.read().splitlines()
    assert process.wait(PATIENCE_S) == 0
    return lines


def texts(line: bytes, groups: Sequence[Group]) -> list[str]:
    """The values of a row."""
    row = parse_line(line, TOKEN, [len(group.nodes) for group in groups])
    assert isinstance(row, list), row
    return [
        text_of(value, whole=node.whole) for value, node in zip(row[STAMPS:], groups[int(row[0])].nodes, strict=True)
    ]


def test_a_row_has_every_text_in_order_and_nothing_is_made_of_what_they_say(shell: str, tmp_path: Path) -> None:
    said = {"a": "42", "b": r"\c \n $(id) `id` * ", "c": "  x  y  ", "d": "one\ntwo\n\n four", "e": "\N{SNOWMAN}"}
    for name, text in said.items():
        (tmp_path / name).write_text(text + "\n")
    (tmp_path / "f").write_text("no newline at its end")
    (tmp_path / "g").write_text("first\nsecond\n")
    groups = grouped(
        [node(tmp_path / name, whole=name == "d") for name in said]
        + [node(tmp_path / "f"), node(tmp_path / "g"), node(tmp_path / "nothing"), node(tmp_path)]
    )
    with started(shell, script(groups, TOKEN, 60.0)) as process:
        _, first, second = lines_of(process, 3)
    assert texts(first, groups) == [*said.values(), "no newline at its end", "first", "", ""]
    assert texts(second, groups) == texts(first, groups)


def test_a_file_that_vanishes_is_empty_and_read_again_when_it_is_back(shell: str, tmp_path: Path) -> None:
    path = tmp_path / "value"
    groups = grouped([node(path), node("/proc/uptime")])

    def until(process: subprocess.Popen[bytes], text: str) -> None:
        while texts(lines_of(process, 1)[0], groups)[0] != text:
            pass

    path.write_text("1\n")
    with started(shell, script(groups, TOKEN, 60.0)) as process:
        lines_of(process, 1)
        until(process, "1")
        path.unlink()
        until(process, "")
        path.write_text("2\n")
        until(process, "2")


def test_it_says_who_it_is_first_and_why_it_ended_last(shell: str) -> None:
    with started(shell, script(grouped([node("/proc/uptime")]), TOKEN, 1.0)) as process:
        first, *rows, last = rest_of(process)
    header = parse_line(first, TOKEN, [1])
    assert isinstance(header, Header)
    assert header.waits == ("read" if "KSH" in header.shell else "sleep")
    assert bool(header.epoch) == ("KSH" in header.shell)
    assert parse_line(last, TOKEN, [1]) == Ended("deadline")
    assert all(isinstance(parse_line(row, TOKEN, [1]), list) for row in rows)


def test_ticks_count_up_and_each_stream_has_its_own_period(shell: str) -> None:
    groups = grouped([node("/proc/uptime", 0.25, "slow"), node("/proc/uptime", 0.05), NODE])
    assert [group.stream for group in groups] == ["", "slow", "sampler"]
    with started(shell, script(groups, TOKEN, 60.0)) as process:
        lines = lines_of(process, 1 + 41)[1:]
    ticks: dict[int, list[int]] = {0: [], 1: [], 2: []}
    for line in lines:
        row = parse_line(line, TOKEN, [1, 1, 1])
        assert isinstance(row, list)
        ticks[int(row[0])].append(int(row[1]))
    assert all(counted == sorted(set(counted)) and counted[0] == 1 for counted in ticks.values())
    assert abs(ticks[0][-1] * 0.05 - ticks[1][-1] * 0.25) <= 0.3
    assert ticks[2][-1] in {1, 2, 3}


def test_a_file_read_as_a_whole_leaves_the_other_streams_their_period(shell: str, tmp_path: Path) -> None:
    (tmp_path / "whole").write_text("a\nb\n")
    groups = grouped([node(tmp_path / "whole", whole=True), node("/proc/uptime", 0.2, "slow")])
    with started(shell, script(groups, TOKEN, 60.0)) as process:
        _, *rows = lines_of(process, 25)
    ticks = [(int(row.split(b"\x1f")[0]), int(row.split(b"\x1f")[1])) for row in rows]
    fast = 0
    for stream, tick in ticks:
        fast = tick if stream == 0 else fast
        assert stream == 0 or tick <= fast / 10 + 2, ticks


def test_what_it_uses_itself_is_its_own(shell: str) -> None:
    groups = grouped([NODE])
    with started(shell, script(groups, TOKEN, 60.0)) as process:
        header, row = lines_of(process, 2)
    said = parse_line(header, TOKEN, [1])
    (stat,) = texts(row, groups)
    assert isinstance(said, Header)
    assert said.pid == process.pid == int(stat.split()[0])
    (cpu_s,) = parse_cpu_s(stat)
    assert cpu_s is not None
    assert 0 <= cpu_s < PATIENCE_S


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_a_signal_ends_it(shell: str, number: signal.Signals) -> None:
    with started(shell, script(grouped([node("/proc/uptime")]), TOKEN, 3600.0)) as process:
        lines_of(process, 2)
        process.send_signal(number)
        assert process.wait(PATIENCE_S) == 0


def test_it_ends_when_nobody_takes_its_output(shell: str) -> None:
    with started(shell, script(grouped([node("/proc/uptime")]), TOKEN, 3600.0)) as process:
        lines_of(process, 2)
        assert process.stdout is not None
        process.stdout.close()
        process.stdout = None
        assert process.wait(PATIENCE_S) == 0


def test_the_end_of_its_input_ends_it_where_the_shell_can_wait_for_that(shell: str) -> None:
    with started(shell, script(grouped([node("/proc/uptime", 0.02)]), TOKEN, 3600.0)) as process:
        header = parse_line(lines_of(process, 1)[0], TOKEN, [1])
        assert isinstance(header, Header)
        if header.waits != "read":
            pytest.skip("this shell cannot wait on its input")
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
        process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0


def test_a_detached_one_ends_with_its_file_and_not_on_a_hang_up(shell: str, tmp_path: Path) -> None:
    file = tmp_path / "run.sh"
    file.write_text("")
    text = script(grouped([node("/proc/uptime")]), TOKEN, 3600.0, Log(str(file), 1 << 20))
    with started(shell, text) as process:
        lines_of(process, 2)
        process.send_signal(signal.SIGHUP)
        lines_of(process, 2)
        file.unlink()
        last = rest_of(process)[-1]
    assert parse_line(last, TOKEN, [1]) == Ended("stopped")


def test_a_log_does_not_grow_beyond_its_limit(shell: str, tmp_path: Path) -> None:
    file = tmp_path / "run.sh"
    file.write_text("x" * 500)
    with started(shell, script(grouped([node(file)]), TOKEN, 3600.0, Log(str(file), 4000))) as process:
        lines = rest_of(process)
    assert parse_line(lines[-1], TOKEN, [1]) == Ended("full")
    assert 4000 < sum(map(len, lines)) + len(lines) < 5000


def test_only_the_script_of_that_token_is_killed(shell: str) -> None:
    with started(shell, script(grouped([node("/proc/uptime")]), TOKEN, 3600.0)) as process:
        lines_of(process, 1)
        subprocess.run([shell, "-c", killing(process.pid, "decaf")], check=True)
        lines_of(process, 2)
        assert process.poll() is None
        subprocess.run([shell, "-c", killing(process.pid, TOKEN)], check=True)
        assert process.wait(PATIENCE_S) == -signal.SIGKILL


def test_a_next_script_ends_the_one_before(shell: str) -> None:
    groups = grouped([node("/proc/uptime")])
    with started(shell, script(groups, "aa", 3600.0)) as old:
        lines_of(old, 1)
        with started(shell, script(groups, TOKEN, 3600.0, before=killing(old.pid, "aa"))) as new:
            assert isinstance(parse_line(lines_of(new, 1)[0], TOKEN, [1]), Header)
            assert old.wait(PATIENCE_S) == -signal.SIGKILL


@pytest.mark.parametrize("path", ["relative", "/with\nnewline", "/quote'", "/$(id)", "/;reboot", "/\x1f", ""])
def test_a_path_that_no_kernel_has_is_refused(path: str) -> None:
    with pytest.raises(UsageError, match="plain characters"):
        script(grouped([node(path)]), TOKEN, 1.0)


@given(st.text())
def test_a_path_is_one_quoted_word_or_refused(path: str) -> None:
    groups = grouped([node(path)])
    if PATH.fullmatch(path):
        assert f"one {path}\n" in script(groups, TOKEN, 1.0) or f"one '{path}'\n" in script(groups, TOKEN, 1.0)
    else:
        with pytest.raises(UsageError):
            script(groups, TOKEN, 1.0)


@pytest.mark.parametrize("deadline_s", [0.0, -1.0, DEADLINE_LIMIT_S + 1])
def test_it_always_has_an_end(deadline_s: float) -> None:
    with pytest.raises(UsageError, match="48 hours"):
        script(grouped([NODE]), TOKEN, deadline_s)


def test_periods_are_never_nothing() -> None:
    assert Group("", 0.0, ()).units == 1
    assert Group("", 1.0, ()).units == UNITS_PER_S


def test_what_does_not_fit_is_left_and_what_fits_makes_a_command() -> None:
    nodes = [node(f"/sys/class/thermal/thermal_zone{number}/temp") for number in range(3000)]
    fits, left = fitting(nodes)
    assert [*fits, *left] == nodes
    assert left
    assert len(script(grouped([*fits, NODE]), TOKEN, 1.0)) < NODES_LIMIT_B + (8 << 10)
    assert fitting(nodes[:100]) == (nodes[:100], [])

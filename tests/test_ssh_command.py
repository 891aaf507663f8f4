"""The line for a board's login shell, in the shells of this machine, and what is made of any bytes that it prints."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.transports.ssh_command import (
    COMMAND_LIMIT_B,
    LINE_LIMIT_B,
    NOISE_LIMIT_B,
    Framed,
    Input,
    line,
)
from edgewatt.profiler.errors import UsageError

SHELLS = [shell for shell in ("sh", "bash", "zsh", "mksh", "fish", "tcsh") if shutil.which(shell)]
PATIENCE_S = 60

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the line reads /proc")


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@contextmanager
def started(shell: str, command: str, reads: Input) -> Iterator[tuple[subprocess.Popen[bytes], Framed, Framed]]:
    """As sshd starts it: a shell in a session of its own, without a terminal."""
    asked = line(command, reads)
    process = subprocess.Popen(
        [shell, "-c", asked.text],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        bufsize=0,
    )
    assert process.stdin is not None
    process.stdin.write(asked.first)
    try:
        yield process, Framed(asked.mark), Framed(asked.mark)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def printed(shell: str, command: str, reads: Input = "none") -> tuple[bytes, bytes, int | None]:
    """What a command prints on both outputs, and its exit code, while its input stays open."""
    with started(shell, command, reads) as (process, out, err):
        assert process.stdout is not None
        assert process.stderr is not None
        said = [b"", b""]
        for at, (framed, pipe) in enumerate(((out, process.stdout), (err, process.stderr))):
            while framed.returncode is None and (chunk := os.read(pipe.fileno(), 1 << 16)):
                said[at] += framed.feed(chunk)
        assert out.returncode == err.returncode
        return said[0], said[1], out.returncode


def test_both_outputs_and_the_exit_code_are_its_own(shell: str) -> None:
    assert printed(shell, "echo out; echo err >&2; exit 7") == (b"out\n", b"err\n", 7)
    assert printed(shell, "printf 'no newline'") == (b"no newline", b"", 0)
    assert printed(shell, "kill -9 $$")[2] == 137


def test_no_shell_on_the_way_makes_anything_of_a_command(shell: str) -> None:
    text = "a  'b' \"c\" \\n \\c \\\\ $HOME `id` !! ! # * ? ~ {1,2} %s %% \t \r \N{SNOWMAN} &&; \n last"
    quoted = text.replace("'", "'\\''")
    assert printed(shell, f"printf %s '{quoted}'") == (text.encode(), b"", 0)


def test_a_command_of_any_length(shell: str) -> None:
    for length in (0, 1, LINE_LIMIT_B - 20, LINE_LIMIT_B, 50_000):
        assert printed(shell, f": '{'y' * length}'; printf '%s' '\\n{'x' * length}'")[0] == b"\\n" + b"x" * length
    assert printed(shell, "") == (b"", b"", 0)
    assert len(line("x" * COMMAND_LIMIT_B).text) < 9000


def test_a_command_has_its_last_newlines_and_no_input(shell: str) -> None:
    assert printed(shell, "cat; cat <<E\nx\nE\n\n\n") == (b"x\n", b"", 0)


def test_what_is_sent_is_what_it_reads() -> None:
    with started("sh", "read -r x; echo $x", "open") as (process, out, _):
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"hello\n")
        said = b""
        while out.returncode is None:
            said += out.feed(os.read(process.stdout.fileno(), 1 << 16))
        assert said == b"hello\n"


@pytest.mark.parametrize(
    ("command", "reads"),
    [("sleep 600", "open"), ("sleep 600 & wait", "none"), ("trap '' HUP TERM; while :;do sleep 1;done", "none")],
)
def test_the_end_of_its_input_ends_all_that_it_started(command: str, reads: Input) -> None:
    with started("sh", f"echo here; {command}", reads) as (process, out, _):
        assert process.stdin is not None
        assert process.stdout is not None
        said = b""
        while b"here" not in said:
            said += out.feed(os.read(process.stdout.fileno(), 1 << 16))
        process.stdin.close()
        # Its output ends when nobody holds it any more: the shell, its children, and theirs.
        while os.read(process.stdout.fileno(), 1 << 16):
            pass
        process.wait(PATIENCE_S)
        process.stdin = None


def test_the_end_of_a_file_that_is_sent_is_no_hang_up() -> None:
    with started("sh", "cat; sleep 0.1; echo done", "ours") as (process, out, _):
        said, _ = process.communicate(b"abc", timeout=PATIENCE_S)
        assert out.feed(said) == b"abcdone\n"
        assert (out.returncode, process.returncode) == (0, 0)


@given(st.text())
def test_nothing_in_the_line_is_special_to_a_shell_that_quotes_otherwise(command: str) -> None:
    """To fish a backslash quotes a quote or itself within single quotes; to csh a newline and a `!` are special."""
    try:
        text = line(command).text
    except UsageError:
        return
    assert not set(text) & set("!\n\r\t")
    assert text.replace("\\0", "").count("\\") == 0
    assert text.count("'") == 8


def test_marks_differ() -> None:
    assert line("x").mark != line("x").mark


@pytest.mark.parametrize(("command", "match"), [("a\0b", "NUL"), ("x" * (COMMAND_LIMIT_B + 1), "push a file")])
def test_what_no_shell_takes_is_refused(command: str, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        line(command)


MARK = b"edgewatt:0123456789abcdef:"
PIECES = st.one_of(
    st.sampled_from([MARK, MARK + b"b;", MARK + b"0;", MARK + b"12", MARK[:9], b";", b"edge", b"\n"]),
    st.binary(max_size=8),
)


def cut(data: bytes, sizes: list[int]) -> Iterator[bytes]:
    for size in sizes:
        yield data[:size]
        data = data[size:]
    yield data


@given(st.lists(PIECES).map(b"".join), st.lists(st.integers(1, 20)))
def test_any_bytes_in_any_pieces_give_the_same(data: bytes, sizes: list[int]) -> None:
    whole, pieces = Framed(MARK), Framed(MARK)
    assert whole.feed(data) == b"".join(pieces.feed(piece) for piece in cut(data, sizes))
    assert whole.returncode == pieces.returncode
    assert whole.begun == pieces.begun


@given(st.binary(), st.binary(), st.integers(0, 255), st.lists(st.integers(1, 20)))
def test_what_the_command_printed_comes_out(noise: bytes, said: bytes, code: int, sizes: list[int]) -> None:
    framed = Framed(MARK)
    data = noise + MARK + b"b;" + said + MARK + str(code).encode() + b";left over"
    assert b"".join(framed.feed(piece) for piece in cut(data, sizes)) == said
    assert (framed.begun, framed.returncode) == (True, code)
    assert framed.feed(b"more") == b""


def test_a_shell_that_greets_for_ever_fills_no_memory() -> None:
    framed = Framed(MARK)
    for _ in range(100):
        assert framed.feed(b"x" * 10_000) == b""
    assert len(framed.noise) == NOISE_LIMIT_B
    assert not framed.begun
    assert framed.feed(MARK + b"b;hello") == b"hello"
    assert framed.noise == b""


def test_a_mark_without_its_code_ends_nothing() -> None:
    framed = Framed(MARK)
    framed.feed(MARK + b"b;")
    assert framed.feed(MARK + b"x") == MARK + b"x"
    assert framed.feed(MARK + b"12") == b""
    assert framed.feed(b"34;") == MARK + b"1234;"
    assert framed.returncode is None

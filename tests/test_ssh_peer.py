"""Commands and files over OpenSSH's own server: exit codes, both outputs, bounds, deadlines, and what is left."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from edgewatt.collectors.transports.link import LinkLost, LinkTimeout
from edgewatt.collectors.transports.ssh_link import Connecting, SshLink
from edgewatt.profiler.errors import DeviceError, UsageError
from tests.sshd.server import Board, StartBoard, running_with

pytest_plugins = ["tests.sshd.fixtures"]
pytestmark = pytest.mark.peer

PATIENCE_S = 30.0


@pytest.fixture
def link(board: Board) -> Iterator[SshLink]:
    made = Connecting(board.address)()
    yield made
    made.close()


def gone(text: str) -> bool:
    """True once no process has `text` in its command line any more."""
    end_s = time.monotonic() + PATIENCE_S
    while running_with(text):
        if time.monotonic() > end_s:
            return False
        time.sleep(0.02)
    return True


def test_a_command_has_its_exit_code_and_both_outputs(link: SshLink) -> None:
    done = link.run("echo out; echo err >&2; id -u; exit 255", timeout_s=PATIENCE_S)
    assert (done.returncode, done.stdout, done.stderr) == (255, b"out\n1000\n", b"err\n")
    assert link.run("cat; printf '%s' 'a  $HOME `id` \\n!'", timeout_s=PATIENCE_S).stdout == b"a  $HOME `id` \\n!"


def test_all_commands_share_one_connection_which_ends_with_the_last_link(start_board: StartBoard) -> None:
    board = start_board()
    connecting = Connecting(board.address)
    first, second = connecting(), connecting()
    for link in (first, second):
        assert link.run("echo hi", timeout_s=PATIENCE_S).stdout == b"hi\n"
    log = (board.folder / "sshd.log").read_text()
    assert log.count("Accepted publickey") == 1
    first.close()
    first.close()
    assert second.run("echo still", timeout_s=PATIENCE_S).stdout == b"still\n"
    second.close()
    assert gone(f"-p {board.address.port}")
    third = connecting()
    assert third.run("echo anew", timeout_s=PATIENCE_S).stdout == b"anew\n"
    third.close()


def test_two_commands_at_once(link: SshLink) -> None:
    done: dict[int, bytes] = {}

    def run(number: int) -> None:
        done[number] = link.run(f"sleep 0.2; echo {number}", timeout_s=PATIENCE_S).stdout

    threads = [threading.Thread(target=run, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert done == {number: b"%d\n" % number for number in range(4)}


def test_a_command_that_does_not_end_is_ended_on_the_board(link: SshLink) -> None:
    with pytest.raises(LinkTimeout, match=r"'sleep 98765' was not done within 0.5 s on ssh://board@.*; it was stopped"):
        link.run("sleep 98765", timeout_s=0.5)
    assert gone("sleep 98765")


@pytest.mark.parametrize("output", ["", " >&2"])
def test_a_command_that_prints_for_ever_is_ended(link: SshLink, output: str) -> None:
    with pytest.raises(DeviceError, match=r"'yes edgewatt-much.* printed more than 100000 bytes"):
        link.run(f"yes edgewatt-much{output}", timeout_s=PATIENCE_S, limit_b=100_000)
    assert gone("yes edgewatt-much")


def test_hostile_output_is_only_output(link: SshLink) -> None:
    said = bytes(range(256)) * 100
    link.push(said, "said")
    assert link.run("cat said; cat said >&2", timeout_s=PATIENCE_S).stdout == said
    assert link.run("cat said >&2", timeout_s=PATIENCE_S).stderr == said


def test_a_shell_that_greets_is_passed_over(board: Board) -> None:
    (board.home / ".bashrc").write_text("echo Welcome; echo 'Connection refused' >&2\n")
    link = Connecting(board.address)()
    done = link.run("echo out; echo err >&2", timeout_s=PATIENCE_S)
    assert (done.stdout, done.stderr) == (b"out\n", b"err\n")
    link.close()


def test_ten_megabytes_there_and_back(link: SshLink, board: Board, tmp_path: Path) -> None:
    content = os.urandom(10 << 20)
    (tmp_path / "a").write_bytes(content)
    told: list[tuple[int, int]] = []
    link.push(tmp_path / "a", f"{board.home}/it's  a file", mode=0o750, sent=lambda *done: told.append(done))
    there = board.home / "it's  a file"
    assert there.read_bytes() == content
    assert there.stat().st_mode & 0o777 == 0o750
    assert told[-1] == (10 << 20, 10 << 20)
    link.pull("it's  a file", tmp_path / "b")
    assert (tmp_path / "b").read_bytes() == content
    link.push(b"", "-empty")
    link.pull("-empty", tmp_path / "c")
    assert (tmp_path / "c").read_bytes() == b""
    assert sorted(path.name for path in board.home.iterdir()) == ["-empty", "it's  a file"]


@pytest.mark.parametrize(
    ("remote", "match"),
    [
        ("/nowhere/x", "No such file or directory"),
        ("/etc/x", "Read-only file system; this user may not"),
        ("/tmp", "what is there is no file"),
        ("/dev/null", "what is there is no file"),
    ],
)
def test_a_push_that_fails_says_why_and_leaves_nothing(link: SshLink, board: Board, remote: str, match: str) -> None:
    with pytest.raises(DeviceError, match=match):
        link.push(b"x" * (4 << 20), remote)
    assert not list(board.home.iterdir())


def test_a_pull_that_fails_says_why_and_leaves_nothing(link: SshLink, tmp_path: Path) -> None:
    for remote, match in (("nothing", "No such file"), ("/tmp", "Is a directory"), ("/dev/zero", "larger than 1000")):
        with pytest.raises(DeviceError, match=match):
            link.pull(remote, tmp_path / "x", limit_b=1000)
    with pytest.raises(UsageError, match="no path"):
        link.pull("a\0b", tmp_path / "x")
    assert not [path for path in tmp_path.iterdir() if path.is_file()]


def test_a_push_that_is_cut_is_never_taken_for_the_whole(link: SshLink, board: Board) -> None:
    def cut(done_b: int, _: int) -> None:
        if done_b > 2 << 20:
            board.cut()

    with pytest.raises(LinkLost, match="cannot push 20971520 bytes to edgewatt-half"):
        link.push(bytes(20 << 20), "edgewatt-half", sent=cut)
    assert gone("edgewatt-half")
    assert not list(board.home.iterdir())


def test_a_stream_is_read_written_and_ended(link: SshLink) -> None:
    stream = link.stream("echo $$; echo err >&2; while read -r x;do echo got $x;done; sleep 87654")
    assert stream.read(PATIENCE_S)
    stream.send(b"abc\n", PATIENCE_S)
    assert stream.read(PATIENCE_S) == b"got abc\n"
    assert (stream.read(0.01), stream.returncode, stream.stderr) == (b"", None, b"err\n")
    stream.close()
    stream.close()
    assert gone("sleep 87654")
    with pytest.raises(DeviceError):
        stream.read(1.0)


def test_a_stream_that_ends_has_its_code(link: SshLink) -> None:
    stream = link.stream("echo out; exit 9")
    said = b""
    while (chunk := stream.read(PATIENCE_S)) is not None:
        said += chunk
    assert (said, stream.returncode) == (b"out\n", 9)
    stream.close()


def test_hanging_up_ends_everything_and_leaves_nothing_here(board: Board) -> None:
    link = Connecting(board.address)()
    link.stream("sleep 76543; sleep 76543").read(0.2)
    link.close()
    assert gone("sleep 76543")
    assert not [child for child in psutil.Process().children(recursive=True) if child.name() == "ssh"]


def test_killing_ssh_here_ends_what_it_started_there(link: SshLink) -> None:
    link.stream("echo on; sleep 65432").read(PATIENCE_S)
    for child in psutil.Process().children():
        if child.name() in {"ssh", "sh"}:
            child.kill()
    assert gone("sleep 65432")


PROGRAM = """\
import sys
from edgewatt.collectors.transports.ssh_address import parse_address
from edgewatt.collectors.transports.ssh_link import Connecting
link = Connecting(parse_address(sys.argv[1]))()
stream = link.stream("echo on; sleep 54321")
print(stream.read(30), flush=True)
stream.read(600)
"""


def test_a_killed_edgewatt_leaves_nothing_there_and_no_ssh_here(board: Board) -> None:
    words = [sys.executable, "-c", PROGRAM, board.address.text.removeprefix("ssh:")]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"b'on\\n'\n"
        process.kill()
    assert gone("sleep 54321")
    assert gone(f"-p {board.address.port}")


def test_the_users_own_shared_connection_is_used(start_board: StartBoard) -> None:
    board = start_board()
    socket = board.folder / "theirs"
    board.configure(f"  ControlMaster auto\n  ControlPath {socket}\n  ControlPersist 60\n")
    link = Connecting(board.address)()
    assert socket.exists()
    stream = link.stream("echo on; sleep 43210")
    assert stream.read(PATIENCE_S) == b"on\n"
    stream.close()
    assert gone("sleep 43210")
    assert link.run("echo out; echo err >&2; exit 3", timeout_s=PATIENCE_S).returncode == 3
    link.close()
    assert socket.exists()
    again = Connecting(board.address)()
    assert again.run("echo hi", timeout_s=PATIENCE_S).stdout == b"hi\n"
    again.close()
    third = Connecting(board.address)()
    stream = third.stream("echo on; sleep 43210")
    assert stream.read(PATIENCE_S) == b"on\n"
    assert (board.folder / "sshd.log").read_text().count("Accepted publickey") == 1
    board.cut()
    with pytest.raises(LinkLost, match="the connection ended"):
        stream.read(PATIENCE_S)
    third.close()


def test_what_the_users_configuration_says_otherwise_does_no_harm(board: Board) -> None:
    board.configure(
        "  RequestTTY force\n  RemoteCommand echo no\n  PermitLocalCommand yes\n  LocalCommand echo no\n"
        "  LogLevel DEBUG3\n  ControlMaster no\n  ForwardAgent yes\n  StdinNull yes\n  SessionType none\n"
    )
    link = Connecting(board.address)()
    done = link.run("tty; echo err >&2", timeout_s=PATIENCE_S)
    assert (done.stdout, done.stderr) == (b"not a tty\n", b"err\n")
    link.close()

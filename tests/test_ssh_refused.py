"""What OpenSSH's own client and server say when there is no connection, or none any more, and what is made of it."""

import shutil
import socket
import threading
from pathlib import Path

import pytest

from edgewatt.collectors.boards.device import open_board
from edgewatt.collectors.transports.link import LinkLost
from edgewatt.collectors.transports.ssh_address import Address
from edgewatt.collectors.transports.ssh_link import Connecting
from edgewatt.profiler.device import parse_uri
from edgewatt.profiler.errors import DeviceError
from tests.sshd.server import Board, StartBoard

pytest_plugins = ["tests.sshd.fixtures"]
pytestmark = pytest.mark.peer

PATIENCE_S = 30.0


def refusal(address: Address, connect_s: float = PATIENCE_S) -> DeviceError:
    with pytest.raises(DeviceError) as raised:
        Connecting(address, connect_s)()
    assert "\n" not in str(raised.value)
    return raised.value


def test_a_board_that_nobody_knows_yet(board: Board) -> None:
    board.trust("")
    assert "answer yes" in str(refusal(board.address))


def test_a_board_whose_key_has_changed(board: Board) -> None:
    board.trust("user_key")
    error = refusal(board.address)
    assert f"ssh-keygen -R '[127.0.0.1]:{board.address.port}'" in str(error)
    assert not isinstance(error, LinkLost)


def test_a_user_without_a_key_there(start_board: StartBoard) -> None:
    board = start_board()
    (board.folder / "authorized_keys").write_text("")
    error = refusal(board.address)
    assert f"`ssh-copy-id -p {board.address.port} board@127.0.0.1`" in str(error)
    assert not isinstance(error, LinkLost)


def test_a_key_with_a_passphrase_is_not_asked_for(start_board: StartBoard) -> None:
    board = start_board()
    shutil.move(board.folder / "user_key.pub", board.folder / "other.pub")
    (board.folder / "user_key").write_text("no key at all\n")
    assert "ssh-copy-id" in str(refusal(board.address))


@pytest.mark.usefixtures("board")
def test_a_port_where_nobody_listens() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        address = Address("127.0.0.1", "board", sock.getsockname()[1])
        error = refusal(address)
    assert "no SSH server listens there" in str(error)
    assert isinstance(error, LinkLost)


@pytest.mark.usefixtures("board")
def test_a_server_that_says_nothing() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        error = refusal(Address("127.0.0.1", "board", sock.getsockname()[1]), 0.5)
    assert "did not answer within 0.5 s" in str(error)
    assert isinstance(error, LinkLost)


@pytest.mark.usefixtures("board")
def test_something_else_that_answers() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        sock.settimeout(PATIENCE_S)

        def answer() -> None:
            taken, _ = sock.accept()
            with taken:
                taken.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        error = refusal(Address("127.0.0.1", "board", sock.getsockname()[1]))
        thread.join()
    assert isinstance(error, LinkLost)


@pytest.mark.usefixtures("board")
def test_a_name_that_is_none() -> None:
    error = refusal(Address("no-such-board.invalid", "board"))
    assert "name" in str(error)


def test_a_user_without_a_shell(start_board: StartBoard, tmp_path: Path) -> None:
    shell = tmp_path / "nologin"
    shell.write_text("#!/bin/sh\necho This account is currently not available.\nexit 1\n")
    shell.chmod(0o755)
    assert "this user has no shell there" in str(refusal(start_board(shell=str(shell)).address))


def test_a_board_that_opens_one_session_alone(start_board: StartBoard) -> None:
    link = Connecting(start_board(more="MaxSessions 1").address)()
    with pytest.raises(DeviceError, match="raise MaxSessions"):
        link.run("echo hi", timeout_s=PATIENCE_S)
    link.close()


def test_a_configuration_that_ssh_refuses(board: Board) -> None:
    board.configure("  Nonsense yes\n")
    assert "Bad configuration option: nonsense" in str(refusal(board.address))


def test_a_cut_is_told_at_once_and_never_reconnected_in_silence(board: Board) -> None:
    link = Connecting(board.address)()
    stream = link.stream("echo on; while :;do read -r x||exit;done")
    assert stream.read(PATIENCE_S) == b"on\n"
    board.cut()
    with pytest.raises(LinkLost, match="the connection ended"):
        stream.read(PATIENCE_S)
    for _ in range(2):
        with pytest.raises(LinkLost, match="the connection ended"):
            link.run("echo hi", timeout_s=PATIENCE_S)
    link.close()


def test_a_device_that_cannot_be_reached_says_so(board: Board) -> None:
    board.trust("")
    with pytest.raises(DeviceError, match="answer yes"):
        open_board(parse_uri(board.address.text))


@pytest.mark.usefixtures("board")
def test_a_device_that_does_not_answer_is_not_waited_for() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        with pytest.raises(LinkLost, match="no SSH server listens there") as raised:
            open_board(parse_uri(Address("127.0.0.1", "board", sock.getsockname()[1]).text))
    assert "tried again" not in str(raised.value)

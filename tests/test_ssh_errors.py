"""What ssh says when it fails, in OpenSSH's own words, and what the user is told to do about it."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.collectors.transports.link import LinkLost
from edgewatt.collectors.transports.ssh_address import Address
from edgewatt.collectors.transports.ssh_errors import failed, no_answer, not_copied
from edgewatt.collectors.transports.ssh_link import Connecting
from edgewatt.collectors.transports.ssh_master import parse_configuration, private_folder, shares
from edgewatt.profiler.errors import DeviceError

BOARD = Address("192.168.1.20", "nvidia", 2222)

CHANGED = """\
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@
IT IS POSSIBLE THAT SOMEONE IS DOING SOMETHING NASTY!
Host key for [192.168.1.20]:2222 has changed and you have requested strict checking.
Host key verification failed.\r
"""

# Printed by OpenSSH 9.2 but for those marked, which are remembered.
SAID = {
    "ssh: connect to host 192.168.1.20 port 2222: Connection refused\r\n": ("no SSH server", "systemctl", True),
    "ssh: Could not resolve hostname orin: Name or service not known\r\n": ("no host of this name", "address", False),
    # remembered
    "ssh: Could not resolve hostname orin: Temporary failure in name resolution\r\n": (
        "no name server",
        "network",
        True,
    ),
    "Connection timed out during banner exchange\r\n": ("does not answer", "in this network", True),
    # remembered
    "ssh: connect to host 192.168.1.20 port 22: No route to host\r\n": ("does not answer", "in this network", True),
    "nvidia@192.168.1.20: Permission denied (publickey,password).\r\n": (
        "without a question",
        "ssh-copy-id -p 2222 nvidia@192.168.1.20",
        False,
    ),
    # remembered
    "Received disconnect from 192.168.1.20 port 22:2: Too many authentication failures\r\n"
    "Disconnected from 192.168.1.20 port 22\r\n": ("too many keys", "IdentitiesOnly", False),
    "Host key verification failed.\r\n": ("not known yet", "answer yes", False),
    CHANGED: ("not the one that is known", "ssh-keygen -R '[192.168.1.20]:2222'", False),
    "~/.ssh/config: line 9: Bad configuration option: nonsense\r\n"
    "~/.ssh/config: terminating, 1 bad configuration options\r\n": ("own configuration", "mend", False),
    "mux_client_request_session: session request failed: Session open refused by peer\r\n": (
        "no further session",
        "MaxSessions",
        False,
    ),
    "This account is currently not available.\n": ("no shell", "another user", False),
    # remembered
    "Unable to negotiate with 192.168.1.20 port 22: no matching host key type found. Their offer: ssh-rsa\r\n": (
        "no common method",
        "HostKeyAlgorithms",
        False,
    ),
    # remembered
    "kex_exchange_identification: read: Connection reset by peer\r\n": ("connection ended", "still on", True),
    "Connection to 192.168.1.20 closed by remote host.\r\n": ("connection ended", "still on", True),
    # remembered
    "Timeout, server 192.168.1.20 not responding.\r\n": ("connection ended", "still on", True),
    "client_loop: send disconnect: Broken pipe\r\n": ("connection ended", "still on", True),
}


@pytest.mark.parametrize(("said", "told"), SAID.items())
def test_it_is_told_what_it_means_and_what_to_do(said: str, told: tuple[str, str, bool]) -> None:
    meaning, fix, may_pass = told
    error = failed(BOARD, said)
    assert meaning in str(error)
    assert fix in str(error)
    assert isinstance(error, LinkLost) == may_pass
    assert str(error).startswith("ssh://nvidia@192.168.1.20:2222: ")
    assert "\n" not in str(error)
    assert "\r" not in str(error)


def test_a_greeting_beside_it_changes_nothing() -> None:
    said = "Welcome to the Orin!\nConnection to the cloud closed\nnvidia@192.168.1.20: Permission denied (publickey).\n"
    assert "ssh-copy-id" in str(failed(BOARD, said))


def test_a_remote_program_that_may_not_read_a_file_is_no_failed_login() -> None:
    error = failed(BOARD, "bash: line 1: /data/x: Permission denied\n", begun=True)
    assert isinstance(error, LinkLost)
    assert "connection ended (it said" in str(error)


def test_what_nobody_knows_is_shown() -> None:
    assert "ssh did not connect (it said 'strange'); `ssh -p 2222 nvidia@192.168.1.20`" in str(failed(BOARD, "strange"))
    assert "within 3 s; is it on" in str(no_answer(BOARD, 3.0))


@given(st.text(), st.booleans())
def test_any_text_is_one_bounded_line(text: str, begun: bool) -> None:  # noqa: FBT001  (drawn)
    message = str(failed(BOARD, text * 50, begun=begun))
    assert message.isprintable()
    assert len(message) < 1000
    assert len(str(not_copied("push x", text.encode(errors="replace")))) < 500


@pytest.mark.parametrize(
    ("said", "fix"),
    [
        (b"bash: line 2: /data/x: No space left on device\n", "free some"),
        (b"bash: line 2: /x: Permission denied\n", "/tmp is a place"),
        (b"what is there is no file\n", ""),
        (b"", "no reason"),
    ],
)
def test_a_file_that_is_not_copied_has_the_boards_reason(said: bytes, fix: str) -> None:
    assert fix in str(not_copied("push a to b", said))


@pytest.mark.parametrize(
    ("configuration", "shared"),
    [
        ("user me\ncontrolmaster auto\ncontrolpath /run/user/1000/ssh-%C\n", True),
        ("controlmaster autoask\ncontrolpath /tmp/x y\n", True),
        ("controlmaster false\ncontrolpath /run/x\n", False),
        ("controlmaster auto\n", False),
        ("controlmaster auto\ncontrolpath none\n", False),
        ("", False),
    ],
)
def test_the_users_own_shared_connection_is_taken_where_they_have_one(configuration: str, *, shared: bool) -> None:
    assert shares(parse_configuration(configuration)) is shared


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A runtime folder with a short name, and a temporary one beside it."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        for folder in ("run", "tmp"):
            (Path(name) / folder).mkdir()
        monkeypatch.setenv("XDG_RUNTIME_DIR", f"{name}/run")
        monkeypatch.setattr(tempfile, "gettempdir", lambda: f"{name}/tmp")
        yield Path(name)


def test_the_sockets_folder_is_this_users_alone(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = private_folder()
    assert folder.parent == places / "run"
    assert (folder.stat().st_mode & 0o777, folder.stat().st_uid) == (0o700, os.geteuid())
    assert private_folder() == folder
    folder.chmod(0o755)
    assert private_folder().parent == places / "tmp"
    folder.rmdir()
    folder.symlink_to(places)
    assert private_folder().parent == places / "tmp"
    for runtime in ("", "/nowhere", f"{places}/{'x' * 100}"):
        monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
        assert private_folder().parent == places / "tmp"


def test_a_folder_with_a_long_name_is_passed_over(places: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = places / ("x" * 60)
    long.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long))
    assert private_folder().parent == places / "tmp"
    assert not list(long.iterdir())


def test_without_ssh_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DeviceError, match="install OpenSSH's client"):
        Connecting(BOARD)()

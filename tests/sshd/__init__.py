"""OpenSSH's own server as a board: on loopback, an unprivileged port, its own host key, configuration and user.

sshd is this machine's, or Debian's, fetched once by the machine's own apt (packages.py). It runs in user and mount
namespaces of its own as the user `board` (uid 1000): nothing is needed of this machine's accounts, what modes forbid is
forbidden, and it can write below its own folder alone. Everything ends with the test.

    pytest_plugins = ["tests.sshd.fixtures"]
    pytestmark = pytest.mark.peer

    def test_x(board: Board) -> None: ...        # from tests.sshd.server import Board, StartBoard

`board.address` is what edgewatt connects to; `ssh` in PATH is a script that adds `-F board.config` to the user's own
ssh, since OpenSSH takes nobody's home from the environment.
"""

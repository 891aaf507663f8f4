"""The connection that several commands share: the user's own, where ~/.ssh/config has one, else one of ours.

It lives as long as a session of ours over it, whose input ends with this process: nothing is left behind by kill -9.
Its socket is in a folder that only this user may enter, and ssh removes it as it ends.
"""

import os
import secrets
import stat
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from edgewatt.collectors.transports.adb_channel import Deadline
from edgewatt.collectors.transports.link import LinkLost
from edgewatt.collectors.transports.ssh_address import Address
from edgewatt.collectors.transports.ssh_errors import failed, no_answer, no_program
from edgewatt.collectors.transports.ssh_stream import SshStream
from edgewatt.profiler.errors import DeviceError

CONNECT_S: Final = 15.0
# A network that is gone does not say so: asked so often, given up after so many without an answer.
ALIVE_S: Final = 5
ALIVE_LIMIT: Final = 3
_CONFIG_S: Final = 10.0
_CONFIG_LIMIT_B: Final = 1 << 20
# sun_path has 104 bytes on BSD and 108 on Linux; the socket's name has 17, and ssh adds 17 while it binds.
_FOLDER_LIMIT_B: Final = 104 - 2 * 17 - 1

# Nothing may ask, forward, or execute something else in the middle of a run. All are known to OpenSSH 7.6.
OPTIONS: Final = (
    "BatchMode=yes",
    f"ConnectTimeout={round(CONNECT_S)}",
    f"ServerAliveInterval={ALIVE_S}",
    f"ServerAliveCountMax={ALIVE_LIMIT}",
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "PermitLocalCommand=no",
    "RemoteCommand=none",
    "RequestTTY=no",
    "EscapeChar=none",
    "LogLevel=ERROR",
)
# Where the user's configuration has one of these, it is set back; OpenSSH before 8.7 does not know them.
_NEWER: Final = {
    "stdinnull": "StdinNull=no",
    "forkafterauthentication": "ForkAfterAuthentication=no",
    "sessiontype": "SessionType=default",
}
# It reads until its input ends.
_LIFELINE: Final = "while read -r x;do :;done"


def ssh_argv(*options: str) -> list[str]:
    """The user's ssh, never waiting for an answer of theirs."""
    return ["ssh", "-T", *(word for option in (*OPTIONS, *options) for word in ("-o", option))]


class Master:
    """A connection that is open. `argv` begins every command over it. Raises DeviceError as errors.failed says."""

    def __init__(self, address: Address, connect_s: float = CONNECT_S) -> None:
        self.address = address
        self._socket: Path | None = None
        self._lifeline: SshStream | None = None
        self._is_lost = False
        deadline = Deadline(connect_s)
        said = self._configuration()
        self._options = tuple(option for key, option in _NEWER.items() if key in said)
        try:
            opening = ssh_argv(*self._options) if shares(said) else self._own()
            self._lifeline = SshStream([*opening, *address.argv()], _LIFELINE, self.why)
            self._await(self._lifeline, deadline, connect_s)
        except BaseException:
            self.close()
            raise

    @property
    def argv(self) -> list[str]:
        """What goes before a command. Where our socket is gone, ssh must not connect anew by itself."""
        ours = () if self._socket is None else (f"ControlPath={self._socket}", "ControlMaster=no", "ProxyCommand=false")
        return [*ssh_argv(*self._options, *ours), *self.address.argv()]

    @property
    def is_alive(self) -> bool:
        """False once the connection ended, which the first command to notice says."""
        return self._lifeline is not None and self._lifeline.is_alive and not self._is_lost

    def why(self, text: str) -> DeviceError:
        """Why something over it ended, by what its own ssh said, else by what the connection's did."""
        lifeline = self._lifeline
        begun = lifeline is not None and lifeline.begun
        if lifeline is not None and not lifeline.is_alive and begun:
            text = lifeline.stderr.decode("utf-8", "replace")
        error = failed(self.address, text, begun=begun)
        self._is_lost |= isinstance(error, LinkLost)
        return error

    def close(self) -> None:
        """Hang up; the user's own connection stays for as long as they have set. Prompt, idempotent, never raises."""
        if self._lifeline is not None:
            self._lifeline.close()
        if self._socket is not None:
            with suppress(OSError):
                self._socket.unlink(missing_ok=True)

    def _own(self) -> Sequence[str]:
        self._socket = private_folder() / secrets.token_hex(8)
        ours = (f"ControlPath={self._socket}", "ControlMaster=yes", "ControlPersist=no")
        return ssh_argv(*self._options, *ours)

    def _await(self, lifeline: SshStream, deadline: Deadline, connect_s: float) -> None:
        while not lifeline.begun:
            if lifeline.step(deadline.left_s) is None or not deadline.left_s:
                raise no_answer(self.address, connect_s, lifeline.noise)

    def _configuration(self) -> Mapping[str, str]:
        """What the user's configuration says of the board, by key."""
        argv = [*ssh_argv(), "-G", *self.address.argv()]
        try:
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=_CONFIG_S, check=False)
        except subprocess.TimeoutExpired:
            raise no_answer(self.address, _CONFIG_S) from None
        except OSError as error:
            raise no_program(error) from None
        if done.returncode != 0:
            raise failed(self.address, done.stderr.decode("utf-8", "replace"))
        return parse_configuration(done.stdout[:_CONFIG_LIMIT_B].decode("utf-8", "replace"))


def parse_configuration(text: str) -> dict[str, str]:
    """What `ssh -G` prints: a key in lower case and its value in each line; of keys that come again the last."""
    return {key: value for key, _, value in (line.partition(" ") for line in text.splitlines())}


def shares(said: Mapping[str, str]) -> bool:
    """True if the user's configuration has a socket for connections to be shared over."""
    return said.get("controlpath", "none") != "none" and said.get("controlmaster", "false") not in {"false", "no"}


def private_folder() -> Path:
    """A folder that only this user may enter, with a name short enough for a socket in it. Raises DeviceError."""
    for place in (os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir(), "/tmp"):  # noqa: S108  (checked below)
        folder = Path(place) / f"edgewatt-{os.geteuid()}"
        if place and len(os.fsencode(folder)) < _FOLDER_LIMIT_B and _is_private(folder):
            return folder
    raise DeviceError(
        "no folder for a socket: neither $XDG_RUNTIME_DIR nor the temporary folder can be written, or somebody else's "
        f"edgewatt-{os.geteuid()} is in it; set TMPDIR to a folder with a short name"
    )


def _is_private(folder: Path) -> bool:
    """True if it is there, or can be made, and belongs to this user alone."""
    try:
        with suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o077

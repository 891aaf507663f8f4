"""A running sshd as tests hold it: how it is reached, what runs on it, and what goes wrong with it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

from edgewatt.collectors.transports.ssh_address import Address
from tests.adbd.packages import Unavailable
from tests.sshd.packages import dropbear, openssh

ROOT: Final = Path(__file__).parents[2]
USER: Final = "board"
START_S: Final = 20.0

_SERVER: Final = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitUserEnvironment no
PrintMotd no
Subsystem sftp internal-sftp
{more}
SetEnv TMPDIR={folder}/home
"""
_CLIENT: Final = """\
Host *
  User {user}
  IdentityFile {folder}/user_key
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile {folder}/known_hosts
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking ask
{more}
"""


@dataclass
class Board:
    """sshd below `folder`, and a configuration for ssh that knows it and has a key that it takes."""

    folder: Path
    port: int
    shell: str
    more: str
    _program: Path
    _environment: Mapping[str, str]
    _process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> Address:
        """How it is reached."""
        return Address("127.0.0.1", USER, self.port)

    @property
    def home(self) -> Path:
        """Of its user."""
        return self.folder / "home"

    def configure(self, more: str = "") -> None:
        """Write ssh's configuration, with further lines."""
        text = _CLIENT.format(user=USER, folder=self.folder, more=more)
        (self.folder / "config").write_text(text)

    def reset(self) -> None:
        """As it was when it was started: an empty home, ssh's configuration, the host keys that are known."""
        shutil.rmtree(self.home)
        self.home.mkdir()
        self.configure()
        self.trust()

    def trust(self, key: str = "host_key") -> None:
        """Know the board by this key; "" for none."""
        known = "" if not key else f"[127.0.0.1]:{self.port} {(self.folder / f'{key}.pub').read_text()}"
        (self.folder / "known_hosts").write_text(known)

    def start(self) -> None:
        """Listen; returns when it does. Raises Unavailable."""
        log = self.folder / "sshd.log"
        passwd = f"root:x:0:0:root:/root:/bin/sh\n{USER}:x:1000:1000::{self.home}:{self.shell}\n"
        (self.folder / "passwd").write_text(passwd)
        words = self.words()
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.sshd.namespace", str(self.folder), *words],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                cwd=ROOT,
                env={**os.environ, **self._environment},
            )
        end_s = time.monotonic() + START_S
        while not _listens(self.port):
            if self._process.poll() is not None or time.monotonic() > end_s:
                said = log.read_text(errors="replace").strip().splitlines()
                self.stop()
                raise Unavailable(f"sshd does not start: {said[-1] if said else 'it says nothing'}")
            time.sleep(0.01)

    def words(self) -> list[str]:
        """What to execute."""
        config = self.folder / "sshd_config"
        more = "\n".join((self.more, *self._parts()))
        config.write_text(_SERVER.format(port=self.port, folder=self.folder, more=more))
        return [str(self._program), "-D", "-e", "-f", str(config)]

    def _parts(self) -> Iterator[str]:
        """From OpenSSH 9.8 on sshd is several programs; it looks for them where it was to be installed."""
        for name, option in (("sshd-session", "SshdSessionPath"), ("sshd-auth", "SshdAuthPath")):
            path = self._program.parents[1] / "lib" / "openssh" / name
            if path.exists():
                yield f"{option} {path}"

    def processes(self) -> list[psutil.Process]:
        """What it started and what those did, as far as it is still a child."""
        if self._process is None:
            return []
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(self._process.pid).children(recursive=True)
        return []

    def sessions(self) -> list[psutil.Process]:
        """sshd's own processes, one per connection."""
        found = []
        for one in self.processes():
            with suppress(psutil.NoSuchProcess):
                if one.name() == self._program.name or one.name().startswith("sshd"):
                    found.append(one)
        return found

    def cut(self) -> None:
        """Kill the processes of its connections, as a board does that loses them; new ones are taken."""
        for session in self.sessions():
            with suppress(psutil.NoSuchProcess):
                session.kill()

    def stop(self) -> None:
        """End it, its connections, and what they started."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(psutil.NoSuchProcess):
            for child in psutil.Process(process.pid).children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    child.kill()
        process.send_signal(signal.SIGKILL)
        process.wait()


class Dropbear(Board):
    """The server of small boards: it starts commands in a group that is not their own, and takes short lines alone."""

    def words(self) -> list[str]:
        """See Board."""
        keys = self.home / ".ssh" / "authorized_keys"
        keys.parent.mkdir(mode=0o700)
        shutil.copy(self.folder / "user_key.pub", keys)
        keys.chmod(0o600)
        key = self.folder / "dropbear_key"
        make = [str(self._program.parents[1] / "bin" / "dropbearkey"), "-t", "ed25519", "-f", str(key)]
        made = subprocess.run(make, env={**os.environ, **self._environment}, capture_output=True, text=True, check=True)
        public = next(line for line in made.stdout.splitlines() if line.startswith("ssh-"))
        (self.folder / "dropbear_key.pub").write_text(f"{public}\n")
        self.trust("dropbear_key")
        at = ["-p", f"127.0.0.1:{self.port}", "-P", str(self.folder / "pid"), "-r", str(key)]
        return [str(self._program), "-F", "-E", "-s", "-m", *at]


StartBoard = Callable[..., Board]


def running_with(text: str) -> list[int]:
    """The processes of this machine whose command line has `text`."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if any(text in word for word in process.cmdline()):
                found.append(process.pid)
    return found


@contextmanager
def serving(folder: Path, *, shell: str = "/bin/bash", more: str = "", kind: type[Board] = Board) -> Iterator[Board]:
    """A board below `folder`, with `more` in sshd's configuration. Raises Unavailable."""
    program, environment = _server(kind)
    (folder / "home").mkdir(parents=True)
    for name in ("host_key", "user_key"):
        _keygen(folder / name)
    shutil.copy(folder / "user_key.pub", folder / "authorized_keys")
    port = _free_port()
    shim = folder / "bin" / "ssh"
    shim.parent.mkdir()
    shim.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {folder}/config "$@"\n')
    shim.chmod(0o755)
    board = kind(folder, port, shell, more, program, environment)
    board.configure()
    board.trust()
    board.start()
    try:
        yield board
    finally:
        board.stop()


def _server(kind: type[Board]) -> tuple[Path, Mapping[str, str]]:
    if kind is Board:
        return openssh()
    root, environment = dropbear()
    return root / "usr" / "sbin" / "dropbear", environment


def _keygen(path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(path)], check=True)


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0

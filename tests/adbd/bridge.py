"""A phone that wants an RSA key, which Debian's adbd does not: adbkit's bridge, written by others, in front of one."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from tests.adbd.packages import CACHE, FETCH_S, Unavailable, once
from tests.adbd.running import PeerPhone
from tests.adbd.server import AdbServer

PACKAGE: Final = "@devicefarmer/adbkit@3.3.9"
SCRIPT: Final = Path(__file__).with_name("bridge.js")

Answer = Literal["accept", "refuse", "wait"]


@dataclass(frozen=True, slots=True)
class Bridge:
    """Where it listens. It has no shell_v2, as a phone before Android 7."""

    port: int
    _process: subprocess.Popen[str]

    @property
    def host(self) -> str:
        """Where it listens."""
        return "127.0.0.1"

    @property
    def uri(self) -> str:
        """As edgewatt names it."""
        return f"adb+tcp://{self.host}:{self.port}"

    def asked(self) -> str:
        """Wait until its owner is asked about a key; the key's fingerprint and comment."""
        assert self._process.stdout is not None
        return self._process.stdout.readline().removeprefix("asked ").strip()


StartBridge = Callable[..., Bridge]  # as `bridging`, without the server


@contextmanager
def bridging(server: AdbServer, phone: PeerPhone, answer: Answer = "accept") -> Iterator[Bridge]:
    """A bridge for as long as the block takes. Raises Unavailable."""
    modules, serial = _installed(), server.connect(phone)
    with subprocess.Popen(
        ["node", SCRIPT, str(server.port), serial, answer],
        env=os.environ | {"NODE_PATH": str(modules)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Bridge(int(process.stdout.readline()), process)
        finally:
            process.stdin.close()
            process.wait(10)


def _installed(cache: Path = CACHE) -> Path:
    """The folder with adbkit, complete; fetched if it is not there. Raises Unavailable."""
    if missing := [name for name in ("node", "npm") if shutil.which(name) is None]:
        raise Unavailable(f"{missing[0]} is not installed, and runs adbkit's bridge")
    return once(cache / "adbkit-3.3.9", _fetch) / "node_modules"


def _fetch(folder: Path) -> None:
    quietly = ("--no-fund", "--no-audit", "--ignore-scripts", "--fetch-retries=1")
    done = subprocess.run(
        ["npm", "install", *quietly, "--prefix", str(folder), PACKAGE],
        capture_output=True,
        text=True,
        check=False,
        timeout=FETCH_S,
    )
    if done.returncode != 0:
        raise Unavailable(f"npm says {(done.stderr.strip() or 'nothing').splitlines()[0]}")

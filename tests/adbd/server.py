"""The stock adb, as adbutils brings it: a server on a port of its own, with a home of its own."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.adbd.packages import Unavailable
from tests.adbd.running import PeerPhone

UP_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class AdbServer:
    """A running adb server. `environment` is what a program needs to find it."""

    adb: Path
    port: int
    environment: dict[str, str]

    def run(self, *arguments: str, timeout_s: float = 60.0, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        """One call of `adb`, with its exit code, output and errors."""
        return subprocess.run(
            [self.adb, *arguments],
            env=self.environment,
            capture_output=True,
            check=False,
            timeout=timeout_s,
            input=stdin,
        )

    def connect(self, phone: PeerPhone) -> str:
        """Attach a phone; its serial here. Raises OSError."""
        said = self.run("connect", phone.serial).stdout
        if b"connected to" not in said:
            raise OSError(said.decode(errors="replace"))
        done = self.run("-s", phone.serial, "wait-for-device", timeout_s=20)
        if done.returncode != 0:
            raise OSError(done.stderr.decode(errors="replace"))
        return phone.serial

    def disconnect(self, serial: str) -> None:
        """Detach it."""
        self.run("disconnect", serial)


@contextmanager
def serving(home: Path) -> Iterator[AdbServer]:
    """A server for as long as the block takes. Raises Unavailable."""
    try:
        import adbutils  # type: ignore[import-untyped]  # noqa: PLC0415  (its import looks for things)

        adb = Path(adbutils.adb_path())
    except Exception as error:  # noqa: BLE001
        raise Unavailable(f"adbutils brings no adb for this machine: {error}") from None
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ADB_", "ANDROID_"))}
    environment |= {
        "HOME": str(home),
        "TMPDIR": str(home),
        "ANDROID_ADB_SERVER_PORT": str(port),
        "ADB_MDNS_OPENSCREEN": "0",
        "ADB_MDNS": "0",
        "ADB_USB": "0",
    }
    with (home / "adb.log").open("wb") as log:
        process = subprocess.Popen(
            [adb, "-P", str(port), "nodaemon", "server"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        _wait(process, port, home / "adb.log")
        yield AdbServer(adb, port, environment)
    finally:
        process.terminate()
        process.wait(10)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end_s = time.monotonic() + UP_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > end_s:
                raise Unavailable(f"the adb server does not start: {log.read_text(errors='replace')[-300:]}") from None
            time.sleep(0.01)
        else:
            return

"""A device to connect to: the listening port, its connections, its files and its processes."""

import contextlib
import os
import socket
import threading
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from edgewatt.virtual_lab.adb.banner import Banner
from edgewatt.virtual_lab.adb.faults import Faults
from edgewatt.virtual_lab.adb.files import Files
from edgewatt.virtual_lab.adb.keys import Approval, Approve, PublicKey
from edgewatt.virtual_lab.adb.launch import ShellRunner
from edgewatt.virtual_lab.adb.processes import Processes
from edgewatt.virtual_lab.adb.shell import parse_shell, serve_shell
from edgewatt.virtual_lab.adb.sync import serve_sync
from edgewatt.virtual_lab.adb.transport import Connection, Service, Surroundings

# The simulated device is nobody's but this machine's.
ADDRESS: Final = "127.0.0.1"
CONNECTIONS: Final = 10
_JOIN_S: Final = 10.0


def serve(
    personality_banner: Banner,
    shell_runner: ShellRunner,
    files_root: Path,
    approve: Approve = "auto",
    faults: Faults | None = None,
    port: int = 0,
) -> "AdbDevice":
    """A device that listens on 127.0.0.1 until it is closed; port 0 is any free one.

    `files_root` is the folder that sync shows as the phone's whole file system. `approve`: "auto" lets an unknown key
    in at once and knows it from then on, "never" leaves it unanswered, and so does the Path of a file of adb public
    keys, one a line, but for those. Raises OSError (the port is taken, a file is missing), KeyFormatError.
    """
    return AdbDevice(personality_banner, shell_runner, files_root, Approval(approve), faults or Faults(), port)


class AdbDevice:
    """A listening device, and a context manager that closes it; made by `serve`."""

    def __init__(
        self, banner: Banner, runner: ShellRunner, root: Path, approval: Approval, faults: Faults, port: int
    ) -> None:
        self.faults = faults
        self._features = banner.features
        self._runner, self._files = runner, Files(root, faults)
        self._approval = approval
        self._around = Surroundings(banner, approval, faults, self._find)
        self._processes = Processes()
        self._lock = threading.RLock()
        self._connections: list[Connection] = []
        self._listener: socket.socket | None = None
        self._closed = False
        # Bound and not listening: keeps the port while the device refuses.
        self._holder = _bound(port)
        self.port: int = self._holder.getsockname()[1]
        self._forget = faults.watch(self._cut, self._refuse)
        self._refuse(faults.refusing)

    @property
    def serial(self) -> str:
        """What `adb connect` takes, and the device's name from then on."""
        return f"{ADDRESS}:{self.port}"

    @property
    def known_keys(self) -> tuple[PublicKey, ...]:
        """The keys that connect without a question."""
        return self._approval.known

    @property
    def connections(self) -> int:
        """How many clients are attached."""
        with self._lock:
            return len(self._connections)

    def close(self) -> None:
        """Stop listening, leave every client, kill every process; once."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._forget()
            self._refuse(True)
            self._holder.close()
            leaving = tuple(self._connections)
        for connection in leaving:
            connection.end()
        for connection in leaving:
            connection.join(_JOIN_S)
        self._processes.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _find(self, name: bytes) -> Service | None:
        if name == b"sync:":
            return partial(serve_sync, files=self._files, take_disk=self.faults.take_disk, features=self._features)
        request = parse_shell(name, self._features)
        if request is None:
            return None
        return partial(serve_shell, request=request, runner=self._runner, processes=self._processes)

    def _cut(self) -> None:
        with self._lock:
            broken = tuple(self._connections)
        for connection in broken:
            connection.end(reset=True)

    def _refuse(self, refusing: bool) -> None:  # noqa: FBT001
        """Close the listening socket, or open it again."""
        with self._lock:
            if refusing and self._listener is not None:
                with contextlib.suppress(OSError):
                    self._listener.shutdown(socket.SHUT_RDWR)
                self._listener.close()
                self._listener = None
            elif not refusing and self._listener is None:
                self._listener = _bound(self.port)
                self._listener.listen(CONNECTIONS)
                threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _accept(self, listener: socket.socket) -> None:
        """Until the socket is shut; one client too many is closed at once."""
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                if self._closed or len(self._connections) >= CONNECTIONS:
                    client.close()
                    continue
                connection = Connection(client, self._around, self._leave)
                self._connections.append(connection)
                connection.start()

    def _leave(self, connection: Connection) -> None:
        with self._lock:
            self._connections.remove(connection)


def _bound(port: int) -> socket.socket:
    """A socket of this machine's loopback that shares its port with others of this process."""
    bound = socket.socket()
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((ADDRESS, port))
    except OSError as error:
        bound.close()
        raise OSError(error.errno, f"{os.strerror(error.errno or 0)}: {ADDRESS}:{port}") from None
    return bound

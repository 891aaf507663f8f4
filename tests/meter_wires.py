"""The far ends of meters that send lines: a pseudo-terminal in place of a serial port, and a TCP server."""

import contextlib
import os
import select
import socket
import threading
import tty
from dataclasses import dataclass, field


@dataclass
class SerialEnd:
    """A pty: the meter's side of it, and the path that the host opens."""

    meter: int = -1
    path: str = ""
    _host: int = -1

    def __post_init__(self) -> None:
        self.meter, self._host = os.openpty()
        tty.setraw(self._host)
        self.path = os.ttyname(self._host)

    def send(self, text: bytes) -> None:
        """What the meter says."""
        os.write(self.meter, text)

    def heard(self, timeout_s: float = 5.0) -> bytes:
        """What the host has said, once it has."""
        ready, _, _ = select.select([self.meter], [], [], timeout_s)
        return os.read(self.meter, 4096) if ready else b""

    def unplug(self) -> None:
        """Take the device away: what is open fails, and the path is gone."""
        for fd in (self.meter, self._host):
            with contextlib.suppress(OSError):
                os.close(fd)
        self.meter = self._host = -1


@dataclass
class TcpEnd:
    """A TCP server on loopback that talks to one client at a time."""

    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    client: socket.socket | None = None

    def __post_init__(self) -> None:
        self.listener.settimeout(10.0)
        self.port = self.listener.getsockname()[1]

    def accept(self) -> socket.socket:
        """The next client."""
        self.hang_up()
        self.client, _ = self.listener.accept()
        self.client.settimeout(10.0)
        return self.client

    def send(self, text: bytes) -> None:
        """What the meter says."""
        assert self.client is not None
        self.client.sendall(text)

    def heard(self, count: int) -> bytes:
        """The next `count` bytes that the host said."""
        assert self.client is not None
        found = b""
        while len(found) < count and (piece := self.client.recv(count - len(found))):
            found += piece
        return found

    def hang_up(self) -> None:
        """End the connection."""
        if self.client is not None:
            self.client.close()
            self.client = None

    def unplug(self) -> None:
        """End it, and listen no more."""
        self.hang_up()
        self.listener.close()


class ScpiEnd:
    """An instrument on a TCP socket that answers every question with the same number, client after client."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._client: socket.socket | None = None
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._client, _ = self._listener.accept()
                with contextlib.suppress(OSError), self._client as client, client.makefile("rb") as questions:
                    for question in questions:
                        client.sendall(b"ACME,PSU,7,1\n" if question == b"*IDN?\n" else b"4.5\n")

    def unplug(self) -> None:
        """Hang up, and listen no more; idempotent."""
        for end in (self._listener, self._client):
            if end is not None:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
        self._thread.join(5)

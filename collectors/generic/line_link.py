"""Where lines come from: a serial port (`/dev/ttyUSB0`) or a TCP socket (`//HOST:PORT`).

Read without waiting longer than asked. Whatever fails is an OSError.
"""

import contextlib
import os
import re
import select
import socket
import termios
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

READ_LIMIT: Final = 1 << 16
DEFAULT_BAUD: Final = 115_200
_TCP: Final = re.compile(r"//(\[[0-9A-Fa-f:.%a-z]+\]|[^/:\[\]]+):([0-9]{1,5})/?")


@dataclass(frozen=True, slots=True)
class LineLink:
    """An open connection: a descriptor to read from, and how to write to it and end it."""

    fd: int
    write: Callable[[bytes], object]
    close: Callable[[], None]

    def read(self, timeout_s: float) -> bytes:
        """What has come, within the timeout; b"" is nothing yet. Raises OSError when the other side is gone."""
        poll = select.poll()  # select() knows no descriptor above 1023
        poll.register(self.fd, select.POLLIN)
        if not poll.poll(max(timeout_s, 0.0) * 1000):
            return b""
        try:
            data = os.read(self.fd, READ_LIMIT)
        except BlockingIOError:
            return b""
        if not data:
            raise ConnectionError("the other side has ended the connection")
        return data


@dataclass(frozen=True, slots=True)
class LineAddress:
    """A serial port, or a host and its port."""

    text: str
    path: str | None = None
    host: str = ""
    port: int = 0
    baud: int = DEFAULT_BAUD

    @property
    def what(self) -> str:
        """What no two runs may have open: the port itself, by whatever link it was named."""
        return f"serial port {os.path.realpath(self.path)}" if self.path else f"meter at {self.host}:{self.port}"

    def connect(self, timeout_s: float) -> LineLink:
        """Open it. Raises OSError."""
        return _serial(self.path, self.baud) if self.path else _tcp(self.host, self.port, timeout_s)


def line_address(rest: str, baud: int) -> LineAddress | None:
    """The address that stands in a URI; None if it is none."""
    if found := _TCP.fullmatch(rest):
        port = int(found[2])
        return LineAddress(rest, None, found[1].strip("[]"), port) if 0 < port < 1 << 16 else None
    return LineAddress(rest, rest, baud=baud) if rest.startswith("/") and not rest.startswith("//") else None


def _tcp(host: str, port: int, timeout_s: float) -> LineLink:
    connection = socket.create_connection((host, port), timeout_s)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # A peer that vanished without a word is noticed within a minute, also where it has nothing to say.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return LineLink(connection.fileno(), connection.sendall, connection.close)


def _serial(path: str, baud: int) -> LineLink:
    import serial  # noqa: PLC0415  (only who has such a meter loads it)

    failures = (termios.error, ValueError)  # a port that went away; a rate that its driver does not know
    try:
        port: Any = serial.Serial(path, baud, timeout=0, write_timeout=2.0, exclusive=True)
    except failures as error:
        raise OSError(f"{path}: {error}") from None

    def write(data: bytes) -> None:
        try:
            port.write(data)
        except failures as error:
            raise OSError(f"{path}: {error}") from None

    def close() -> None:
        with contextlib.suppress(OSError, *failures):
            port.close()

    return LineLink(port.fileno(), write, close)

"""The server that radio and offload loads talk to: TCP, one line that says what is wanted, bytes of zero both ways.

    S MILLISECONDS              the client sends as fast as it goes. After so long: `S BYTES MICROSECONDS`, and the end.
    R MILLISECONDS              the server sends as fast as it goes for so long, and ends the connection.
    X UP DOWN MICROSECONDS      UP bytes follow. Then the server waits so long, answers `X UP RECEIVED WORKED` (bytes;
                                microseconds of the bytes' arrival, and of its work) and sends DOWN bytes. Any number of
                                them on one connection.

What plain `nc` says and hears is enough. Hostile clients are bounded: lines, bytes, time and connections.
"""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from edgewatt.profiler.collecting.checking import EXCHANGE_B, LONGEST_S, REMOTE_S
from edgewatt.profiler.errors import UsageError

LINE_LIMIT_B: Final = 100
CONNECTIONS: Final = 16
# A client that says nothing for so long is hung up on.
SILENT_S: Final = 60.0
# How long a client may go on to send what it had under way after it was told the count.
_GOODBYE_S: Final = 1.0
_CHUNK_B: Final = 1 << 16
_ZEROS: Final = bytes(_CHUNK_B)
# Linux: `nc` leaves Nagle's algorithm on, and would wait 40 ms for each delayed acknowledgement in an exchange.
_QUICK: Final = getattr(socket, "TCP_QUICKACK", None)


@dataclass(eq=False)
class LoadServer:
    """Serves until it is closed. `host`, `port`: where it listens, and where clients say it is."""

    host: str
    port: int
    _listener: socket.socket
    _slots: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(CONNECTIONS))
    _open: set[socket.socket] = field(default_factory=set)
    _closing: bool = False

    @property
    def address(self) -> str:
        """As a Load names it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def close(self) -> None:
        """Hang up on everybody."""
        self._closing = True
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for one in tuple(self._open):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def serve(self) -> None:
        """Take clients, each in a thread, until closed."""
        while not self._closing:
            try:
                client, _ = self._listener.accept()
            except OSError:
                time.sleep(0.05)  # it is closing, or there are too many open files until clients have left
                continue
            if not self._slots.acquire(blocking=False):
                client.close()
                continue
            threading.Thread(target=self._serve_one, args=(client,), name="edgewatt-load-client", daemon=True).start()

    def _serve_one(self, client: socket.socket) -> None:
        self._open.add(client)
        try:
            client.settimeout(SILENT_S)
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            converse(client)
        except (OSError, ValueError):
            pass  # it left, or said what this server does not understand
        finally:
            self._open.discard(client)
            client.close()
            self._slots.release()


def listen(host: str = "127.0.0.1", port: int = 0) -> LoadServer:
    """A server that listens there; port 0: any. Raises UsageError where it cannot."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(CONNECTIONS)
    except (OSError, OverflowError, UnicodeError) as error:
        listener.close()
        raise UsageError(f"cannot listen at {host}:{port}: {error}; expected an address of this machine") from None
    return LoadServer(host, listener.getsockname()[1], listener)


@contextmanager
def serving(host: str = "127.0.0.1", port: int = 0) -> Iterator[LoadServer]:
    """A server in a thread, for as long as the block takes. Raises UsageError."""
    server = listen(host, port)
    thread = threading.Thread(target=server.serve, name="edgewatt-load-server", daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.close()
        thread.join(5.0)


def converse(client: socket.socket) -> None:
    """Do what one client asks for until it leaves. Raises ValueError for what is no request, OSError if it is lost."""
    heard = bytearray()
    while (words := _line(client, heard)) is not None:
        match words:
            case [b"S", ms]:
                _receive(client, heard, _limited(ms, LONGEST_S * 1e3) / 1e3)
                return
            case [b"R", ms]:
                _send(client, _limited(ms, LONGEST_S * 1e3) / 1e3)
                return
            case [b"X", up, down, us]:
                up_b, down_b = _limited(up, EXCHANGE_B), _limited(down, EXCHANGE_B)
                _exchange(client, heard, up_b, down_b, _limited(us, REMOTE_S * 1e6) / 1e6)
            case _:
                raise ValueError("no request")


def _line(client: socket.socket, heard: bytearray) -> list[bytes] | None:
    """The words of the next line; None once the client has left."""
    while b"\n" not in heard:
        if len(heard) > LINE_LIMIT_B:
            raise ValueError("no line")
        _acknowledge(client)
        chunk = client.recv(_CHUNK_B)
        if not chunk:
            return None
        heard += chunk
    line, _, rest = bytes(heard).partition(b"\n")
    heard[:] = rest
    return line[:LINE_LIMIT_B].split()


def _acknowledge(client: socket.socket) -> None:
    """What comes is acknowledged at once; the kernel forgets that soon."""
    if _QUICK is not None:
        client.setsockopt(socket.IPPROTO_TCP, _QUICK, 1)


def _limited(word: bytes, most: float) -> int:
    if not (word.isdigit() and len(word) < 12 and int(word) <= most):
        raise ValueError("no number, or too large")
    return int(word)


def _receive(client: socket.socket, heard: bytearray, seconds: float) -> None:
    """Count what comes, then say how much, and let the client notice."""
    begun_ns, buffer = time.monotonic_ns(), bytearray(_CHUNK_B)
    count, end_ns = len(heard), begun_ns + round(seconds * 1e9)
    while (left_ns := end_ns - time.monotonic_ns()) > 0:
        client.settimeout(left_ns / 1e9)
        try:
            got = client.recv_into(buffer)
        except TimeoutError:
            break
        if not got:
            break
        count += got
    took_us = (time.monotonic_ns() - begun_ns) // 1000
    client.settimeout(_GOODBYE_S)
    client.sendall(b"S %d %d\n" % (count, took_us))
    client.shutdown(socket.SHUT_WR)
    end_ns = time.monotonic_ns() + round(_GOODBYE_S * 1e9)
    while time.monotonic_ns() < end_ns and client.recv_into(buffer):
        pass


def _send(client: socket.socket, seconds: float) -> None:
    end_ns = time.monotonic_ns() + round(seconds * 1e9)
    while (left_ns := end_ns - time.monotonic_ns()) > 0:
        client.settimeout(left_ns / 1e9 + 1e-3)
        try:
            client.send(_ZEROS)
        except TimeoutError:
            break
    client.shutdown(socket.SHUT_WR)
    client.settimeout(_GOODBYE_S)
    while client.recv(_CHUNK_B):
        pass


def _exchange(client: socket.socket, heard: bytearray, up_b: int, down_b: int, remote_s: float) -> None:
    begun_ns, buffer = time.monotonic_ns(), bytearray(_CHUNK_B)
    left_b = up_b - min(up_b, len(heard))
    del heard[:up_b]
    while left_b:
        _acknowledge(client)
        got = client.recv_into(buffer, min(left_b, _CHUNK_B))
        if not got:
            raise ValueError("it left in the middle")
        left_b -= got
    came_ns = time.monotonic_ns()
    if remote_s:
        time.sleep(remote_s)
    worked_us = (time.monotonic_ns() - came_ns) // 1000 if remote_s else 0
    client.sendall(b"X %d %d %d\n" % (up_b, (came_ns - begun_ns) // 1000, worked_us))
    while down_b:
        down_b -= client.send(_ZEROS[:down_b])

"""Bytes over a socket within a time, and adb-shell's transport over one.

adb-shell's own transport drops what a short send buffer does not take, leaves Nagle's algorithm on (40 ms per command),
and loses the first half of a packet whose second half is late. This one does not.
"""

import select
import socket
import struct
from contextlib import suppress
from typing import Final

from adb_shell.exceptions import InvalidResponseError, TcpTimeoutException
from adb_shell.transport.base_transport import BaseTransport

from edgewatt.collectors.transports.adb_channel import Deadline
from edgewatt.collectors.transports.adb_errors import no_connection
from edgewatt.collectors.transports.link import LinkLost, LinkTimeout

# A phone whose kernel has not answered for so long is gone; one whose adbd stands still is not (its kernel answers).
LOST_AFTER_S: Final = 30
_CHUNK_B: Final = 1 << 16

# AOSP packages/modules/adb/types.h: command, two arguments, length, checksum, and the command inverted.
_HEADER: Final = struct.Struct("<6I")
# What adb-shell tells a phone that it takes (its constants.MAX_ADB_DATA).
_PAYLOAD_LIMIT_B: Final = 1 << 20
_CNXN: Final = int.from_bytes(b"CNXN", "little")
_STLS: Final = int.from_bytes(b"STLS", "little")


def send_all(sock: socket.socket, data: bytes, timeout_s: float) -> None:
    """Send every byte. Raises LinkTimeout, after which the stream is cut in the middle, and LinkLost."""
    deadline, left = Deadline(timeout_s), memoryview(data)
    while left:
        try:
            left = left[sock.send(left) :]
        except BlockingIOError:
            if not _ready(sock, select.POLLOUT, deadline.left_s):
                raise LinkTimeout(f"the device took no data for {timeout_s:g} s") from None
        except OSError as error:
            raise _lost(error) from None


def receive(sock: socket.socket, limit_b: int, timeout_s: float) -> bytes | None:
    """Up to `limit_b` bytes; b"" if none came in time, None at the end. Raises LinkLost."""
    if not _ready(sock, select.POLLIN, timeout_s):
        return b""
    try:
        return sock.recv(limit_b) or None
    except BlockingIOError:
        return b""
    except OSError as error:
        raise _lost(error) from None


def hang_up(sock: socket.socket) -> None:
    """Close it, also for a thread that waits for it."""
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()


def prepare(sock: socket.socket) -> None:
    """No waiting for more to send, none in calls, and an error once the other side is silently gone."""
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", LOST_AFTER_S // 3),
        ("TCP_KEEPINTVL", LOST_AFTER_S // 6),
        ("TCP_KEEPCNT", 4),
        ("TCP_USER_TIMEOUT", LOST_AFTER_S * 1000),
    ):
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _ready(sock: socket.socket, event: int, timeout_s: float) -> bool:
    poll = select.poll()
    try:
        poll.register(sock, event)
    except ValueError:
        raise LinkLost("the connection was closed") from None
    return bool(poll.poll(max(timeout_s, 0.0) * 1000))


def _lost(error: OSError) -> LinkLost:
    return LinkLost(f"the connection ended: {error.strerror or error}")


class PacketSocket(BaseTransport):  # type: ignore[misc]  # adb-shell has no types
    """Whole ADB packets or none: a read that would have to wait too long loses nothing.

    `banner` is what the device said of itself (AOSP adb.cpp, get_connection_string); `wants_tls` that it asked for an
    encrypted connection, as the ports of wireless debugging do.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._socket: socket.socket | None = None
        self._received = bytearray()
        self._whole_b = 0
        self.banner, self.wants_tls = b"", False

    @property
    def is_connected(self) -> bool:
        """Whether it was, and nobody here has closed it since."""
        return self._socket is not None

    def connect(self, transport_timeout_s: float) -> None:
        """Raises LinkLost, or DeviceError where trying again is of no use."""
        self.close()
        try:
            self._socket = socket.create_connection((self._host, self._port), timeout=transport_timeout_s)
            prepare(self._socket)
        except (OSError, UnicodeError) as error:
            self.close()
            raise no_connection(error, self._host, self._port, transport_timeout_s) from None

    def close(self) -> None:
        """Idempotent; what was received of a packet is forgotten."""
        if self._socket is not None:
            hang_up(self._socket)
        self._socket = None
        self._received.clear()
        self._whole_b = 0

    def bulk_read(self, numbytes: int, transport_timeout_s: float) -> bytes:
        """`numbytes` of a packet that is here to its end; less where it ends.

        Raises LinkLost; and of adb-shell's errors TcpTimeoutException, InvalidResponseError for what is no packet.
        """
        deadline = Deadline(transport_timeout_s)
        while missing_b := self._missing_b():
            data = receive(self._open(), max(missing_b, _CHUNK_B), deadline.left_s)
            if data is None:
                raise LinkLost("the device closed the connection")
            if not data:
                raise TcpTimeoutException(f"no packet within {transport_timeout_s:g} s")
            self._received += data
        piece = bytes(self._received[: min(numbytes, self._whole_b)])
        del self._received[: len(piece)]
        self._whole_b -= len(piece)
        return piece

    def bulk_write(self, data: bytes, transport_timeout_s: float) -> int:
        """Send all of it. Raises LinkLost, and LinkTimeout after which the connection is of no use."""
        send_all(self._open(), data, transport_timeout_s)
        return len(data)

    def _open(self) -> socket.socket:
        if self._socket is None:
            raise LinkLost("the connection was closed")
        return self._socket

    def _missing_b(self) -> int:
        """How many bytes the next packet lacks, 0 once it is whole, which is noted. Raises InvalidResponseError."""
        if self._whole_b:
            return 0
        if len(self._received) < _HEADER.size:
            return _HEADER.size - len(self._received)
        command, _, _, payload_b, _, inverted = _HEADER.unpack_from(self._received)
        if command ^ inverted != 0xFFFFFFFF or payload_b > _PAYLOAD_LIMIT_B:
            raise InvalidResponseError("no ADB packet")
        size_b: int = _HEADER.size + payload_b
        if len(self._received) >= size_b:
            self._whole_b = size_b
            self.wants_tls = self.wants_tls or command == _STLS
            if command == _CNXN:
                self.banner = bytes(self._received[_HEADER.size : size_b])
        return max(size_b - len(self._received), 0)

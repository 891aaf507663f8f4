"""Straight to a phone's adbd over TCP, with adb-shell and no adb server.

adb-shell does the connection, the keys and the packets; services, shell_v2 and files are ours, see adb_link. Every
service that is open at the same time has a connection of its own, so that no command waits for a stream, and one that
ends early is hung up on for certain. A connection whose service ended is used again.
"""

import threading
import time
from collections.abc import Callable
from typing import Any, Final

from adb_shell import constants, exceptions
from adb_shell.adb_device import AdbDevice
from adb_shell.adb_message import AdbMessage
from adb_shell.hidden_helpers import _AdbTransactionInfo

from edgewatt.collectors.transports.adb_channel import Deadline
from edgewatt.collectors.transports.adb_errors import TAP, no_adbd, not_allowed, said
from edgewatt.collectors.transports.adb_keys import Keys
from edgewatt.collectors.transports.adb_link import AdbLink, naming
from edgewatt.collectors.transports.adb_socket import PacketSocket
from edgewatt.collectors.transports.link import LinkLost, LinkTimeout
from edgewatt.profiler.errors import DeviceError, UsageError

CONNECT_S: Final = 10.0
# How long the dialog on the phone is waited for.
ALLOW_S: Final = 30.0
# A phone that trusts the key at once, by another's tap or because it asks nobody, needs no word to the user.
TELL_AFTER_S: Final = 1.0
# An acknowledgement is 24 bytes: if they cannot be handed over for so long, there is no connection.
_ACKNOWLEDGE_S: Final = 30.0
# adbd names a connection by the number of its descriptor, and drops a new one unanswered if it still thinks of an old
# one of that name (AOSP adb: register_socket_transport; remembered). Seen once in some 1000 connections to adbd 34.
_TRIES: Final = 4
_RETRY_S: Final = 0.05
# What every adbd takes, and what adb-shell sends.
_SMALLEST_PAYLOAD_B: Final[int] = constants.MAX_LEGACY_ADB_DATA
_LARGEST_PAYLOAD_B: Final[int] = constants.MAX_ADB_DATA
# How one waits for the next packet, whatever it is.
_ANY: Final = [constants.OKAY, constants.WRTE, constants.CLSE]
_BROKEN: Final = (
    exceptions.InvalidChecksumError,
    exceptions.InvalidCommandError,
    exceptions.InvalidResponseError,
)
_LATE: Final = (exceptions.TcpTimeoutException, exceptions.AdbTimeoutError)

Waiting = Callable[[str], None]


def connect(
    host: str,
    port: int,
    *,
    waiting: Waiting | None = None,
    allow_s: float = ALLOW_S,
    connect_s: float = CONNECT_S,
    keys: Keys | None = None,
    tell_after_s: float = TELL_AFTER_S,
) -> AdbLink:
    """A Link to the adbd of HOST:PORT. `waiting` is told what to tap when the phone asks its user about this computer.

    That is in a thread of its own, once the phone has waited for `tell_after_s`. Raises LinkLost if nothing answers
    within `connect_s`, DeviceError if it is no adbd, or the user did not tap within `allow_s`; UsageError for a wrong
    port or a broken key.
    """
    if not 0 < port < 1 << 16:
        raise UsageError(f"{port} is no port: expected 1 to 65535, for adbd mostly 5555")
    direct = _Direct(host, port, _Allowing(waiting, allow_s, tell_after_s, Keys() if keys is None else keys), connect_s)
    direct.warm_up()
    return AdbLink(direct)


class _Allowing:
    """What a phone needs to trust this computer."""

    def __init__(self, waiting: Waiting | None, allow_s: float, tell_after_s: float, keys: Keys) -> None:
        self.waiting, self.allow_s, self.keys = waiting, allow_s, keys
        self.tell_after_s = tell_after_s


class _Dialog:
    """What the phone asks its user: told after a while, and not any more once it is answered."""

    def __init__(self, allowing: _Allowing, name: str) -> None:
        self.asked = False
        self._timer = threading.Timer(allowing.tell_after_s, self._tell, (allowing.waiting, f"{name}: {TAP}"))
        self._timer.daemon = True

    def __call__(self, _: object) -> None:
        """The phone asks."""
        self.asked = True
        self._timer.start()

    def end(self) -> None:
        """It was answered, or nobody waits for it any more."""
        self._timer.cancel()

    @staticmethod
    def _tell(waiting: Waiting | None, text: str) -> None:
        if waiting is not None:
            waiting(text)


class _Direct:
    """See Services."""

    def __init__(self, host: str, port: int, allowing: _Allowing, connect_s: float) -> None:
        self._host, self._port, self._allowing, self._connect_s = host, port, allowing, connect_s
        self._at = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._idle: list[_Connection] = []
        self._closed = False
        self.name = f"adb+tcp://{self._at}"
        self.features: frozenset[str] = frozenset()

    def warm_up(self) -> None:
        """Connect, to see what the device offers."""
        try:
            self._idle.append(self._connect(self._connect_s))
        except LinkTimeout as error:
            raise LinkLost(str(error)) from None

    def open(self, service: bytes, timeout_s: float) -> "_DirectChannel":
        """See Services."""
        deadline = Deadline(timeout_s)
        if self._closed:
            raise LinkLost(f"{self.name}: the connection was closed")
        connection = self._idle.pop() if self._idle else self._connect(min(timeout_s, self._connect_s))
        with naming(self.name):
            return _DirectChannel(connection, service, deadline.left_s, self._take_back)

    def close(self) -> None:
        """See Services."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _take_back(self, connection: "_Connection") -> None:
        if self._closed:
            connection.close()
        else:
            self._idle.append(connection)

    def _connect(self, timeout_s: float) -> "_Connection":
        deadline, tries = Deadline(timeout_s), _TRIES
        while True:
            tries -= 1
            connection = _Connection(self._host, self._port)
            try:
                self._introduce(connection, deadline.left_s)
            except BaseException as error:
                closed = isinstance(error, LinkLost) and connection.socket.is_connected
                connection.close()
                if not (closed and tries and deadline.left_s):
                    raise
                time.sleep(_RETRY_S)
            else:
                self.features = _features(connection.socket.banner)
                return connection

    def _introduce(self, connection: "_Connection", timeout_s: float) -> None:
        dialog = _Dialog(self._allowing, self.name)
        try:
            connection.device.connect(
                rsa_keys=self._allowing.keys,
                transport_timeout_s=timeout_s,
                auth_timeout_s=self._allowing.allow_s,
                read_timeout_s=timeout_s,
                auth_callback=dialog,
            )
        except (*_BROKEN, *_LATE, LinkLost, LinkTimeout) as error:
            if dialog.asked:
                was_late = isinstance(error, (*_LATE, LinkTimeout))
                raise not_allowed(self.name, self._allowing.allow_s if was_late else None) from None
            if isinstance(error, _BROKEN):
                raise no_adbd(self._at, wants_tls=connection.socket.wants_tls) from None
            if isinstance(error, _LATE):
                raise LinkTimeout(f"{self.name} did not answer within {timeout_s:.3g} s") from None
            if connection.socket.is_connected:
                raise type(error)(f"{self.name}: {error}") from None
            raise
        finally:
            dialog.end()


class _Connection:
    """One connection; at most one service at a time is open over it."""

    def __init__(self, host: str, port: int) -> None:
        self.socket = PacketSocket(host, port)
        self.device: Any = AdbDevice(self.socket)
        self._last_id = 0

    @property
    def payload_limit_b(self) -> int:
        """The most that one packet may hold: what the phone takes, up to what adb-shell does."""
        offered_b: int = self.device._maxdata  # noqa: SLF001
        return min(max(offered_b, _SMALLEST_PAYLOAD_B), _LARGEST_PAYLOAD_B)

    def next_id(self) -> int:
        """A number for a service, new on this connection."""
        self._last_id += 1
        return self._last_id

    def send(self, command: bytes, local: int, remote: int, timeout_s: float, data: bytes = b"") -> None:
        """One packet. Raises LinkTimeout, after which the connection is of no use, and LinkLost."""
        message = AdbMessage(command, local, remote, data)
        self.socket.bulk_write(message.pack() + data, timeout_s)

    def receive(self, local: int, remote: int | None, timeout_s: float) -> tuple[bytes, int, bytes] | None:
        """Command, the device's number for the service, and data of its next packet; None if none came in time."""
        info = _AdbTransactionInfo(local, remote, timeout_s, timeout_s)
        try:
            command, number, _, data = self.device._io_manager.read(_ANY, info, allow_zeros=True)  # noqa: SLF001  (has no public name)
        except _LATE:
            return None
        except _BROKEN:
            raise LinkLost("the device sent what is no ADB packet") from None
        return command, number, data

    def close(self) -> None:
        """Hang up, also on a thread that reads."""
        self.socket.close()


class _DirectChannel:
    """See Channel. Raises DeviceError if the phone has no such service."""

    def __init__(
        self, connection: _Connection, service: bytes, timeout_s: float, take_back: Callable[[_Connection], None]
    ) -> None:
        self._connection, self._take_back = connection, take_back
        self._local, self._remote = connection.next_id(), 0
        self._inbox = bytearray()
        self._unacknowledged = self._ended = self._closed = False
        try:
            self._start(service, Deadline(timeout_s))
        except BaseException:
            self.close()
            raise

    def send(self, data: bytes, timeout_s: float) -> None:
        """See Channel. A packet is sent when the one before it was acknowledged."""
        deadline, limit_b = Deadline(timeout_s), self._connection.payload_limit_b
        for at in range(0, len(data), limit_b):
            while self._unacknowledged and not self._ended:
                if not self._take(deadline.left_s) and not deadline.left_s:
                    raise LinkTimeout(f"the device took no data for {timeout_s:g} s")
            if self._ended:
                raise LinkLost("the device ended the transfer")
            self._unacknowledged = True
            part = data[at : at + limit_b]
            self._connection.send(constants.WRTE, self._local, self._remote, deadline.left_s, part)

    def receive(self, timeout_s: float) -> bytes | None:
        """See Channel."""
        deadline = Deadline(timeout_s)
        while not self._inbox and not self._ended:
            if not self._take(deadline.left_s) and not deadline.left_s:
                return b""
        received = bytes(self._inbox)
        self._inbox.clear()
        return received or None

    def close(self) -> None:
        """See Channel."""
        if self._closed:
            return
        self._closed = True
        if self._ended:
            self._take_back(self._connection)
        else:
            self._ended = True
            self._connection.close()

    def _start(self, service: bytes, deadline: Deadline) -> None:
        self._connection.send(constants.OPEN, self._local, 0, deadline.left_s, service + b"\0")
        while (answer := self._connection.receive(self._local, None, deadline.left_s)) is None:
            if not deadline.left_s:
                raise LinkTimeout("the device did not answer in time")
        command, self._remote, _ = answer
        if command != constants.OKAY:
            self._ended = True
            raise DeviceError(f"the phone refuses the service {said(service.partition(b':')[0])!r}")

    def _take(self, timeout_s: float) -> bool:
        """Take in one packet; False if none came."""
        answer = self._connection.receive(self._local, self._remote, timeout_s)
        if answer is None:
            return False
        command, _, data = answer
        if command == constants.OKAY:
            self._unacknowledged = False
            return True
        if command == constants.WRTE:
            self._inbox += data
        else:
            self._ended = True
        self._connection.send(
            constants.OKAY if command == constants.WRTE else constants.CLSE,
            self._local,
            self._remote,
            _ACKNOWLEDGE_S,
        )
        return True


def _features(banner: bytes) -> frozenset[str]:
    """What adbd says it offers: `device::ro.product.name=...;features=shell_v2,cmd,...`."""
    for part in banner.rstrip(b"\0").decode("utf-8", "replace").split(";"):
        _, found, names = part.rpartition("features=")
        if found:
            return frozenset(filter(None, names.split(",")))
    return frozenset()

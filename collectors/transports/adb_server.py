"""To phones through the adb server, which owns the ones on USB and does the pairing of wireless debugging.

adbutils speaks to the server; services, shell_v2 and files are ours, see adb_link. Every service has a connection of
its own to the server, which is on this machine and costs little.
"""

import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from adbutils import AdbConnection, adb_path
from adbutils.errors import AdbError, AdbTimeout

from edgewatt.collectors.transports.adb_channel import Deadline
from edgewatt.collectors.transports.adb_errors import SETTLING, Listed, choose, refused, said, unusable
from edgewatt.collectors.transports.adb_link import AdbLink
from edgewatt.collectors.transports.adb_socket import hang_up, prepare, receive, send_all
from edgewatt.collectors.transports.link import LinkLost, LinkTimeout
from edgewatt.profiler.errors import DeviceError, UsageError

PORT: Final = 5037
# 1.0.39 of 2017: the oldest that adbutils was tried with (its open_transport says so).
OLDEST: Final = 39
# What the server itself may take to answer; it starts in about 2 s (assumed, generously).
_ANSWER_S: Final = 10.0
_START_S: Final = 20.0
# A phone that was just plugged in says so for about a second (assumed, generously).
_SETTLE_S: Final = 5.0
_LOOK_S: Final = 0.2
_CHUNK_B: Final = 1 << 18
_HERE: Final = frozenset({"127.0.0.1", "localhost"})


def address(environ: Mapping[str, str] = os.environ) -> tuple[str, int]:
    """Where the server is, by the variables that adb itself takes (remembered: its client/commandline.cpp).

    ADB_SERVER_SOCKET (tcp:[HOST:]PORT) goes before ANDROID_ADB_SERVER_ADDRESS and ANDROID_ADB_SERVER_PORT. Raises
    UsageError.
    """
    name = "ADB_SERVER_SOCKET"
    if spec := environ.get(name, ""):
        kind, _, rest = spec.partition(":")
        host, _, port = rest.rpartition(":")
        if kind != "tcp":
            raise UsageError(f"cannot use {name}={said(spec)}: expected tcp:PORT or tcp:HOST:PORT")
    else:
        name = "ANDROID_ADB_SERVER_PORT"
        host, port = environ.get("ANDROID_ADB_SERVER_ADDRESS", ""), environ.get(name, "") or str(PORT)
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16):
        raise UsageError(f"cannot use {name}={said(environ[name])}: expected a port, 1 to 65535, mostly {PORT}")
    return host or "127.0.0.1", int(port)


def is_running() -> bool:
    """Whether something listens where the server should; starts none. Raises UsageError as `address` does."""
    try:
        socket.create_connection(address(), timeout=1.0).close()
    except OSError:
        return False
    return True


def version() -> int | None:
    """The running server's version, 41 for 1.0.41; None without a server; starts none. Raises DeviceError."""
    if not is_running():
        return None
    with _asked("host:version", _ANSWER_S) as connection:
        text = connection.read_string_block()
    try:
        return int(text, 16)
    except ValueError:
        raise _no_server(text) from None


def devices() -> list[Listed]:
    """What the server lists, in any state; starts a server as `adb devices` does. Raises DeviceError."""
    _start()
    with _asked("host:devices-l", _ANSWER_S) as connection:
        return _listed(connection.read_string_block())


def connect(serial: str = "") -> AdbLink:
    """A Link to the device of this serial; without one to ANDROID_SERIAL, or the only device.

    Raises LinkLost if it is not there or offline, DeviceError if it may not be used or there are several, or no server
    can be started.
    """
    _start()
    one = _settled(serial or os.environ.get("ANDROID_SERIAL", ""))
    if (error := unusable(one)) is not None:
        raise error
    with _asked(f"host-serial:{one.serial}:features", _ANSWER_S, name=f"adb:{one.serial}") as connection:
        features = connection.read_string_block()
    return AdbLink(_Served(one.serial, frozenset(filter(None, features.strip().split(",")))))


class _Served:
    """See Services."""

    def __init__(self, serial: str, features: frozenset[str]) -> None:
        self._serial, self.name, self.features = serial, f"adb:{serial}", features
        self._closed = False

    def open(self, service: bytes, timeout_s: float) -> "_ServedChannel":
        """See Services."""
        if self._closed:
            raise LinkLost(f"{self.name}: the connection was closed")
        deadline = Deadline(timeout_s)
        with _errors(self.name):
            connection = _Connection(timeout_s)
            try:
                _ask(connection, f"host:transport:{self._serial}".encode())
                connection.conn.settimeout(max(deadline.left_s, 0.001))
                _ask(connection, service)
                prepare(connection.conn)
            except BaseException:
                hang_up(connection.conn)
                raise
        return _ServedChannel(connection.conn)

    def close(self) -> None:
        """See Services: every service has let go of its own connection."""
        self._closed = True


class _ServedChannel:
    """See Channel."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    def send(self, data: bytes, timeout_s: float) -> None:
        """See Channel."""
        send_all(self._socket, data, timeout_s)

    def receive(self, timeout_s: float) -> bytes | None:
        """See Channel."""
        return receive(self._socket, _CHUNK_B, timeout_s)

    def close(self) -> None:
        """See Channel."""
        hang_up(self._socket)


class _Connection(AdbConnection):  # type: ignore[misc]  # adbutils says nothing of its types
    """To a running server, every call with a limit. adbutils would start a server whose output goes to the terminal."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = max(timeout_s, 0.001)  # 0 would be none
        super().__init__(*address())

    def _safe_connect(self) -> socket.socket:
        return socket.create_connection(address(), timeout=self._timeout_s)


def _ask(connection: AdbConnection, request: bytes) -> None:
    connection.conn.sendall(b"%04x" % len(request) + request)
    connection.check_okay()


@contextmanager
def _errors(name: str) -> Iterator[None]:
    """Turn what adbutils raises into our errors. The order matters: its timeout is an AdbError."""
    try:
        yield
    except (AdbTimeout, TimeoutError):
        raise LinkTimeout(f"{name}: the adb server did not answer in time") from None
    except AdbError as error:
        text = str(error)
        if text == "connection closed" or text.endswith("b''"):
            raise LinkLost(f"{name}: the adb server closed the connection") from None
        if text.startswith("Unknown data"):
            raise _no_server(text) from None
        raise refused(name, text) from None
    except (OSError, ValueError, EOFError) as error:
        raise LinkLost(f"{name}: the adb server on {_where()} went away ({said(str(error))})") from None


@contextmanager
def _asked(request: str, timeout_s: float, name: str = "adb") -> Iterator[AdbConnection]:
    """A connection to a running server over which it agreed to answer; closed without adbutils' pause of 10 ms."""
    with _errors(name):
        connection = _Connection(timeout_s)
        try:
            _ask(connection, request.encode())
            yield connection
        finally:
            hang_up(connection.conn)


def _listed(text: str) -> list[Listed]:
    """The lines of host:devices-l: serial, state, key:value pairs; "no permissions (...)" is a state of many words."""
    found = []
    for line in text.splitlines():
        serial, _, rest = line.strip().partition(" ")
        words = rest.split()
        pairs = next((at for at, word in enumerate(words) if at and _is_pair(word)), len(words))
        if serial and words:
            found.append(Listed(serial, " ".join(words[:pairs]), " ".join(words[pairs:])))
    return found


def _is_pair(word: str) -> bool:
    return word.partition(":")[0] in {"usb", "product", "model", "device", "features", "transport_id"}


def _settled(serial: str) -> Listed:
    """The device, once it is no longer about to become something else."""
    deadline = Deadline(_SETTLE_S)
    while True:
        one = choose(serial, devices())
        if one.state not in SETTLING or not deadline.left_s:
            return one
        time.sleep(_LOOK_S)


def _start() -> None:
    """Have a server that is new enough. Raises DeviceError."""
    found = version()
    if found is None:
        _launch()
        found = version()
    if found is None:
        raise LinkLost(f"the adb server on {_where()} went away; try again")
    if found < OLDEST:
        raise DeviceError(
            f"the adb server on {_where()} is version 1.0.{found}; expected 1.0.{OLDEST} or newer: update "
            "platform-tools, then `adb kill-server`"
        )


def _launch() -> None:
    host, port = address()
    if host not in _HERE:
        raise LinkLost(f"no adb server answers on {_where()}; start it there, or unset ANDROID_ADB_SERVER_ADDRESS")
    try:
        adb = adb_path()
    except AdbError:
        raise DeviceError(
            "there is no adb on this host: install platform-tools (Debian: `apt install adb`), or edgewatt with pip, "
            "whose adbutils brings one for most machines"
        ) from None
    # A file, not a pipe: the server that stays may keep it open.
    with tempfile.TemporaryFile() as output:
        try:
            done = subprocess.run(
                [adb, "-P", str(port), "start-server"],
                check=False,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=_START_S,
                start_new_session=True,
            )
            reason = "" if done.returncode == 0 else f"exit code {done.returncode}"
        except (OSError, subprocess.TimeoutExpired) as error:
            reason = said(str(error))
        if reason or not is_running():
            output.seek(0)
            lines = [line for line in output.read(1 << 16).splitlines() if line.strip() and not line.startswith(b"* ")]
            reason = said(lines[0]) if lines else reason or "it did not stay"
            raise DeviceError(f"cannot start the adb server on {_where()}: {reason}; try `{adb} start-server` yourself")


def _where() -> str:
    return ":".join(map(str, address()))


def _no_server(text: str) -> DeviceError:
    return DeviceError(
        f"what answers on {_where()} is no adb server (it said {said(text)!r}); stop it, or set ANDROID_ADB_SERVER_PORT"
    )

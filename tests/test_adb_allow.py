"""A phone that asks its user about this computer, scripted packet by packet over a real socket.

The packets are written out from AOSP's protocol.txt, and the signature is checked with an independent library.
"""

import base64
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils

from edgewatt.collectors.transports import adb_direct
from edgewatt.collectors.transports.adb_keys import Keys
from edgewatt.collectors.transports.link import LinkLost
from edgewatt.profiler.errors import DeviceError, UsageError

LONG_S = 20.0
TOKEN, SIGNATURE, PUBLIC = 1, 2, 3
CHALLENGE = bytes(range(20))
BANNER = b"device::ro.product.model=Made up;features=shell_v2,cmd"


class Phone:
    """The phone's end of one connection."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def send(self, command: bytes, first: int, data: bytes = b"") -> None:
        number = int.from_bytes(command, "little")
        header = struct.pack("<6I", number, first, 1 << 20, len(data), sum(data) & 0xFFFFFFFF, number ^ 0xFFFFFFFF)
        self._sock.sendall(header + data)

    def receive(self) -> tuple[bytes, int, bytes]:
        number, first, _, size_b, _, _ = struct.unpack("<6I", self._exactly(24))
        return number.to_bytes(4, "little"), first, self._exactly(size_b)

    def hears_nothing(self) -> bool:
        """Whether the other side hangs up without another word."""
        return self._sock.recv(1) == b""

    def _exactly(self, size_b: int) -> bytes:
        data = b""
        while len(data) < size_b:
            more = self._sock.recv(size_b - len(data))
            assert more, "the connection ended"
            data += more
        return data


@contextmanager
def phone(script: Callable[[Phone], None]) -> Iterator[int]:
    """Serves one connection by the script; its port. What the script raises is raised here."""
    raised: list[BaseException] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(LONG_S)

        def serve() -> None:
            try:
                connection, _ = listener.accept()
                with connection:
                    connection.settimeout(LONG_S)
                    script(Phone(connection))
            except BaseException as error:  # noqa: BLE001
                raised.append(error)

        server = threading.Thread(target=serve)
        server.start()
        yield int(listener.getsockname()[1])
        server.join(LONG_S)
    if raised:
        raise raised[0]


def signed_by(phone_end: Phone, folder: Path) -> bool:
    """Ask for a signature; whether it is that of the folder's key."""
    phone_end.send(b"AUTH", TOKEN, CHALLENGE)
    command, kind, signature = phone_end.receive()
    assert (command, kind) == (b"AUTH", SIGNATURE)
    private = serialization.load_pem_private_key((folder / "adbkey").read_bytes(), password=None)
    assert isinstance(private, rsa.RSAPrivateKey)
    try:
        private.public_key().verify(signature, CHALLENGE, padding.PKCS1v15(), utils.Prehashed(hashes.SHA1()))
    except InvalidSignature:
        return False
    return True


def test_a_phone_that_knows_the_key_is_connected_without_a_word(tmp_path: Path) -> None:
    told: list[str] = []

    def script(end: Phone) -> None:
        assert end.receive()[0] == b"CNXN"
        assert signed_by(end, tmp_path)
        end.send(b"CNXN", 0x01000000, BANNER)
        assert end.hears_nothing()

    with phone(script) as port:
        link = adb_direct.connect("127.0.0.1", port, keys=Keys(tmp_path, {}), waiting=told.append)
        assert link.features == {"shell_v2", "cmd"}
        link.close()
    assert told == []


def test_the_user_is_told_what_to_tap_and_then_it_is_connected(tmp_path: Path) -> None:
    told: list[str] = []
    is_told = threading.Event()

    def tell(text: str) -> None:
        told.append(text)
        is_told.set()

    def script(end: Phone) -> None:
        end.receive()
        signed_by(end, tmp_path)
        end.send(b"AUTH", TOKEN, CHALLENGE)
        command, kind, public = end.receive()
        assert (command, kind, public[-1:]) == (b"AUTH", PUBLIC, b"\0")
        assert len(base64.b64decode(public.split()[0])) == 524
        assert is_told.wait(LONG_S), "the user is told while the dialog waits"
        end.send(b"CNXN", 0x01000000, BANNER)
        assert end.hears_nothing()

    with phone(script) as port:
        adb_direct.connect("127.0.0.1", port, keys=Keys(tmp_path, {}), waiting=tell, tell_after_s=0.01).close()
    assert len(told) == 1
    assert "tap Allow" in told[0]


def test_a_phone_that_says_yes_at_once_needs_no_word_to_its_user(tmp_path: Path) -> None:
    told: list[str] = []

    def script(end: Phone) -> None:
        end.receive()
        signed_by(end, tmp_path)
        end.send(b"AUTH", TOKEN, CHALLENGE)
        assert end.receive()[1] == PUBLIC
        end.send(b"CNXN", 0x01000000, BANNER)
        assert end.hears_nothing()

    with phone(script) as port:
        adb_direct.connect("127.0.0.1", port, keys=Keys(tmp_path, {}), waiting=told.append, tell_after_s=LONG_S).close()
    assert told == []


def test_a_user_who_does_not_tap_is_told_what_to_do(tmp_path: Path) -> None:
    def script(end: Phone) -> None:
        end.receive()
        signed_by(end, tmp_path)
        end.send(b"AUTH", TOKEN, CHALLENGE)
        end.receive()
        assert end.hears_nothing()

    with phone(script) as port, pytest.raises(DeviceError) as raised:
        adb_direct.connect("127.0.0.1", port, keys=Keys(tmp_path, {}), allow_s=0.05)
    assert not isinstance(raised.value, LinkLost)
    message = str(raised.value)
    assert f"adb+tcp://127.0.0.1:{port} does not allow this computer yet (waited 0.05 s): unlock the phone" in message
    assert (tmp_path / "adbkey").read_text().splitlines()[1] not in message


def test_a_phone_that_needs_no_key_makes_none(tmp_path: Path) -> None:
    def script(end: Phone) -> None:
        end.receive()
        end.send(b"CNXN", 0x01000000, b"device::\0")
        assert end.hears_nothing()

    with phone(script) as port:
        link = adb_direct.connect("127.0.0.1", port, keys=Keys(tmp_path / "none", {}))
        assert link.features == frozenset()
        link.close()
    assert list(tmp_path.iterdir()) == []


def test_a_broken_key_is_named_and_the_connection_closed(tmp_path: Path) -> None:
    (tmp_path / "adbkey").write_bytes(b"not a key")

    def script(end: Phone) -> None:
        end.receive()
        end.send(b"AUTH", TOKEN, CHALLENGE)
        assert end.hears_nothing()

    with phone(script) as port, pytest.raises(UsageError, match="is no private key"):
        adb_direct.connect("127.0.0.1", port, keys=Keys(tmp_path, {}))

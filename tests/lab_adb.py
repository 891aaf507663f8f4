"""A client of ADB's wire that says exactly what a test wants, a key, and a runner that needs no phone."""

import os
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple, Protocol

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA1

from edgewatt.virtual_lab.adb import Banner, Launch
from edgewatt.virtual_lab.adb.keys import PublicKey, format_public_key

BANNER = Banner("oriole", "Pixel 6", "oriole")
OLD_BANNER = Banner("hammerhead", "Nexus 5", "hammerhead", (), 0x01000000, 4096)
NEW, OLD = 0x01000001, 0x01000000


def plain_runner(command: str, environment: Mapping[str, str], cwd: str) -> Launch:
    """This machine's own shell, where it stands."""
    shell = ["/bin/sh", "-c", command] if command else ["/bin/sh", "-i"]
    return Launch(shell, {**environment, "PATH": os.environ["PATH"], "PS1": "$ "}, Path(cwd))


@cache
def key(number: int = 0) -> rsa.RSAPrivateKey:
    """One of a few keys, made when first asked for."""
    del number
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public(number: int = 0, comment: str = "tester@desk") -> PublicKey:
    numbers = key(number).public_key().public_numbers()
    return PublicKey(numbers.n, numbers.e, comment)


def public_line(number: int = 0) -> bytes:
    return format_public_key(public(number))


def sign(token: bytes, number: int = 0) -> bytes:
    return key(number).sign(token, padding.PKCS1v15(), Prehashed(SHA1()))


class Said(NamedTuple):
    """A packet that the device sent."""

    command: str
    arg0: int
    arg1: int
    payload: bytes
    checksum: int


@dataclass
class Client:
    """A connection. It checks nothing: the tests do."""

    socket: socket.socket
    version: int = NEW

    def send(
        self, command: str, arg0: int = 0, arg1: int = 0, payload: bytes = b"", checksum: int | None = None
    ) -> None:
        word = int.from_bytes(command.encode(), "little")
        check = sum(payload) & 0xFFFFFFFF if checksum is None else checksum
        head = struct.pack("<6I", word, arg0, arg1, len(payload), check, word ^ 0xFFFFFFFF)
        self.socket.sendall(head + payload)

    def hear(self) -> Said | None:
        """The next packet, or None if the device closed or broke the connection."""
        head = self._exactly(24)
        if head is None:
            return None
        word, arg0, arg1, length, checksum, magic = struct.unpack("<6I", head)
        assert magic == word ^ 0xFFFFFFFF
        payload = self._exactly(length)
        return None if payload is None else Said(word.to_bytes(4, "little").decode(), arg0, arg1, payload, checksum)

    def hear_of(self, command: str, local_id: int) -> Said:
        """The next packet of this kind for that stream; others are passed over."""
        while (said := self.hear()) is not None:
            if (said.command, said.arg1) == (command, local_id):
                return said
        raise ConnectionError(f"closed before {command}")

    def greet(self, maxdata_b: int = 1 << 20, number: int = 0) -> Said:
        """CNXN, the key, and the banner that comes back."""
        self.send("CNXN", self.version, maxdata_b, b"host::\0")
        assert (said := self.hear()) is not None
        assert (said.command, said.arg0, len(said.payload)) == ("AUTH", 1, 20)
        self.send("AUTH", 3, 0, public_line(number) + b"\0")
        welcome = self.hear()
        assert welcome is not None
        assert welcome.command == "CNXN"
        return welcome

    def open(self, service: bytes, local_id: int = 1) -> int:
        """The device's id of the stream that runs a service."""
        self.send("OPEN", local_id, 0, service + b"\0")
        return self.hear_of("OKAY", local_id).arg0

    def read_all(self, local_id: int = 1) -> bytes:
        """All of a stream up to CLSE, acknowledged piece by piece."""
        data = b""
        while (said := self.hear()) is not None:
            if said.arg1 == local_id and said.command == "WRTE":
                data += said.payload
                self.send("OKAY", local_id, said.arg0)
            if said.arg1 == local_id and said.command == "CLSE":
                return data
        raise ConnectionError("closed within a stream")

    def run(self, service: bytes, local_id: int = 1, stdin: bytes = b"") -> bytes:
        remote_id = self.open(service, local_id)
        if stdin:
            self.send("WRTE", local_id, remote_id, stdin)
        return self.read_all(local_id)

    def close(self) -> None:
        self.socket.close()

    def _exactly(self, size_b: int) -> bytes | None:
        data = bytearray()
        while len(data) < size_b:
            try:
                got = self.socket.recv(size_b - len(data))
            except ConnectionError:
                return None
            if not got:
                return None
            data += got
        return bytes(data)


class Dial(Protocol):
    def __call__(self, port: int, version: int = NEW, timeout_s: float = 10.0) -> Client: ...


def connect(port: int, version: int = NEW, timeout_s: float = 10.0) -> Client:
    client = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Client(client, version)

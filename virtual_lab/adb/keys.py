"""Who may connect: adb's public keys, the signature of a token, and the keys that a device knows.

A key is a line: base64 of a structure made for 32-bit phones, a space and a comment (AOSP,
libcrypto_utils/android_pubkey.cpp). The structure: number of words in the modulus, -1/n mod 2^32, the modulus, R^2
mod n with R = 2^2048, the exponent; all little-endian.
"""

import base64
import binascii
import struct
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA1

TOKEN_B: Final = 20
MODULUS_B: Final = 256
_STRUCTURE: Final = struct.Struct(f"<II{MODULUS_B}s{MODULUS_B}sI")
_EXPONENTS: Final = (3, 65537)
_LINE_LIMIT_B: Final = 4096
_FILE_LIMIT_B: Final = 1 << 20

Approve = Literal["auto", "never"] | Path


class KeyFormatError(ValueError):
    """What should be an adb public key is none."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An RSA key of 2048 bits; two keys with different comments are the same key."""

    modulus: int
    exponent: int
    comment: str = field(default="", compare=False)

    def verifies(self, token: bytes, signature: bytes) -> bool:
        """Whether `signature` (PKCS#1 v1.5 with SHA-1, the token standing where the digest goes) is this key's."""
        try:
            key = RSAPublicNumbers(self.exponent, self.modulus).public_key()
            key.verify(signature, token, padding.PKCS1v15(), Prehashed(SHA1()))  # noqa: S303  (adb's own choice)
        except (InvalidSignature, ValueError):
            return False
        return True


def parse_public_key(line: bytes) -> PublicKey:
    """The key in one line, which may end in NUL or a newline. Raises KeyFormatError."""
    if len(line) > _LINE_LIMIT_B:
        raise KeyFormatError(f"{len(line)} bytes are no adb public key; one has about 720")
    text, _, comment = line.rstrip(b"\0\r\n ").partition(b" ")
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise KeyFormatError(f"{text[:24]!r}... is no base64 ({error}); expected a line of an adbkey.pub") from None
    if len(data) != _STRUCTURE.size:
        raise KeyFormatError(f"the key holds {len(data)} bytes; one of 2048 bits has {_STRUCTURE.size}")
    words, inverse, modulus_bytes, square_bytes, exponent = _STRUCTURE.unpack(data)
    modulus, square = int.from_bytes(modulus_bytes, "little"), int.from_bytes(square_bytes, "little")
    if words != MODULUS_B // 4 or exponent not in _EXPONENTS:
        raise KeyFormatError(
            f"{words} words and exponent {exponent}; expected {MODULUS_B // 4} and one of {_EXPONENTS}"
        )
    if modulus.bit_length() != MODULUS_B * 8 or modulus % 2 == 0:
        raise KeyFormatError("the modulus is no odd number of 2048 bits")
    if inverse * modulus % (1 << 32) != (1 << 32) - 1 or square != pow(2, 2 * MODULUS_B * 8, modulus):
        raise KeyFormatError("the numbers that go with the modulus do not belong to it: the key is damaged")
    return PublicKey(modulus, exponent, comment.decode(errors="replace"))


def format_public_key(key: PublicKey) -> bytes:
    """The line that `parse_public_key` reads."""
    modulus = key.modulus
    data = _STRUCTURE.pack(
        MODULUS_B // 4,
        -pow(modulus, -1, 1 << 32) % (1 << 32),
        modulus.to_bytes(MODULUS_B, "little"),
        pow(2, 2 * MODULUS_B * 8, modulus).to_bytes(MODULUS_B, "little"),
        key.exponent,
    )
    return base64.b64encode(data) + b" " + key.comment.encode()


def read_keys(path: Path) -> list[PublicKey]:
    """The keys of a file, one a line, empty lines and '#' lines aside. Raises OSError, KeyFormatError."""
    with path.open("rb") as file:
        data = file.read(_FILE_LIMIT_B + 1)
    if len(data) > _FILE_LIMIT_B:
        raise KeyFormatError(f"{path} is longer than {_FILE_LIMIT_B} bytes; expected one adb public key per line")
    keys = []
    for number, line in enumerate(data.splitlines(), 1):
        if line.strip() and not line.startswith(b"#"):
            try:
                keys.append(parse_public_key(line.strip()))
            except KeyFormatError as error:
                raise KeyFormatError(f"{path}, line {number}: {error}") from None
    return keys


class Approval:
    """The keys that a device knows. `auto` takes a new one at once, as a tap would; else nobody taps."""

    def __init__(self, approve: Approve) -> None:
        if isinstance(approve, str) and approve not in ("auto", "never"):
            raise ValueError(f"approve={approve!r}: expected 'auto', 'never' or the Path of a file of keys")
        self._taps = approve == "auto"
        self._known: list[PublicKey] = read_keys(approve) if isinstance(approve, Path) else []
        self._lock = threading.Lock()

    @property
    def known(self) -> tuple[PublicKey, ...]:
        """The keys that need no tap any more."""
        with self._lock:
            return tuple(self._known)

    def signed(self, token: bytes, signature: bytes) -> bool:
        """Whether one of the known keys signed the token."""
        return any(key.verifies(token, signature) for key in self.known)

    def offered(self, line: bytes) -> bool:
        """Whether the key that a client offers is let in; if so it is known from now on."""
        try:
            key = parse_public_key(line)
        except KeyFormatError:
            return False
        with self._lock:
            if self._taps and key not in self._known:
                self._known.append(key)
            return self._taps

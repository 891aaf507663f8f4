"""The RSA keys by which a phone knows this computer: those that adb itself uses, made when there are none.

Places as in AOSP client/auth.cpp (remembered): ~/.android/adbkey, and the files, or folders of *.adb_key files, in
ANDROID_VENDOR_KEYS. They are read, or made, only once a phone asks for one. A key is never part of a message.
"""

import base64
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Final, overload

from adb_shell.auth.keygen import encode_pubkey, get_user_info, keygen
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa, utils

from edgewatt.profiler.errors import UsageError

NAME: Final = "adbkey"
# What the phone's format has room for (AOSP libcrypto_utils/android_pubkey.c).
BITS: Final = 2048


class Key:
    """One key as adb-shell wants it; the method names are its."""

    def __init__(self, path: Path) -> None:
        """Raises UsageError if there is no such key at `path`."""
        try:
            private = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except OSError as error:
            raise UsageError(
                f"cannot read the adb key {path}: {error.strerror or error}; expected a file that you own"
            ) from None
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise UsageError(
                f"{path} is no private key as adb writes them; move it away and a new one is made, which the phone "
                "then has to allow"
            ) from None
        if not isinstance(private, rsa.RSAPrivateKey) or private.key_size != BITS:
            raise UsageError(f"{path} is no RSA key of {BITS} bits, as adb writes them; move it away")
        self._private, self._path = private, path

    def Sign(self, data: bytes) -> bytes:  # noqa: N802
        """The signature of a phone's token, which takes the place of a SHA-1 sum."""
        # The protocol's choice, not ours.
        return self._private.sign(data, padding.PKCS1v15(), utils.Prehashed(hashes.SHA1()))  # noqa: S303

    def GetPublicKey(self) -> bytes:  # noqa: N802
        """The public half in the phone's format, and who made it."""
        who: str = get_user_info()
        return base64.b64encode(encode_pubkey(str(self._path))) + who.encode()


class Keys(Sequence[Key]):
    """The keys of this user, looked for when they are first used. Then raises UsageError on one that is broken."""

    def __init__(self, folder: Path | None = None, environ: Mapping[str, str] = os.environ) -> None:
        self._folder, self._environ = folder, environ

    @cached_property
    def _keys(self) -> list[Key]:
        folder = self._folder or Path("~/.android").expanduser()
        own = folder / NAME
        if not own.exists():
            make(folder)
        return [Key(path) for path in (own, *_vendor_keys(self._environ.get("ANDROID_VENDOR_KEYS", "")))]

    def __len__(self) -> int:
        return len(self._keys)

    @overload
    def __getitem__(self, index: int) -> Key: ...
    @overload
    def __getitem__(self, index: slice) -> list[Key]: ...
    def __getitem__(self, index: int | slice) -> Key | list[Key]:
        return self._keys[index]


def make(folder: Path) -> None:
    """A key of one's own there: folder 0700, key 0600. One that somebody else makes meanwhile stays."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".adbkey.", dir=folder) as private:
            made = Path(private) / NAME
            keygen(str(made))
            made.chmod(0o600)
            with suppress(FileExistsError):
                os.link(made, folder / NAME)
                made.with_suffix(".pub").replace(folder / f"{NAME}.pub")
    except OSError as error:
        raise UsageError(
            f"cannot make an adb key in {folder}: {error.strerror or error}; expected a folder that you may write, or "
            "run `adb devices` once, which makes one"
        ) from None


def _vendor_keys(places: str) -> list[Path]:
    found: list[Path] = []
    for place in filter(None, places.split(":")):
        path = Path(place)
        found += sorted(path.glob("*.adb_key")) if path.is_dir() else [path]
    return found

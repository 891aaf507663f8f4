"""Keys: found where adb keeps them, made private, verified by an independent library, never part of a message."""

import stat
from pathlib import Path

import pytest
from adb_shell.auth.keygen import decode_pubkey, keygen
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from edgewatt.collectors.transports.adb_keys import Key, Keys, make
from edgewatt.profiler.errors import UsageError

TOKEN = bytes(range(20))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a key that adb-shell's own keygen made."""
    folder = tmp_path_factory.mktemp("keys")
    keygen(str(folder / "adbkey"))
    return folder


def public(path: Path) -> rsa.RSAPublicKey:
    private = serialization.load_pem_private_key(path.read_bytes(), password=None)
    assert isinstance(private, rsa.RSAPrivateKey)
    return private.public_key()


def test_a_missing_key_is_made_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "home" / ".android"
    keys = Keys(folder, {})
    assert not folder.exists(), "nothing is made before a phone asks"
    assert len(keys) == 1
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "adbkey").stat().st_mode) == 0o600
    assert sorted(path.name for path in folder.iterdir()) == ["adbkey", "adbkey.pub"]
    assert (folder / "adbkey.pub").read_bytes() == keys[0].GetPublicKey()


def test_a_key_that_is_there_is_used_and_left_alone(made: Path) -> None:
    before = (made / "adbkey").read_bytes()
    key = Keys(made, {})[0]
    assert (made / "adbkey").read_bytes() == before
    assert key.GetPublicKey().split()[0] == (made / "adbkey.pub").read_bytes().split()[0]
    public(made / "adbkey").verify(key.Sign(TOKEN), TOKEN, padding.PKCS1v15(), utils.Prehashed(hashes.SHA1()))


def test_the_public_half_is_in_the_phones_format(made: Path) -> None:
    decode_pubkey(Key(made / "adbkey").GetPublicKey().split()[0])


def test_the_public_file_is_not_needed(made: Path, tmp_path: Path) -> None:
    (tmp_path / "adbkey").write_bytes((made / "adbkey").read_bytes())
    assert Keys(tmp_path, {})[0].GetPublicKey() == Key(made / "adbkey").GetPublicKey()


def test_a_key_made_meanwhile_by_somebody_else_stays(made: Path) -> None:
    before = [(made / name).read_bytes() for name in ("adbkey", "adbkey.pub")]
    make(made)
    assert [(made / name).read_bytes() for name in ("adbkey", "adbkey.pub")] == before
    assert sorted(path.name for path in made.iterdir()) == ["adbkey", "adbkey.pub"]


def test_vendor_keys_are_files_or_folders_of_them(made: Path, tmp_path: Path) -> None:
    for name in ("one.adb_key", "two.adb_key", "readme.txt"):
        (tmp_path / name).write_bytes((made / "adbkey").read_bytes())
    places = f"{tmp_path}:{made / 'adbkey'}:"
    assert len(Keys(made, {"ANDROID_VENDOR_KEYS": places})) == 1 + 2 + 1


@pytest.mark.parametrize(
    "content",
    [b"", b"\0\xff" * 100, b"-----BEGIN PRIVATE KEY-----\nQUJD\n-----END PRIVATE KEY-----\n", b"QAAAAA user@host"],
)
def test_a_broken_key_is_named_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "adbkey").write_bytes(content)
    with pytest.raises(UsageError, match=r"adbkey is no private key as adb writes them; move it away") as raised:
        len(Keys(tmp_path, {}))
    assert "\n" not in str(raised.value)


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    for name, key in (
        ("curve", ec.generate_private_key(ec.SECP256R1())),
        ("long", rsa.generate_private_key(65537, 3072)),
    ):
        path = tmp_path / name
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        with pytest.raises(UsageError, match="no RSA key of 2048 bits"):
            Key(path)


def test_an_encrypted_key_is_refused_and_not_shown(made: Path, tmp_path: Path) -> None:
    private = serialization.load_pem_private_key((made / "adbkey").read_bytes(), password=None)
    path = tmp_path / "adbkey"
    path.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    with pytest.raises(UsageError) as raised:
        Key(path)
    assert path.read_text().splitlines()[1] not in str(raised.value)


def test_a_key_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "adbkey").mkdir()
    with pytest.raises(UsageError, match=r"cannot read the adb key .*adbkey: Is a directory"):
        len(Keys(tmp_path, {}))


def test_a_home_that_takes_no_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match=r"cannot make an adb key in .*file/\.android: Not a directory"):
        len(Keys(tmp_path / "file" / ".android", {}))


def test_a_missing_vendor_key_is_named(made: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read the adb key .*absent: No such file"):
        len(Keys(made, {"ANDROID_VENDOR_KEYS": str(tmp_path / "absent")}))

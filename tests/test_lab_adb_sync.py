"""Files of the virtual phone: what sync says, word for word, and that no path leads out."""

import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.virtual_lab.adb import AdbDevice, Faults, serve
from edgewatt.virtual_lab.adb.files import Files
from tests.lab_adb import BANNER, OLD, OLD_BANNER, Dial, plain_runner

pytest_plugins = ["tests.lab_adb_fixtures"]

Sync = Callable[[bytes], bytes]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tree = tmp_path / "phone"
    (tree / "data/local/tmp").mkdir(parents=True)
    (tmp_path / "secret").write_text("not the phone's")
    return tree


@pytest.fixture
def device(root: Path) -> Iterator[AdbDevice]:
    with serve(BANNER, plain_runner, root) as served:
        yield served


@pytest.fixture
def sync(dial: Dial, device: AdbDevice) -> Sync:
    """Sends these bytes on a sync stream of its own, and gives what the phone says until it closes."""
    client = dial(device.port)
    client.greet()
    return lambda data: client.run(b"sync:", 1, data)


def asked(word: bytes, path: bytes) -> bytes:
    return word + struct.pack("<I", len(path)) + path


def sent(*pieces: bytes, mtime_s: int = 1_600_000_000) -> bytes:
    return b"".join(asked(b"DATA", piece) for piece in pieces) + b"DONE" + struct.pack("<I", mtime_s)


def failed(text: bytes) -> bytes:
    return asked(b"FAIL", text)


QUIT = asked(b"QUIT", b"")
OKAY = asked(b"OKAY", b"")
DONE = asked(b"DONE", b"")
NOTHING = b"STAT" + bytes(12)


def test_file_goes_there_and_back(root: Path, sync: Sync) -> None:
    content = bytes(range(256)) * 1000
    pieces = [content[start : start + 65536] for start in range(0, len(content), 65536)]
    assert sync(asked(b"SEND", b"/data/local/tmp/a,33188") + sent(*pieces) + QUIT) == OKAY
    there = root / "data/local/tmp/a"
    assert there.read_bytes() == content
    assert (there.stat().st_mode, there.stat().st_mtime) == (0o100666, 1_600_000_000), (
        "as adbd spreads the owner's bits"
    )
    back = b"".join(asked(b"DATA", piece) for piece in pieces) + DONE
    assert sync(asked(b"RECV", b"/data/local/tmp/a") + QUIT) == back
    stat = b"STAT" + struct.pack("<III", 0o100666, len(content), 1_600_000_000)
    assert sync(asked(b"STAT", b"/data/local/tmp/a") + asked(b"STAT", b"/nope") + QUIT) == stat + NOTHING


def test_version_2_says_the_same_with_more(root: Path, sync: Sync) -> None:
    setup = b"SND2" + struct.pack("<II", 0o100755, 0)
    said = sync(
        asked(b"SND2", b"/new/deep/a")
        + setup
        + sent(b"hello")
        + asked(b"RCV2", b"/new/deep/a")
        + b"RCV2"
        + bytes(4)
        + asked(b"STA2", b"/new/deep/a")
        + asked(b"LST2", b"/nope")
        + QUIT
    )
    found = (root / "new/deep/a").stat()
    assert said.startswith(OKAY + asked(b"DATA", b"hello") + DONE)
    first, second = said[-144:-72], said[-72:]
    assert struct.unpack("<4sIQQIIIIQqqq", first)[:10] == (
        *(b"STA2", 0, found.st_dev, found.st_ino, 0o100777, 1, 2000, 2000, 5),
        int(found.st_atime),
    )
    assert second == b"LST2" + struct.pack("<I", 2) + bytes(64)
    assert sync(asked(b"RCV2", b"/new/deep/a") + b"RCV2" + b"\x01\0\0\0") == failed(b"unknown flags: 1")


def test_lists(root: Path, sync: Sync) -> None:
    (root / "data/b").write_text("12345")
    (root / "data/b").chmod(0o640)
    os.utime(root / "data/b", (5, 5))
    (root / "data/link").symlink_to("b")
    said = sync(asked(b"LIST", b"/data") + QUIT)
    names = []
    while said[:4] == b"DENT":
        length = struct.unpack_from("<I", said, 16)[0]
        names.append((said[20 : 20 + length], *struct.unpack_from("<II", said, 4)))
        said = said[20 + length :]
    assert said == b"DONE" + bytes(16)
    assert [name for name, *_ in names] == [b".", b"..", b"b", b"link", b"local"]
    assert names[2] == (b"b", 0o100640, 5)
    assert names[3][1] == 0o120777
    said = sync(asked(b"LIS2", b"/data/b") + asked(b"LIS2", b"/data/local") + asked(b"LIST", b"/nope") + QUIT)
    assert said.startswith(b"DONE" + bytes(72) + b"DNT2")
    assert said.endswith(struct.pack("<I", 3) + b"tmp" + b"DONE" + bytes(72) + b"DONE" + bytes(16))


@pytest.mark.parametrize(
    ("request_", "text"),
    [
        (asked(b"RECV", b"/nope"), b"open failed: No such file or directory"),
        (asked(b"RECV", b"/data"), b"read failed: Is a directory"),
        (asked(b"RECV", b"/data/shut"), b"open failed: Permission denied"),
        (asked(b"RECV", b"/data/loop"), b"open failed: Too many levels of symbolic links"),
        (asked(b"SEND", b"/data,33188") + sent(b"x"), b"couldn't create file: Is a directory"),
        (asked(b"SEND", b"/data/plain/x,33188") + sent(b"x"), b"couldn't create file: Not a directory"),
        (asked(b"SEND", b"/sys/x,33188") + sent(b"x", b"y"), b"couldn't create file: Permission denied"),
        (asked(b"SEND", b"/sys/x/y,33188") + sent(b"x"), b"secure_mkdirs failed: Permission denied"),
        (asked(b"SEND", b"/x") + sent(b"x"), b"missing , in ID_SEND_V1"),
        (asked(b"SEND", b"/x,33188") + b"JUNK\5\0\0\0DONE\0\0\0\0", b"invalid data message"),
        (asked(b"SEND", b"/x,33188") + sent(bytes(65537)), b"oversize data message"),
        (asked(b"NONE", b"/x"), b"unknown command 454e4f4e"),
        (asked(b"STAT", b"/" * 1025), b"path too long"),
    ],
)
def test_errors_are_worded_as_adbd_words_them(root: Path, sync: Sync, request_: bytes, text: bytes) -> None:
    (root / "data/shut").write_text("x")
    (root / "data/shut").chmod(0)
    (root / "data/plain").write_text("x")
    (root / "data/loop").symlink_to("loop")
    (root / "sys").mkdir(0o555)
    assert sync(request_) == failed(text)
    assert not (root / "x").exists(), "what failed leaves nothing behind"


@pytest.mark.parametrize(
    "path",
    [
        b"/../secret",
        b"/data/../../secret",
        b"/out/secret",
        b"/up/secret",
        b"/here/../../secret",
        b"secret",
        b"",
        b"/a\0b/..",
    ],
)
def test_no_path_leads_out(root: Path, tmp_path: Path, sync: Sync, path: bytes) -> None:
    (root / "out").symlink_to(tmp_path)
    (root / "up").symlink_to("../../../../../../" + str(tmp_path))
    (root / "here").symlink_to("data")
    assert sync(asked(b"LIST", b"/out") + QUIT) == b"DONE" + bytes(16)
    said = sync(asked(b"RECV", path))
    assert said in {failed(b"open failed: Permission denied"), failed(b"open failed: No such file or directory")}
    sync(asked(b"SEND", path + b",33188") + sent(b"pwned") + QUIT)
    assert (tmp_path / "secret").read_text() == "not the phone's"


def test_links_are_followed_as_the_phone_sees_them(root: Path, sync: Sync) -> None:
    (root / "data/real").write_text("real")
    (root / "absolute").symlink_to("/data")
    (root / "by_host").symlink_to(root / "data")
    (root / "data/local/up").symlink_to("../../data/real")
    for path in (b"/absolute/real", b"/by_host/real", b"/data/local/up"):
        assert sync(asked(b"RECV", path) + QUIT) == asked(b"DATA", b"real") + DONE
    link = asked(b"SEND", b"/made/link,41471") + sent(b"/data/real\0") + asked(b"RECV", b"/made/link") + QUIT
    assert sync(link) == OKAY + asked(b"DATA", b"real") + DONE
    assert os.lstat(root / "made/link").st_mtime == 1_600_000_000
    assert sync(asked(b"SEND", b"/made/link,33188") + sent(b"new") + QUIT) == OKAY
    assert (root / "data/real").read_text() == "real", "a push replaces the link itself"


@given(st.binary(max_size=40).map(lambda tail: b"/" + tail) | st.binary(max_size=40))
def test_any_path_stays_inside_or_is_refused(tmp_path_factory: pytest.TempPathFactory, path: bytes) -> None:
    tree = tmp_path_factory.getbasetemp() / "any"
    tree.mkdir(exist_ok=True)
    try:
        found = Files(tree, Faults()).find(path)
    except OSError:
        return
    assert found.is_relative_to(tree)
    assert ".." not in found.parts


def test_full_disk_and_denied_paths(device: AdbDevice, root: Path, sync: Sync) -> None:
    device.faults.full_disk(70_000)
    push = asked(b"SEND", b"/data/a,33188") + sent(bytes(65536), bytes(65536))
    assert sync(push) == failed(b"write failed: No space left on device")
    assert not (root / "data/a").exists()
    assert sync(asked(b"SEND", b"/data/b,33188") + sent(b"x")) == failed(b"write failed: No space left on device")
    device.faults.full_disk(None)
    assert sync(push + QUIT) == OKAY
    device.faults.deny("/data/local", "/proc/stat")
    (root / "data/alias").symlink_to("local")
    for path in (b"/data/local/tmp", b"/data//local/./x", b"/data/alias/x"):
        assert sync(asked(b"RECV", path)) == failed(b"open failed: Permission denied")
    said = sync(asked(b"SEND", b"/data/local/x,33188") + sent(b"x"))
    assert said == failed(b"couldn't create file: Permission denied")
    assert sync(asked(b"STA2", b"/data/local") + QUIT) == b"STA2" + struct.pack("<I", 13) + bytes(64)
    device.faults.deny()
    assert sync(asked(b"STAT", b"/data/localx") + QUIT) == NOTHING
    assert sync(asked(b"RECV", b"/data/a") + QUIT) != NOTHING


def test_version_2_is_not_there_where_it_is_not_claimed(root: Path, dial: Dial) -> None:
    with serve(OLD_BANNER, plain_runner, root) as device:
        client = dial(device.port, OLD)
        client.greet()
        for number, word in enumerate((b"STA2", b"LST2", b"LIS2", b"SND2", b"RCV2"), 1):
            assert client.run(b"sync:", number, asked(word, b"/data")).startswith(b"FAIL\x18\0\0\0unknown command ")


def test_pipe_does_not_hang_a_stream(root: Path, sync: Sync) -> None:
    os.mkfifo(root / "pipe")
    assert sync(asked(b"RECV", b"/pipe") + QUIT) == DONE
    assert sync(asked(b"SEND", b"/pipe,33188") + sent(b"x")) == failed(
        b"couldn't create file: No such device or address"
    )


def test_client_that_leaves_in_a_push_leaves_no_half_file(device: AdbDevice, root: Path, dial: Dial) -> None:
    client = dial(device.port)
    client.greet()
    remote_id = client.open(b"sync:")
    client.send("WRTE", 1, remote_id, asked(b"SEND", b"/half,33188") + asked(b"DATA", b"half"))
    client.hear_of("OKAY", 1)
    while not (root / "half").exists():
        os.sched_yield()
    client.close()
    while device.connections:
        os.sched_yield()
    assert not (root / "half").exists()

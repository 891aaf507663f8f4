"""The words of the sync service, little-endian throughout (AOSP, adb/file_sync_protocol.h and SYNC.TXT)."""

import os
import struct
from typing import Final

from edgewatt.virtual_lab.adb.packets import Payload

HEAD: Final = struct.Struct("<4sI")
SEND_SETUP: Final = struct.Struct("<4sII")
RECV_SETUP: Final = struct.Struct("<4sI")
_STAT_1: Final = struct.Struct("<4sIII")
_ENTRY_1: Final = struct.Struct("<4sIIII")
_STAT_2: Final = struct.Struct("<4sIQQIIIIQqqq")

PATH_LIMIT_B: Final = 1024
DATA_LIMIT_B: Final = 64 << 10
# Android's user `shell`, whose files these are (AOSP, android_filesystem_config.h).
SHELL_UID: Final = 2000
_WORD: Final = 0xFFFFFFFF


def okay() -> bytes:
    """A push is done."""
    return HEAD.pack(b"OKAY", 0)


def fail(text: str) -> bytes:
    """What went wrong, in adbd's words."""
    data = text.encode(errors="replace")
    return HEAD.pack(b"FAIL", len(data)) + data


def data(content: Payload) -> bytes:
    """A piece of a file, at most DATA_LIMIT_B."""
    return HEAD.pack(b"DATA", len(content)) + content


def done() -> bytes:
    """A file is all there."""
    return HEAD.pack(b"DONE", 0)


def stat_1(found: os.stat_result | None) -> bytes:
    """Mode, size and mtime in 32 bits each; all zero where nothing is found."""
    return _STAT_1.pack(b"STAT", *_basics(found))


def entry_1(name: bytes, found: os.stat_result) -> bytes:
    """One name of a folder."""
    return _ENTRY_1.pack(b"DENT", *_basics(found), len(name)) + name


def end_1() -> bytes:
    """The end of a list, as long as an entry."""
    return _ENTRY_1.pack(b"DONE", 0, 0, 0, 0)


def stat_2(word: bytes, found: os.stat_result | int) -> bytes:
    """All of stat(2), or an errno and zeros."""
    return _full(word, found)


def entry_2(name: bytes, found: os.stat_result | int) -> bytes:
    """One name of a folder, with all of stat(2)."""
    return _full(b"DNT2", found) + struct.pack("<I", len(name)) + name


def end_2() -> bytes:
    """The end of a list, as long as an entry."""
    return _full(b"DONE", 0) + bytes(4)


def _basics(found: os.stat_result | None) -> tuple[int, int, int]:
    if found is None:
        return 0, 0, 0
    return found.st_mode, found.st_size & _WORD, int(found.st_mtime) & _WORD


def _full(word: bytes, found: os.stat_result | int) -> bytes:
    if isinstance(found, int):
        return _STAT_2.pack(word, found, *[0] * 10)
    return _STAT_2.pack(
        word,
        0,
        found.st_dev,
        found.st_ino,
        found.st_mode,
        found.st_nlink,
        SHELL_UID,
        SHELL_UID,
        found.st_size,
        int(found.st_atime),
        int(found.st_mtime),
        int(found.st_ctime),
    )

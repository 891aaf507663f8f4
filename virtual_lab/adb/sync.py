"""The service `sync:`: files to and from the phone.

Version 1 is STAT, LIST, SEND, RECV and QUIT; of version 2, STA2 and LST2, LIS2, SND2 and RCV2 (uncompressed) as far
as the banner claims `stat_v2`, `ls_v2` and `sendrecv_v2`. An error is a FAIL with adbd's text; then the stream closes,
as it does after a word that is not known. Where nothing is, STAT says zeros and LIST an empty list.
"""

import contextlib
import os
import stat
import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from edgewatt.virtual_lab.adb import sync_words as words
from edgewatt.virtual_lab.adb.files import Files
from edgewatt.virtual_lab.adb.receiving import FailedError, receive_file, receive_link, skip_file
from edgewatt.virtual_lab.adb.streams import Stream

_NEEDS: Final[Mapping[bytes, str | None]] = {
    b"STAT": None,
    b"LIST": None,
    b"SEND": None,
    b"RECV": None,
    b"STA2": "stat_v2",
    b"LST2": "stat_v2",
    b"LIS2": "ls_v2",
    b"SND2": "sendrecv_v2",
    b"RCV2": "sendrecv_v2",
}


def serve_sync(stream: Stream, files: Files, take_disk: Callable[[int], int], features: tuple[str, ...]) -> None:
    """Until QUIT or an error. Raises StreamEndedError if the client is gone."""
    service = _Sync(stream, files, take_disk)
    try:
        while service.one(features):
            pass
    except FailedError as failed:
        stream.write(words.fail(failed.text))
        if failed.sending:
            skip_file(stream)
    stream.drain()


class _Sync:
    """One client's requests."""

    def __init__(self, stream: Stream, files: Files, take_disk: Callable[[int], int]) -> None:
        self._stream, self._files, self._take_disk = stream, files, take_disk

    def one(self, features: tuple[str, ...]) -> bool:
        """Serve one request; False after QUIT. Raises FailedError."""
        word, length_b = words.HEAD.unpack(self._stream.read_exactly(words.HEAD.size))
        if length_b > words.PATH_LIMIT_B:
            raise FailedError("path too long")
        path = self._stream.read_exactly(length_b).partition(b"\0")[0]
        if word == b"QUIT":
            return False
        needs = _NEEDS.get(word, "?")
        if needs is not None and needs not in features:
            raise FailedError(f"unknown command {int.from_bytes(word, 'little'):08x}")
        self._serve(word, path)
        return True

    def _serve(self, word: bytes, path: bytes) -> None:
        match word:
            case b"STAT":
                found = self._find(path, follow=False)
                self._stream.write(words.stat_1(None if isinstance(found, int) else found))
            case b"STA2" | b"LST2":
                self._stream.write(words.stat_2(word, self._find(path, follow=word == b"STA2")))
            case b"LIST":
                self._stream.write(self._list_1(path))
            case b"LIS2":
                self._stream.write(self._list_2(path))
            case b"SEND":
                self._send_1(path)
            case b"SND2":
                self._send_2(path)
            case b"RECV":
                self._recv(path)
            case _:
                self._setup(words.RECV_SETUP, b"RCV2")
                self._recv(path)

    def _find(self, path: bytes, *, follow: bool) -> os.stat_result | int:
        try:
            return self._files.stat(path, follow=follow)
        except OSError as error:
            return error.errno or 0

    def _list_1(self, path: bytes) -> bytes:
        entries = [(name, found) for name, found in self._entries(path) if not isinstance(found, int)]
        return b"".join([*(words.entry_1(name, found) for name, found in entries), words.end_1()])

    def _list_2(self, path: bytes) -> bytes:
        return b"".join([*(words.entry_2(name, found) for name, found in self._entries(path)), words.end_2()])

    def _entries(self, path: bytes) -> Iterator[tuple[bytes, os.stat_result | int]]:
        try:
            names = self._files.names(path)
        except OSError:
            return
        for name in names:
            try:
                yield os.fsencode(name), self._files.stat_in(path, name)
            except OSError as error:
                yield os.fsencode(name), error.errno or 0

    def _send_1(self, spec: bytes) -> None:
        path, comma, mode = spec.rpartition(b",")
        if not comma:
            raise FailedError("missing , in ID_SEND_V1")
        self._receive(path, _number(mode))

    def _send_2(self, path: bytes) -> None:
        mode, _ = self._setup(words.SEND_SETUP, b"SND2")
        self._receive(path, mode)

    def _setup(self, layout: struct.Struct, word: bytes) -> tuple[int, ...]:
        """What follows the path of a version 2 request; no flag is known, since no compression is claimed."""
        seen, *numbers = layout.unpack(self._stream.read_exactly(layout.size))
        if seen != word:
            raise FailedError(f"invalid setup of {word.decode()}")
        if numbers[-1]:
            raise FailedError(f"unknown flags: {numbers[-1]}")
        return tuple(numbers)

    def _receive(self, path: bytes, mode: int) -> None:
        if stat.S_ISLNK(mode):
            receive_link(self._stream, self._files, path)
        else:
            receive_file(self._stream, self._files, path, mode, self._take_disk)
        self._stream.write(words.okay())

    def _recv(self, path: bytes) -> None:
        try:
            descriptor = self._files.open_to_read(path)
        except OSError as error:
            raise FailedError(f"open failed: {error.strerror}") from None
        try:
            self._send_content(descriptor)
        finally:
            os.close(descriptor)

    def _send_content(self, descriptor: int) -> None:
        """Pieces as long as DATA may be, as many in one WRTE as it takes."""
        room_b = max(self._stream.maxdata_b, words.DATA_LIMIT_B)
        pieces: list[bytes] = []
        size_b = 0
        while content := _read(descriptor):
            pieces += (words.HEAD.pack(b"DATA", len(content)), content)
            size_b += words.HEAD.size + len(content)
            if size_b + words.HEAD.size + words.DATA_LIMIT_B > room_b:
                self._stream.write(b"".join(pieces))
                pieces, size_b = [], 0
        self._stream.write(b"".join([*pieces, words.done()]))


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, words.DATA_LIMIT_B)
    except OSError as error:
        raise FailedError(f"read failed: {error.strerror}") from None


def _number(text: bytes) -> int:
    """A mode as strtoul(text, 0) reads it: decimal, octal after 0, hexadecimal after 0x; 0 if it is none."""
    with contextlib.suppress(ValueError):
        return int(text, 8 if text.startswith(b"0") and text[1:2] not in {b"x", b"X"} else 0) & 0xFFFFFFFF
    return 0

"""What a client pushes, written where it belongs: adbd's order of steps, and its words for what fails."""

import contextlib
import errno
import os
from collections.abc import Callable

from edgewatt.virtual_lab.adb import sync_words as words
from edgewatt.virtual_lab.adb.files import Files
from edgewatt.virtual_lab.adb.streams import Stream


class FailedError(Exception):
    """A request failed. `text` is what the client is told; `sending`, that it is still busy sending a file."""

    def __init__(self, text: str, *, sending: bool = False) -> None:
        super().__init__(text)
        self.text, self.sending = text, sending


def receive_file(stream: Stream, files: Files, path: bytes, mode: int, take_disk: Callable[[int], int]) -> None:
    """A plain file with its mtime; one that fails half way is removed. Raises FailedError, StreamEndedError."""
    plain = _make_way(files, path, links=True)
    mode = _spread(mode)
    descriptor = _create(files, path, mode)
    try:
        with contextlib.suppress(OSError):
            os.fchmod(descriptor, mode)
        mtime_s = _write_all(stream, descriptor, take_disk)
        with contextlib.suppress(OSError):
            os.utime(descriptor, (mtime_s, mtime_s))
    except BaseException:
        if plain:
            _make_way(files, path, links=False)
        raise
    finally:
        os.close(descriptor)


def receive_link(stream: Stream, files: Files, path: bytes) -> None:
    """A symbolic link, its target sent as the one piece of a file. Raises FailedError, StreamEndedError."""
    _make_way(files, path, links=False)
    target = stream.read_exactly(_piece_b(stream)).partition(b"\0")[0]
    try:
        try:
            files.link(path, target)
        except FileNotFoundError:
            files.make_folders(path)
            files.link(path, target)
        made = files.find(path, follow=False)
    except OSError as error:
        raise FailedError(f"symlink failed: {error.strerror}") from None
    word, mtime_s = words.HEAD.unpack(stream.read_exactly(words.HEAD.size))
    if word != b"DONE":
        raise FailedError("invalid data message: expected ID_DONE")
    os.utime(made, (mtime_s, mtime_s), follow_symlinks=False)


def skip_file(stream: Stream) -> None:
    """Read on to the end of a file that failed: old clients do not listen while they send, adbd says."""
    while True:
        word, left_b = words.HEAD.unpack(stream.read_exactly(words.HEAD.size))
        if word != b"DATA":
            return
        _swallow(stream, left_b)


def _make_way(files: Files, path: bytes, *, links: bool) -> bool:
    """Whether nothing is in the way of a new file; what cannot be removed shows when the file is made."""
    try:
        return files.remove(path, links=links)
    except OSError:
        return False


def _create(files: Files, path: bytes, mode: int) -> int:
    try:
        try:
            return files.open_to_write(path, mode)
        except FileNotFoundError:
            _make_folders(files, path)
            return files.open_to_write(path, mode)
    except OSError as error:
        raise FailedError(f"couldn't create file: {error.strerror}", sending=True) from None


def _make_folders(files: Files, path: bytes) -> None:
    try:
        files.make_folders(path)
    except OSError as error:
        raise FailedError(f"secure_mkdirs failed: {error.strerror}", sending=True) from None


def _write_all(stream: Stream, descriptor: int, take_disk: Callable[[int], int]) -> int:
    """Every piece up to DONE; the mtime that DONE brings."""
    while True:
        word, left_b = words.HEAD.unpack(stream.read_exactly(words.HEAD.size))
        if word == b"DONE":
            return int(left_b)
        _check_piece(word, left_b)
        while left_b:
            piece = stream.read_some(left_b)
            left_b -= len(piece)
            try:
                _write(descriptor, piece, take_disk)
            except OSError as error:
                _swallow(stream, left_b)
                raise FailedError(f"write failed: {error.strerror}", sending=True) from None


def _write(descriptor: int, piece: memoryview, take_disk: Callable[[int], int]) -> None:
    fits_b = take_disk(len(piece))
    rest = piece[:fits_b]
    while rest:
        rest = rest[os.write(descriptor, rest) :]
    if fits_b < len(piece):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _swallow(stream: Stream, left_b: int) -> None:
    while left_b:
        left_b -= len(stream.read_some(left_b))


def _piece_b(stream: Stream) -> int:
    word, length_b = words.HEAD.unpack(stream.read_exactly(words.HEAD.size))
    _check_piece(word, length_b)
    return int(length_b)


def _check_piece(word: bytes, length_b: int) -> None:
    if word != b"DATA":
        raise FailedError("invalid data message", sending=True)
    if length_b > words.DATA_LIMIT_B:
        raise FailedError("oversize data message")


def _spread(mode: int) -> int:
    """The owner's permissions, for the group and for everybody too, as adbd gives them."""
    mode &= 0o777
    mode |= mode >> 3 & 0o070
    return mode | mode >> 3 & 0o007

"""Files over ADB's `sync:` service, whole or not at all.

Protocol: AOSP packages/modules/adb/SYNC.TXT: an id of four letters, four bytes of length (or of a time), the payload.
The libraries' own push loses the phone's reason when a disk is full, and has no limit on time.
"""

import stat
import struct
import time
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Final

from edgewatt.collectors.transports.adb_channel import Channel
from edgewatt.collectors.transports.adb_errors import not_copied, said
from edgewatt.collectors.transports.link import LinkLost, LinkTimeout, Sent
from edgewatt.collectors.transports.local_files import blocks, length_b, whole_file
from edgewatt.profiler.errors import DeviceError, UsageError

# How long nothing at all may move: a phone that writes its flash at its slowest, or stands still (assumed).
STALL_S: Final = 30.0
# SYNC.TXT: no more in one DATA.
_DATA_B: Final = 1 << 16
# adbd refuses longer ones (AOSP daemon/file_sync_service.cpp).
_PATH_LIMIT_B: Final = 1024
_HEADER: Final = struct.Struct("<4sI")


def push(channel: Channel, content: Path | bytes, remote: str, mode: int, what: str, sent: Sent | None = None) -> None:
    """Write a file there, its name at once. Raises DeviceError with the phone's reason, LinkLost, LinkTimeout."""
    parts = blocks(content, what)
    # The phone makes the file when it hears its name: by then it must be certain that there is one.
    first = next(parts, b"")
    size_b = length_b(content)
    channel.send(_frame(b"SEND", _path(remote) + f",{stat.S_IFREG | mode}".encode()), STALL_S)
    done_b, answer = 0, _Answer(channel)
    for block in chain((first,), parts):
        pieces = (block[at : at + _DATA_B] for at in range(0, len(block), _DATA_B))
        channel.send(b"".join(_frame(b"DATA", piece) for piece in pieces), STALL_S)
        # A phone that cannot go on says so at once.
        if answer.is_here():
            break
        done_b += len(block)
        if sent is not None:
            sent(done_b, max(size_b, done_b))
    channel.send(_HEADER.pack(b"DONE", int(time.time())), STALL_S)
    kind, text = answer.next()
    if kind == b"OKAY":
        _quit(channel)
        return
    # It removes what it has of the file when it hears that nothing more comes, and then hangs up.
    with suppress(LinkLost):
        channel.send(_HEADER.pack(b"DONE", 0), STALL_S)
        _to_its_end(channel)
    raise not_copied(what, text)


def pull(channel: Channel, remote: str, local: Path, what: str, limit_b: int | None = None) -> None:
    """Read a file into `local`. Raises DeviceError (also over `limit_b` bytes), LinkLost, LinkTimeout."""
    channel.send(_frame(b"RECV", _path(remote)), STALL_S)
    answer, got_b = _Answer(channel), 0
    with whole_file(local, what) as file:
        while True:
            kind, data = answer.next()
            if kind == b"DONE":
                break
            if kind != b"DATA":
                raise not_copied(what, data)
            got_b += len(data)
            if limit_b is not None and got_b > limit_b:
                raise DeviceError(f"cannot {what}: it is larger than {limit_b} bytes, the most that is taken")
            file.write(data)
    _quit(channel)


class _Answer:
    """The packets that the phone sends."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._received = bytearray()

    def is_here(self) -> bool:
        """Whether the phone has begun to say something."""
        if data := self._channel.receive(0.0):
            self._received += data
        return bool(self._received)

    def next(self) -> tuple[bytes, bytes]:
        """The id and the payload of one packet."""
        kind, size_b = _HEADER.unpack(self._take(_HEADER.size))
        if kind in {b"DONE", b"OKAY"}:
            return kind, b""
        if kind not in {b"DATA", b"FAIL"} or size_b > _DATA_B:
            raise LinkLost(f"the phone sent what is no answer ({kind!r}, {size_b} bytes)")
        return kind, self._take(size_b)

    def _take(self, size_b: int) -> bytes:
        while len(self._received) < size_b:
            data = self._channel.receive(STALL_S)
            if data is None:
                raise LinkLost("the connection ended")
            if not data:
                raise LinkTimeout(f"nothing came for {STALL_S:g} s")
            self._received += data
        taken = bytes(self._received[:size_b])
        del self._received[:size_b]
        return taken


def _frame(kind: bytes, payload: bytes) -> bytes:
    return _HEADER.pack(kind, len(payload)) + payload


def _path(remote: str) -> bytes:
    path = remote.encode("utf-8", "surrogateescape")
    if not path or b"\0" in path or len(path) > _PATH_LIMIT_B:
        raise UsageError(f"{said(remote)!r} is no path on a phone: expected 1 to {_PATH_LIMIT_B} bytes without NUL")
    return path


def _quit(channel: Channel) -> None:
    """Say goodbye, so that the connection can be used again."""
    channel.send(_frame(b"QUIT", b""), STALL_S)
    _to_its_end(channel)


def _to_its_end(channel: Channel) -> None:
    while channel.receive(STALL_S):
        pass

"""Files over a session of their own, by `cat`: any board has it, and some have no sftp-server. Whole or not at all."""

import secrets
import shlex
from collections.abc import Callable
from contextlib import closing, suppress
from itertools import chain
from pathlib import Path
from typing import Final

from edgewatt.collectors.transports.adb_errors import said
from edgewatt.collectors.transports.adb_link import naming
from edgewatt.collectors.transports.link import LinkLost, LinkTimeout, Sent
from edgewatt.collectors.transports.local_files import blocks, length_b, whole_file
from edgewatt.collectors.transports.ssh_errors import not_copied
from edgewatt.collectors.transports.ssh_stream import SshStream
from edgewatt.profiler.errors import DeviceError, UsageError

# How long nothing at all may move: a card that writes at its slowest (assumed).
STALL_S: Final = 30.0
# Linux's PATH_MAX.
_PATH_LIMIT_B: Final = 4096

# Of the name that it gets at once, so that both are on one file system. An end of the input may be that of the
# connection: only the size tells.
_PUSH: Final = """\
if [ -e {remote} ]&&[ ! -f {remote} ];then echo 'what is there is no file' >&2;exit 1;fi
if cat >{part};then
n=$(($(wc -c <{part})))
if [ $n -eq {size_b} ]&&chmod {mode:o} {part}&&mv -f {part} {remote};then exit 0;fi
fi
rm -f {part}
exit 1
"""
_PULL: Final = "if [ -d {remote} ];then echo 'Is a directory' >&2;exit 1;fi;exec cat <{remote}"

Start = Callable[[str], SshStream]


def push(start: Start, content: Path | bytes, remote: str, mode: int, what: str, sent: Sent | None = None) -> None:
    """Write a file there. Raises DeviceError with the board's reason, LinkLost, LinkTimeout; nothing is left then."""
    parts = blocks(content, what)
    first = next(parts, b"")
    size_b, path = length_b(content), _path(remote)
    part = f"{path.rpartition('/')[0] or '.'}/.edgewatt-{secrets.token_hex(8)}.part"
    if path.startswith("/") and path.count("/") == 1:
        part = part.removeprefix(".")
    command = _PUSH.format(remote=shlex.quote(path), part=shlex.quote(part), size_b=size_b, mode=mode)
    stream, done_b = start(command), 0
    with closing(stream), naming(f"cannot {what}"):
        with suppress(LinkLost):  # a command that cannot go on ends, and says why
            for block in chain((first,), parts):
                stream.send(block, STALL_S)
                done_b += len(block)
                if sent is not None:
                    sent(done_b, max(size_b, done_b))
            stream.end_input()
        while (data := stream.read(STALL_S)) is not None:
            if not data and stream.returncode is None:
                raise LinkTimeout(f"the board did not say within {STALL_S:g} s that it is done")
        if stream.returncode != 0:
            changed = "" if done_b == size_b else f"it had {size_b} bytes and then {done_b}"
            raise not_copied(what, stream.stderr or changed.encode())


def pull(start: Start, remote: str, local: Path, what: str, limit_b: int | None = None) -> None:
    """Read a file into `local`. Raises DeviceError (also over `limit_b` bytes), LinkLost, LinkTimeout."""
    stream, got_b = start(_PULL.format(remote=shlex.quote(_path(remote)))), 0
    with closing(stream), naming(f"cannot {what}"), whole_file(local, what) as file:
        while (data := stream.read(STALL_S)) is not None:
            if not data and stream.returncode is None:
                raise LinkTimeout(f"nothing came for {STALL_S:g} s")
            got_b += len(data)
            if limit_b is not None and got_b > limit_b:
                raise DeviceError(f"cannot {what}: it is larger than {limit_b} bytes, the most that is taken")
            file.write(data)
        if stream.returncode != 0:
            raise not_copied(what, stream.stderr)


def _path(remote: str) -> str:
    if not remote or "\0" in remote or len(remote.encode("utf-8", "surrogateescape")) > _PATH_LIMIT_B:
        raise UsageError(f"{said(remote)!r} is no path on a board: expected 1 to {_PATH_LIMIT_B} bytes without NUL")
    return f"./{remote}" if remote.startswith("-") else remote

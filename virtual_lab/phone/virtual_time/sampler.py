"""The bytes that the sampler's script prints, in the format of its version 1.

    H <version> <token> <pid> <read|sleep> <uptime> <EPOCHREALTIME> <shell>
    <stream's number> <tick> <uptime> <EPOCHREALTIME before> <and after> <text of each file, empty if it failed>...

Fields are parted by 0x1f, the lines of a file by 0x1e. The shell is mksh, which takes the newlines off a file's end.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np

from edgewatt.virtual_lab.clocks import DeviceClocks, Instants
from edgewatt.virtual_lab.phone.virtual_time.sampling import Ticks
from edgewatt.virtual_lab.phone.virtual_time.stamps import epochs, uptimes

VERSION: Final = 1
FIELD, LINE = "\x1f", "\x1e"
SHELL: Final = "@(#)MIRBSD KSH R59 2022/10/22 Android"
# Between the clocks of one line; now and then the shell is scheduled away there (assumed).
_APART_NS: Final = 4e4
_AWAY, _AWAY_NS = 0.002, (1e6, 1.5e7)

Read = Callable[[str, Instants], list[str | None]]


def printed(
    paths: Sequence[Sequence[str]],
    rows: Ticks,
    token: str,
    clocks: DeviceClocks,
    read: Read,
    rng: np.random.Generator,
) -> bytes:
    """The header and all rows. `read` says what a file at a path says at instants."""
    texts = [""] * len(rows.stream)
    for number, of_stream in enumerate(paths):
        at = np.flatnonzero(rows.stream == number)
        for where, text in zip(at.tolist(), _rows(of_stream, rows, at, read), strict=True):
            texts[where] = text
    away_ns = np.where(rng.random(len(texts)) < _AWAY, rng.uniform(*_AWAY_NS, len(texts)), 0.0)
    up_ns = rows.before_ns - (rng.exponential(_APART_NS, len(texts)) + away_ns).astype(np.int64)
    columns = (
        map(str, rows.stream.tolist()),
        map(str, rows.tick.tolist()),
        uptimes(clocks, up_ns),
        epochs(clocks, rows.before_ns),
        epochs(clocks, rows.after_ns),
        texts,
    )
    lines = map(FIELD.join, zip(*columns, strict=True))
    return "\n".join((_header(token, clocks, rows, rng), *lines, "")).encode()


def fields(texts: Sequence[str | None]) -> list[str]:
    """Files' texts as fields of a line."""
    return [text.rstrip("\n").replace("\n", LINE) if text else "" for text in texts]


def _rows(paths: Sequence[str], rows: Ticks, at: Instants, read: Read) -> Iterator[str]:
    """The fields of one stream's rows: its files are read one after the other."""
    before_ns, took_ns = rows.before_ns[at], rows.after_ns[at] - rows.before_ns[at]
    columns = [
        fields(read(path, before_ns + took_ns * (2 * n + 1) // (2 * len(paths)))) for n, path in enumerate(paths)
    ]
    return map(FIELD.join, zip(*columns, strict=True))


def _header(token: str, clocks: DeviceClocks, rows: Ticks, rng: np.random.Generator) -> str:
    at_ns = rows.woke_ns[:1]
    (up,), (epoch,) = uptimes(clocks, at_ns), epochs(clocks, at_ns)
    return FIELD.join(("H", str(VERSION), token, str(rng.integers(2000, 32000)), "read", up, epoch, SHELL))

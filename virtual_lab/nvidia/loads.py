"""Loads that come and go while clients look: a file to which they add, and which the library and the truth read.

A record says that from an instant on a GPU is led to so many watts more, or less. Of CLOCK_MONOTONIC, in order or not.
"""

import os
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_RECORD: Final = struct.Struct("=qdii")
# A change is written before it happens, so that nobody has read the past when it changes.
AHEAD_NS: Final = 200_000


@dataclass(frozen=True, slots=True)
class Edge:
    """From `t_ns` on `watts` more (or less), by the process `pid`."""

    t_ns: int
    watts: float
    gpu: int
    pid: int


def add(path: Path, watts: float, gpu: int = 0, t_ns: int | None = None) -> int:
    """Lead a GPU to `watts` more from `t_ns` on (default: from now); returns when it began, having waited for it.

    Raises OSError.
    """
    begins_ns = time.monotonic_ns() + AHEAD_NS if t_ns is None else t_ns
    record = _RECORD.pack(begins_ns, watts, gpu, os.getpid())
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
    try:
        os.write(file, record)
    finally:
        os.close(file)
    if t_ns is None:
        while time.monotonic_ns() < begins_ns:
            pass
    return begins_ns


@contextmanager
def on(path: Path, watts: float, gpu: int = 0) -> Iterator[int]:
    """A load that is on in the block; yields when it began."""
    yielded = add(path, watts, gpu)
    try:
        yield yielded
    finally:
        add(path, -watts, gpu)


def read(path: Path) -> list[Edge]:
    """All that was added until now. Raises OSError."""
    said = path.read_bytes()
    whole = said[: len(said) - len(said) % _RECORD.size]
    return [Edge(t_ns, watts, gpu, pid) for t_ns, watts, gpu, pid in _RECORD.iter_unpack(whole)]

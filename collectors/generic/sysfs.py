"""Small files of /sys and /proc: how they are read, and what is said of one that cannot be.

One value per file, as text, at most a page: kernel Documentation/filesystems/sysfs.rst. A file that is gated at the
moment answers EAGAIN and is worth asking again; any other error is a file that fails.
"""

import os
import re
import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from edgewatt.profiler.channel import LABEL_LIMIT, Unavailable, channel_name

PAGE: Final = 4096
_INT64: Final = 2**63
_NUMBER: Final = re.compile(rb"\s*(-?[0-9]{1,19})\s*")


def read_bytes(path: Path, limit: int = PAGE) -> bytes:
    """The first `limit` bytes of a file. Raises OSError; never blocks on a pipe that somebody put there."""
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        parts, left = [], limit
        while left > 0 and (part := os.read(file, left)):
            parts.append(part)
            left -= len(part)
        return b"".join(parts)
    finally:
        os.close(file)


def parse_int(raw: bytes) -> int | None:
    """The one number of an attribute; None if it holds anything else or does not fit int64."""
    match = _NUMBER.fullmatch(raw)
    if match is None:
        return None
    value = int(match[1])
    return value if -_INT64 <= value < _INT64 else None


def read_int(path: Path) -> int | None:
    """The number in a file; None where it is gated (EAGAIN) or holds no number. Raises OSError where it fails."""
    try:
        return parse_int(read_bytes(path))
    except BlockingIOError:
        return None


def read_text(path: Path, limit: int = PAGE) -> str | None:
    """The text of a file on one line, free of what cannot be printed; None if it cannot be read or is empty."""
    try:
        text = read_bytes(path, limit).decode(errors="replace")
    except OSError:
        return None
    return " ".join("".join(c if c.isprintable() else " " for c in text).split()) or None


def names_in(folder: Path) -> list[str]:
    """The sorted names in a folder; none if it cannot be listed."""
    try:
        return sorted(entry.name for entry in folder.iterdir())
    except OSError:
        return []


def why(error: OSError) -> str:
    """What the system said, in lower case: "permission denied"."""
    return (error.strerror or str(error) or type(error).__name__).lower()


def unreadable(what: str, path: Path, error: OSError) -> Unavailable:
    """`what` is not measured because `path` cannot be read; the permission that would help, where one would."""
    if isinstance(error, PermissionError):
        return Unavailable(what, f"{path}: {why(error)}", f"{chmod(path)}  (until the next boot)")
    return Unavailable(what, f"{path}: {why(error)}")


def no_number(what: str, path: Path, unit: str) -> Unavailable:
    """`what` is not measured because `path` holds something else than a number of `unit`."""
    try:
        seen = repr(read_bytes(path, 40))[1:]
    except OSError as error:
        return unreadable(what, path, error)
    return Unavailable(what, f"{path} reads {seen}; expected a whole number of {unit} that such a sensor can have")


def chmod(path: Path) -> str:
    """The command that lets everybody read `path`."""
    return f"sudo chmod a+r {shlex.quote(str(path))}"


def unique_names(labels: Iterable[tuple[str, str]]) -> list[str]:
    """A channel name for each (label, owner), unique: labels that occur twice are told apart by their owner.

    >>> unique_names([("VDD_IN", "1-0040"), ("NC", "1-0040"), ("NC", "1-0041")])
    ['vdd_in', 'nc_1-0040', 'nc_1-0041']
    """
    pairs = list(labels)
    plain = [channel_name(label) for label, _ in pairs]
    owned = [
        name if plain.count(name) == 1 or not owner else channel_name(f"{name[: LABEL_LIMIT // 2]}_{owner}")
        for name, (_, owner) in zip(plain, pairs, strict=True)
    ]
    taken: set[str] = set()
    for at, name in enumerate(owned):
        candidate, number = name, 2
        while candidate in taken:
            suffix = f"_{number}"
            candidate, number = f"{name[: LABEL_LIMIT - len(suffix)]}{suffix}", number + 1
        owned[at] = candidate
        taken.add(candidate)
    return owned

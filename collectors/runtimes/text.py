"""Text from outside, made fit to be shown: names of files and tensors, and what a runtime printed, may be hostile."""

from typing import Final

LIMIT: Final = 300


def printable(name: str, limit: int = LIMIT) -> str:
    """`name` with all that is not printable escaped (newlines, ANSI, bidirectional controls), cut to `limit`."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name[:limit])
    return shown if len(name) <= limit and len(shown) <= limit else f"{shown[: limit - 3]}..."


def one_line(message: str, limit: int = LIMIT) -> str:
    """What a program printed, on one printable line of at most `limit` characters."""
    return printable(" ".join(message[: 8 * limit].split()), limit)

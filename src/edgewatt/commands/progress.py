"""Progress on standard error: one line that changes on a terminal, plain lines in a log."""

import sys
from typing import TextIO


class ErrorStreamProgress:
    """The Progress of the command line; writes to standard error, so that standard output stays the answer."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._said = ""

    def phase(self, what: str, seconds_left: float | None = None) -> None:
        """Show `what`, and about how long all the rest takes."""
        said = what if seconds_left is None else f"{what}  ({format_left(seconds_left)} left)"
        if self._live:
            print(f"\r\x1b[2K{said}", end="", file=self._stream, flush=True)
        elif said != self._said:
            print(said, file=self._stream, flush=True)
        self._said = said

    def done(self) -> None:
        """Clear the line before the answer is printed."""
        if self._live:
            print("\r\x1b[2K", end="", file=self._stream, flush=True)


def format_left(seconds: float) -> str:
    """Seconds as people say them: `45 s`, `3 min 20 s`, `2 h 5 min`.

    >>> format_left(200)
    '3 min 20 s'
    """
    whole = round(seconds)
    if whole < 90:
        return f"{whole} s"
    if whole < 2 * 3600:
        return f"{whole // 60} min {whole % 60} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min"

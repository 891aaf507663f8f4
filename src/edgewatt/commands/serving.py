"""What serves until it is stopped: by Ctrl-C, by SIGTERM, or by the end of standard input."""

import os
import select
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_LOOK_S: Final = 0.5


class StoppedError(BaseException):
    """SIGTERM: the ordinary end of what serves until it is stopped."""


@contextmanager
def until_stopped() -> Iterator[None]:
    """A block that SIGTERM ends in good order, without an error."""
    ended = signal.signal(signal.SIGTERM, _stop)
    try:
        yield
    except StoppedError:
        pass
    finally:
        signal.signal(signal.SIGTERM, ended)


def wait(*, attached: bool) -> None:
    """Wait to be stopped; `attached`: the end of standard input stops it too."""
    while not _input_ended(attached=attached):
        continue


def _input_ended(*, attached: bool) -> bool:
    """Wait a while. Without an end: a signal that comes just before a wait would be noticed only after it."""
    ready, _, _ = select.select([sys.stdin] if attached else [], [], [], _LOOK_S)
    return bool(ready) and not os.read(sys.stdin.fileno(), 1 << 12)


def _stop(_signal: int, _frame: object) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise StoppedError

"""An end to what may never end."""

import faulthandler
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def ending_after(patience_s: float) -> Iterator[None]:
    """End this process, with exit code 1, if what is within takes longer; even where no Python runs."""
    faulthandler.dump_traceback_later(patience_s, exit=True)
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()

"""The newest view, for many readers: whoever waits is told when there is a newer one.

Whoever has seen the one before is told what came since; all of it comes again once in a while, for what came late.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from edgewatt.profiler.watching.view import View
from edgewatt.reports.live.as_json import PAGE_BINS, STEP_BINS, lines_on_page, page_json

# Every so many views each reader gets all that the page draws.
WHOLE_VIEWS: Final = 30


class Latest:
    """Holds one view; its JSON is made once, and only if somebody asks."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._view: View | None = None
        self._number = 0
        self._made: dict[int, tuple[int, bytes]] = {}
        self._lines: object = None
        self._whole = 0
        self._old = 0
        self.ended = False
        self.listeners = 0

    def publish(self, view: View) -> None:
        """Replace the view. One without series is for metrics alone: who listens next waits for one that has them."""
        with self._changed:
            self._view, self._number = view, self._number + 1
            lines = [
                (device.label, [(line.name, line.quantity) for line in lines_on_page(device)])
                for device in view.devices
            ]
            if lines != self._lines or self._number >= self._whole + WHOLE_VIEWS:
                self._lines, self._whole = lines, self._number
            self._old = self._old if view.has_series else self._number
            self._changed.notify_all()

    def end(self) -> None:
        """No newer one will come."""
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    @contextmanager
    def listening(self) -> Iterator[int]:
        """While somebody listens, for whom series are worth their while; after which number to `wait` first."""
        with self._changed:
            self.listeners += 1
            old = self._old
        try:
            yield old
        finally:
            with self._changed:
                self.listeners -= 1

    @property
    def view(self) -> View | None:
        """The newest; None before the first."""
        return self._view

    def wait(self, after: int, timeout_s: float) -> tuple[int, bytes] | None:
        """Its number and JSON once it is newer than `after`; None after the timeout, or at the end.

        The JSON holds the newest seconds alone if the reader has the view before it, `after`.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._number > after or self.ended, timeout_s)
            if self._view is None or self._number <= after:
                return None
            stepped = self._number == after + 1 and self._number != self._whole and after > self._old
            bins = STEP_BINS if stepped else PAGE_BINS
            if self._made.get(bins, (0,))[0] != self._number:
                text = json.dumps(page_json(self._view, bins), allow_nan=False, separators=(",", ":"))
                self._made[bins] = self._number, text.encode()
            return self._made[bins]

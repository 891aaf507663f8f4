"""Waiting for Flower's nodes, but not for ever: the engine may be gone, or the user may want to go."""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

LOOK_S: Final = 0.05


class Stopped(Exception):  # noqa: N818  (it is no error)
    """The run is to end before its rounds are over."""


@dataclass(frozen=True, slots=True)
class Heeding:
    """What a strategy needs of a Grid, which raises Stopped once `stop` is set, instead of waiting on."""

    grid: Any
    stop: threading.Event = field(default_factory=threading.Event)

    def get_node_ids(self) -> Iterable[int]:
        """Nodes that are there now."""
        if self.stop.is_set():
            raise Stopped
        found: Iterable[int] = self.grid.get_node_ids()
        return found

    def send_and_receive(self, messages: Iterable[Any], *, timeout: float) -> list[Any]:
        """Replies in the order in which they came, all or as many as there are after `timeout` seconds."""
        left = set(self.grid.push_messages(messages))
        replies: list[Any] = []
        end_s = time.monotonic() + timeout
        while left and time.monotonic() < end_s:
            came = list(self.grid.pull_messages(left))
            replies += came
            left -= {of.metadata.reply_to_message_id for of in came}
            if left and self.stop.wait(LOOK_S):
                raise Stopped
        return replies

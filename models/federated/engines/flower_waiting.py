"""Waiting for Flower and its nodes, but not for ever: the engine may be gone, or the user may want to go."""

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

LOOK_S: Final = 0.05
# In which Flower and Ray begin and end.
THREAD: Final = "flower"
# Ray takes some 7 s to end, in which users ask again; who asks so often wants to leave at any price.
INTERRUPTS: Final = 3


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


def in_a_thread(work: Callable[[], None], stop: threading.Event) -> None:
    """Do `work` in another thread, so that an interrupt reaches this one; it sets `stop`, and is raised after the work.

    What is left behind unfinished would write on into folders that are gone by then.
    """
    over, interrupts = threading.Event(), list[BaseException]()

    def working() -> None:
        try:
            work()
        finally:
            over.set()

    thread = threading.Thread(target=working, name=THREAD)
    thread.start()
    while not over.is_set() and len(interrupts) < INTERRUPTS:
        try:
            # Not `join`: Python 3.11 takes a thread for ended whose `join` was interrupted, and waits for it no more.
            over.wait()
        except BaseException as error:  # noqa: BLE001  (raised below)
            interrupts.append(error)
            stop.set()
    if over.is_set():
        thread.join()
    if interrupts:
        raise interrupts[0]

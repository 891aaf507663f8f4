"""The sampler of a board: the phone's, its script in the board's own shell, on a stream that is its own."""

from collections.abc import Callable
from typing import Final

from edgewatt.collectors.android.files.look import Found
from edgewatt.collectors.android.sampler.attached import Sampler
from edgewatt.collectors.jetson.rails import STREAM, rail_columns, without_zeros
from edgewatt.collectors.transports.reached import RECONNECT_S, Reached
from edgewatt.profiler.batch import Batch, End, Gap
from edgewatt.profiler.channel import Opened
from edgewatt.profiler.clock import Clock
from edgewatt.profiler.protocols import Learnt

Look = Callable[[], Found]


class BoardSampler:
    """Reads what `look` finds when it is opened, stamped by the board; rails that all read 0 are not measured.

    A connection that is lost is made again for up to `away_s` seconds, and what is missing is a Gap; see Sampler.
    """

    def __init__(self, board: Reached, look: Look, name: str, *, away_s: float = RECONNECT_S) -> None:
        self._look: Final = look
        self._rails: list[tuple[str, ...]] = []
        self._sampler = Sampler(board, self._found, name=name, away_s=away_s)

    def open(self, clock: Clock) -> Opened:
        """Survey, connect, start. Raises DeviceError if the board cannot be reached or its shell does not answer."""
        return self._sampler.open(clock)

    def read(self, timeout_s: float) -> Batch | Gap | End:
        """Rows of one stream, a Gap, or an empty Batch; an End once the board stayed away, or was restarted."""
        item = self._sampler.read(timeout_s)
        return without_zeros(item, self._rails) if isinstance(item, Batch) and item.stream == STREAM else item

    def learnt(self) -> Learnt:
        """What the lines that came say of those that did not."""
        return self._sampler.learnt()

    def close(self) -> None:
        """End the script and hang up."""
        self._sampler.close()

    def _found(self) -> Found:
        found = self._look()
        self._rails = list(rail_columns(found.nodes).values())
        return found

"""A board that lives: its timeline, made from the file of its loads, in any process."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from edgewatt.virtual_lab.jetson.board import ROOM_C, Board
from edgewatt.virtual_lab.nvidia.loads import Edge, read
from edgewatt.virtual_lab.power.load import level
from edgewatt.virtual_lab.power.timeline import Timeline

# A load that is told late counts from the first instant that is still open.
LATE_LIMIT_NS: Final = 60_000_000_000


@dataclass(slots=True)
class Living:
    """The timeline of a board from `origin_ns` on, as far as the file of its loads tells. One thread.

    A record's number says which of the board's loads, in order, its watts how much of it is added, 0 to 1.
    `changed_ns` is when the last change happened.
    """

    board: Board
    loads: Path
    origin_ns: int
    timeline: Timeline = field(init=False)
    changed_ns: int = field(init=False)
    _seen: int = field(init=False, default=0)
    _size_b: int = field(init=False, default=0)
    _waiting: list[Edge] = field(init=False, default_factory=list)
    _intensity: dict[str, float] = field(init=False)

    def __post_init__(self) -> None:
        self.timeline = Timeline(
            self.board.device(), origin_ns=self.origin_ns, ambient_c=ROOM_C, late_limit_ns=LATE_LIMIT_NS
        )
        self.changed_ns = self.origin_ns
        self._intensity = dict.fromkeys(self.board.loads, 0.0)

    def follow(self, until_ns: int) -> None:
        """Let happen what was to happen until then. Raises OSError."""
        names = list(self.board.loads)
        if (size_b := self.loads.stat().st_size) != self._size_b:
            edges, self._size_b = read(self.loads), size_b
            self._waiting += [edge for edge in edges[self._seen :] if 0 <= edge.gpu < len(names)]
            self._seen = len(edges)
            self._waiting.sort(key=lambda edge: edge.t_ns)
        while self._waiting and self._waiting[0].t_ns <= until_ns:
            edge = self._waiting.pop(0)
            name = names[edge.gpu]
            self._intensity[name] += edge.watts
            at_ns = self.changed_ns = max(edge.t_ns, self.changed_ns)
            self.timeline.record(level(name, at_ns, min(max(self._intensity[name], 0.0), 1.0)))

"""A virtual Jetson in real time: a folder that stands for its root, kept current by a process of its own."""

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypedDict, Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.virtual_lab.jetson.board import Board
from edgewatt.virtual_lab.jetson.boards import BOARDS
from edgewatt.virtual_lab.jetson.living import Living
from edgewatt.virtual_lab.jetson.tree import TEGRASTATS, gated, grow
from edgewatt.virtual_lab.nvidia import loads
from edgewatt.virtual_lab.phone.standing import Standing

PREFIX: Final = "edgewatt-jetson-"
LOADS: Final = "loads"
ROOT: Final = "root"
_PROCESS: Final = "edgewatt.virtual_lab.jetson.process"
Gated = Literal["unreadable", "fifo", "absent"]


class How(TypedDict, total=False):
    """What can be said of a board. Defaults: seed 0, all else off.

    `exact`: no gain, offset and noise is drawn. `user`: as seen without root. `zero`: every reading of power is 0.
    `gated`: how a temperature fails whose sensor is off. A real one answers EAGAIN to every read. `unreadable`, the
    default: it opens and fails to read, with EISDIR; `fifo`: EAGAIN, but only for readers that opened it with
    O_NONBLOCK, and others wait for ever; `absent`: there is no file.
    """

    seed: int
    exact: bool
    user: bool
    zero: bool
    gated: Gated


@dataclass(frozen=True, slots=True)
class JetsonLab:
    """A board that is there. Instants are int64 ns of CLOCK_MONOTONIC."""

    board: Board
    folder: Path
    origin_ns: int
    seed: int

    @property
    def root(self) -> Path:
        """What stands for the board's root."""
        return self.folder / ROOT

    @property
    def tegrastats(self) -> Path:
        """Its tegrastats, which runs on this machine."""
        return self.root / TEGRASTATS

    @property
    def loads(self) -> Path:
        """The file to which loads add."""
        return self.folder / LOADS

    def load(self, name: str, intensity: float = 1.0) -> AbstractContextManager[int]:
        """One of the board's loads, on in the block; gives when it began."""
        return loads.on(self.loads, intensity, list(self.board.loads).index(name))

    def energy_j(self, t0_ns: ArrayLike, t1_ns: ArrayLike, source: str) -> NDArray[np.float64]:
        """Joules of a rail or a part from each t0 to its t1, exact up to rounding; shapes broadcast.

        Raises KeyError for another source.
        """
        living = Living(self.board, self.loads, self.origin_ns)
        living.follow(int(np.max(t1_ns, initial=self.origin_ns)))
        return living.timeline.energy_j(t0_ns, t1_ns, source)

    def to_json(self) -> dict[str, Any]:
        """Where it is, and what it is."""
        return {
            "simulated": True,
            "jetson": str(self.root),
            "tegrastats": str(self.tegrastats),
            "board": self.board.name,
            "model": self.board.model,
            "load": [sys.executable, "-m", "edgewatt.virtual_lab.jetson.load", "--loads", str(self.loads)],
            "rails": list(self.board.rails),
            "seed": self.seed,
        }


@contextmanager
def jetson_lab(board: str, **how: Unpack[How]) -> Iterator[JetsonLab]:
    """A board until the end of the block; it ends with this process however this one ends.

    Raises UsageError, DeviceError.
    """
    if board not in BOARDS:
        raise UsageError(f"there is no virtual Jetson {board!r}; there are {', '.join(BOARDS)}")
    try:
        made_here = tempfile.TemporaryDirectory(prefix=PREFIX)
    except OSError as error:
        raise DeviceError(f"no virtual Jetson here: {error}") from error
    with made_here as name:
        lab = JetsonLab(BOARDS[board], Path(name), time.monotonic_ns(), how.get("seed", 0))
        lab.root.mkdir()
        lab.loads.touch()
        grow(lab.root, lab.board, seed=lab.seed, user=how.get("user", False))
        held = list(_gate(lab, how.get("gated", "unreadable")))
        config = {key: how.get(key, False) for key in ("exact", "user", "zero")}
        named = {"board": board, "root": str(lab.root), "folder": name, "loads": str(lab.loads)}
        standing = Standing(_PROCESS, {**config, **named, "origin_ns": lab.origin_ns, "seed": lab.seed})
        try:
            yield lab
        finally:
            standing.end()
            for file in held:
                os.close(file)


def _gate(lab: JetsonLab, how: Gated) -> Iterator[int]:
    """Make the sensors that are off fail as told; yields what has to be held open for that."""
    for name in gated(lab.board):
        path = lab.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if how == "unreadable":
            path.mkdir()
        elif how == "fifo":
            os.mkfifo(path)
            yield os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

"""The process that keeps a board's files current: `python -m edgewatt.virtual_lab.jetson.process`.

A JSON on its input begins it; a further line, or the end of the input, ends it. Files are written in place, as one who
holds a node open finds its new value; what is shorter than before is filled up with line ends.
"""

import json
import os
import select
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from edgewatt.virtual_lab.jetson.boards import BOARDS
from edgewatt.virtual_lab.jetson.living import Living
from edgewatt.virtual_lab.jetson.readings import CYCLE_NS, Monitors, slow_texts
from edgewatt.virtual_lab.phone.standing import READY, become_punctual

SLOW_NS: Final = 100_000_000
# So that a load that is told as it begins is never too late.
BEHIND_NS: Final = 2_000_000
_PRIORITY: Final = 3


@dataclass
class InPlace:
    """Files below `root`, each held open and written in one step."""

    root: Path
    _files: dict[str, int] = field(default_factory=dict)
    _said: dict[str, bytes] = field(default_factory=dict)

    def write(self, name: str, text: str) -> None:
        """What the file says from now on."""
        said = self._said.get(name, b"")
        now = text.encode().ljust(len(said), b"\n")
        if now == said:
            return
        if name not in self._files:
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            self._files[name] = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        os.pwrite(self._files[name], now, 0)
        self._said[name] = now

    def close(self) -> None:
        """Hold none open any more; what they say stays."""
        while self._files:
            os.close(self._files.popitem()[1])


def main() -> None:
    """Be one board."""
    become_punctual(_PRIORITY)
    with open(sys.stdin.fileno(), "rb", buffering=0, closefd=False) as plain:
        config: dict[str, Any] = json.loads(plain.readline())
    root, board = Path(config["root"]), BOARDS[config["board"]]
    living = Living(board, Path(config["loads"]), int(config["origin_ns"]))
    monitors = Monitors(board, living, int(config["seed"]), exact=bool(config["exact"]))
    files, ready, slow_ns = InPlace(root), False, 0
    while True:
        now_ns = time.monotonic_ns()
        t_ns = max(now_ns - BEHIND_NS, living.origin_ns)
        living.follow(t_ns)
        for name, text in monitors.texts(t_ns):
            files.write(name, "0\n" if config["zero"] else text)
        if now_ns >= slow_ns:
            slow_ns = now_ns + SLOW_NS
            for name, text in slow_texts(board, living.timeline, t_ns, user=bool(config["user"])):
                files.write(name, text)
        if not ready:
            ready = True
            print(READY, flush=True)
        rest_s = max(CYCLE_NS - (time.monotonic_ns() - now_ns), 0) * 1e-9
        if select.select([sys.stdin], [], [], rest_s)[0]:
            break
    if not os.read(sys.stdin.fileno(), 1):
        # Whoever made it was killed.
        shutil.rmtree(config["folder"], ignore_errors=True)


if __name__ == "__main__":
    main()

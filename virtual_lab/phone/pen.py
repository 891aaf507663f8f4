"""Writes the phone's files, each in one step, so that no reader sees half of one; unless that is what was asked for."""

import contextlib
import os
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

# How long a torn file stays so (assumed: longer than the quickest reader needs to meet it).
TORN_NS: Final = 2_000_000
_TORN_FROM: Final = 4


def halved(text: str) -> str:
    """What a reader finds of a file that is half written; a short one is written at once."""
    return text[: len(text) // 2] if len(text) > _TORN_FROM else text


@dataclass
class Pen:
    """Files below `root`; a share `torn` of the writings comes in two halves. One thread.

    `new` is where a file is before it takes its place, below the root as well; no other pen's.
    """

    root: Path
    torn: float = 0.0
    seed: int = 0
    new: str = ".new"
    _said: dict[str, str] = field(default_factory=dict)
    _halves: list[tuple[int, str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)  # noqa: S311  (a simulator's, not a secret)
        self._new = os.fspath(self.root / self.new)

    def write(self, name: str, text: str | None, now_ns: int) -> None:
        """What the file says from now on; None: it is not there. What stays the same is not touched."""
        if self._said.get(name, "") == text:
            return
        path = os.fspath(self.root / name)
        if text is None:
            with contextlib.suppress(FileNotFoundError):
                Path(path).unlink()
            self._said.pop(name, None)
            return
        if name not in self._said:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        self._said[name] = text
        half = halved(text) if self.torn else text
        if half != text and self._random.random() < self.torn:
            self._halves.append((now_ns + TORN_NS, name, text))
            self._put(path, half)
        else:
            self._put(path, text)

    def forget(self, name: str) -> None:
        """Somebody else wrote the file: the next writing counts whatever was said before."""
        self._said.pop(name, None)

    def mend(self, now_ns: int) -> int | None:
        """Make torn files whole that were so for long enough; when the next is due."""
        while self._halves and self._halves[0][0] <= now_ns:
            _, name, text = self._halves.pop(0)
            if self._said.get(name) == text:
                self._put(os.fspath(self.root / name), text)
        return self._halves[0][0] if self._halves else None

    def _put(self, path: str, text: str) -> None:
        fd = os.open(self._new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)
        os.replace(self._new, path)  # noqa: PTH105  (hundreds a second)

"""Benchmark tools whose output is understood, by the name of their program."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final

from edgewatt.collectors.runtimes import ort_perf, trtexec
from edgewatt.collectors.runtimes.commands.summary import Listener


@dataclass(frozen=True, slots=True)
class Tool:
    """`listen` makes what hears one run; `times_flag` is the argument that names a file of every query, "" if none."""

    name: str
    listen: Callable[[], Listener]
    times_flag: str = ""

    def times(self, words: Sequence[str]) -> str | None:
        """The file of every query that was asked for."""
        flag = self.times_flag
        given = [word.removeprefix(flag) for word in words if flag and word.startswith(flag)]
        return given[-1] if given else None


TOOLS: Final = {
    trtexec.NAME: Tool(trtexec.NAME, trtexec.Trtexec, trtexec.TIMES_FLAG),
    ort_perf.NAME: Tool(ort_perf.NAME, ort_perf.OrtPerf),
}


def tool_of(words: Sequence[str]) -> Tool | None:
    """The tool among the words of a command; it may stand behind another, such as `taskset 1` or `sudo`."""
    names = (PurePosixPath(word).name for word in words if not word.startswith("-"))
    return next((TOOLS[name] for name in names if name in TOOLS), None)

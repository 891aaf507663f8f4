"""Lines of a tool's output, freed of what its log and the way here put around them.

Prefixes: `INFO: ` and such (benchmark_model since about 2022, and TensorFlow Lite's own messages of every age),
`[file.cc:12] ` (LiteRT), and logcat's in its threadtime, time and brief formats (the APK).
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

# The longest lines of interest are rows of operators that name many tensors.
LINE_LIMIT: Final = 8192

_ANSI: Final = re.compile(r"\x1b\[[0-9;:?]{0,32}[ -/]{0,4}[@-~]")
_LOGCAT: Final = re.compile(
    r"(?:(?:[0-9]{4}-)?[0-9]{2}-[0-9]{2} [0-9:.]{8,18} {0,4}(?:[0-9]{1,7} {1,6}){0,2})?"
    r"([VDIWEF])[ /](?:tflite|litert)[^\s:(]{0,40} {0,8}(?:\( {0,6}[0-9]{1,7}\))?: ?"
)
_LEVEL: Final = re.compile(r"(VERBOSE|DEBUG|INFO|WARN|WARNING|ERROR|FATAL): ?")
_SOURCE: Final = re.compile(r"\[[\w.+-]{1,80}\.(?:h|c|cc|cpp|mm):[0-9]{1,6}\] ?")
_NUMBER: Final = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,18})?(?:[eE][-+]?[0-9]{1,3})?")
NUMBER: Final = _NUMBER.pattern


@dataclass(frozen=True, slots=True)
class StampedLine:
    """A line without its end; `t_ns` is when it appeared, on a clock of the caller's choice, None if unknown.

    `ended` False: no newline came, so that its last word may be cut off.
    """

    t_ns: int | None
    text: str
    ended: bool = True


@dataclass(frozen=True, slots=True)
class Body:
    """What a line says. `level` is V, D, I, W, E or F; empty if the line has none."""

    text: str
    level: str = ""
    logcat: bool = False


def stamped(text: str) -> Iterator[StampedLine]:
    """The lines of a text without stamps."""
    *whole, rest = text.split("\n")
    for line in whole:
        yield StampedLine(None, line)
    if rest:
        yield StampedLine(None, rest, ended=False)


def body_of(line: StampedLine) -> Body:
    """The line without prefixes, colours and surrounding space; of a line that may be cut, without its last word."""
    text, ended = line.text, line.ended
    if len(text) > LINE_LIMIT:
        text, ended = text[:LINE_LIMIT], False
    if not ended:
        text = _without_last_word(text)
    text, level, logcat = _ANSI.sub("", text).strip(), "", False
    if found := _LOGCAT.match(text):
        text, level, logcat = text[found.end() :].strip(), found[1], True
    if found := _LEVEL.match(text):
        text, level = text[found.end() :].strip(), found[1][0]
    if found := _SOURCE.match(text):
        text = text[found.end() :].strip()
    return Body(text, level, logcat)


def number(text: str | None, shift: int = 0) -> float | None:
    """A finite number of at least 0, times 10**shift without a rounding of its own; None for anything else."""
    if text is None or _NUMBER.fullmatch(text) is None:
        return None
    value = float(Decimal(text).scaleb(shift))
    return value if math.isfinite(value) else None


def _without_last_word(text: str) -> str:
    end = len(text)
    while end and not text[end - 1].isspace():
        end -= 1
    return text[:end]

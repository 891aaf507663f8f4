"""Windows that a program marked, as they are read back: from the lines it printed, or from its file of marks.

Any bytes may come. What is no mark is passed over, what is a broken one leaves a reason code, and nothing raises.

Printed lines, by a program in any language, at the beginning of a line of its output or its error output:

    edgewatt: begin NAME [key=value ...]     edgewatt: end NAME [key=value ...]
    edgewatt: iteration [key=value ...]      one has just ended
    edgewatt: iterations=N                   so many were in the measured window

A mark is of the time at which it arrived, or of its `t_ns=` where it has one: CLOCK_MONOTONIC in nanoseconds of the
machine that runs it. The file of marks is described in marking.py.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from edgewatt.profiler.windowing.marking import ATTRIBUTES_LIMIT, CUT, NAME_LIMIT, RAISED

# What a line of marks may hold; a longer one is cut and then no mark.
LINE_LIMIT_B: Final = 4096
SPANS_LIMIT: Final = 1_000_000
STACK_LIMIT: Final = 1000
PREFIX: Final = b"edgewatt: "
ITERATION: Final = "iteration"
STAMP: Final = "t_ns"
SYNCHRONISED: Final = "synchronised"

NOT_ENDED, NOT_BEGUN, UNREADABLE, MANY = "mark_not_ended", "mark_not_begun", "mark_unreadable", "marks_cut"
NONSENSE, UNUSED = "mark_time_nonsense", "mark_time_unused"

_COUNT: Final = re.compile(r"iterations=([0-9]{1,9})")
_STAMP: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_LINE: Final = re.compile(rb"w ([0-9]{1,18}) ([0-9]{1,18}) ([0-9]{1,4}) ([0-9]{1,10}\.[0-9]{1,20}) ([a-z-]{1,16}) (.+)")


@dataclass(frozen=True, slots=True)
class Span:
    """A window that ended: from `t0_ns` to `t1_ns`, inside `depth` others of its `writer` (a thread of a process).

    `is_own`: both stamps are the program's, not those of its lines' arrival.
    """

    name: str
    t0_ns: int
    t1_ns: int
    depth: int = 0
    writer: str = ""
    is_own: bool = True
    attributes: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_raised(self) -> bool:
        """True if an exception left it."""
        return RAISED in self.attributes


@dataclass(frozen=True, slots=True)
class _At:
    t_ns: int
    is_own: bool


@dataclass(frozen=True, slots=True)
class _Open:
    name: str
    at: _At
    attributes: Mapping[str, str]
    tick: _At | None = None


class Printed:
    """Marks as the lines of one program come: `hear` each line, then `end`.

    A stamp of the program's own counts if it is not before `since_ns` and not after its line arrived; with None, where
    its clock is not the one of arrival, only its order can be checked. Without `has_clock` nobody knows its clock.
    """

    def __init__(self, since_ns: int | None, *, has_clock: bool = True) -> None:
        self._since_ns, self._has_clock = since_ns, has_clock
        self._last_ns = 0
        self._open: list[_Open] = []
        self._tick: _At | None = None
        self.spans: list[Span] = []
        self.reasons: dict[str, None] = {}
        self.iterations: int | None = None

    def hear(self, line: bytes, arrived_ns: int) -> bool:
        """Take a line without its end; True if it was a mark."""
        if not line.startswith(PREFIX):
            return False
        verb, *words = line[len(PREFIX) : LINE_LIMIT_B].decode(errors="replace").split() or [""]
        if found := _COUNT.fullmatch(verb):
            self.iterations = int(found[1])
            return True
        name = words.pop(0) if verb in ("begin", "end") and words else ITERATION if verb == ITERATION else ""
        if not name or (verb != ITERATION and "=" in name):
            self.reasons[UNREADABLE] = None
            return False
        attributes = _attributes(words)
        at = self._when(attributes.pop(STAMP, None), arrived_ns)
        if verb == "begin":
            self._begin(_Open(name[:NAME_LIMIT], at, attributes))
        elif verb == "end":
            self._end(name[:NAME_LIMIT], at, attributes)
        else:
            self._iterate(at, attributes)
        return True

    def end(self) -> None:
        """No line comes any more."""
        if self._open:
            self.reasons[NOT_ENDED] = None

    def _when(self, stamp: str | None, arrived_ns: int) -> _At:
        if stamp is None:
            return _At(arrived_ns, is_own=False)
        if not self._has_clock:
            self.reasons[UNUSED] = None
            return _At(arrived_ns, is_own=False)
        own_ns = int(stamp) if _STAMP.fullmatch(stamp) else -1
        early = own_ns < max(self._last_ns, self._since_ns or 0)
        if early or (self._since_ns is not None and own_ns > arrived_ns):
            self.reasons[NONSENSE] = None
            return _At(arrived_ns, is_own=False)
        self._last_ns = own_ns
        return _At(own_ns, is_own=True)

    def _begin(self, opened: _Open) -> None:
        if len(self._open) == STACK_LIMIT:
            self.reasons[MANY] = None
            return
        self._open.append(opened)

    def _end(self, name: str, at: _At, attributes: Mapping[str, str]) -> None:
        """End the innermost window of this name; those inside it were forgotten."""
        place = next((i for i in reversed(range(len(self._open))) if self._open[i].name == name), None)
        if place is None:
            self.reasons[NOT_BEGUN] = None
            return
        if place < len(self._open) - 1:
            self.reasons[NOT_ENDED] = None
        opened = self._open[place]
        del self._open[place:]
        self._add(name, opened.at, at, {**opened.attributes, **attributes})

    def _iterate(self, at: _At, attributes: Mapping[str, str]) -> None:
        """An iteration from the mark before it, or from the beginning of the window around it."""
        around = self._open[-1] if self._open else None
        since = self._tick if around is None else around.tick or around.at
        if since is not None:
            self._add(ITERATION, since, at, attributes)
        if around is None:
            self._tick = at
        else:
            self._open[-1] = _Open(around.name, around.at, around.attributes, at)

    def _add(self, name: str, since: _At, until: _At, attributes: Mapping[str, str]) -> None:
        if len(self.spans) == SPANS_LIMIT:
            self.reasons[MANY] = None
            return
        own = since.is_own and until.is_own
        t1_ns = max(until.t_ns, since.t_ns)  # one stamp may be the program's and the other that of an arrival
        self.spans.append(Span(name, since.t_ns, t1_ns, len(self._open), "printed", own, attributes))


def read_marks(content: bytes) -> tuple[list[Span], list[str]]:
    """The windows of a file of marks, in the order in which they ended, and reason codes."""
    spans: list[Span] = []
    reasons: dict[str, None] = {}
    for line in _lines(content):
        if line + b"\n" == CUT or len(spans) == SPANS_LIMIT:
            reasons[MANY] = None
            continue
        found = _LINE.fullmatch(line) if len(line) <= 16 * LINE_LIMIT_B else None
        t0_ns, t1_ns = (int(found[1]), int(found[2])) if found else (1, 0)
        if found is None or t1_ns < t0_ns:
            reasons[UNREADABLE] = None
            continue
        name, *words = found[6].decode("ascii", "replace").split(" ")
        attributes = {SYNCHRONISED: found[5].decode(), **_attributes(words)}
        writer = found[4].decode()
        spans.append(Span(_unescaped(name), t0_ns, t1_ns, int(found[3]), writer, attributes=attributes))
    return spans, list(reasons)


def _lines(content: bytes) -> Iterator[bytes]:
    """The whole lines of a text; its last one may still be being written."""
    *whole, _ = content.split(b"\n")
    return (line for line in whole if line)


def _attributes(words: list[str]) -> dict[str, str]:
    pairs = [word.partition("=") for word in words[:ATTRIBUTES_LIMIT]]
    return {_unescaped(key): _unescaped(value) for key, equals, value in pairs if equals and key}


def _unescaped(text: str) -> str:
    return unquote(text, errors="replace")[:NAME_LIMIT]

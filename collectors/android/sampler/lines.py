"""What the sampler's script prints: any bytes give a header, a row, an end, or the reason why they are none.

One line each, its fields parted by 0x1f, and the lines of a file within a field by 0x1e:

    H <version> <token> <pid> <read|sleep> <uptime> <EPOCHREALTIME> <shell>
    <stream's number> <tick> <uptime> <EPOCHREALTIME before> <and after> <text of each node, empty if it failed>...
    E <token> <deadline|stopped|full|no_uptime>
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from edgewatt.collectors.android.sampler.script import VERSION
from edgewatt.collectors.android.sampler.survey import FIELD, LINE

# Some times what the longest file that is worth sampling has.
LINE_LIMIT_B: Final = 256 << 10
TICK_LIMIT: Final = 2**31
# Fields of a row before its values.
STAMPS: Final = 5

_FIELD: Final = FIELD.encode()
_NUMBER: Final = re.compile(rb"[0-9]{1,10}")
_ENDS: Final = frozenset({b"deadline", b"stopped", b"full", b"no_uptime"})


@dataclass(frozen=True, slots=True)
class Header:
    """The script began: its process, how it waits (`read` forks nothing), its clocks and its shell."""

    pid: int
    waits: str
    uptime: bytes
    epoch: bytes
    shell: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The script ended on purpose, and why."""

    cause: str


# A row's fields, checked: stream, tick, uptime, two epochs, then a text for each node.
Row = list[bytes]


class Lines:
    """Cuts what comes into lines, and holds back at most LINE_LIMIT_B bytes of an unfinished one."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._skipping = False
        self.too_long = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that are complete now, without their ends; one that is too long is left out and counted."""
        lines: list[bytes] = []
        *ended, rest = chunk.split(b"\n")
        for part in ended:
            line, skipped = bytes(self._rest) + part, self._skipping
            self._rest.clear()
            self._skipping = False
            if skipped or len(line) > LINE_LIMIT_B:
                self.too_long += 1
            else:
                lines.append(line.rstrip(b"\r"))
        if not self._skipping:
            self._rest += rest
            if len(self._rest) > LINE_LIMIT_B:
                self._rest.clear()
                self._skipping = True
        return lines


def parse_line(line: bytes, token: str, widths: Sequence[int]) -> Header | Ended | Row | str:
    """What one line says, or why it says nothing. `widths` are the numbers of nodes of each stream."""
    fields = line.split(_FIELD)
    if fields[0] == b"H":
        return _header(fields, token)
    if fields[0] == b"E":
        right = len(fields) == 3 and fields[1] == token.encode() and fields[2] in _ENDS
        return Ended(fields[2].decode()) if right else "an end that is not this script's"
    return _not_a_row(fields, widths) or fields


def _not_a_row(fields: Sequence[bytes], widths: Sequence[int]) -> str:
    if len(fields) < STAMPS:
        return "a line that is cut or not the sampler's"
    if not (_NUMBER.fullmatch(fields[0]) and int(fields[0]) < len(widths)):
        return "a line of no stream that was asked for"
    if len(fields) != STAMPS + widths[int(fields[0])]:
        return "a line that is cut, or whose texts have control characters"
    if not (_NUMBER.fullmatch(fields[1]) and int(fields[1]) < TICK_LIMIT):
        return "a line whose tick is no number"
    return ""


def text_of(value: bytes, *, whole: bool = True) -> str:
    """A node's text as its parser takes it: the first line or all, joined by newlines; what is no UTF-8 is replaced."""
    text = value.decode("utf-8", "replace")
    return text.replace(LINE, "\n") if whole else text.partition(LINE)[0]


def _header(fields: Sequence[bytes], token: str) -> Header | str:
    if len(fields) != 8 or fields[1] != str(VERSION).encode() or fields[2] != token.encode():
        return "a header that is not this script's"
    if not (_NUMBER.fullmatch(fields[3]) and fields[4] in {b"read", b"sleep"}):
        return "a header without its process or its way to wait"
    shell = fields[7][:64].decode("utf-8", "replace")
    return Header(int(fields[3]), fields[4].decode(), fields[5], fields[6], shell)

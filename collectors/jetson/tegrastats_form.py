"""Lines of tegrastats in a hurry: one process prints lines of one form, and what its numbers mean is found once.

A form is a line without its numbers. What the i-th number means is found by reading the line with i in its place.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from edgewatt.collectors.jetson.tegrastats_line import STAMP, Line, Read, Said, line_of, said_by, text_of

FORMS_LIMIT: Final = 512
_STAMP_LENGTH: Final = len("MM-DD-YYYY HH:MM:SS")
# A number that is not a part of a name: neither the 0 of CV0 nor the 1 of VDDQ_VDD2_1V8AO. Only degrees have fractions.
_NUMBER: Final = re.compile(r"(?<![A-Za-z_0-9.])([0-9]{1,9}(?:\.[0-9]{1,9}(?=C))?)(?![0-9.])")
_MARK: Final = "\0"
_REMEMBERED: Final = 1 << 13


@dataclass(frozen=True, slots=True)
class _Form:
    """`columns` are all that a line has, `reads` those of them that have a number: its place, and what it means."""

    columns: tuple[str, ...]
    reads: tuple[tuple[str, int, Read], ...]


def parse_line(raw: bytes | str) -> Line:
    """What a line says: of any bytes a Line, in whose `left` is whatever makes no sense."""
    text = text_of(raw)
    stamp = text[:_STAMP_LENGTH] if STAMP.match(text) else None
    parts = _NUMBER.split(text[_STAMP_LENGTH:] if stamp else text)
    key = _MARK.join(parts[::2])
    form = _FORMS.get(key)
    if form is None:
        return _learn(text, key, parts)
    numbers = parts[1::2]
    values: dict[str, float | None] = dict.fromkeys(form.columns)
    for column, place, read in form.reads:
        values[column] = read(numbers[place])
    return Line(values, stamp, ())


_FORMS: Final[dict[str, _Form]] = {}


def _learn(text: str, key: str, parts: Sequence[str]) -> Line:
    """The line itself, and its form for those that follow, where all of it is understood."""
    line = line_of(text)
    if not line.left and line.is_one and _MARK not in text:
        numbered = "".join(str(at // 2) if at % 2 else part for at, part in enumerate(parts))
        found, left = said_by(numbered)
        columns = [said.column for said in found]
        if not left and len(set(columns)) == len(columns) and set(columns) == line.values.keys():
            if len(_FORMS) >= FORMS_LIMIT:
                _FORMS.clear()
            reads = tuple(_place(said) for said in found if said.number is not None)
            _FORMS[key] = _Form(tuple(columns), reads)
    return line


def _place(said: Said) -> tuple[str, int, Read]:
    number = said.number or ""
    read = _quick(said.read)
    return said.column, int(number.removeprefix("-")), _negative(read) if number.startswith("-") else read


@lru_cache(64)
def _quick(read: Read) -> Read:
    """The same; numbers return from line to line."""
    return lru_cache(_REMEMBERED)(read)


@lru_cache(64)
def _negative(read: Read) -> Read:
    return lambda text: read(f"-{text}")

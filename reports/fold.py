"""Lines of an answer, cut so that a terminal of any width shows them as they are meant."""

import re
import shutil
import textwrap
from typing import Final

from edgewatt.reports.escape import display_width

BETWEEN, BEFORE_CONDITIONS = " · ", "      "
# Where a line has its value, and where its remark: what does not fit goes on below that.
VALUE_AT, REMARK_AT = 12, 41
ANY_WIDTH: Final = 1 << 20
_LEAST_WIDTH: Final = 60
_OF_UNIT: Final = re.compile(r"(?<=[0-9]) (?=(?:[kMGmµn]?(?:s|J|W|B|Hz)|C|%|min|h)(?:[^a-zA-Z]|$))")
_TIED: Final = "\N{NO-BREAK SPACE}"


def terminal_width() -> int:
    """The columns of the terminal, or what COLUMNS says; any number in a pipe, where lines are searched."""
    return max(shutil.get_terminal_size((ANY_WIDTH, 24)).columns, _LEAST_WIDTH)


def folded(line: str, width: int) -> list[str]:
    """`label value interval remark`, cut between words: below the remark, if that is what does not fit."""
    if display_width(line) <= width:
        return [line]
    is_in_columns = "  " in line[VALUE_AT:REMARK_AT]  # sentences have single blanks
    has_remark = len(line) > REMARK_AT and line[REMARK_AT - 1] == " " and line[VALUE_AT - 1] == " " and is_in_columns
    return _wrapped(line, width, " " * (REMARK_AT if has_remark else VALUE_AT))


def folded_note(note: str, width: int) -> list[str]:
    """A sentence cut between words, below the first of them: `[1] conditions differ: ...`."""
    at = len(note) - len(note.lstrip(" "))
    below = " " * (len(note.partition(" ")[0]) + 1 if note.startswith("[") else at + 2)
    return _wrapped(note, width, below)


def folded_head(head: str, width: int) -> list[str]:
    """`device · model · what it runs on      conditions`, cut between these."""
    if display_width(head) <= width:
        return [head]
    what, _, conditions = head.partition(BEFORE_CONDITIONS)
    first, *others = what.split(BETWEEN)
    lines = [first]
    for part in others:
        longer = f"{lines[-1]}{BETWEEN}{part}"
        if display_width(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(f"{' ' * VALUE_AT}{part}")
    indent = " " * VALUE_AT
    return [*lines, *_wrapped(f"{indent}{conditions}", width, indent)] if conditions else lines


def _wrapped(text: str, width: int, below: str) -> list[str]:
    """Cut between words, and never between a number and its unit."""
    lines = textwrap.wrap(
        _OF_UNIT.sub(_TIED, text),
        max(width, _LEAST_WIDTH),
        subsequent_indent=below,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_TIED, " ") for line in lines]

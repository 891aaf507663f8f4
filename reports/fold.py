"""Lines of an answer, cut so that a terminal of any width shows them as they are meant."""

import textwrap
from typing import Final

from edgewatt.reports.escape import display_width

BETWEEN, BEFORE_CONDITIONS = " · ", "      "
# Where a line has its value, and where its remark: what does not fit goes on below that.
VALUE_AT, REMARK_AT = 12, 41
ANY_WIDTH: Final = 1 << 20
_LEAST_WIDTH: Final = 60


def folded(line: str, width: int) -> list[str]:
    """`label value interval remark`, cut between words: below the remark, if that is what does not fit."""
    if display_width(line) <= width:
        return [line]
    is_in_columns = "  " in line[VALUE_AT:REMARK_AT]  # sentences have single blanks
    has_remark = len(line) > REMARK_AT and line[REMARK_AT - 1] == " " and line[VALUE_AT - 1] == " " and is_in_columns
    below = " " * (REMARK_AT if has_remark else VALUE_AT)
    return textwrap.wrap(
        line,
        max(width, _LEAST_WIDTH),
        subsequent_indent=below,
        break_long_words=False,
        break_on_hyphens=False,
    )


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
    return [*lines, f"{' ' * VALUE_AT}{conditions}"] if conditions else lines

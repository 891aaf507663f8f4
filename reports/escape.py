"""Text that somebody else chose, made safe to show: it stays text, stays on its line, and stays short."""

import re
import unicodedata
from typing import Final

from edgewatt.profiler.comparing.formula_guard import guarded

# A terminal line of error or cause: long enough for a path and a reason, short enough to stay on one screen.
LINE_LIMIT: Final = 2000
# A cell of a table that people read: what fits beside five others on a wide terminal.
CELL_LIMIT: Final = 60

_MARKDOWN_SPECIAL: Final = re.compile(r"[\\`*\[\]{}<>|#~!$&]|(?<![^\W_])_|_(?![^\W_])")


def printable(text: str, limit: int = LINE_LIMIT) -> str:
    r"""`text` on one line of at most `limit` characters, with every control and invisible character spelled out.

    An escape sequence, a line break or a right-to-left mark is shown as `\x1b`, `\n` or `\u202e`.

    >>> printable("red \x1b[31m")
    'red \\x1b[31m'
    """
    shown = "".join(c if c.isprintable() else _spelled(c) for c in text[: limit + 1])
    return shown if len(shown) <= limit else f"{shown[: max(limit - 1, 0)]}…"


def _spelled(character: str) -> str:
    """The character as Python's source would spell it."""
    return character.encode("unicode_escape").decode("ascii") if character != "\xa0" else " "


def markdown(text: str, limit: int = CELL_LIMIT) -> str:
    r"""`text` as plain text in a cell of a Markdown table, from at most `limit` characters.

    Markup, HTML, pipes and invisible characters lose their meaning (CommonMark 0.31, 2.4; GFM, "Tables").

    >>> markdown("a|b <i>")
    'a\\|b \\<i\\>'
    """
    return _MARKDOWN_SPECIAL.sub(r"\\\g<0>", printable(text, limit)).replace("://", ":\\//")


def csv_text(text: str) -> str:
    """`text` as a cell that no spreadsheet computes (formula_guard) and every reader survives (NUL as U+FFFD)."""
    return guarded(text).replace("\0", "\ufffd")


def display_width(text: str) -> int:
    """How many columns of a terminal `text` takes (Unicode UAX 11: wide and full-width 2, combining 0)."""
    return sum(_character_width(c) for c in text)


def _character_width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1

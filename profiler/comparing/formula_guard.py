"""Text cells of our CSV files: no spreadsheet takes them for formulas, and reading them gives the text back."""

from typing import Final

# What a spreadsheet takes for a formula at the start of a cell (OWASP, "CSV Injection"); the last four are full-width.
FORMULA_STARTS: Final = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"
# OWASP's remedy: an apostrophe says "text". Doubled where it stands at the start itself, so that it can be taken back.
TEXT_MARK: Final = "'"

_GUARDED: Final = tuple(FORMULA_STARTS + TEXT_MARK)
UNGUARD_PATTERN: Final = rf"^{TEXT_MARK}([{FORMULA_STARTS}{TEXT_MARK}])".replace("-", r"\-")


def guarded(text: str) -> str:
    """`text` with an apostrophe before a start that a spreadsheet would compute.

    >>> guarded("=1+1")
    "'=1+1"
    """
    return TEXT_MARK + text if text.startswith(_GUARDED) else text

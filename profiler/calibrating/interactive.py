"""Charging and frames, from texts that a run kept; who can read them hands over how."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from edgewatt.profiler.calibrating.values import Found, Row
from edgewatt.profiler.storage.trace import Trace

# Rows by table, from the bytes of one text.
Parser = Callable[[bytes], Mapping[str, Sequence[Mapping[str, Any]]]]

TABLES: Final = ("charge", "frames")
RAW: Final = "raw"
_LIMIT_B: Final = 64 << 20


def interactive_rows(trace: Trace, parsers: Mapping[str, Parser]) -> Found:
    """The rows of `charge` and `frames` that the parsers find in the raw texts of their names; none where none is."""
    found = Found()
    for name, parse in parsers.items():
        file = trace.path / RAW / name
        if file.is_symlink() or not file.is_file():
            continue
        with file.open("rb") as opened:
            text = opened.read(_LIMIT_B)
        for table, rows in parse(text).items():
            if table in TABLES:
                for row in rows:
                    told: Row = {**row, "source": trace.manifest.digest or ""}
                    found.add(table, told)
    return found

"""What a calibration says of its fits, gathered: the same of many windows, or of many sensors, in one sentence."""

import re
from collections.abc import Sequence
from typing import Final

_OF_WINDOW: Final = re.compile(r"(\S+) of run ([0-9a-f]+) is (left out of .*)", re.DOTALL)
_BY_SOURCE: Final = re.compile(r"(power|energy) by (\S+): (.*)", re.DOTALL)
_FEW: Final = 3


def gathered(notes: Sequence[str]) -> list[str]:
    """The notes in their order, what differs in the window or the sensor alone taken together."""
    return _by_source(_by_window(notes))


def _by_window(notes: Sequence[str]) -> list[str]:
    windows: dict[tuple[str, str], list[str]] = {}
    for note in notes:
        if hit := _OF_WINDOW.fullmatch(note):
            windows.setdefault((hit[2], hit[3]), []).append(hit[1])
    found: dict[str, None] = {}
    for note in notes:
        hit = _OF_WINDOW.fullmatch(note)
        names = windows[hit[2], hit[3]] if hit else []
        if hit is None or len(names) < _FEW:
            found[note] = None
        else:
            found[f"{len(names)} windows of run {hit[2]} ({names[0]} to {names[-1]}) are {hit[3]}"] = None
    return list(found)


def _by_source(notes: Sequence[str]) -> list[str]:
    sources: dict[tuple[str, str], list[str]] = {}
    for note in notes:
        if hit := _BY_SOURCE.fullmatch(note):
            sources.setdefault((hit[1], hit[3]), []).append(hit[2])
    found: dict[str, None] = {}
    for note in notes:
        hit = _BY_SOURCE.fullmatch(note)
        found[f"{hit[1]} by {', '.join(sources[hit[1], hit[3]])}: {hit[3]}" if hit else note] = None
    return list(found)

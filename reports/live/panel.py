"""A device as lines for a terminal of some width: plain text with the name of a style for each piece."""

from typing import Final, Literal, NamedTuple

from edgewatt.profiler.watching.view import DeviceView, LineView
from edgewatt.reports.escape import display_width, printable
from edgewatt.reports.live.sparkline import sparkline
from edgewatt.reports.live.wording import (
    SIMULATED,
    clock_text,
    first_look,
    lost_text,
    name_of,
    rate_text,
    sources,
    state_text,
    value_text,
)

Style = Literal["name", "simulated", "good", "bad", "quiet", "value", "spark", "plain"]
_NAME: Final = 28
_VALUE: Final = 11
_ENERGY: Final = 24
_SPARK_LEAST: Final = 8
_ALL_LIMIT: Final = 200


class Piece(NamedTuple):
    """A stretch of a line, and how it looks."""

    text: str
    style: Style


Line = list[Piece]


def panel(device: DeviceView, width: int, *, everything: bool) -> list[Line]:
    """The lines of one device, none wider than `width` columns; all of its channels, or those that matter most."""
    shown = first_look(device)
    if everything:
        ours = sources(device)
        shown = [*ours, *(line for line in device.lines if not line.is_source)][:_ALL_LIMIT]
    lines = [_head(device), _facts(device), *(_channel(line, width) for line in shown)]
    if not shown and device.state == "connected":
        lines.append([Piece("  no samples yet", "quiet")])
    if not sources(device) and device.state in ("connected", "silent"):
        lines.append([Piece("  energy not measured", "quiet")])
    hidden = len(device.lines) - len(shown)
    if hidden > 0 and not everything:
        lines.append([Piece(f"  {hidden} more: press a", "quiet")])
    return [_cut(line, width) for line in lines]


def _head(device: DeviceView) -> Line:
    name = name_of(device)
    words: Line = [Piece(SIMULATED, "simulated"), Piece(" ", "plain")] if device.simulated else []
    words.append(Piece(name.removeprefix(SIMULATED).strip(), "name"))
    label = printable(device.label, _NAME)
    if label != name:
        words.append(Piece(f"  {label}", "quiet"))
    return [*words, Piece("  ", "plain"), Piece(state_text(device), "good" if device.state == "connected" else "bad")]


def _facts(device: DeviceView) -> Line:
    words = [
        rate_text(device),
        clock_text(device.clocks),
        f"disconnected {'once' if device.lost_times == 1 else f'{device.lost_times} times'}"
        if device.lost_times
        else "",
    ]
    lost = Piece(lost_text(device), "bad" if device.lost or device.gaps else "quiet")
    return [Piece(f"  {'   '.join(word for word in words if word)}   ", "quiet"), lost]


def _channel(line: LineView, width: int) -> Line:
    name = printable(line.name, _NAME)
    padded = name + " " * max(_NAME - display_width(name), 0)
    energy = "" if line.energy_j is None else f"{line.energy_j:,.1f} J  {line.boundary}"
    left = width - _NAME - _VALUE - 6
    room = _ENERGY if left - _ENERGY >= _SPARK_LEAST else 0
    bars = sparkline(line.series, line.low, line.high, max(left - room, 0))
    return [
        Piece(f"  {padded}", "plain"),
        Piece(f"{value_text(line):>{_VALUE}}", "value" if line.value is not None else "quiet"),
        Piece(f"  {bars}", "spark"),
        Piece(f"  {energy:>{_ENERGY - 2}}" if energy and room else "", "quiet"),
    ]


def _cut(line: Line, width: int) -> Line:
    """The line without what is beyond the width; a terminal would break it."""
    found: Line = []
    left = width
    for piece in line:
        needed = _width(piece)
        if needed > left:
            return [*found, Piece(_start(piece.text, left), piece.style)]
        left -= needed
        found.append(piece)
    return found


def _width(piece: Piece) -> int:
    """Columns of a terminal; what is drawn every second for many lines has one a character."""
    return len(piece.text) if piece.style == "spark" or piece.text.isascii() else display_width(piece.text)


def _start(text: str, width: int) -> str:
    kept = ""
    for character in text:
        width -= display_width(character)
        if width < 0:
            break
        kept += character
    return kept

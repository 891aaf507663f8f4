"""The live view on a terminal, with Textual: panels that are drawn anew every second or two, until somebody leaves."""

import asyncio
import signal
import sys
from collections.abc import Callable
from typing import Any, Final

from edgewatt.profiler.errors import EdgewattError, UsageError
from edgewatt.profiler.watching.view import DeviceView, View
from edgewatt.reports.live.pace import Pace
from edgewatt.reports.live.panel import Line, Piece, Style, panel
from edgewatt.reports.live.wording import SIMULATED

NEEDS: Final = "the live view needs Textual: pip install 'edgewatt[live]'; without it: --plain"
_STYLES: Final[dict[Style, str]] = {
    "name": "bold",
    "simulated": "bold reverse yellow",
    "good": "green",
    "bad": "bold red",
    "quiet": "dim",
    "value": "bold",
    "spark": "cyan",
    "plain": "",
}
# A blank on the left, the scroll bar on the right.
_MARGIN: Final = 4
_LEAST: Final = 20
_BLANK: Final = Piece(" ", "plain")
_CSS: Final = "#all { height: 1fr; }"


def is_available() -> bool:
    """True if Textual is installed."""
    try:
        import textual  # noqa: F401, PLC0415  (the extra's)
    except ImportError:
        return False
    return True


def terminal_app(look: Callable[[], View], seconds: float | None = None) -> Any:  # noqa: C901  (it holds a class)
    """A Textual app that looks once a second, or less often where that would cost too much (pace.py).

    Its `return_code` is 0 when somebody left with q or after `seconds`, 130 by Ctrl-C, SIGINT or SIGTERM; its
    `return_value` is the EdgewattError that `look` raised, if it did. Raises UsageError without the extra.
    """
    try:
        from rich.segment import Segment  # noqa: PLC0415  (the extra's)
        from rich.style import Style as RichStyle  # noqa: PLC0415
        from textual.app import App, ComposeResult  # noqa: PLC0415
        from textual.geometry import Size  # noqa: PLC0415
        from textual.scroll_view import ScrollView  # noqa: PLC0415
        from textual.strip import Strip  # noqa: PLC0415
        from textual.widgets import Footer  # noqa: PLC0415
    except ImportError:
        raise UsageError(NEEDS) from None
    styles = {name: RichStyle.parse(text) for name, text in _STYLES.items()}

    class Panels(ScrollView, can_focus=True):  # type: ignore[misc, call-arg, unused-ignore]
        """All panels below each other; only the lines in sight are drawn."""

        rows: list[Line] = []  # noqa: RUF012  (replaced, never changed)
        looks: dict[Style, RichStyle] = styles

        def show(self, rows: list[Line]) -> None:
            own = self.rich_style
            self.looks = {name: own + style for name, style in styles.items()}
            self.rows = rows
            self.virtual_size = Size(self.size.width, len(rows))
            self.refresh()

        @property
        def in_sight(self) -> range:
            first = self.scroll_offset.y
            return range(first, first + self.size.height)

        def render_line(self, y: int) -> Strip:
            at = y + self.scroll_offset.y
            pieces = self.rows[at] if at < len(self.rows) else []
            strip = Strip([Segment(piece.text, self.looks[piece.style]) for piece in pieces])
            return strip.adjust_cell_length(self.size.width, self.looks["plain"])

    class WatchApp(App):  # type: ignore[misc, type-arg, unused-ignore]
        CSS = _CSS
        TITLE = "edgewatt watch"
        ENABLE_COMMAND_PALETTE = False
        BINDINGS = [  # noqa: RUF012  (Textual's way)
            ("q", "leave", "Leave"),
            ("a", "everything", "All channels"),
            ("space", "hold", "Hold"),
            ("ctrl+c", "interrupt", "Interrupt"),
        ]

        def __init__(self) -> None:
            super().__init__()
            self.view: View | None = None
            self.everything = self.held = False
            self.panels, self.pace = Panelled(), Pace()

        def compose(self) -> ComposeResult:
            yield Panels(id="all")
            yield Footer()

        def on_mount(self) -> None:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, self.action_interrupt)
            self.query_one("#all").focus()
            if seconds is not None:
                self.set_timer(seconds, self.action_leave)
            self.call_after_refresh(self.turn)

        def turn(self) -> None:
            self.tick()
            self.set_timer(self.pace.next_s(), self.turn)

        def tick(self) -> None:
            try:
                view = look()
            except EdgewattError as error:
                self.exit(error, return_code=error.exit_code)
                return
            if not self.held:
                self.view = view
                self.draw()

        def draw(self) -> None:
            if self.view is not None:
                width = max(self.size.width - _MARGIN, _LEAST)
                rows = self.panels.rows(self.view, width, everything=self.everything, held=self.held)
                self.query_one("#all").show(rows)

        @property
        def sight(self) -> frozenset[int] | None:
            """Places of the devices that are in sight; None before anything was drawn."""
            return None if self.view is None else self.panels.devices(self.query_one("#all").in_sight)

        def on_resize(self) -> None:
            self.call_after_refresh(self.draw)

        def action_everything(self) -> None:
            self.everything = not self.everything
            self.draw()

        def action_hold(self) -> None:
            self.held = not self.held
            self.draw()

        def action_leave(self) -> None:
            self.exit(None, return_code=0)

        def action_interrupt(self) -> None:
            self.exit(None, return_code=130)

    return WatchApp()


class Panelled:
    """The rows of a view. Panels of devices that were not looked at since are kept as they are."""

    def __init__(self) -> None:
        self._kept: dict[int, tuple[DeviceView, tuple[int, bool], list[Line]]] = {}
        self._starts: list[int] = []

    def rows(self, view: View, width: int, *, everything: bool, held: bool) -> list[Line]:
        """A title and the panels of all devices, none wider than `width` columns; SIMULATED comes first if it is."""
        title = [Piece(f"edgewatt watch{'   HELD, space goes on' if held else ''}", "name")]
        if view.simulated:
            title = [Piece(SIMULATED, "simulated"), Piece(" ", "plain"), *title]
        rows: list[Line] = [[_BLANK, *title]]
        self._starts = []
        for at, device in enumerate(view.devices):
            self._starts.append(len(rows))
            rows += self._panel(at, device, width, everything=everything)
        return rows

    def devices(self, lines: range) -> frozenset[int]:
        """Places of the devices that these rows show."""
        ends = [*self._starts[1:], sys.maxsize]
        pairs = enumerate(zip(self._starts, ends, strict=True)) if self._starts else ()
        return frozenset(at for at, (begin, end) in pairs if begin < lines.stop and end > lines.start)

    def _panel(self, at: int, device: DeviceView, width: int, *, everything: bool) -> list[Line]:
        how = (width, everything)
        kept = self._kept.get(at)
        if kept is None or kept[0] is not device or kept[1] != how:
            lines = [[_BLANK, *line] for line in (*panel(device, width, everything=everything), [])]
            kept = self._kept[at] = (device, how, lines)
        return kept[2]

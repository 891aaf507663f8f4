"""The live view on a terminal, with Textual: panels that are drawn anew every second, until somebody leaves."""

import asyncio
import signal
from collections.abc import Callable
from typing import Any, Final

from edgewatt.profiler.errors import EdgewattError, UsageError
from edgewatt.profiler.watching.view import View
from edgewatt.reports.live.panel import Line, Piece, Style, panel
from edgewatt.reports.live.wording import SIMULATED

NEEDS: Final = "the live view needs Textual: pip install 'edgewatt[live]'; without it: --plain"
PERIOD_S: Final = 1.0
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
_CSS: Final = "#all { height: 1fr; }"


def is_available() -> bool:
    """True if Textual is installed."""
    try:
        import textual  # noqa: F401, PLC0415  (the extra's)
    except ImportError:
        return False
    return True


def terminal_app(look: Callable[[], View], seconds: float | None = None) -> Any:  # noqa: C901  (it holds a class)
    """A Textual app that looks once a second.

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

        def show(self, rows: list[Line]) -> None:
            self.rows = rows
            self.virtual_size = Size(self.size.width, len(rows))
            self.refresh()

        def render_line(self, y: int) -> Strip:
            at = y + self.scroll_offset.y
            pieces = self.rows[at] if at < len(self.rows) else []
            strip = Strip([Segment(piece.text, styles[piece.style]) for piece in pieces])
            return strip.adjust_cell_length(self.size.width).apply_style(self.rich_style)

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

        def compose(self) -> ComposeResult:
            yield Panels(id="all")
            yield Footer()

        def on_mount(self) -> None:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, self.action_interrupt)
            self.query_one("#all").focus()
            self.set_interval(PERIOD_S, self.tick)
            if seconds is not None:
                self.set_timer(seconds, self.action_leave)
            self.call_after_refresh(self.tick)

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
                self.query_one("#all").show(rows_of(self.view, width, everything=self.everything, held=self.held))

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


def rows_of(view: View, width: int, *, everything: bool, held: bool) -> list[Line]:
    """A title and the panels of all devices, none wider than `width` columns; SIMULATED is the first word if it is."""
    title = [Piece(f"edgewatt watch{'   HELD, space goes on' if held else ''}", "name")]
    rows: list[Line] = [[Piece(SIMULATED, "simulated"), Piece(" ", "plain"), *title] if view.simulated else title]
    for device in view.devices:
        rows += [*panel(device, width, everything=everything), []]
    return [[Piece(" ", "plain"), *row] for row in rows]

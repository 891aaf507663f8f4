"""How figures look: type, lines, colours that differ for everybody, and a file that says nothing of the day."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from textwrap import fill
from typing import Any, Final

from edgewatt.profiler.errors import UsageError
from edgewatt.reports.escape import printable
from edgewatt.reports.page.section import PALETTE

NO_MATPLOTLIB: Final = "figures are drawn with matplotlib; install it with: pip install 'edgewatt[reports]'"

# Paper is white, so black is a colour too; the others are Okabe and Ito's.
COLOURS: Final = ("#000000", *PALETTE)
DASHES: Final[tuple[Any, ...]] = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (4, 1, 1, 1)), (0, (7, 2)), (0, (2, 2, 6, 2)))
MARKERS: Final = ("o", "s", "^", "D", "v", "X", "P")
HATCHES: Final = ("", "////", "....", "xxxx", "\\\\\\\\", "----", "++++")
GREY: Final = "#6e6e6e"
_NOTE_PER_IN: Final = 24  # characters of small print in an inch

_RC: Final = {
    "font.family": "DejaVu Sans",  # the one that matplotlib brings, so that every machine draws the same
    "font.size": 7.0,
    "axes.labelsize": 7.0,
    "axes.titlesize": 7.0,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.fontsize": 6.0,
    "legend.frameon": False,
    "lines.linewidth": 0.9,
    "lines.markersize": 3.5,
    "hatch.linewidth": 0.5,
    "errorbar.capsize": 2.0,
    "pdf.fonttype": 42,  # TrueType, embedded: what publishers ask for
    "ps.fonttype": 42,
    "svg.hashsalt": "edgewatt",
    "text.parse_math": False,  # a `$` in a name is a `$`
    "savefig.dpi": 300,
    "figure.dpi": 300,
}
_UNDATED: Final[dict[str, dict[str, Any]]] = {
    "pdf": {"CreationDate": None, "Producer": None, "Creator": "edgewatt"},
    "svg": {"Date": None, "Creator": "edgewatt"},
    "png": {"Software": "edgewatt"},
}


@contextmanager
def look() -> Iterator[None]:
    """Our own settings, whatever the user's are, for as long as a figure is made. Raises UsageError: no matplotlib."""
    matplotlib = _matplotlib()
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_RC)
        yield


def new_figure(width_in: float) -> Any:
    """An empty figure; `look` holds while something is drawn in it. Its kind sets the height."""
    return import_module("matplotlib.figure").Figure(figsize=(width_in, width_in), layout="constrained")


def saved(figure: Any, to: str, title: str) -> bytes:
    """The file: a date, a version and a random name would make each different."""
    file = io.BytesIO()
    figure.savefig(file, format=to, metadata={"Title": title, **_UNDATED[to]})
    return file.getvalue()


def drawable(text: str, limit: int) -> str:
    """`text` on one line, from at most `limit` characters; those that the font does not have are spelled out."""
    cmap = _font().get_charmap()
    return "".join(c if ord(c) in cmap else _spelled(c) for c in printable(text, limit))


def _spelled(character: str) -> str:
    """The character as Python's source would spell it."""
    return character.encode("unicode_escape").decode("ascii")


def say(figure: Any, first: str, note: str = "") -> None:
    """`first` above everything, in bold (SIMULATED), and `note` below it, in small print."""
    if first:
        figure.suptitle(first, x=0.01, ha="left", fontsize=7.0, fontweight="bold")
    if note:
        lines = fill(note, int(_NOTE_PER_IN * figure.get_figwidth()))
        figure.supxlabel(lines, x=0.01, ha="left", fontsize=5.5, color=GREY)


def _matplotlib() -> Any:
    try:
        return import_module("matplotlib")
    except ImportError:
        raise UsageError(NO_MATPLOTLIB) from None


def _font() -> Any:
    manager = import_module("matplotlib.font_manager")
    return manager.get_font(manager.findfont("DejaVu Sans"))

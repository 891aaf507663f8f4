"""The scripts of the page, its policy, and data that stays data."""

import json
from base64 import b64encode
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from edgewatt.profiler.errors import UsageError
from edgewatt.reports.page.section import Plot

NEEDS = "a report needs bokeh and jinja2: pip install 'edgewatt[reports]'"


def scripts() -> list[str]:
    """What the page executes, in this order: BokehJS as the installed package brings it, and ours.

    What hears of plots comes before what draws them. Raises UsageError where bokeh is not installed.
    """
    return [_bokeh(), *(_asset(name) for name in ("timeline.js", "page.js"))]


def css() -> str:
    """The look of the page."""
    return _asset("page.css")


def policy(executed: Sequence[str]) -> str:
    """A Content-Security-Policy by which only these scripts run and nothing is asked of any network.

    Styles may stand in the page: BokehJS sets them on what it draws.
    """
    hashes = " ".join(f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in executed)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def item_of(plot: Plot) -> str:
    """A plot as the JSON that BokehJS draws, safe inside a script element."""
    from bokeh.embed import json_item  # noqa: PLC0415  (an extra)
    from bokeh.layouts import column  # noqa: PLC0415

    figures = plot.figures if isinstance(plot.figures, list) else [plot.figures]
    for figure in figures:
        _prepare(figure)
    root = column(*figures, sizing_mode="stretch_width") if len(figures) > 1 else figures[0]
    return inert(json.dumps(json_item(root), separators=(",", ":"), allow_nan=False, default=str))


def inert(text: str) -> str:
    r"""JSON that cannot end the script element around it: `<`, `>` and `&` are escaped as JSON escapes.

    >>> inert('["</script>"]')
    '["\\u003c/script\\u003e"]'
    """
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _prepare(figure: Any) -> None:
    """What every plot of the page is like; its colours are the page's script's."""
    figure.toolbar_location = None
    figure.toolbar.logo = None
    figure.sizing_mode = "stretch_width"
    figure.background_fill_color = None
    figure.border_fill_color = None
    figure.title.text_font_size = "13px"
    for axis in figure.axis:
        axis.axis_label_text_font_style = "normal"


@cache
def _asset(name: str) -> str:
    return (files(__package__) / "assets" / name).read_text(encoding="utf-8")


@cache
def _bokeh() -> str:
    try:
        from bokeh.resources import Resources  # noqa: PLC0415  (an extra)
    except ImportError as error:
        raise UsageError(NEEDS) from error
    found = Resources(mode="inline", components=["bokeh"], minified=True).js_raw
    return "\n".join(found)

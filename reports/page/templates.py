"""Templates of the page: what a value holds stays text."""

from functools import cache
from html import escape
from importlib.resources import files
from typing import Any, Final

from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.units import format_si
from edgewatt.reports.escape import CELL_LIMIT, printable

# What a title holds of a long name: enough to tell two apart, not enough to fill the screen.
_TITLE_LIMIT: Final = 400


def render(package: str, template: str, **values: Any) -> str:
    """The template of that name in the folder `templates` of a package, with every value escaped.

    Raises UsageError where jinja2 is not installed.
    """
    text: str = _environment().from_string(_source(package, template)).render(**values)
    return text


class Name:
    """A text that somebody else chose, as HTML: on one line, isolated in its direction, cut, with more in its title."""

    def __init__(self, text: object, limit: int = CELL_LIMIT) -> None:
        self._text, self._limit = "" if text is None else str(text), limit

    def __str__(self) -> str:
        return printable(self._text, self._limit)

    def __html__(self) -> str:
        short, title = str(self), printable(self._text, _TITLE_LIMIT)
        more = f' title="{escape(title)}"' if short != title else ""
        return f"<bdi{more}>{escape(short)}</bdi>"


@cache
def _source(package: str, template: str) -> str:
    return (files(package) / "templates" / template).read_text(encoding="utf-8")


@cache
def _environment() -> Any:
    try:
        from jinja2 import Environment, StrictUndefined  # noqa: PLC0415  (an extra)
    except ImportError as error:
        raise UsageError("a report needs jinja2 and bokeh: pip install 'edgewatt[reports]'") from error
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["name"] = Name
    environment.filters["plain"] = lambda text: printable(str(text), CELL_LIMIT)
    environment.filters["si"] = format_si
    return environment

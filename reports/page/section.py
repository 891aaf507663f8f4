"""The seam between the page and its sections: what a section is given, and what it gives.

A section is a function `(runs: Sequence[ToldRun]) -> Section | None` (None: it has nothing to say of these runs). It
makes its `html` with a template of its own by `templates.render(__package__, "name.html", **values)`, which escapes
every value. Whatever a device or a user chose goes through the filter `name`: `{{ row.model | name }}` isolates its
direction, spells out control characters, and cuts it, with more of it in its title.

A plot is a Bokeh figure, or a list of figures one below the other, that the section makes without colours for the page
(no background, no text colours: the shell paints them, light, dark and printed). Data colours come from `PALETTE`, and
what differs by colour differs by dash or marker too. No CustomJS: the page forbids `eval`. In a template `{{ plot }}`
is its place. `Plot.table` is the same as a table, for who cannot see it.

`sections/__init__.py` names all of them in the order of the page: `FIRST`, before the timeline, with the answer at its
head, and `REST`, after it, both `tuple[SectionOf, ...]`.

Classes that the shell styles: `cards` with `card` in it (`<b class="figure">` a large number, `<small>`), `num` for
cells of numbers, `wide` around a table that may scroll by itself, `note`, `warn`, `good`, `marked`, `void` for quality
words, `simulated`, `muted`. Headings inside a section begin at h3.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any, Final

import pyarrow as pa

from edgewatt.profiler.batch import Gap
from edgewatt.profiler.storage.manifest import Manifest
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.window import Window

# Okabe and Ito, "Color Universal Design" (2008), less its yellow, which white swallows, and its black, which dark does.
PALETTE: Final = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
DASHES: Final = ("solid", "dashed", "dotted", "dashdot", "dotdash", "dashed")
MARKERS: Final = ("circle", "square", "triangle", "diamond", "inverted_triangle", "hex")

Row = dict[str, Any]


@dataclass(frozen=True)
class ToldRun:
    """One run as sections read it: each table once, when it is first asked for.

    `label` is short and unlike the others', and what somebody called a folder: show it through the filter `name`.
    """

    trace: Trace
    label: str

    @property
    def manifest(self) -> Manifest:
        """What the run says of itself."""
        return self.trace.manifest

    @cached_property
    def results(self) -> list[Row]:
        """One row per configuration and energy source; none if the run was never processed."""
        return _rows(self.trace.results())

    @cached_property
    def repeats(self) -> list[Row]:
        """One row per configuration, energy source and repeat."""
        return _rows(self.trace.repeats())

    @cached_property
    def budget(self) -> list[Row]:
        """One row per term of each interval of the results."""
        return _rows(self.trace.budget())

    @cached_property
    def operators(self) -> list[Row]:
        """The operators of every configuration."""
        return _rows(self.trace.operators())

    @cached_property
    def iterations(self) -> pa.Table:
        """The columns of ITERATIONS; may have millions of rows."""
        return self.trace.iterations()

    @cached_property
    def windows(self) -> list[Window]:
        """All windows, each on the clock that it names."""
        return self.trace.windows()

    @cached_property
    def gaps(self) -> list[Gap]:
        """All gaps, on the clock of their stream."""
        return self.trace.gaps()

    @property
    def is_simulated(self) -> bool:
        """True where any part of it was simulated."""
        return self.manifest.simulated or any(row["simulated"] for row in self.results)


@dataclass(frozen=True)
class Plot:
    """A Bokeh figure (`figures`: one, or several one below the other), placed by `{{ plot }}` in a template.

    `id` is unique on the page: letters, digits and `-`. `title` is one line that says what it shows; `table` is HTML
    that says the same, made by a template, or "". `data` is JSON for a script of the page, or "".
    """

    id: str
    title: str
    figures: Any
    table: str = ""
    data: str = ""

    def __html__(self) -> str:
        """Its place in the page; the shell's script draws into it."""
        title = escape(self.title)
        table = f"<details><summary>The same as a table</summary>{self.table}</details>" if self.table else ""
        return (
            f'<figure class="plot" id="plot-{self.id}"><figcaption>{title}</figcaption>'
            f'<div class="canvas" data-plot="{self.id}" role="application" tabindex="0" aria-label="{title}" '
            'aria-describedby="keys"></div>'
            f"{table}</figure>"
        )


@dataclass(frozen=True)
class Section:
    """A part of the page under its heading. `html` is made by templates; `css` is for what the shell does not style."""

    id: str
    title: str
    html: str
    plots: Sequence[Plot] = ()
    css: str = ""


SectionOf = Callable[[Sequence[ToldRun]], Section | None]


def _rows(table: pa.Table | None) -> list[Row]:
    return [] if table is None else table.to_pylist()

"""Figures, simulations and calibrations in a report, in the look of the rest."""

import json
import math
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from edgewatt.profiler.calibration.calibration import calibration_of_rows, write_calibration
from edgewatt.profiler.calibration.head import CalibratedDevice, UsedMeter, UsedRun, head_now
from edgewatt.profiler.figure import Figure, Line
from edgewatt.reports.page.sections.figures import LINES_LIMIT, plot_of
from edgewatt.reports.page.sections.given import sections_of
from tests.sample_runs import HOSTILE

pytestmark = [pytest.mark.extra, pytest.mark.long]
embed = pytest.importorskip("bokeh.embed")
pytest.importorskip("jinja2")

KINDS = ("line", "bars", "points", "heat")


def figure(kind: Any, lines: list[Line], **fields: Any) -> Figure:
    return Figure(**{"title": "Energy", "kind": kind, "x_label": "scenario", "y_label": "joules", "lines": lines,
                     "basis": "simulated", **fields})  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("x", [("S1", "S2", "S1 "), (1.0, 2.0, 3.5)])
def test_every_kind_draws_every_series_and_says_where_the_highest_is(kind: str, x: tuple[Any, ...]) -> None:
    lines = [Line("a", x, (1.0, 5.0, 2.0), (0.5, 4.0, 1.5), (1.5, 6.0, 2.5)), Line("b", x, (2.0, 1.0, 3.0))]
    plot = plot_of(figure(kind, lines), "p")
    assert "simulated, not measured" in plot.title
    assert f"highest at {_shown(x[1])}, a, 5" in plot.title
    assert "5 [4, 6]" in plot.table
    names = {
        name for r in plot.figures.renderers for name in (r.data_source.data.get("name") or r.data_source.data["row"])
    }
    assert names == {"a", "b"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_figure_of_nothing_or_of_a_value_that_nobody_knows_is_drawn(kind: str) -> None:
    unknown = [math.nan, math.nan]
    for lines in ([], [Line("a", [], [])], [Line("a", ["x", "y"], [1.0, 2.0], unknown, unknown)]):
        plot = plot_of(figure(kind, lines), "p")
        assert embed.json_item(plot.figures)
        assert "nan" not in plot.table


def test_more_series_than_looks_are_in_the_table_alone_and_that_is_said() -> None:
    lines = [Line(f"n{k}", ["x"], [float(k)]) for k in range(LINES_LIMIT + 3)]
    plot = plot_of(figure("bars", lines), "p")
    assert "3 more series are in the table" in plot.title
    assert f"n{LINES_LIMIT + 2}" in plot.table


def test_looks_differ_beside_their_colour() -> None:
    lines = [Line(f"n{k}", [1.0, 2.0], [float(k), 1.0]) for k in range(LINES_LIMIT)]
    made = plot_of(figure("line", lines), "p").figures
    looks = [
        (r.glyph.line_color, r.glyph.line_dash if isinstance(r.glyph.line_dash, str) else tuple(r.glyph.line_dash))
        for r in made.renderers
        if type(r.glyph).__name__ == "Line"
    ]
    assert len(set(looks)) == LINES_LIMIT


def test_hostile_names_of_a_figure_stay_text() -> None:
    name = f"$$\\input{{x}}$$ {HOSTILE}"
    plot = plot_of(figure("bars", [Line(name, [name, "y"], [1.0, 2.0])], title=name, x_label=name, y_label=name), "p")
    shown = json.dumps(embed.json_item(plot.figures), ensure_ascii=False)
    assert "<script" not in plot.table
    for sign in ("\x1b", "\u202e"):
        assert sign not in plot.table + shown + plot.title
    assert "$$" not in shown
    assert len(shown) < 20_000


def _shown(place: float | str) -> str:
    return place if isinstance(place, str) else f"{place:g}"


HEADLINE = {
    "name": "energy efficiency over cloud", "unit": "x", "published": 1.6, "headline": True, "ours": 1.95,
    "ci_low": 1.9, "ci_high": 2.0, "range_low": 1.3, "range_high": 3.1, "basis": "simulated on published constants",
    "gap": "22 % above the paper's",
}  # fmt: skip


def test_a_simulation_says_simulated_and_its_gap(tmp_path: Path) -> None:
    lines = [{"name": "a", "x": ["S1"], "y": [1.0], "low": None, "high": None}]
    one = {"title": "t", "kind": "bars", "x_label": "x", "y_label": "y", "basis": "simulated", "notes": {"seeds": 5}}
    (tmp_path / "figures.json").write_text(json.dumps([{**one, "lines": lines}]))
    pq.write_table(pa.Table.from_pylist([HEADLINE]), tmp_path / "headlines.parquet")
    (section,) = sections_of([str(tmp_path)])
    for part in ("SIMULATED", "1.6 x*", "1.95 x, simulated on published constants", "22 % above", "seeds"):
        assert part in section.html
    assert len(section.plots) == 1


def test_a_calibration_says_what_it_is_of_its_fits_and_what_is_blank(tmp_path: Path) -> None:
    origin = {"device_id": "p", "basis": "simulated", "source": "a run"}
    rows = {
        "power": [{**origin, "unit": "cpu0", "frequency_hz": hz, "busy_w": hz / 1e9} for hz in (1e9, 2e9)],
        "fits": [{**origin, "fit": "power", "of": "cpu0", "term": "busy", "unit": "w", "value": 1.5, "low": 1.0,
                  "high": 2.0, "residual": 0.01, "residual_unit": "w", "observations_n": 9}],
    }  # fmt: skip
    head = head_now(
        devices={"p": CalibratedDevice(HOSTILE[:1000], "chip", simulated=True)},
        meters=(UsedMeter("monsoon/main", "battery_bypass", None),),
        runs=(UsedRun("d" * 8, "cpu", "monday", "p", "run"),),
        notes=(HOSTILE[:1000],),
    )
    path = write_calibration(calibration_of_rows(head, rows), tmp_path / "c.zip")
    (section,) = sections_of([str(path)])
    for part in (
        "SIMULATED",
        "from 1 run: <bdi>cpu</bdi>",
        "its gain is unknown",
        "busy 1.5 [1, 2] W",
        "9 observations",
        "autofl",
    ):
        assert part in section.html
    assert "<script" not in section.html
    (plot,) = section.plots
    assert "simulated, not measured" in plot.title

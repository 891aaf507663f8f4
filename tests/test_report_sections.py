"""The sections of a report, as HTML: what they say of good, void, energyless and hostile runs."""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from edgewatt.profiler.channel import Unavailable
from edgewatt.reports.ledger import Entry, Rest
from edgewatt.reports.page.section import Section, ToldRun
from edgewatt.reports.page.sections import answer, conditions, distribution, ledger, operators
from edgewatt.reports.page.sections.order import FIRST, REST
from tests.measured_runs import CONFIG, Instrument, Plan, rail, rapl, written
from tests.report_runs import analysed, html_of, of_rows
from tests.sample_runs import HOSTILE, repeat_rows

pytestmark = [pytest.mark.extra, pytest.mark.long]
embed = pytest.importorskip("bokeh.embed")
pytest.importorskip("jinja2")


def sections(runs: list[ToldRun]) -> Iterator[Section]:
    """Every section that has something to say."""
    for of in (*FIRST, *REST):
        section = of(runs)
        if section is not None:
            yield section


def text_of(html: str) -> str:
    """What people read of it."""
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", html)))


@pytest.fixture
def board(tmp_path: Path) -> ToldRun:
    """A run with a board's input and a counter."""
    instruments = [Instrument(rail("vdd_in"), name="jetson", boundary="board"), Instrument(rapl())]
    return analysed(written(tmp_path / "board", instruments))


def test_every_section_of_a_run_has_its_own_ids_and_a_table_for_each_plot(board: ToldRun) -> None:
    found = list(sections([board]))
    assert [one.id for one in found] == ["answer", "distribution", "ledger", "conditions", "uncertainty", "provenance"]
    plots = [plot for one in found for plot in one.plots]
    assert len({plot.id for plot in plots}) == len(plots) >= 3
    for plot in plots:
        assert re.fullmatch(r"[A-Za-z0-9-]+", plot.id)
        assert "<table>" in plot.table
        assert plot.title
        assert sum(f'id="plot-{plot.id}"' in one.html for one in found) == 1


def test_the_answer_says_both_intervals_simulated_and_the_quality(tmp_path: Path) -> None:
    run = of_rows(tmp_path / "run", [{"simulated": True}], simulated=True)
    said = text_of(html_of(answer.section([run])))
    for part in ("SIMULATED", "12.4 ms", "[12.2, 12.6] repeatability", "38.1 mJ", "[37.5, 38.7] repeatability",
                 "[37.2, 39.0] accuracy", "battery bypass", "monsoon/main", "good", "p90 13.1 ms"):  # fmt: skip
        assert part in said
    measured = text_of(html_of(answer.section([of_rows(tmp_path / "measured")])))
    assert "SIMULATED" not in measured
    assert "measured" in measured


def test_reasons_come_with_their_meaning_and_what_to_do(tmp_path: Path) -> None:
    run = of_rows(tmp_path / "run", [{"quality": "marked", "quality_reasons": ["throttled", "one_of_the_future:x"]}])
    said = text_of(html_of(answer.section([run])))
    assert "throttled" in said
    assert "one_of_the_future:x" in said
    assert "does not know that code" in said


def test_many_configurations_are_one_table_and_each_reason_is_said_once(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"config_id": f"{k:012x}", "threads": k + 1, "quality": "marked", "quality_reasons": ["undersampled"]}
        for k in range(6)
    ]
    run = of_rows(tmp_path / "run", rows, [one for row in rows for one in repeat_rows(**row)])
    said = text_of(html_of(answer.section([run])))
    assert said.count("undersampled") == 1
    assert "6 of 6 configurations" in said
    assert all(f"{k + 1} thread" in said for k in range(6))


def test_a_run_without_energy_says_why_and_has_no_zero(tmp_path: Path) -> None:
    path = written(tmp_path / "run", (), Plan(unavailable=[Unavailable("rapl", "a virtual machine without RAPL")]))
    found = {one.id: one for one in sections([analysed(path)])}
    assert "not measured: " in text_of(found["answer"].html)
    assert "a virtual machine without RAPL" in text_of(found["answer"].html)
    assert "0 J" not in text_of(found["answer"].html)
    assert "ledger" not in found
    assert "uncertainty" not in found


def test_a_void_run_and_one_that_was_never_processed_have_an_answer(tmp_path: Path) -> None:
    told = {n: {"reasons": ["suspended"]} for n in range(3)}
    void = analysed(written(tmp_path / "void", [Instrument(rapl())], Plan(told=told)))
    raw = ToldRun(void.trace.open(written(tmp_path / "raw", [Instrument(rapl())])), "raw")
    of_void, of_raw = (text_of(next(sections([run])).html) for run in (void, raw))
    assert "void" in of_void
    assert "suspended : The device slept during the repeat." in of_void
    assert "no results" in of_raw
    assert [one.id for one in sections([void, raw])][-1] == "provenance"


def test_only_a_summary_is_said_and_not_drawn(tmp_path: Path) -> None:
    run = of_rows(tmp_path / "run")
    section = distribution.section([run])
    assert "tells no single iterations, only the median of each repeat" in text_of(html_of(section))
    assert section is not None
    assert not section.plots


def test_a_distribution_has_the_slowest_iteration_in_words_figure_and_table(board: ToldRun) -> None:
    table = board.iterations
    seconds = table["latency_s"].to_numpy().copy()
    seconds[7] = 30.0
    board.__dict__["iterations"] = table.set_column(5, "latency_s", pa.array(seconds))
    section = distribution.section([board])
    assert section is not None
    (plot,) = section.plots
    assert "the slowest 30.0 s" in plot.title
    bars, curve = plot.figures
    rights = [np.max(r.data_source.data["right"]) for r in bars.renderers if "right" in r.data_source.data]
    assert rights == [pytest.approx(30.0)]
    assert max(np.max(r.data_source.data["x"]) for r in curve.renderers) == pytest.approx(30.0)
    assert "30.0 s" in text_of(section.html)


def test_several_runs_are_compared_and_drawn_as_trades(tmp_path: Path) -> None:
    slow = {"latency_s_mean": 0.025, "latency_s_low": 0.024, "latency_s_high": 0.026}
    old = of_rows(tmp_path / "old")
    new = of_rows(tmp_path / "new", [slow], repeat_rows([0.025, 0.0251, 0.0249, 0.025, 0.0252], session="monday"))
    found = {one.id: one for one in sections([old, new])}
    said = text_of(found["compared"].html)
    assert "2.0" in said
    assert "worse" in said
    (trade,) = found["pareto"].plots
    assert "1 of 2 configurations are best trades" in trade.title
    assert "old: " in trade.table
    assert "compared" not in {one.id for one in sections([old])}


def test_conditions_that_differ_are_named_and_energies_at_two_boundaries_are_not_drawn_together(tmp_path: Path) -> None:
    wall: dict[str, Any] = {"energy_boundary": "wall", "conditions_sha256": "d0" * 32}
    old = of_rows(tmp_path / "old", conditions={"governor": "performance"})
    new = of_rows(tmp_path / "new", [wall], repeat_rows(**wall), conditions={"governor": "schedutil"})
    found = {one.id: one for one in sections([old, new])}
    assert "governor ('performance' against 'schedutil')" in text_of(found["compared"].html)
    assert "pareto" not in found
    assert "differs" in text_of(found["conditions"].html)


def test_conditions_say_what_was_asked_and_what_was_left(tmp_path: Path) -> None:
    run = of_rows(
        tmp_path / "run",
        command=["edgewatt", "profile", "--set", "screen=off", "--set=governor=performance"],
        quality_reasons=["not_set:governor", "left_changed:brightness"],
        unavailable=[{"what": "not_set:governor", "reason": "no root", "fix": ""}],
    )
    said = text_of(html_of(conditions.section([run])))
    assert "screen = off : set, and put back" in said
    assert "governor = performance : not set: no root" in said
    assert "left_changed:brightness" in said


def test_operators_have_bars_with_their_basis(board: ToldRun) -> None:
    common = {"config_id": CONFIG, "group": None, "name": "n", "latency_s": 0.001}
    joules = ("energy_j", "energy_low_j", "energy_high_j")
    board.__dict__["operators"] = [
        {
            **common,
            "index": 0,
            "op": "CONV_2D",
            **dict(zip(joules, (0.02, 0.01, 0.03), strict=True)),
            "basis": "measured",
        },
        {**common, "index": 1, "op": HOSTILE, **dict.fromkeys(joules), "energy_j": 0.1, "basis": "allocated"},
        {**common, "index": 2, "op": "ADD", **dict.fromkeys(joules), "basis": None},
    ]
    section = operators.section([board])
    assert section is not None
    (plot,) = section.plots
    times, energies = plot.figures
    assert len(times.y_range.factors) == 3
    assert len(energies.y_range.factors) == 2
    assert {item.label.value for item in energies.legend[0].items} == {"measured", "allocated"}
    assert "<script>alert" not in section.html + plot.table


def test_the_ledger_warns_of_parts_that_exceed_the_whole_and_adds_no_boundaries(tmp_path: Path) -> None:
    parts = [
        Instrument(rail("vdd_in"), name="jetson", boundary="board"),
        Instrument(rail("vdd_soc"), name="soc", boundary="rail"),
    ]
    run = analysed(written(tmp_path / "run", parts))
    section = ledger.section([run])
    assert section is not None
    said = text_of(html_of(section)) + text_of(section.plots[0].table)
    assert "the rest" not in said
    assert {item.label.value for item in section.plots[0].figures.legend[0].items} == {"board", "rail"}


def test_the_ledger_draws_the_rest_and_warns_where_parts_exceed_the_whole(
    board: ToldRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = board.results[0]

    def entries_with(rest: Rest) -> list[Entry]:
        inner = {**row, "energy_source": "jetson/vdd_soc", "energy_boundary": "rail"}
        return [Entry(row, 0, ("vdd_in.power_w",), ("module",), rest), Entry(inner, 1, ("vdd_soc.power_w",), (), None)]

    for rest in (Rest("jetson/vdd_in", 0.25, 0.2, 0.3), Rest("jetson/vdd_in", -0.25, -0.3, -0.2)):
        monkeypatch.setattr(ledger, "ledger_of", lambda *_, rest=rest: entries_with(rest))
        section = ledger.section([board])
        assert section is not None
        drawn = section.plots[0].figures.y_range.factors
        assert ("come to more than it by 250 mJ" in section.html) == rest.is_negative
        assert any("the rest of" in name for name in drawn) != rest.is_negative
        assert "the rest" in section.plots[0].table


# As long as a table of a run may hold a text.
LONG = HOSTILE[:4096]


def hostile_run(folder: Path) -> ToldRun:
    """A run whose every name was chosen by an enemy."""
    names = dict.fromkeys(("device", "model", "runtime", "target_used", "energy_source", "quality"), LONG)
    row: dict[str, Any] = {**names, "quality_reasons": [LONG]}
    return of_rows(
        folder,
        [row],
        repeat_rows(**row),
        device={"name": LONG, LONG: LONG, "instruments": {LONG: {LONG: [LONG]}}},
        command=[LONG],
        conditions={LONG: LONG, "governor": LONG},
        unavailable=[{"what": LONG, "reason": LONG, "fix": LONG}],
        versions={LONG: LONG},
        quality_reasons=[LONG],
    )


def test_hostile_names_stay_text_everywhere(tmp_path: Path) -> None:
    runs = [hostile_run(tmp_path / "a"), hostile_run(tmp_path / "b")]
    for section in sections(runs):
        items = "".join(str(embed.json_item(of)) for plot in section.plots for of in _figures(plot.figures))
        everything = section.html + "".join(plot.title + plot.table for plot in section.plots) + items
        assert "<script" not in section.html + "".join(plot.table for plot in section.plots)
        for sign in ("\x1b", "\u202e", "\r"):
            assert sign not in everything, section.id
        assert len(section.html) < 400_000


def _figures(figures: Any) -> list[Any]:
    return list(figures) if isinstance(figures, list | tuple) else [figures]

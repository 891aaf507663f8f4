"""Figures for papers: what is in them, that they are the same each time, and that nothing in a name becomes markup."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewatt.profiler.batch import Batch
from edgewatt.profiler.channel import EnergySource, Opened
from edgewatt.profiler.errors import NotMeasuredError, UsageError
from edgewatt.profiler.storage.manifest import Manifest
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.storage.writer import RunWriter
from edgewatt.reports.export import export
from edgewatt.reports.figures.asked import FIGURE_FORMATS, KINDS, Asked
from edgewatt.reports.figures.timeline import ELEMENTS, told_over_time
from tests.figure_runs import over_frequencies, recorded
from tests.measured_runs import rail
from tests.sample_runs import HOSTILE, RESULT, make_run

pytestmark = pytest.mark.extra
pytest.importorskip("matplotlib")


def drawn(runs: list[Trace], to: str, kind: Any, folder: Path, width_in: float = 3.35) -> bytes:
    export(runs, to, folder / "figure", asked=Asked(kind, width_in))
    return (folder / "figure").read_bytes()


def words(svg: bytes) -> list[str]:
    """The texts of a figure, which are glyphs: each stands in a comment beside its own."""
    return [text.strip() for text in re.findall(r"<!--(.*?)-->", svg.decode(), re.DOTALL)]


@pytest.fixture
def runs(tmp_path: Path) -> dict[str, list[Trace]]:
    over = over_frequencies(tmp_path, simulated=True)
    return {kind: [over] if kind in {"bars", "pareto", "dvfs"} else [recorded(tmp_path, kind)] for kind in KINDS}


@pytest.mark.parametrize(
    "kind", [kind if kind == "timeline" else pytest.param(kind, marks=pytest.mark.long) for kind in KINDS]
)
def test_the_same_run_gives_the_same_bytes(runs: dict[str, list[Trace]], tmp_path: Path, kind: Any) -> None:
    for to in FIGURE_FORMATS if kind == "bars" else ("svg",):
        assert drawn(runs[kind], to, kind, tmp_path) == drawn(runs[kind], to, kind, tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_simulated_stands_in_the_figure(runs: dict[str, list[Trace]], tmp_path: Path, kind: Any) -> None:
    assert "SIMULATED" in words(drawn(runs[kind], "svg", kind, tmp_path))


def test_what_was_measured_is_not_called_simulated(tmp_path: Path) -> None:
    measured = over_frequencies(tmp_path)
    assert not any("SIMULATED" in text for text in words(drawn([measured], "svg", "bars", tmp_path)))
    both = [measured, over_frequencies(tmp_path, "virtual", simulated=True)]
    assert "SIMULATED: virtual" in words(drawn(both, "svg", "pareto", tmp_path))


def test_a_pdf_embeds_true_type_and_no_date(runs: dict[str, list[Trace]], tmp_path: Path) -> None:
    pdf = drawn(runs["dvfs"], "pdf", "dvfs", tmp_path)
    assert b"/FontFile2" in pdf
    assert b"/Type3" not in pdf
    assert b"CreationDate" not in pdf
    assert b"SIMULATED edgewatt dvfs" in pdf


def test_a_figure_is_as_wide_as_was_asked(runs: dict[str, list[Trace]], tmp_path: Path) -> None:
    for width_in in (3.35, 7.0):
        root = ET.fromstring(drawn(runs["cdf"], "svg", "cdf", tmp_path, width_in))
        assert float(root.attrib["width"].removesuffix("pt")) == pytest.approx(72 * width_in)
    for width_in in (0.0, -1.0, float("nan"), 1e9):
        with pytest.raises(UsageError, match=r"--width .*inches wide"):
            drawn(runs["cdf"], "svg", "cdf", tmp_path, width_in)


def test_axes_have_units_and_rows_their_differences(runs: dict[str, list[Trace]], tmp_path: Path) -> None:
    said = words(drawn(runs["bars"], "svg", "bars", tmp_path))
    assert {"latency per iteration (ms)", "energy per iteration (mJ)", "900 MHz", "2.30 GHz", "left free"} <= set(said)
    said = words(drawn(runs["dvfs"], "svg", "dvfs", tmp_path))
    assert {"frequency (GHz)", "latency (ms)", "energy (mJ)"} <= set(said)
    said = words(drawn(runs["timeline"], "svg", "timeline", tmp_path))
    assert {"power (W)", "temperature (°C)", "time (s)", "measured", "idle"} <= set(said)


def test_gaps_are_marked_and_lines_broken(tmp_path: Path) -> None:
    run = recorded(tmp_path, lost=True)
    assert "no samples" in words(drawn([run], "svg", "timeline", tmp_path))
    power = told_over_time(run, "run").series[0].envelope
    assert np.isnan(power.high[np.searchsorted(power.t_ns, 107_100_000_000) - 1])


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    name = f"{HOSTILE[:200]} $x_1^2$ 手機 --> ]]>"
    row = {**RESULT, "device": name, "model": name, "energy_source": name}
    run = Trace.open(make_run(tmp_path / "run", results=[row, {**row, "config_id": "b", "device": "$\\frac{1}{2}$"}]))
    for kind in ("bars", "pareto"):
        root = ET.fromstring(drawn([run], "svg", kind, tmp_path))
        assert not root.findall(".//{*}script")
        assert "$\\frac{1}{2}$" in words(drawn([run], "svg", kind, tmp_path))


def test_runs_beside_each_other(tmp_path: Path) -> None:
    both = [recorded(tmp_path, "first"), recorded(tmp_path, "second", energy=False)]
    for kind in ("timeline", "cdf"):
        said = words(drawn(both, "svg", kind, tmp_path))
        assert {"first", "second"} <= set(said)


def test_what_is_missing_is_said_and_not_drawn(tmp_path: Path) -> None:
    without = recorded(tmp_path, energy=False)
    notices = export([without], "svg", tmp_path / "figure", asked=Asked("timeline"))
    assert "power not measured" in notices[0]
    assert any("power not measured" in text for text in words((tmp_path / "figure").read_bytes()))
    with pytest.raises(NotMeasuredError, match="nothing to weigh"):
        drawn([without], "svg", "pareto", tmp_path)
    with pytest.raises(NotMeasuredError, match="frequencies_hz"):
        drawn([without], "svg", "dvfs", tmp_path)
    summary = Trace.open(make_run(tmp_path / "summary", results=[RESULT]))
    with pytest.raises(NotMeasuredError, match="no iterations"):
        drawn([summary], "svg", "cdf", tmp_path)
    notices = export([recorded(tmp_path, "whole"), summary], "svg", tmp_path / "figure", asked=Asked("cdf"))
    assert notices == ("no iterations of summary: the runtime gives a summary alone; --kind bars has it",)
    with pytest.raises(NotMeasuredError, match="no run has a sample"):
        drawn([summary], "svg", "timeline", tmp_path)


def test_no_extreme_vanishes(tmp_path: Path) -> None:
    """Of 200,000 samples one is 40 times the others: whatever is left to draw, it is there."""
    channel = rail(period_s=0.0002, window_s=0.0)
    manifest = {"simulated": False, "created": "2026-01-02T03:04:05+00:00", "command": [], "versions": {}, "device": {}}
    writer = RunWriter.create(tmp_path / "run", Manifest(**manifest))
    source = EnergySource("meter/main", ((channel.column,),), "board")
    writer.add_collector(Opened("meter", {"": (channel,)}, sources=(source,)))
    power_w = np.ones(200_000)
    power_w[123_457] = 40.0
    writer.batch("meter", Batch(np.arange(200_000, dtype=np.int64) * 200_000, {channel.column: power_w}))
    writer.close()
    series = told_over_time(Trace.open(tmp_path / "run"), "run").series[0]
    assert len(series.envelope) <= ELEMENTS + 1
    assert np.nanmax(series.envelope.high) == 40.0
    assert np.nanmin(series.envelope.low) == 1.0


def test_joules_of_two_rails_are_two_things(tmp_path: Path) -> None:
    rails = [{"energy_boundary": "rail", "energy_source": f"phone/{name}"} for name in ("cpu", "gpu")]
    said = words(drawn([over_frequencies(tmp_path, **one) for one in rails[:1]], "svg", "pareto", tmp_path))
    assert "energy at: rail phone/cpu" in " ".join(said)
    both = [over_frequencies(tmp_path, name, **one) for name, one in zip(("a", "b"), rails, strict=True)]
    said = words(drawn(both, "svg", "pareto", tmp_path))
    assert {"phone/cpu", "phone/gpu"} <= set(said)
    assert "(a line each)" in " ".join(said)

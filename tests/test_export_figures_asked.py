"""What asking for a figure needs, and what of it needs no matplotlib."""

from pathlib import Path

import pytest

from edgewatt.cli import main
from edgewatt.profiler.errors import UsageError
from edgewatt.reports.export import export
from edgewatt.reports.figures import look
from edgewatt.reports.figures.asked import Asked
from edgewatt.reports.figures.pareto import front_of
from edgewatt.reports.figures.scale import prefixed
from tests.figure_runs import over_frequencies


def test_a_figure_needs_a_kind(tmp_path: Path) -> None:
    run = over_frequencies(tmp_path)
    with pytest.raises(UsageError, match=r"--kind: timeline, cdf, bars, pareto, dvfs"):
        export([run], "pdf", tmp_path / "figure")
    with pytest.raises(UsageError, match=r"csv is no figure; --kind and --width are for pdf, svg, png"):
        export([run], "csv", tmp_path / "figure", asked=Asked("bars"))
    with pytest.raises(UsageError, match="leave --table away"):
        export([run], "svg", tmp_path / "figure", table="repeats", asked=Asked("bars"))
    assert not (tmp_path / "figure").exists()


def test_no_matplotlib_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent(_name: str) -> None:
        raise ImportError

    monkeypatch.setattr(look, "import_module", absent)
    run = over_frequencies(tmp_path)
    words = ["export", str(run.path), "--to", "png", "--kind", "bars", "-o", str(tmp_path / "figure")]
    assert main(words) == 2
    assert "pip install 'edgewatt[reports]'" in capsys.readouterr().err


def test_a_front_is_what_nothing_beats_in_both() -> None:
    assert front_of([(2.0, 2.0), (1.0, 3.0), (2.0, 3.0), (3.0, 2.0), (4.0, 1.0)]) == [
        (1.0, 3.0),
        (2.0, 2.0),
        (4.0, 1.0),
    ]
    assert front_of([]) == []


def test_an_axis_is_in_the_unit_of_its_largest_value() -> None:
    assert prefixed([0.002, 0.9, None, float("nan")], "s") == (1e-3, "ms")
    assert prefixed([1500.0, 2.0], "J") == (1e3, "kJ")
    assert prefixed([], "W") == (1.0, "W")

"""What sections of a report compute: the ledger, the front, and what a report is given. Needs no extra."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewatt.profiler.calibration.calibration import calibration_of_rows, write_calibration
from edgewatt.profiler.calibration.head import CalibratedDevice, head_now
from edgewatt.profiler.channel import Channel, EnergySource
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.units import Quantity
from edgewatt.reports.front import NO, UNCLEAR, YES, Span, on_front
from edgewatt.reports.ledger import ledger_of
from edgewatt.reports.page.sections.calibrations import figures_of
from edgewatt.reports.page.sections.distribution import curve_of, histogram
from edgewatt.reports.page.sections.given import kind_of
from edgewatt.reports.page.sections.plotting import axis_unit, distinct, plot_text
from edgewatt.reports.page.sections.simulations import read_simulation
from tests.measured_runs import Instrument, rail, written
from tests.report_runs import analysed
from tests.sample_runs import HOSTILE, RESULT, repeat_rows


class _Trace:
    """What a ledger reads of a trace."""

    def __init__(self, sources: list[EnergySource], profile: str | None) -> None:
        self.sources = sources
        self.manifest = type("Manifest", (), {"device": {"profile": profile}})()


def _source(name: str, *terms: str, covers: tuple[str, ...] = ()) -> EnergySource:
    return EnergySource(name, tuple((term,) for term in terms), "rail", covers)


INPUT = _source("jetson/vdd_in", "vdd_in.power_w", covers=("module",))
CPU = _source("jetson/vdd_cpu_gpu_cv", "vdd_cpu_gpu_cv.power_w", covers=("cpu", "gpu", "cv"))
SOC = _source("jetson/vdd_soc", "vdd_soc.power_w", covers=("soc",))


def _ledger(sources: list[EnergySource], joules: list[float], profile: str | None = "jetson_orin_nx") -> Any:
    names = [source.name for source in sources]
    results = [{**RESULT, "energy_source": name} for name in names]
    repeats = [
        row
        for name, energy_j in zip(names, joules, strict=True)
        for row in repeat_rows([1.0, 1.0, 1.0], [energy_j, energy_j + 0.1, energy_j + 0.2], energy_source=name)
    ]
    trace: Any = _Trace(sources, profile)
    return ledger_of(trace, results, repeats)


def test_rails_lie_inside_the_input_as_the_profile_says_and_the_rest_is_a_difference_of_repeats() -> None:
    whole, *parts = _ledger([INPUT, CPU, SOC], [10.0, 5.0, 3.0])
    assert [entry.row["energy_source"] for entry in (whole, *parts)] == [INPUT.name, CPU.name, SOC.name]
    assert [entry.depth for entry in (whole, *parts)] == [0, 1, 1]
    # 10 - 5 - 3, 10.1 - 5.1 - 3.1, 10.2 - 5.2 - 3.2
    assert whole.rest is not None
    assert whole.rest.mean_j == pytest.approx(1.9)
    assert whole.rest.low_j < 1.9 < whole.rest.high_j
    assert parts[0].rest is None


def test_parts_that_exceed_the_whole_are_told_and_not_clipped() -> None:
    whole, *_ = _ledger([INPUT, CPU, SOC], [7.0, 5.0, 3.0])
    assert whole.rest.is_negative


@pytest.mark.parametrize("profile", [None, "no_such_profile", "../../etc/passwd.toml", "raspberry_pi_5"])
def test_without_a_profile_that_knows_both_nothing_is_nested_or_subtracted(profile: str | None) -> None:
    entries = _ledger([INPUT, CPU, SOC], [10.0, 5.0, 3.0], profile)
    assert all(entry.depth == 0 and entry.rest is None for entry in entries)


def test_a_sum_of_columns_holds_the_source_of_one_of_them() -> None:
    package = _source("rapl/package-0", "package-0.energy_j")
    both = _source("rapl/all", "package-0.energy_j", "dram-0.energy_j")
    first, second = _ledger([package, both], [3.0, 5.0], None)
    assert (first.row["energy_source"], second.depth) == ("rapl/all", 1)
    assert first.made_of == ("package-0.energy_j", "dram-0.energy_j")


def test_no_rest_where_parts_overlap() -> None:
    both = _source("jetson/vdd_soc", "vdd_soc.power_w", covers=("cpu",))
    whole, *_ = _ledger([INPUT, CPU, both], [10.0, 5.0, 3.0])
    assert whole.rest is None


def test_the_ledger_of_a_run_keeps_every_source_once(tmp_path: Path) -> None:
    path = written(tmp_path / "run", [Instrument(rail("vdd_in"), name="jetson", boundary="board")])
    run = analysed(path)
    assert [entry.row["energy_source"] for entry in ledger_of(run.trace, run.results, run.repeats)] == ["jetson/vdd_in"]


def test_the_front_says_no_only_beyond_the_intervals() -> None:
    best = Span(1.0, 0.9, 1.1), Span(1.0, 0.9, 1.1)
    near = Span(1.05, 0.95, 1.15), Span(1.05, 0.9, 1.2)
    far = Span(2.0, 1.9, 2.1), Span(2.0, 1.9, 2.1)
    trade = Span(0.5, 0.4, 0.6), Span(3.0, 2.9, 3.1)
    assert on_front([best, near, far, trade]) == [YES, UNCLEAR, NO, YES]
    assert on_front([(Span(1.0), Span(1.0)), (Span(1.0), Span(1.0))]) == [YES, YES]


@pytest.mark.parametrize("axis", ["linear", "log"])
def test_a_histogram_holds_every_value_and_its_ends_are_the_extremes(axis: str) -> None:
    rng = np.random.default_rng(3)
    values = np.sort(np.append(rng.lognormal(0, 0.1, 5000), [1e-3, 1e4]))
    counts, edges = histogram(values, is_log=axis == "log")
    assert counts.sum() == len(values)
    assert (edges[0], edges[-1]) == (pytest.approx(1e-3), pytest.approx(1e4))
    assert len(counts) <= 80


def test_equal_iterations_have_a_histogram_too() -> None:
    counts, _ = histogram(np.full(7, 0.5), is_log=False)
    assert counts.sum() == 7


def test_a_curve_is_bounded_and_keeps_every_extreme() -> None:
    values = np.sort(np.random.default_rng(4).exponential(1.0, 100_000))
    x, y = curve_of(values)
    assert len(x) < 1200
    assert set(values[-40:]) <= set(x)
    assert (y[0], y[-1]) == (1 / len(values), 1.0)
    assert (np.diff(y) > 0).all()


def test_texts_of_plots_are_short_and_no_formulas() -> None:
    shown = plot_text(f"$$\\frac1{HOSTILE}$$ \\(x\\)", 60)
    assert "$$" not in shown
    assert "\\(" not in shown
    assert len(shown) < 80
    assert "\u202e" not in plot_text(HOSTILE)


def test_places_of_an_axis_differ_even_where_their_texts_are_cut_alike() -> None:
    places = distinct(["x" * 100, "x" * 101, "y", "y"])
    assert len(set(places)) == 4


def test_an_axis_has_one_prefix() -> None:
    assert axis_unit([0.002, None, 0.5], "s") == (1e-3, "ms")
    assert axis_unit([], "J") == (1.0, "J")


FIGURE = {
    "title": "t", "kind": "bars", "x_label": "x", "y_label": "y", "basis": "simulated", "notes": {},
    "lines": [{"name": "a", "x": ["S1"], "y": [1.0], "low": None, "high": None}],
}  # fmt: skip


def test_a_simulation_is_read_from_its_folder_or_its_file(tmp_path: Path) -> None:
    (tmp_path / "figures.json").write_text(json.dumps([FIGURE]))
    for path in (tmp_path, tmp_path / "figures.json"):
        assert kind_of(path) == "simulation"
        assert read_simulation(path).figures[0].lines[0].y == [1.0]


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "pie"}, {"basis": "guessed"}, {"title": 1}, {"lines": 7}, {"lines": [{"name": "a", "x": [1]}]},
        {"lines": [{"name": "a", "x": ["S1"], "y": [None]}]}, {"lines": [{"name": "a", "x": ["S1", "S2"], "y": [1.0]}]},
        {"lines": [{"name": "a", "x": ["S1"], "y": [1.0], "low": []}]}, {"notes": "none"},
    ],
)  # fmt: skip
def test_figures_that_are_none_are_refused_by_number(tmp_path: Path, change: dict[str, Any]) -> None:
    (tmp_path / "figures.json").write_text(json.dumps([FIGURE, {**FIGURE, **change}]))
    with pytest.raises(UsageError, match="figure 1"):
        read_simulation(tmp_path)


@pytest.mark.parametrize("raw", [b"", b"\xff\xfe", b"{}", b"[[]]", b"[" * 100_000, b'[{"title": NaN}]'])
def test_any_bytes_for_figures_are_a_usage_error(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "figures.json").write_bytes(raw)
    with pytest.raises(UsageError, match=r"figures\.json"):
        read_simulation(tmp_path)


def test_headlines_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "figures.json").write_text("[]")
    (tmp_path / "headlines.parquet").write_bytes(b"PAR1")
    with pytest.raises(UsageError, match="headlines"):
        read_simulation(tmp_path)


POWER = {
    "device_id": "p", "unit": "cpu0", "busy_w": 1.0, "busy_low_w": 0.9, "busy_high_w": 1.1, "basis": "measured",
    "source": "a run",
}  # fmt: skip


def test_a_calibration_is_known_as_a_folder_and_as_a_zip_and_has_its_curves(tmp_path: Path) -> None:
    rows = [{**POWER, "frequency_hz": hz} for hz in (2e9, 1e9)]
    calibration = calibration_of_rows(head_now(devices={"p": CalibratedDevice("phone")}), {"power": rows})
    for name in ("c", "c.zip"):
        assert kind_of(write_calibration(calibration, tmp_path / name)) == "calibration"
    (figure,) = figures_of(calibration)
    assert (figure.basis, figure.kind, figure.x_label) == ("measured", "line", "frequency (GHz)")
    (line,) = figure.lines
    assert (list(line.x), list(line.y), list(line.low or [])) == ([1.0, 2.0], [1.0, 1.0], [0.9, 0.9])


def test_units_with_one_frequency_each_are_bars() -> None:
    rows = [{**POWER, "unit": unit, "frequency_hz": 1e9} for unit in ("cpu", "gpu")]
    (figure,) = figures_of(calibration_of_rows(head_now(devices={"p": CalibratedDevice("phone")}), {"power": rows}))
    assert (figure.kind, figure.lines[0].x) == ("bars", ["cpu, at 1", "gpu, at 1"])


def test_what_is_nothing_else_is_taken_for_a_run(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04" + bytes(100))
    for path in (tmp_path, tmp_path / "a.zip", tmp_path / "absent", Path("\0")):
        assert kind_of(path) == "run"


def test_a_channel_named_by_somebody_is_no_profile(tmp_path: Path) -> None:
    channel = Channel("x", Quantity.POWER, boundary="rail")
    run = analysed(written(tmp_path / "run", [Instrument(channel)], None))
    assert ledger_of(run.trace, run.results, run.repeats)[0].made_of == ("x.power_w",)

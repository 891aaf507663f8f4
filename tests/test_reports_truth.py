"""The truth beside the estimate: what is added up, what stays blank, and how it is said."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from edgewatt.profiler.analysis.process import process
from edgewatt.profiler.channel import Accuracy
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.tables import WINDOWS
from edgewatt.profiler.window import truth_window
from edgewatt.reports.answer import answer
from edgewatt.reports.export import export
from edgewatt.reports.truth import Truth, off_rel, truth_of, truth_rows
from tests.measured_runs import BUSY_W, CONFIG, ITERATIONS, REPEAT_S, Instrument, Plan, rail, rapl, written

RAPL_J = BUSY_W * REPEAT_S
DRAWN = {"iterations": ITERATIONS, "energy_j": {"package-0": RAPL_J / 1.02, "vdd_in": RAPL_J, "battery": 99.0}}


def run_with(folder: Path, truths: Mapping[int, Any], *instruments: Instrument, **plan: Any) -> Trace:
    """A processed run of three repeats, with these attributes in the truth of some of them."""
    path = written(folder / "run", instruments or (Instrument(rapl()),), Plan(**plan))
    stored = pq.read_table(path / "windows.parquet")
    rows = [
        {
            "name": truth_window(repeat),
            "config_id": CONFIG,
            "t0_ns": 0,
            "t1_ns": 1,
            "clock": "host.monotonic",
            "attributes": json.dumps(attributes),
        }
        for repeat, attributes in truths.items()
    ]
    added = pa.Table.from_pylist(rows, schema=WINDOWS)
    pq.write_table(pa.concat_tables([stored.cast(WINDOWS), added]), path / "windows.parquet")
    return process(path, accept_edits=True)


def results_of(trace: Trace) -> list[dict[str, Any]]:
    results = trace.results()
    assert results is not None
    rows: list[dict[str, Any]] = results.to_pylist()
    return rows


def test_an_estimate_stands_beside_its_truth(tmp_path: Path) -> None:
    trace = run_with(tmp_path, dict.fromkeys(range(3), DRAWN))
    (row,) = results_of(trace)
    truth_j = truth_of(trace).energy_j(row)
    assert truth_j == pytest.approx(RAPL_J / ITERATIONS / 1.02)
    assert off_rel(row, truth_j) == pytest.approx(0.02, abs=0.002)
    text = answer(trace)
    assert text.startswith("SIMULATED ")
    at = [line.split()[0] for line in text.splitlines()]
    assert at.index("truth") == at.index("energy") + 1
    (line,) = [line for line in text.splitlines() if line.startswith("  truth")]
    assert line == "  truth     980 mJ    off by +2.0 %      the rail's gain is unknown"


def test_a_stated_gain_is_not_called_unknown(tmp_path: Path) -> None:
    known = Instrument(rapl(accuracy=Accuracy(0.01, 0.0, "a datasheet")))
    text = answer(run_with(tmp_path, dict.fromkeys(range(3), DRAWN), known))
    (line,) = [line for line in text.splitlines() if line.startswith("  truth")]
    assert line.endswith("off by +2.0 %")


def test_a_source_of_several_rails_has_the_sum_of_their_truths() -> None:
    truth = Truth(
        {("c", "truth/0"): {"cpu0": 1.0, "cpu1": 2.0, "gpu": 4.0}, ("c", "truth/1"): {"cpu0": 3.0}},
        {"phone/cpu": ("cpu0", "cpu1"), "phone/gpu": ("gpu",), "phone/npu": ("npu",)},
        [
            {"config_id": "c", "energy_source": source, "repeat": n, "energy_gross_j": energy_j}
            for source, energies_j in (("phone/cpu", (3.1, None)), ("phone/gpu", (4.1, 4.2)), ("phone/npu", (1.0, 1.0)))
            for n, energy_j in enumerate(energies_j)
        ],
    )

    def of(source: str | None, config: str = "c") -> float | None:
        return truth.energy_j({"config_id": config, "energy_source": source})

    assert of("phone/cpu") == 3.0  # of the repeat that gave an estimate
    assert of("phone/gpu") is None  # one of its repeats has none
    assert of("phone/npu") is None
    assert of(None) is None
    assert of("phone/cpu", "another") is None
    assert truth.energy_j(truth.repeats[1]) is None
    assert truth.energy_j(truth.repeats[0]) == 3.0


def test_a_measured_run_has_no_truth(tmp_path: Path) -> None:
    trace = run_with(tmp_path, {}, manifest={"simulated": False})
    assert not truth_of(trace)
    assert "truth" not in answer(trace)
    export([trace], "markdown", tmp_path / "table.md")
    assert "| truth |" not in (tmp_path / "table.md").read_text()


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"iterations": 0, "energy_j": {"package-0": 1.0}},
        {"iterations": 1.5, "energy_j": {"package-0": 1.0}},
        {"iterations": 20, "energy_j": [1.0]},
        {"iterations": 20, "energy_j": {"package-0": "1", "vdd_in": 1.0}},
        {"iterations": 20, "energy_j": {"package-0": None}},
    ],
)
def test_what_is_no_truth_is_blank(tmp_path: Path, attributes: Any) -> None:
    trace = run_with(tmp_path, dict.fromkeys(range(3), attributes))
    (row,) = truth_rows(results_of(trace), truth_of(trace))
    assert (row["energy_gross_j"], row["off_rel"]) == (None, None)
    assert "  truth" not in answer(trace)


def test_nothing_drawn_is_not_off_by_a_share(tmp_path: Path) -> None:
    nothing = {"iterations": ITERATIONS, "energy_j": {"package-0": 0.0}}
    trace = run_with(tmp_path, dict.fromkeys(range(3), nothing))
    (row,) = truth_rows(results_of(trace), truth_of(trace))
    assert (row["energy_gross_j"], row["off_rel"]) == (0.0, None)
    (line,) = [line for line in answer(trace).splitlines() if line.startswith("  truth")]
    assert "off by" not in line


def test_markdown_shows_both_and_a_repeat_without_truth_is_blank(tmp_path: Path) -> None:
    trace = run_with(tmp_path, dict.fromkeys((0, 1), DRAWN), Instrument(rail(), name="board"))
    export([trace], "markdown", tmp_path / "results.md")
    assert "| truth |" not in (tmp_path / "results.md").read_text()  # not of all repeats that the mean is of
    export([trace], "markdown", tmp_path / "repeats.md", table="repeats")
    text = (tmp_path / "repeats.md").read_text()
    assert text.startswith("**SIMULATED**")
    assert "| energy | truth | off by |" in text
    rows = [line for line in text.splitlines() if line.startswith("| SIMULATED")]
    assert ["| 1.00 J | +0.0 % |" in row for row in rows] == [True, True, False]
    assert "| 1.00 J |  |  |" in rows[2]

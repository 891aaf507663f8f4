"""A run and a table in a notebook: what they show, and that every text stays text."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pyarrow as pa
import pytest

import edgewatt
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.trace import Trace
from edgewatt.reports.latency_energy_table import ROWS_SHOWN, LatencyEnergyTable
from edgewatt.reports.notebook import trace_bundle, trace_html
from tests.figure_runs import over_frequencies, recorded
from tests.sample_runs import HOSTILE, RESULT, make_run, repeat_rows

FIXTURES = Path(__file__).parent / "fixtures" / "runs"


def texts(html: str) -> list[str]:
    """All texts of what has to be well-formed, element by element."""
    return [text for text in ET.fromstring(html).itertext() if text.strip()]


def test_a_trace_says_simulated_first_and_its_results(tmp_path: Path) -> None:
    said = texts(trace_html(recorded(tmp_path)))
    assert said[0] == "SIMULATED"
    assert "board" in said[:4]
    assert any(text.startswith("100 ms") for text in said)
    assert "1.00 J" in said
    assert any("vdd_in.power_w" in text for text in said)
    bundle = trace_bundle(recorded(tmp_path, "other"))
    assert set(bundle) == {"text/plain", "text/html"}
    assert bundle["text/plain"].startswith("SIMULATED")


def test_a_crashed_run_shows_what_there_is() -> None:
    for name in ("schema1-crashed", "schema1"):
        said = " ".join(texts(trace_html(Trace.open(FIXTURES / name))))
        assert "not analysed yet" in said


def test_a_table_shows_itself(tmp_path: Path) -> None:
    table = LatencyEnergyTable.of(over_frequencies(tmp_path))
    said = texts(table._repr_html_())
    assert "12.4 ms" in said
    assert "[12.2, 12.6]" in said
    assert "SIMULATED" not in said
    assert repr(table).splitlines()[1].startswith("Galaxy S10e")
    virtual = LatencyEnergyTable.of(over_frequencies(tmp_path, "virtual", simulated=True).path)
    assert texts(virtual._repr_html_())[0] == "SIMULATED"
    assert repr(virtual).startswith("SIMULATED\n")
    assert virtual._repr_mimebundle_()["text/html"] == virtual._repr_html_()


def test_a_table_is_arrow_for_other_programs(tmp_path: Path) -> None:
    table = LatencyEnergyTable.of(over_frequencies(tmp_path))
    assert pa.table(table).equals(table.rows)
    assert len(table) == 4


def test_long_tables_say_how_much_more_there_is(tmp_path: Path) -> None:
    rows = [{**RESULT, "config_id": str(n)} for n in range(ROWS_SHOWN + 7)]
    run = Trace.open(make_run(tmp_path / "run", results=rows, repeats=repeat_rows()))
    table = LatencyEnergyTable.of(run)
    assert "7 more rows" in texts(table._repr_html_())
    assert repr(table).endswith("7 more rows")
    assert len(texts(LatencyEnergyTable.of(run, table="repeats")._repr_html_())) > 50
    with pytest.raises(UsageError, match="holds no budget"):
        LatencyEnergyTable.of(run, table="budget")


def test_hostile_names_stay_text(tmp_path: Path) -> None:
    bad = HOSTILE[:4000]
    row = {**RESULT, "device": bad, "model": bad, "energy_source": bad, "quality_reasons": [bad]}
    missing = [{"what": bad, "reason": bad, "fix": ""}]
    made = make_run(tmp_path / "run", results=[row], device={"name": bad}, unavailable=missing)
    for html in (trace_html(Trace.open(made)), LatencyEnergyTable.of(made)._repr_html_()):
        assert not ET.fromstring(html).findall(".//script")
        assert "\x1b" not in html
        assert "\u202e" not in html
        assert len(html) < 20_000


@pytest.mark.extra
def test_ipython_shows_both(tmp_path: Path) -> None:
    shell = pytest.importorskip("IPython.core.interactiveshell").InteractiveShell
    run = recorded(tmp_path)
    vars(edgewatt).pop("Trace", None)  # as in a new session: a test before this one may have loaded it without IPython
    code = f"import edgewatt; trace = edgewatt.Trace.open({str(run.path)!r})"
    code += "; table = edgewatt.LatencyEnergyTable.of(trace)"
    one = shell.instance()
    try:
        assert one.run_cell(code).success
        for name in ("trace", "table"):
            shown, _ = one.display_formatter.format(one.user_ns[name])
            assert "<strong>SIMULATED</strong>" in shown["text/html"]
            assert shown["text/plain"].startswith("SIMULATED")
    finally:
        shell.clear_instance()

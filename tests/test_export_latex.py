"""Tables for LaTeX: numbers as siunitx reads them, and text that LaTeX only sets."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgewatt.profiler.storage.trace import Trace
from edgewatt.reports.budget import per_cent
from edgewatt.reports.export import export
from edgewatt.reports.latex import _format, compact, escaped
from tests.figure_runs import over_frequencies, recorded
from tests.sample_runs import HOSTILE, RESULT, make_run, repeat_rows

# What siunitx calls a number with a compact uncertainty, or with one that is written out, and nothing else.
POWER = r"(?:e(-\d+))?"
NUMBER = re.compile(rf"(-?\d+(?:\.\d+)?)(?:\((\d+)\))?{POWER}")
WIDE = re.compile(rf"{{\\num\[uncertainty-mode=separate]{{(-?\d+(?:\.\d+)?) \+- (\d+(?:\.\d+)?){POWER}}}}}")


def latex(runs: list[Trace], folder: Path, table: str = "results") -> str:
    export(runs, "latex", folder / "table.tex", table=table)  # type: ignore[arg-type]
    return (folder / "table.tex").read_text()


def body(page: str) -> list[list[str]]:
    """The rows of a table, cell by cell; the head is the first."""
    lines = [line for line in page.splitlines() if line.endswith(r" \\") and "multicolumn" not in line]
    return [[cell.strip() for cell in re.split(r"(?<!\\)&", line.removesuffix(r" \\"))] for line in lines]


def test_a_value_carries_its_uncertainty_and_the_head_its_unit(tmp_path: Path) -> None:
    page = latex([over_frequencies(tmp_path)], tmp_path)
    head, first, second, *_ = body(page)
    assert head[3] == r"{Latency (\unit{\milli\second})}"
    assert first[3] == "12.42(19)"
    assert second[3] == "31.74(49)"
    assert r"{Energy (\unit{\milli\joule})}" in head
    assert "38.10(60)" in first
    assert "0.900" in first  # accuracy: half of 37.2 to 39.0 mJ
    assert r"\toprule" in page
    assert "SIMULATED" not in page
    spec = re.findall(r"S\[table-format=([^]]*)\]|(l)", page.partition(r"\begin{tabular}{")[2].partition("}\n")[0])
    assert len(spec) == len(head)
    assert spec[3][0] == "2.2(2)"


def test_what_was_not_measured_is_blank_and_why_a_comment(tmp_path: Path) -> None:
    blank = {key: None for key in RESULT if key.startswith(("energy_", "power_"))}
    row = {**RESULT, **blank, "config_id": "b", "quality": "marked", "quality_reasons": ["one_repeat"]}
    single = {**row, "latency_s_low": None, "latency_s_high": None, "latency_s_mean": 0.5}
    page = latex([Trace.open(make_run(tmp_path / "run", results=[RESULT, single]))], tmp_path)
    head, _, second = body(page)
    values = dict(zip(head, second, strict=True))
    assert values[r"{Energy (\unit{\milli\joule})}"] == ""
    assert values[r"{Latency (\unit{\milli\second})}"] == "500"
    assert "% one_repeat: " in page


def test_simulated_comes_first(tmp_path: Path) -> None:
    page = latex([over_frequencies(tmp_path, simulated=True)], tmp_path)
    assert page.index(r"\textbf{SIMULATED}") < page.index("Latency")
    page = latex([over_frequencies(tmp_path, "a", simulated=True), over_frequencies(tmp_path, "b")], tmp_path)
    assert "SIMULATED in part" in page
    assert sum(row[0].startswith("SIMULATED ") for row in body(page)) == 4


def test_other_tables(tmp_path: Path) -> None:
    run = Trace.open(make_run(tmp_path / "run", results=[RESULT], repeats=repeat_rows()))
    head, *rows = body(latex([run], tmp_path, "repeats"))
    assert len(rows) == 5
    assert r"{Begins at (\unit{\degreeCelsius})}" in head
    head, *rows = body(latex([recorded(tmp_path, "measured")], tmp_path, "budget"))
    assert r"{Share of variance (\unit{\percent})}" in head
    assert rows


@given(st.text(max_size=80) | st.text("\\{}$&#^_%~<>|\"'`-[]*\x1b\n手µ", max_size=40))
def test_any_text_is_only_set(text: str) -> None:
    """Nothing that LaTeX would act on is left but our own macros, and every brace is closed."""
    said = escaped(text)
    assert said.isprintable()
    rest = re.sub(r"\\(text[a-z]+|ldots)\{\}|\{\\char34\}|\{[-[*]\}|\\[{}$&#_%]", "", said)
    assert not set(rest) & set("\\{}$&#^_%~<>|\"'`[*")


@given(st.floats(-1e15, 1e15), st.none() | st.floats(1e-12, 1e12))
def test_any_number_is_one_for_siunitx(value: float, half: float | None) -> None:
    said = compact(value, half)
    is_wide = half is not None and half > abs(value) / 2
    found = (WIDE if is_wide else NUMBER).fullmatch(said)
    assert found
    number, uncertain, power = found.groups(default="0")
    assert abs(float(f"{number}e{power}") - value) <= (half or abs(value) / 10) * 0.06 + abs(value) * 1e-15
    if half is not None:
        decimals = 0 if is_wide else len(number.partition(".")[2])
        assert float(f"{uncertain}e{int(power) - decimals}") == pytest.approx(half, rel=0.051)


def test_an_uncertainty_above_half_of_the_value_is_written_out(tmp_path: Path) -> None:
    assert compact(6.02, 49.3) == r"{\num[uncertainty-mode=separate]{6 +- 49}}"
    assert compact(-0.2, 49.3) == r"{\num[uncertainty-mode=separate]{0 +- 49}}"
    assert compact(100.0, 49.0) == "100(49)"
    row = {**RESULT, "latency_s_mean": 0.006, "latency_s_low": -0.043, "latency_s_high": 0.055}
    page = latex([Trace.open(make_run(tmp_path / "run", results=[RESULT, row]))], tmp_path)
    assert [cells[3] for cells in body(page)[1:]] == ["12.42(19)", r"{\num[uncertainty-mode=separate]{6 +- 49}}"]
    assert "table-format=2.2(2)" in page


def test_small_numbers_have_a_power_of_ten_and_there_is_room_for_them() -> None:
    assert [compact(x, None) for x in (0.00123, 0.000123, -4.63e-7, 0.0)] == ["0.00123", "1.23e-4", "-4.63e-7", "0.00"]
    assert compact(1.2e-6, 8e-8) == "1.200(80)e-6"
    assert _format(["229", "-2.16e-14", "1.200(80)e-6", compact(6.0, 49.0)]) == "-3.3(2)e-2"
    assert _format(["97.3", per_cent(1e-9), ""]) == "<2.1"


def test_hostile_names_stay_in_their_cells(tmp_path: Path) -> None:
    row = {
        **RESULT,
        "device": HOSTILE[:200],
        "model": r"\input{/etc/passwd} % & \\ \end{tabular}",
        "quality_reasons": [HOSTILE[:4000]],
    }
    page = latex([Trace.open(make_run(tmp_path / "run", results=[row]))], tmp_path)
    assert page.count(r"\end{tabular}") == 1
    assert r"\input" not in page
    assert len(body(page)) == 2
    assert len(body(page)[0]) == len(body(page)[1])
    assert all(line.isprintable() for line in page.splitlines())


@pytest.mark.extra
def test_a_parser_of_latex_reads_it(tmp_path: Path) -> None:
    """pylatexenc finds one tabular with balanced groups; TeX itself is not at hand here."""
    walker = pytest.importorskip("pylatexenc.latexwalker")
    row = {**RESULT, "device": HOSTILE[:200]}
    page = latex([Trace.open(make_run(tmp_path / "run", results=[row]))], tmp_path)
    nodes, _, length = walker.LatexWalker(page, tolerant_parsing=False).get_latex_nodes()
    assert length == len(page)
    found = [node for node in nodes if node.isNodeType(walker.LatexEnvironmentNode)]
    assert [node.environmentname for node in found] == ["tabular"]

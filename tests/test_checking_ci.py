"""What continuous integration reads of a check: it is well-formed whatever a model is called, and says the verdict."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from edgewatt.profiler.checking.baseline import Baseline
from edgewatt.profiler.checking.check import Check, check_repeats
from edgewatt.profiler.comparing.tables import Repeats
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.tables import REPEATS
from edgewatt.reports.ci.github import SUMMARY, add_summary, annotations
from edgewatt.reports.ci.junit import junit_xml
from edgewatt.reports.ci.verdict_markdown import verdict_markdown
from edgewatt.reports.export import export
from edgewatt.reports.verdict import verdict_text
from tests.sample_runs import HOSTILE, LATENCIES_S, RESULT, make_run, repeat_rows, table_of
from tests.shell import called


def side(rows: list[dict[str, Any]], name: str) -> Repeats:
    return Repeats(name, table_of(rows, REPEATS), frozenset(REPEATS.names), {})


@pytest.fixture(scope="module")
def mixed() -> Check:
    """One row of every kind, of a model with a hostile name."""
    worse, better = ([factor * value for value in LATENCIES_S] for factor in (1.3, 0.7))
    kinds = {
        "a" * 12: repeat_rows(worse),
        "b" * 12: repeat_rows(better),
        "c" * 12: repeat_rows([1.05 * value for value in LATENCIES_S]),
        "d" * 12: repeat_rows(device_id="another"),
        "e" * 12: repeat_rows(energies_j=[-1.0] * 5),
    }
    new = [{**row, "config_id": key, "model": HOSTILE} for key, rows in kinds.items() for row in rows]
    old = [{**row, "config_id": key} for key in kinds for row in repeat_rows()]
    return check_repeats(side(new, HOSTILE), Baseline(side(old, "old")))


def test_junit_counts_what_it_holds(mixed: Check) -> None:
    suite = ET.fromstring(junit_xml(mixed))[0]
    kinds = [case[0].tag for case in suite.iter("testcase")]
    for kind, name in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
        assert int(suite.attrib[name]) == kinds.count(kind) > 0
    assert int(suite.attrib["tests"]) == len(mixed.verdicts)


def test_annotations_are_one_line_each(mixed: Check) -> None:
    lines = annotations(mixed)
    assert lines[0].startswith("::error title=edgewatt%3A regression%2C ")
    assert {line.split(" ")[0] for line in lines} == {"::error", "::warning", "::notice"}
    assert all("\n" not in line and "\x1b" not in line for line in lines)


def test_the_page_holds_no_markup_of_others(mixed: Check, tmp_path: Path) -> None:
    page = verdict_markdown(mixed)
    assert page.startswith("## edgewatt: REGRESSION")
    assert "<script>" not in page
    assert len({line.count(" | ") for line in page.splitlines() if line.startswith(("| ❌", "| ✅", "| ❔"))}) == 1
    assert add_summary(mixed, {SUMMARY: str(tmp_path / "summary.md")})
    assert (tmp_path / "summary.md").read_text() == page
    assert not add_summary(mixed, {})


def test_the_terminal_says_each_row(mixed: Check) -> None:
    text = verdict_text(mixed)
    assert text.startswith("REGRESSION: 1 regression")
    assert "\x1b" not in text
    assert f"[{len(mixed.verdicts)}]" in text


def test_json_is_json(mixed: Check) -> None:
    said = json.loads(json.dumps(mixed.to_json(), allow_nan=False))
    assert (said["verdict"], said["exit_code"], len(said["rows"])) == ("regression", 1, len(mixed.verdicts))


def test_series_for_others(tmp_path: Path) -> None:
    runs = [
        Trace.open(make_run(tmp_path / name, results=[{**RESULT, "model": HOSTILE[:200]}], created=f"2026-11-{day}"))
        for name, day in (("later", 21), ("first", 20))
    ]
    export(runs, "otava", tmp_path / "otava.csv")
    lines = (tmp_path / "otava.csv").read_text().splitlines()
    assert [line.split(",")[1] for line in lines[1:]] == ["first", "later"]
    assert all(name.replace("_", "").replace(".", "").replace("-", "").isalnum() for name in lines[0].split(","))
    export(runs[:1], "github-action-benchmark", tmp_path / "gab.json")
    entries = json.loads((tmp_path / "gab.json").read_text())
    assert {entry["unit"] for entry in entries} == {"s", "J", "B"}
    assert all(isinstance(entry["value"], float | int) and "\x1b" not in entry["name"] for entry in entries)


def test_the_command_writes_them(tmp_path: Path) -> None:
    table = tmp_path / "old.csv"
    table.write_text("repeat,session,latency_s\n" + "".join(f"{n},a,{v}\n" for n, v in enumerate(LATENCIES_S)))
    files = [str(tmp_path / name) for name in ("check.xml", "check.md")]
    words = ("check", str(table), "--baseline", str(table), "--junit", files[0], "--markdown", files[1], "--github")
    assert called(*words).returncode == 0
    assert all(Path(file).stat().st_size for file in files)
    assert called(*words[:-1], "--markdown", str(tmp_path / "no" / "check.md")).returncode == 2

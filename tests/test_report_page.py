"""`edgewatt report`: what it refuses in a line, and the parts of its page that need nothing installed."""

import json
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from edgewatt.profiler.storage.trace import Trace
from edgewatt.reports.page import scripts
from edgewatt.reports.page.page import notices_of, told_of
from edgewatt.reports.page.scripts import inert
from edgewatt.reports.page.section import Plot
from edgewatt.reports.page.templates import Name
from tests.measured_runs import Plan, written
from tests.sample_runs import HOSTILE
from tests.shell import called

HOSTILE_TEXTS = [
    HOSTILE,
    "</script><script>alert(1)</script>",
    "\u202egnp.exe",
    "x" * 10_000,
    "\x1b[31mred",
    '"><img src=x>',
]


class Texts(HTMLParser):
    """The elements of a piece of HTML, and its text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_a_name_stays_text_on_one_line_and_short(text: str) -> None:
    parser = Texts()
    parser.feed(Name(text).__html__())
    assert parser.tags == ["bdi"]
    assert len(parser.text) <= 60
    assert parser.text.isprintable()
    assert len(Name(text).__html__()) < 8_000


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_data_in_a_script_element_stays_data(text: str) -> None:
    said = inert(json.dumps({"name": text}))
    assert "<" not in said
    assert json.loads(said) == {"name": text}


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_the_place_of_a_plot_holds_its_title_as_text(text: str) -> None:
    parser = Texts()
    parser.feed(Plot("a", text, [], "<table></table>").__html__())
    assert parser.tags == ["figure", "figcaption", "div", "details", "summary", "table"]


def test_runs_are_called_by_as_much_of_their_path_as_it_takes(tmp_path: Path) -> None:
    runs = [written(tmp_path / name / "run") for name in ("old", "new")]
    traces = [Trace.open(run) for run in runs]
    assert [run.label for run in told_of(traces)] == ["old/run", "new/run"]
    assert [run.label for run in told_of(traces[:1])] == ["run"]


def test_what_a_run_lacks_is_said_before_its_numbers(tmp_path: Path) -> None:
    path = written(tmp_path / "run", [], Plan())
    (run,) = told_of([Trace.open(path)])
    assert notices_of([run]) == [
        "this run was never analysed, so that it has no results; `edgewatt process` makes them",
        "this run has no samples, so that there is no timeline",
    ]
    assert called("process", path).returncode == 0
    said = notices_of(told_of([Trace.open(path)]))
    assert "this run has no energy" in said


def test_what_cannot_become_a_page_is_refused_in_a_line(tmp_path: Path) -> None:
    run, page = written(tmp_path / "run"), tmp_path / "page.html"
    open_run = written(tmp_path / "open", [], Plan(closed=False))
    refused = {
        "no run": (tmp_path / "absent", page),
        "still being recorded": (open_run, page),
        "is a folder": (run, tmp_path),
        "there is no folder": (run, tmp_path / "nowhere" / "page.html"),
        "NUL": (run, "a\0b"),
    }
    for why, (path, output) in refused.items():
        done = called("report", path, "-o", output)
        assert done.returncode == 2, why
        assert why in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert not page.exists()
    assert called("report", run, "-o", "-", "--json").returncode == 2


def test_without_its_extra_a_report_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bokeh.resources", None)
    scripts._bokeh.cache_clear()
    done = called("report", written(tmp_path / "run"), "-o", tmp_path / "page.html")
    assert done.returncode == 2
    assert "pip install 'edgewatt[reports]'" in done.stderr
    assert not (tmp_path / "page.html").exists()

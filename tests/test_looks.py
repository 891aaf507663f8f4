"""Pages look as they did when somebody looked at them (tests/looks.py), and what is missing from one is seen."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.browser import DESKTOP, PHONE, browser
from tests.looks import LOOKS, Look, apart, blurred, kept, look_at_report, look_at_watch, report_in, unlike

pytestmark = pytest.mark.extra
# The lines, bars and boxes of a plot; its axes stay.
WITHOUT_LINES = """async () => {
  for (const one of edgewatt.plots.get('timeline-0').models) if (one.type === 'GlyphRenderer') one.visible = false;
  for (let k = 0; k < 3; k += 1) await new Promise(requestAnimationFrame);
}"""


@pytest.fixture(scope="module")
def running() -> Iterator[Any]:
    with browser() as found:
        yield found


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("bokeh")
    return report_in(tmp_path_factory.mktemp("looks"))


@pytest.mark.parametrize("name", [*LOOKS, "watch"])
def test_a_part_that_is_empty_is_far_from_what_is_kept(name: str) -> None:
    pytest.importorskip("PIL")
    known = kept(name)
    assert len(known) >= 4
    for at, cell in enumerate(known):
        emptied = known.copy()
        emptied[at] = np.median(cell)
        far = apart(emptied, known)
        assert far[at] == pytest.approx(1.0)
        assert sum(far) == pytest.approx(1.0)
        assert unlike(Look(("one",) * len(known), emptied), known) == ["one: 1.00"]
    assert "parts are known" in unlike(Look(("one",), known[:1]), known)[0]


def test_blurring_keeps_the_mean_and_takes_the_edges_away() -> None:
    one = np.zeros((20, 30))
    one[10, 15] = 1.0
    assert blurred(one).sum() == pytest.approx(1.0)
    assert blurred(one).max() < 0.02


@pytest.mark.long
@pytest.mark.parametrize("name", list(LOOKS))
def test_the_report_looks_as_it_did(page: Path, running: Any, name: str) -> None:
    size, dark = LOOKS[name]
    assert unlike(look_at_report(running, page, size, dark=dark), kept(name)) == []


@pytest.mark.long
@pytest.mark.parametrize(("size", "name"), [(DESKTOP, "report-light"), (PHONE, "report-phone")])
def test_a_plot_without_its_lines_and_a_section_that_is_gone_are_seen(
    page: Path, running: Any, size: tuple[int, int], name: str
) -> None:
    found = unlike(look_at_report(running, page, size, dark=False, before=WITHOUT_LINES), kept(name))
    assert {one.partition(":")[0] for one in found} in ({"plot timeline-0"}, {"plot timeline-0", "timeline"})
    gone = "document.getElementById('conditions').remove()"
    (said,) = unlike(look_at_report(running, page, size, dark=False, before=gone), kept(name))
    assert "conditions" not in said


@pytest.mark.long
def test_light_is_not_taken_for_dark(page: Path, running: Any) -> None:
    assert unlike(look_at_report(running, page, DESKTOP, dark=True), kept("report-light")) != []


@pytest.mark.long
def test_the_page_of_a_watch_looks_as_it_did(tmp_path: Path, running: Any) -> None:
    assert unlike(look_at_watch(running, tmp_path / "kept"), kept("watch")) == []
    bare = "document.querySelectorAll('article').forEach((one) => one.querySelector('tbody').remove())"
    assert unlike(look_at_watch(running, tmp_path / "bare", before=bare), kept("watch")) != []

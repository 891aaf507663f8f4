"""The page of a report in a browser: it draws, asks for nothing, complains of nothing, and anybody can use it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from edgewatt.profiler.channel import Channel
from edgewatt.profiler.identity import config_id
from edgewatt.profiler.units import Quantity
from tests.browser import PHONE, browser, opened
from tests.measured_runs import BUSY_W, FACTS, Instrument, Plan, rail, written
from tests.sample_runs import HOSTILE
from tests.shell import called

pytestmark = pytest.mark.extra

MODEL: Final = HOSTILE[:4000]  # what a run can hold of a name
RANGE: Final = "edgewatt.plots.get('timeline-0').figures[0].x_range"
VIEW: Final = f"[{RANGE}.start, {RANGE}.end]"
PLOT: Final = "[data-plot='timeline-0']"
HIGHEST: Final = """async () => {
  await new Promise(requestAnimationFrame); await new Promise(requestAnimationFrame);
  const { high, x } = edgewatt.plots.get('timeline-0').models.find((one) => one.name === 'timeline-0-0').data;
  return [Math.max(...high), x.length];
}"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of a run with hostile names, a gap, heat, and more readings than a screen has columns."""
    pytest.importorskip("bokeh")
    facts = {**FACTS, "model": MODEL, "device": HOSTILE[:4000]}
    zone, speed = Channel(HOSTILE[:60], Quantity.TEMPERATURE), Channel("cpu0", Quantity.FREQUENCY)
    status = Channel("thermal_status", Quantity.STATE)
    plan = Plan(
        order=(config_id(facts),) * 3,
        configs={config_id(facts): facts},
        also=[
            (zone, [(100.0, 30.0), (110.0, 40.0), (118.0, 35.0)]),
            (speed, [(100.0, 3e8), (105.0, 2.8e9), (112.0, 3e8)]),
            (status, [(100.0, 0.0), (109.0, 2.0), (110.0, 0.0)]),
        ],
        busy_w={1: BUSY_W + 5},
    )
    meter = Instrument(rail(), 0.0005, boundary="board", name="rails", lost=[(101.0, 101.5)])
    folder = tmp_path_factory.mktemp("page")
    run = written(folder / "run", [meter], plan)
    assert called("process", run).returncode == 0
    done = called("report", run, "-o", folder / "page.html")
    assert done.returncode == 0, done.stderr
    return folder / "page.html"


@pytest.fixture(scope="module")
def running() -> Iterator[Any]:
    with browser() as found:
        yield found


def test_it_draws_without_a_word_and_without_a_request(page: Path, running: Any) -> None:
    with opened(running, page) as seen:
        said = seen.page.evaluate("document.body.innerText")
        assert said.lstrip().lower().startswith(("skip to", "simulated"))
        assert "<script>alert(1)</script>" in said
        assert seen.page.evaluate("document.querySelectorAll('main script, main img').length") == 0
        assert seen.page.evaluate(HIGHEST)[0] == pytest.approx(BUSY_W + 5, rel=1e-4)
        assert seen.complaints == []
        assert seen.requests == []


def test_its_policy_lets_nothing_else_run_and_nothing_be_fetched(page: Path, running: Any) -> None:
    with opened(running, page) as seen:
        blocked = seen.page.evaluate("""async () => {
          const script = document.createElement('script'); script.textContent = 'window.intruder = true';
          document.body.append(script);
          const asked = await fetch('data:,x').then(() => 'fetched', () => 'refused');
          return [window.intruder ?? 'kept out', asked];
        }""")
        assert blocked == ["kept out", "refused"]


def test_keys_and_buttons_move_the_timeline_and_no_extreme_is_lost(page: Path, running: Any) -> None:
    with opened(running, page) as seen:
        tab = seen.page
        all_of_it = tab.evaluate(VIEW)
        tab.focus(PLOT)
        for key in ("+", "+", "+", "ArrowLeft"):
            tab.keyboard.press(key)
        begin, end = tab.evaluate(VIEW)
        assert end - begin == pytest.approx((all_of_it[1] - all_of_it[0]) / 1.6**3)
        assert begin + end < sum(all_of_it)
        tab.keyboard.press("0")
        assert tab.evaluate(VIEW) == all_of_it
        tab.click("button[data-do=in]")
        assert tab.evaluate(VIEW) != all_of_it
        tab.select_option("[data-jump]", label="measure/2, 2 s")
        begin, end = tab.evaluate(VIEW)
        assert end - begin == pytest.approx(2.4, rel=0.01)  # a repeat of two seconds, with room
        tab.keyboard.press("Tab")
        assert tab.evaluate("document.activeElement.tagName") != "BODY"
        peaks = []
        for half in (20.0, 4.0, 0.5, 0.05):
            tab.evaluate(f"edgewatt.moved({RANGE}, () => [9.5 - {half}, 9.5 + {half}])")
            peaks.append(tab.evaluate(HIGHEST))
        assert [peak for peak, _ in peaks] == pytest.approx([BUSY_W + 5] * 4, rel=1e-4)
        assert all(0 < corners < 6000 for _, corners in peaks)
        assert seen.complaints == []


def test_a_series_is_switched_off_and_what_is_seen_is_told(page: Path, running: Any) -> None:
    with opened(running, page) as seen:
        button = seen.page.locator("button[data-series=timeline-0-0]")
        button.press("Enter")
        assert button.get_attribute("aria-pressed") == "false"
        seen.page.locator("[data-said]", has_text="From ").first.wait_for(state="attached")
        told = seen.page.evaluate("document.querySelector('[data-seen]').textContent")
        assert told.endswith("(2 to 15)")


def test_on_a_phone_nothing_is_wider_than_the_screen(page: Path, running: Any) -> None:
    with opened(running, page, PHONE) as seen:
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= PHONE[0]
        assert seen.complaints == []


@pytest.mark.parametrize("dark", [False, True])
def test_an_audit_finds_nothing_serious(page: Path, running: Any, *, dark: bool) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    with opened(running, page, dark=dark) as seen:
        seen.page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
        # The audit is a script of its own, which the page's policy keeps out: it comes through the debugger.
        found = audited(seen.page, axe)
    serious = [(one["id"], [node["html"][:200] for node in one["nodes"]][:3]) for one in found]
    assert serious == []


def audited(tab: Any, axe: Any) -> list[dict[str, Any]]:
    """The serious and critical findings of axe-core."""
    response = axe.Axe().run(tab).response
    assert len(response["passes"]) > 10
    return [one for one in response["violations"] if one["impact"] in {"serious", "critical"}]


def test_dark_is_dark_in_the_plots_too_and_paper_is_light(page: Path, running: Any) -> None:
    with opened(running, page, dark=True) as seen:
        tab = seen.page
        fill = "edgewatt.plots.get('timeline-0').figures[0].background_fill_color"
        dark = tab.evaluate(fill)
        tab.select_option("#theme", "light")
        assert tab.evaluate(fill) == "#ffffff" != dark
        tab.select_option("#theme", "dark")
        assert tab.evaluate(fill) == dark
        tab.evaluate("dispatchEvent(new Event('beforeprint'))")
        widths = tab.evaluate("[...document.querySelectorAll('img.printed')].map((one) => one.src.length)")
        plots = tab.evaluate("[...edgewatt.plots.values()].flatMap((one) => one.figures).length")
        assert len(widths) == plots
        assert min(widths) > 1000


def test_a_recording_without_a_result_still_has_its_timeline(tmp_path: Path, running: Any) -> None:
    run = written(tmp_path / "run", [Instrument(rail(), boundary="board", name="rails")], Plan(order=()))
    done = called("report", run, "-o", tmp_path / "page.html")
    assert done.returncode == 0, done.stderr
    assert "this run has no results" in done.stderr
    with opened(running, tmp_path / "page.html") as seen:
        assert seen.page.evaluate(HIGHEST)[1] > 10
        assert seen.complaints == []

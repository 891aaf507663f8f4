"""The page in a browser: no complaint, no request elsewhere, by keyboard, for everybody, and hostile names as text."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgewatt.profiler.watching.history import BINS
from edgewatt.profiler.watching.view import DeviceView, View
from tests.browser import browser
from tests.sample_runs import HOSTILE, make_run
from tests.test_watch_server import served
from tests.watching_views import device_view, line, view_of

pytestmark = [pytest.mark.extra, pytest.mark.long]
PATIENCE_MS = 100_000
SERIOUS = {"serious", "critical"}


@pytest.fixture(scope="module")
def running() -> Iterator[Any]:
    with browser() as one:
        yield one


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_run(tmp_path / "a <b>run", simulated=True)
    return tmp_path


def views() -> list[DeviceView]:
    hostile = device_view(HOSTILE, label=HOSTILE, lines=(line(HOSTILE), line("<img src=x onerror=alert(1)>")))
    lost = device_view("a phone", simulated=False, state="waiting", why="the cable was pulled", retry_s=3.0)
    return [device_view(), hostile, lost]


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)])
def test_the_page(running: Any, folder: Path, width: int, dark: bool) -> None:  # noqa: FBT001
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    context = running.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light", reduced_motion="reduce"
    )
    context.set_default_timeout(PATIENCE_MS)
    page, complaints, requests = context.new_page(), [], []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.on("request", lambda request: requests.append(request.url))
    with served(folder, view=view_of(*views())) as (server, latest):
        home = f"http://127.0.0.1:{server.server_address[1]}/"
        page.goto(home)
        page.wait_for_selector("article:nth-child(3)")
        page.wait_for_selector("#runs-rows a")
        assert page.inner_text("h1").split()[0] == "SIMULATED"
        assert page.inner_text("article:nth-child(1) h2") == "SIMULATED virtual phone"
        assert page.inner_text("article:nth-child(3) h2").strip() == "a phone"
        assert "LOST, tries again in 3 s: the cable was pulled" in page.inner_text("article:nth-child(3)")
        assert "<script>alert(1)</script>" in page.inner_text("article:nth-child(2)")
        assert page.locator("main img, main script, main b").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        # A second without a sample parts the curve in two.
        assert page.get_attribute("article:nth-child(1) path.mean", "d").count("M") == 2
        found = axe.Axe().run(page).response["violations"]
        assert [violation["id"] for violation in found if violation["impact"] in SERIOUS] == []
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.textContent") == "To the devices"
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        assert page.get_attribute("#hold", "aria-pressed") == "true"
        latest.publish(view_of(device_view("another")))
        page.keyboard.press("Space")
        latest.publish(view_of(device_view("yet another")))
        page.locator("article h2", has_text="yet another").wait_for()
        assert page.locator("article").count() == 1
        page.locator("#runs-rows a").focus()
        page.keyboard.press("Enter")
        page.wait_for_url("**/runs/*")
        assert page.inner_text("p") == "a run"
        assert page.evaluate("self.origin") == "null"
    assert complaints == []
    assert [url for url in requests if not url.startswith((home, "data:"))] == []
    context.close()


def at_second(second: int) -> View:
    """A device whose watts are known for every second; none came in one of seven."""
    of = np.arange(second - BINS, second)
    watts = np.where(of % 7 == 0, np.nan, 2.0 + of % 5)
    return replace(view_of(device_view(lines=(line(series=watts, low=watts, high=watts),))), second=second)


def test_what_came_while_it_was_held_is_there_when_it_goes_on(running: Any, folder: Path) -> None:
    curve, drawn = "article path.mean", "document.querySelector('article path.mean').getAttribute('d')"
    with served(folder, view=at_second(1000)) as (server, latest):
        home = f"http://127.0.0.1:{server.server_address[1]}/"

        def fresh() -> str:
            other = running.new_page()
            other.goto(home)
            found = str(other.get_attribute(curve, "d", timeout=PATIENCE_MS))
            other.close()
            return found

        page = running.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(home)
        begun = page.get_attribute(curve, "d")
        latest.publish(at_second(1001))
        changed = (
            "async (was) => { while (DRAWN === was) await new Promise((done) => setTimeout(done, 20)); return DRAWN; }"
        )
        stepped = page.evaluate(changed.replace("DRAWN", drawn), begun)
        assert stepped == fresh()  # told ten seconds, it kept the others
        page.click("#hold")
        for second in range(1002, 1042):  # more than an event brings of what is new
            latest.publish(at_second(second))
        assert page.evaluate(drawn) == stepped
        assert page.inner_text("#link") == "held"
        page.click("#hold")
        assert page.evaluate(changed.replace("DRAWN", drawn), stepped) == fresh()
        assert page.inner_text("#link") == "live"
        page.close()

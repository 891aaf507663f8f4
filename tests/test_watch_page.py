"""The page in a browser: no complaint, no request elsewhere, by keyboard, for everybody, and hostile names as text."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edgewatt.profiler.watching.view import DeviceView
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

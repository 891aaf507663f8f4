"""A page in a headless browser that we did not write: what it draws, asks for, complains of, and how it is used."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

CHROMIUM: Final = Path("/usr/bin/chromium")
_FLAGS: Final = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
_PATIENCE_MS: Final = 110_000  # of a busy machine; the test's own limit ends it otherwise
DESKTOP: Final = (1280, 900)
PHONE: Final = (390, 844)


@dataclass(frozen=True)
class Opened:
    """A page that has drawn its plots, and what came of it: `complaints` of its console, `requests` beside its own."""

    page: Any
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@contextmanager
def browser() -> Iterator[Any]:
    """Chromium; skips the test where it or playwright is not installed."""
    playwright = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM.exists():
        pytest.skip(f"{CHROMIUM} is not here: Debian's package chromium")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=str(CHROMIUM), args=list(_FLAGS))
        try:
            yield running
        finally:
            running.close()


@contextmanager
def opened(running: Any, file: Path, size: tuple[int, int] = DESKTOP, *, dark: bool = False) -> Iterator[Opened]:
    """The file as a browser shows it, once all its plots are drawn."""
    width, height = size
    context = running.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
        has_touch=size == PHONE,
        is_mobile=size == PHONE,
    )
    try:
        context.set_default_timeout(_PATIENCE_MS)
        seen = Opened(context.new_page())
        seen.page.on("console", lambda message: _hear(seen.complaints, message))
        seen.page.on("pageerror", lambda error: seen.complaints.append(str(error)))
        seen.page.on("request", lambda request: seen.requests.append(request.url))
        seen.page.goto(file.resolve().as_uri())
        seen.page.evaluate("edgewatt.ready")  # a promise: the page's policy admits no function that is polled
        seen.requests[:] = [url for url in seen.requests if not url.startswith(("data:", file.resolve().as_uri()))]
        yield seen
    finally:
        context.close()


def _hear(complaints: list[str], message: Any) -> None:
    if message.type in {"error", "warning"}:
        complaints.append(message.text)

"""The live view on a terminal: through Textual's pilot, and for real on a pseudo-terminal."""

import asyncio
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Callable
from typing import Any

import pytest

from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.watching.view import View
from edgewatt.reports.live.terminal import terminal_app
from tests.sample_runs import HOSTILE
from tests.shell import EDGEWATT
from tests.watching_views import device_view, line, view_of

pytestmark = pytest.mark.extra
PATIENCE_S = 100.0


def piloted(look: Callable[[], View], *keys: str, size: tuple[int, int] = (100, 30)) -> Any:
    """The app after it was drawn and these keys were pressed, and what it shows."""
    pytest.importorskip("textual")
    app = terminal_app(look)

    async def steer() -> str:
        async with app.run_test(size=size) as pilot:
            app.tick()
            await pilot.pause()
            for key in keys:
                if key == "resize":
                    await pilot.resize_terminal(50, 12)
                else:
                    await pilot.press(key)
                await pilot.pause()
            shown = "\n".join(strip.text for strip in app.screen._compositor.render_strips())
            return shown if app.is_running else ""

    return app, asyncio.run(steer())


def test_it_shows_devices_with_simulated_first() -> None:
    _, shown = piloted(view_of)
    assert shown.split()[0] == "SIMULATED"
    assert "virtual phone" in shown
    assert "2.50 W" in shown
    assert "▁" in shown
    assert "lost 3 in 1 gap" in shown


def test_hostile_names_stay_text() -> None:
    hostile = "[bold red]x[/] " + HOSTILE
    _, shown = piloted(lambda: view_of(device_view(hostile, label=hostile, lines=(line("[link=x]y[/link]"),))))
    assert "[bold red]x[/]" in shown
    assert "[link=x]y[/link]" in shown
    assert "\x1b" not in shown


def test_keys() -> None:
    assert "HELD" in piloted(view_of, "space")[1]
    lines = (line(), *(line(f"zone{n}", 30.0, boundary=None) for n in range(9)))
    assert "zone8" in piloted(lambda: view_of(device_view(lines=lines)), "a")[1]
    assert piloted(view_of, "q")[0].return_code == 0
    assert piloted(view_of, "ctrl+c")[0].return_code == 130


def test_it_is_resized() -> None:
    _, shown = piloted(view_of, "resize")
    assert max(map(len, shown.splitlines())) <= 50
    assert "2.50 W" in shown


def test_what_makes_watching_pointless_ends_it() -> None:
    def fails() -> View:
        raise UsageError("no such device")

    app, _ = piloted(fails)
    assert isinstance(app.return_value, UsageError)


def read_until(fd: int, wanted: bytes, seen: bytes = b"") -> bytes:
    """What came from a terminal up to and with these bytes."""
    end_s = time.monotonic() + PATIENCE_S
    while wanted not in seen:
        if not select.select([fd], [], [], max(end_s - time.monotonic(), 0))[0]:
            pytest.fail(f"{wanted!r} never came: {seen[-2000:]!r}")
        seen += os.read(fd, 1 << 16)
    return seen


@pytest.mark.parametrize("how", ["key", "signal"])
def test_for_real_with_a_resize_and_ctrl_c(how: str) -> None:
    pytest.importorskip("textual")
    here, there = pty.openpty()
    fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    before = termios.tcgetattr(there)
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "", "LINES": ""}
    command = [str(EDGEWATT), "watch", "-d", "host"]
    with subprocess.Popen(
        command, stdin=there, stdout=there, stderr=there, env=environment, start_new_session=True
    ) as process:
        read_until(here, b"samples/s")
        fcntl.ioctl(here, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 60, 0, 0))
        process.send_signal(signal.SIGWINCH)
        read_until(here, b"\x1b[20;")
        if how == "key":
            os.write(here, b"\x03")
        else:
            process.send_signal(signal.SIGINT)
        rest = read_until(here, b"edgewatt watch: interrupted")
        assert process.wait(60) == 130
    assert b"Traceback" not in rest
    assert b"\x1b[?1049l" in rest  # the screen as it was before
    assert termios.tcgetattr(there)[:4] == before[:4]
    os.close(here)
    os.close(there)

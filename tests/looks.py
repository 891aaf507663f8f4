"""How pages look: small grey pictures of their parts, beside those that somebody looked at.

    .venv-extras/bin/python -m tests.looks    makes tests/pictures again; look at them before you keep them

A picture has a cell for each part of a page, one below the other, squeezed to the same size: another font or browser
moves what is in a cell a little, a part that is missing or empty changes all of it.
"""

import argparse
import io
import tempfile
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.channel import Channel
from edgewatt.profiler.identity import config_id
from edgewatt.profiler.units import Quantity
from tests.browser import DESKTOP, PHONE, browser, opened
from tests.measured_runs import BUSY_W, FACTS, Instrument, Plan, rail, written
from tests.sample_runs import make_run
from tests.shell import called
from tests.test_watch_server import served
from tests.watching_views import device_view, line, series_of, view_of

PICTURES: Final = Path(__file__).parent / "pictures"
CELL: Final = (160, 48)  # wide, high
GREYS: Final = 16
# Blurred over so many pixels before they are compared: letters of another font are as dark, elsewhere.
BLUR: Final = 9
REPORT: Final = "header, main > section, [data-plot]"
WATCH: Final = "header, article, #runs"
PATIENCE_MS: Final = 110_000
# Chromium 156, other fonts, letters 6 % larger: plots stay below 0.21, texts below 0.78. A plot without its lines is
# from 0.78 on, a text without its words 1.
PLOT_APART: Final = 0.5
TEXT_APART: Final = 0.9
_FIND: Final = """(parts) => [...document.querySelectorAll(parts)].map((one) => {
  const { left, top, right, bottom } = one.getBoundingClientRect();
  const name = one.dataset.plot ? `plot ${one.dataset.plot}` : one.id || one.tagName.toLowerCase();
  return [name, [left + scrollX, top + scrollY, right + scrollX, bottom + scrollY]];
}).filter(([, [left, top, right, bottom]]) => right - left > 1 && bottom - top > 1)"""
Cells = NDArray[np.float64]


class Look(NamedTuple):
    """The parts of a page by name; `cells` is float64 [part, high, wide]."""

    names: tuple[str, ...]
    cells: Cells


def cells_of(tab: Any, parts: str) -> Look:
    """The parts of a page that are seen, in their order: a name, and float64 [part, high, wide], 0 black, 1 white."""
    from PIL import Image  # noqa: PLC0415  (the extra's)

    found = tab.evaluate(_FIND, parts)
    shot = tab.screenshot(full_page=True, animations="disabled")
    page = Image.open(io.BytesIO(shot)).convert("L")
    scale = page.width / tab.evaluate("document.documentElement.clientWidth")
    boxes = [tuple(round(edge * scale) for edge in edges) for _, edges in found]
    cells = [page.crop(box).resize(CELL, Image.Resampling.BOX) for box in boxes]
    greys = np.stack([np.asarray(one, dtype=np.float64) / 255 for one in cells])
    # In the greys of a picture that is kept: what is the same is the same then.
    return Look(tuple(name for name, _ in found), np.rint(greys * (GREYS - 1)) / (GREYS - 1))


def unlike(seen: Look, known: Cells) -> list[str]:
    """The parts that do not look as they did, in words; so are more or fewer parts than are known."""
    if seen.cells.shape != known.shape:
        return [f"{len(known)} parts are known, {len(seen.names)} were seen: {', '.join(seen.names)}"]
    pairs = zip(seen.names, apart(seen.cells, known), strict=True)
    return [
        f"{name}: {far:.2f}" for name, far in pairs if far > (PLOT_APART if name.startswith("plot ") else TEXT_APART)
    ]


def apart(seen: Cells, known: Cells) -> list[float]:
    """How far each part looks from what is known: mean absolute difference, as a share of the contrast that was there.

    Both are blurred, and their means taken away. 0 is the same, 1 what an empty part would have.
    """
    pairs = [(_figure(ours), _figure(theirs)) for ours, theirs in zip(seen, known, strict=True)]
    return [float(np.mean(np.abs(ours - theirs)) / max(np.mean(np.abs(theirs)), 1e-3)) for ours, theirs in pairs]


def _figure(one: NDArray[np.float64]) -> NDArray[np.float64]:
    return blurred(one) - np.mean(one)


def blurred(one: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each pixel the mean of those around it."""
    for axis in (0, 1):
        wide = np.pad(one, [(BLUR // 2, BLUR // 2) if at == axis else (0, 0) for at in (0, 1)], mode="edge")
        one = np.lib.stride_tricks.sliding_window_view(wide, BLUR, axis=axis).mean(axis=-1)
    return one


def kept(name: str) -> Cells:
    """The picture of that name, as `cells_of` gives it."""
    from PIL import Image  # noqa: PLC0415

    picture = np.asarray(Image.open(PICTURES / f"{name}.png").convert("L"), dtype=np.float64) / 255
    return picture.reshape(-1, CELL[1], CELL[0])


def keep(name: str, cells: Cells) -> Path:
    """Write the picture of that name, in few greys."""
    from PIL import Image  # noqa: PLC0415

    PICTURES.mkdir(exist_ok=True)
    greys = np.rint(cells * 255).astype(np.uint8)
    Image.fromarray(greys.reshape(-1, CELL[0])).save(PICTURES / f"{name}.png", optimize=True)
    return PICTURES / f"{name}.png"


def report_in(folder: Path) -> Path:
    """A report of a run with a gap, heat, throttling, iterations and rails; nothing in it is of today."""
    facts = {**FACTS, "model": "mobilenet_v2.tflite", "device": "a board"}
    plan = Plan(
        order=(config_id(facts),) * 3,
        configs={config_id(facts): facts},
        also=[
            (Channel("soc", Quantity.TEMPERATURE), [(100.0, 30.0), (110.0, 40.0), (118.0, 35.0)]),
            (Channel("cpu0", Quantity.FREQUENCY), [(100.0, 3e8), (105.0, 2.8e9), (112.0, 3e8)]),
            (Channel("thermal_status", Quantity.STATE), [(100.0, 0.0), (109.0, 2.0), (110.0, 0.0)]),
        ],
        busy_w={1: BUSY_W + 0.5},
    )
    run = written(
        folder / "run", [Instrument(rail(), 0.005, boundary="board", name="rails", lost=[(101.0, 101.5)])], plan
    )
    for words in (("process", run), ("report", run, "-o", folder / "page.html")):
        done = called(*words)
        assert done.returncode == 0, done.stderr
    return folder / "page.html"


def look_at_report(running: Any, file: Path, size: tuple[int, int], *, dark: bool, before: str = "0") -> Look:
    """The parts of a report in a window of that size, after a script was evaluated in it."""
    with opened(running, file, size, dark=dark) as seen:
        seen.page.evaluate(before)
        return cells_of(seen.page, REPORT)


def look_at_watch(running: Any, folder: Path, size: tuple[int, int] = DESKTOP, *, before: str = "0") -> Look:
    """The parts of the page of a watch: a device that is connected, one that is lost, a list of runs."""
    make_run(folder / "a run", simulated=True)
    seconds = series_of(*np.tile([1.0, 3.0, 2.0], 20), np.nan, np.nan, *np.tile([2.0, 2.5], 10))
    power = line(series=seconds, low=seconds - 0.5, high=seconds + 1.0)
    lost = device_view("a phone", simulated=False, state="waiting", why="the cable was pulled", retry_s=3.0)
    context = running.new_context(viewport={"width": size[0], "height": size[1]}, reduced_motion="reduce")
    try:
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        with served(
            folder, view=view_of(device_view(lines=(power, line("skin", 38.25, Quantity.TEMPERATURE))), lost)
        ) as (server, _):
            page.goto(f"http://127.0.0.1:{server.server_address[1]}/")
            page.wait_for_selector("article:nth-child(2) path.mean")
            page.wait_for_selector("#runs-rows a")
            page.evaluate(before)
            return cells_of(page, WATCH)
    finally:
        context.close()


LOOKS: Final = {"report-light": (DESKTOP, False), "report-dark": (DESKTOP, True), "report-phone": (PHONE, False)}


def main() -> None:
    """Make all pictures again."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, browser() as running:
        file = report_in(Path(folder))
        for name, (size, dark) in LOOKS.items():
            print(keep(name, look_at_report(running, file, size, dark=dark).cells))
        print(keep("watch", look_at_watch(running, Path(folder) / "runs").cells))


if __name__ == "__main__":
    main()

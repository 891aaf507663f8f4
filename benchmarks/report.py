"""How long the report of an hour at 5 kHz takes, how large it is, and how smoothly its timeline moves in a browser.

Times are of the processor (all threads of the process), beside the limit in seconds: on a machine that is not busy a
report takes as long. Frames are counted by requestAnimationFrame in headless Chromium, which draws in software here:
while every frame zooms or moves the timeline of the whole hour, and beside that while nothing happens, which is the
most that the display gives. Needs the extra `reports`, playwright, and Debian's chromium for the frames.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from report_run import long_run

CHROMIUM: Final = Path("/usr/bin/chromium")
FLAGS: Final = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")
LIMIT_S, LIMIT_MB, LIMIT_HZ = 5.0, 6.0, 30.0
_EDGEWATT: Final = (
    "import resource, sys; from edgewatt.cli import main; code = main(sys.argv[1:]); "
    "use = resource.getrusage(resource.RUSAGE_SELF); print(use.ru_utime + use.ru_stime, use.ru_maxrss); sys.exit(code)"
)
# Steps in and out around a place, and from side to side: what a hand does, one step per frame.
_DRIVEN: Final = """async (frames) => {
  const range = edgewatt.plots.get("timeline-0").figures[0].x_range, span = range.end - range.start;
  const times = [];
  for (let k = 0; k < frames; k++) {
    await new Promise(requestAnimationFrame);
    times.push(performance.now());
    const phase = k / frames, width = span * (0.002 + 0.998 * (0.5 + 0.5 * Math.cos(4 * Math.PI * phase)));
    const middle = span * (0.5 + 0.3 * Math.sin(6 * Math.PI * phase));
    edgewatt.moved(range, () => [middle - width / 2, middle + width / 2]);
  }
  return times;
}"""
_IDLE: Final = """async (frames) => {
  const times = [];
  for (let k = 0; k < frames; k++) { await new Promise(requestAnimationFrame); times.push(performance.now()); }
  return times;
}"""


def reported(run: Path, page: Path) -> tuple[float, float]:
    """Seconds of the processor, and the most memory in MB, that one report took."""
    done = subprocess.run(
        [sys.executable, "-c", _EDGEWATT, "report", str(run), "-o", str(page)],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    seconds, kilobytes = done.stdout.splitlines()[-1].split()
    return float(seconds), float(kilobytes) / 1024


def frames(page: Path, runs: int, count: int = 120) -> dict[str, Any]:
    """Frames per second driven and idle (medians), frames per second of the processor, and the longest frame (s)."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415  (only for the frames)

    driven, idle, busy, longest = [], [], [], []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=str(CHROMIUM), args=list(FLAGS))
        tab = browser.new_page(viewport={"width": 1280, "height": 900})
        tab.set_default_timeout(300_000)
        tab.goto(page.resolve().as_uri())
        tab.evaluate("edgewatt.ready")
        tab.evaluate("document.querySelector('[data-plot=timeline-0]').scrollIntoView()")
        metrics = tab.context.new_cdp_session(tab)
        metrics.send("Performance.enable", {"timeDomain": "threadTicks"})
        for _ in range(runs):
            idle.append(_hz(tab.evaluate(_IDLE, count)))
            before = _process_s(metrics)
            times = tab.evaluate(_DRIVEN, count)
            busy.append(count / (_process_s(metrics) - before))
            driven.append(_hz(times))
            longest.append(max(b - a for a, b in pairwise(times)) / 1000)
        browser.close()
    return {
        "driven_hz": statistics.median(driven),
        "idle_hz": statistics.median(idle),
        "processor_hz": statistics.median(busy),
        "longest_s": statistics.median(longest),
    }


def _hz(times: list[float]) -> float:
    return (len(times) - 1) / (times[-1] - times[0]) * 1000


def _process_s(metrics: Any) -> float:
    """Seconds of the processor that the main thread of the page has worked."""
    found = {one["name"]: one["value"] for one in metrics.send("Performance.getMetrics")["metrics"]}
    return float(found["TaskDuration"])


def measure(folder: Path, runs: int) -> list[dict[str, object]]:
    """One row per figure."""
    run, page = long_run(folder / "hour"), folder / "hour.html"
    subprocess.run([sys.executable, "-m", "edgewatt", "process", str(run)], check=True, stdout=subprocess.DEVNULL)
    took = [reported(run, page) for _ in range(runs)]
    seconds, memory_mb = statistics.median(s for s, _ in took), max(mb for _, mb in took)
    size_mb = page.stat().st_size / 1e6
    rows: list[dict[str, object]] = [
        _row(
            "report of 18 M samples / 5 s",
            seconds / LIMIT_S,
            "at most 1",
            f"{seconds:.1f} s of the processor; {memory_mb:.0f} MB",
        ),
        _row("page of 18 M samples / 6 MB", size_mb / LIMIT_MB, "at most 1", f"{size_mb:.2f} MB"),
    ]
    if CHROMIUM.exists():
        found = frames(page, runs)
        detail = f"{found['driven_hz']:.0f} a second, longest frame {found['longest_s'] * 1000:.0f} ms"
        rows.append(_row("frames while zooming / 30 a second", found["driven_hz"] / LIMIT_HZ, "at least 1", detail))
        rows.append(
            _row(
                "frames while zooming / while idle",
                found["driven_hz"] / found["idle_hz"],
                "at most 1 can be",
                f"{found['idle_hz']:.0f} a second idle",
            )
        )
        detail = f"{found['processor_hz']:.0f} frames in a second of the page's thread"
        rows.append(_row("frames in a second of work / 30", found["processor_hz"] / LIMIT_HZ, "at least 1", detail))
    return rows


def _row(figure: str, ratio: float, limit: str, detail: str) -> dict[str, object]:
    return {"figure": figure, "ratio": ratio, "limit": limit, "detail": detail}


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, help="where to write (default: the system's temporary folder)")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=args.folder) as folder:
        rows = measure(Path(folder), args.runs)
    if args.json:
        print(json.dumps(rows))
        return
    for row in rows:
        notes = "; ".join(str(row[key]) for key in ("limit", "detail") if row[key])
        print(f"{row['figure']}: {row['ratio']:.2f}" + (f" ({notes})" if notes else ""))


if __name__ == "__main__":
    main()

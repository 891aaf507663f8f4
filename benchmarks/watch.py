"""What `watch` costs: processor time of its process over wall time, of one core, with 8 virtual devices at 10 Hz.

The devices are processes of their own, so that only the watch counts. Beside it, in turns: the floor, which opens the
same devices, reads the same collectors in as many threads and throws away what comes. `--way` is how it is shown:
`json` (a line a second), `terminal` (Textual, drawn on a pseudo-terminal), `page` (over HTTP, with one browser's worth
of events). Each repeat starts and ends with the same devices; what comes before `--settle` seconds does not count.
"""

import argparse
import json
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from edgewatt.commands.watch_http import report_of
from edgewatt.profiler.bench_devices import opened
from edgewatt.profiler.clock import HostClock
from edgewatt.profiler.protocols import Collector
from edgewatt.profiler.watching.connection import READ_S, Asked
from edgewatt.profiler.watching.watch import Watch
from edgewatt.reports.live.as_json import view_json
from edgewatt.reports.live.guard import Guard
from edgewatt.reports.live.latest import Latest
from edgewatt.reports.live.pace import Pace
from edgewatt.reports.live.server import Site, listening
from edgewatt.reports.live.terminal import terminal_app

LIMIT = 0.05
KINDS = {
    "boards": "virtual:jetson?seed={seed}&period=0.1",
    "phones": "virtual:phone?seed={seed}&period=0.1&services=off",
}
WAYS = ("json", "terminal", "page")


def share_while(
    seconds: float, settle: float, each_turn: Callable[[], object], pace: Callable[[], float] = lambda: 1.0
) -> float:
    """The share of a core that this process takes while `each_turn` is called every `pace()` seconds."""
    end_s = time.perf_counter() + settle
    while time.perf_counter() < end_s:
        each_turn()
        time.sleep(pace())
    begin_s, cpu_s = time.perf_counter(), time.process_time()
    due_s = begin_s
    while due_s < begin_s + seconds:
        each_turn()
        due_s += pace()
        time.sleep(max(due_s - time.perf_counter(), 0.0))
    return (time.process_time() - cpu_s) / (time.perf_counter() - begin_s)


def floor(uris: list[str], seconds: float, settle: float) -> float:
    """The same collectors, read and thrown away."""
    stop = threading.Event()

    def pump(collector: Collector) -> None:
        while not stop.is_set():
            collector.read(READ_S)

    with ExitStack() as stack:
        collectors: list[Collector] = []
        for uri in uris:
            device, _ = stack.enter_context(opened(uri))
            collectors += device.collectors
        reading = [collector for collector in collectors if collector.open(HostClock()).channels]
        threads = [threading.Thread(target=pump, args=(collector,), daemon=True) for collector in reading]
        for thread in threads:
            thread.start()
        share = share_while(seconds, settle, lambda: None)
        stop.set()
        for thread in threads:
            thread.join()
        for collector in collectors:
            collector.close()
    return share


def as_json(watch: Watch, seconds: float, settle: float) -> float:
    """A JSON object a second into nothing."""
    with Path("/dev/null").open("w") as nothing:
        return share_while(
            seconds, settle, lambda: print(json.dumps(view_json(watch.look(series=False))), file=nothing)
        )


def on_terminal(watch: Watch, seconds: float, settle: float) -> float:
    """Textual, on whatever terminal this process has."""
    shares: list[float] = []
    app = terminal_app(lambda: watch.look(sight=app.sight), seconds + settle)

    def clock() -> None:
        time.sleep(settle)
        shares.append(share_while(seconds, 0.0, lambda: None))

    thread = threading.Thread(target=clock, daemon=True)
    thread.start()
    app.run(size=(120, 40), headless=not sys.stdout.isatty())
    thread.join()
    return shares[0]


def on_page(watch: Watch, seconds: float, settle: float) -> float:
    """The page's server, with one client, another process, that takes every event."""
    latest = Latest()
    with listening("127.0.0.1", 0) as server, _client(server.server_address[1]):
        server.site = Site(Guard("127.0.0.1", server.server_address[1]), latest, None, report_of)
        thread = threading.Thread(target=server.serve_forever, args=(0.2,), daemon=True)
        thread.start()
        share = share_while(
            seconds, settle, lambda: latest.publish(watch.look(series=latest.listeners > 0)), Pace().next_s
        )
        latest.end()
        server.shutdown()
        thread.join()
    return share


@contextmanager
def _client(port: int) -> Iterator[None]:
    code = f"from urllib.request import urlopen\nfor _ in urlopen('http://127.0.0.1:{port}/events', timeout=60): pass"
    taking = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        taking.kill()
        taking.wait()


def watched(way: str, uris: list[str], seconds: float, settle: float) -> tuple[float, float]:
    """The share of a core, and samples a second of all devices."""
    show = {"json": as_json, "terminal": on_terminal, "page": on_page}[way]
    with Watch([Asked(uri) for uri in uris]) as watch:
        share = show(watch, seconds, settle)
        rates = [s.rate_hz or 0.0 for d in watch.look().devices for s in d.streams]
    return share, sum(rates)


def of(values: list[float]) -> str:
    """Median and range."""
    return f"{statistics.median(values):.1%} ({min(values):.1%} to {max(values):.1%})"


def main() -> None:
    """Print medians over the repeats, in turns; as JSON the ratio to the limit, for table.py."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=8)
    parser.add_argument("--kind", choices=KINDS, default="boards")
    parser.add_argument("--way", choices=WAYS, default="json")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--settle", type=float, default=5.0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    uris = [KINDS[args.kind].format(seed=seed) for seed in range(args.devices)]
    shares, floors, rates = [], [], []
    for _ in range(args.repeats):
        floors.append(floor(uris, args.seconds, args.settle))
        share, rate = watched(args.way, uris, args.seconds, args.settle)
        shares.append(share)
        rates.append(rate)
    row = {
        "figure": f"watch of {args.devices} virtual {args.kind} at 10 Hz, {args.way}: share of one core / {LIMIT:.0%}",
        "ratio": statistics.median(shares) / LIMIT,
        "limit": "at most 1",
        "detail": f"watch {of(shares)}, its collectors alone {of(floors)}; {statistics.median(rates):.0f} samples/s",
    }
    print(json.dumps([row]) if args.json else f"{row['figure']}: {row['ratio']:.2f}\n{row['detail']}")


if __name__ == "__main__":
    main()

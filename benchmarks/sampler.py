"""How many samples per second come from a phone, and what the sampler costs it.

The phone is Debian's adbd (tests/adbd), reached straight over TCP; a sample is 12 files of its sysfs. In turns in the
same run: the sampler asked for as many as it can, a bare loop of `$(<file)` in the phone's shell, which is the limit,
and one adb command per sample over the same link. The processor share is what /proc says of the script.
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.adbd.packages import Unavailable
from tests.adbd.running import running

from edgewatt.collectors.android.files.catalogue import CANDIDATES, find_nodes
from edgewatt.collectors.android.files.look import Found
from edgewatt.collectors.android.files.nodes import Node, Values
from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.android.sampler.attached import Sampler
from edgewatt.collectors.android.sampler.survey import survey
from edgewatt.collectors.transports.adb_direct import connect
from edgewatt.device_profiles.loader import load
from edgewatt.profiler.batch import Batch
from edgewatt.profiler.channel import Channel
from edgewatt.profiler.clock import NS_PER_S, HostClock
from edgewatt.profiler.units import Quantity

NODES = 12
PATTERNS = ("{sysfs}/class/thermal/thermal_zone*/temp", "{sysfs}/class/power_supply/battery/*")
ASKED_HZ = 200.0
READ_S = 0.2


def number(text: str) -> Values:
    """A file that holds one number."""
    return (float(text),) if text.removeprefix("-").isdigit() else (None,)


def paths_of(phone: Phone) -> list[str]:
    """The first files of the phone that hold a number."""
    seen = survey(phone, PATTERNS)
    paths = [path for path, one in seen.items() if one.text is not None and number(one.text)[0] is not None]
    return paths[:NODES]


def nodes(paths: list[str], period_s: float) -> Found:
    """These files, all at one period."""
    channels = [Channel(f"n{at}", Quantity.TEMPERATURE, source=path) for at, path in enumerate(paths)]
    return Found(tuple(Node(c.source, (c,), number, period_s) for c in channels))


def sampled(phone: Phone, found: Found, seconds: float) -> tuple[float, float]:
    """Samples per second of the main stream by the phone's clock, and the script's share of one processor."""
    sampler = Sampler(phone, found)
    sampler.open(HostClock())
    stamps, loads = [np.empty(0, np.int64)], [np.empty(0)]
    end_s = time.perf_counter() + seconds
    while time.perf_counter() < end_s:
        item = sampler.read(READ_S)
        if isinstance(item, Batch) and len(item) and item.stream == "":
            stamps.append(item.t_ns)
        elif isinstance(item, Batch) and item.stream == "sampler":
            loads.append(item.columns["sampler.load_ratio"])
    sampler.close()
    t_ns = np.concatenate(stamps)
    rate_hz = (len(t_ns) - 1) / float(t_ns[-1] - t_ns[0]) * NS_PER_S if len(t_ns) > 1 else 0.0
    shares = np.concatenate(loads)
    return rate_hz, float(np.mean(shares[np.isfinite(shares)] if np.isfinite(shares).any() else 0.0))


def commanded(phone: Phone, paths: list[str], seconds: float) -> float:
    """Samples per second with a command for each."""
    command, count, begin_s = f"cat {' '.join(paths)}", 0, time.perf_counter()
    while time.perf_counter() - begin_s < seconds:
        done = phone.link.run(command, timeout_s=10)
        count += done.stdout.count(b"\n") == len(paths)
    return count / (time.perf_counter() - begin_s)


def bare(phone: Phone, paths: list[str], seconds: float) -> float:
    """Samples per second of the shell alone, printed and counted."""
    reads = "$U".join(f"$(<{path})" for path in paths)
    stream = phone.link.stream(f"U=' ';while :;do print -r -- \"{reads}\"||exit;done")
    count, begin_s = 0, time.perf_counter()
    while time.perf_counter() - begin_s < seconds:
        count += (stream.read(READ_S) or b"").count(b"\n")
    took_s = time.perf_counter() - begin_s
    stream.close()
    return count / took_s


def row(figure: str, ratio: float, limit: str, detail: str) -> dict[str, object]:
    """One row of the table."""
    return {"figure": figure, "ratio": ratio, "limit": limit, "detail": detail}


def measure(turns: int, seconds: float) -> list[dict[str, object]]:
    """One row per figure."""
    with running("pixel") as peer:
        phone = Phone(peer.uri, lambda: connect(peer.host, peer.port))
        paths = paths_of(phone)
        ours, theirs, limits = [], [], []
        for _ in range(turns):
            ours.append(sampled(phone, nodes(paths, 0.0), seconds)[0])
            theirs.append(commanded(phone, paths, seconds))
            limits.append(bare(phone, paths, seconds))
        asked_hz, share = sampled(phone, nodes(paths, 1 / ASKED_HZ), 3 * seconds)
        usual = find_nodes(survey(phone, CANDIDATES), load("google_pixel"))
        _, usual_share = sampled(phone, usual, 5 * seconds)
        phone.hang_up()
    ours_hz, theirs_hz, limit_hz = map(statistics.median, (ours, theirs, limits))
    by_command = statistics.median(our / their for our, their in zip(ours, theirs, strict=True))
    by_limit = statistics.median(our / limit for our, limit in zip(ours, limits, strict=True))
    name = f"samples of {NODES} nodes"
    return [
        row(f"{name}, as many as can be / 200 per s", ours_hz / ASKED_HZ, "at least 1", f"{ours_hz:.0f} per s"),
        row(f"{name}, 200 per s asked / 200 per s", asked_hz / ASKED_HZ, "", f"{asked_hz:.1f} per s; drops late ticks"),
        row(f"{name} / one adb command per sample", by_command, "at least 10", f"commands: {theirs_hz:.0f} per s"),
        row(f"{name} / bare loop in the phone's shell", by_limit, "", f"bare loop: {limit_hz:.0f} per s"),
        row("sampler's share of one processor, 200 per s", share, "", f"{NODES} nodes, by the phone's own /proc"),
        row("sampler's share of one processor, default rates", usual_share, "", f"{len(usual.nodes)} files of a Pixel"),
    ]


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    try:
        rows = measure(args.turns, args.seconds)
    except Unavailable as error:
        print(f"not measured: {error}", file=sys.stderr)
        rows = []
    if args.json:
        print(json.dumps(rows))
        return
    for one in rows:
        notes = "; ".join(str(one[key]) for key in ("limit", "detail") if one[key])
        print(f"{one['figure']}: {one['ratio']:.3g}" + (f" ({notes})" if notes else ""))


if __name__ == "__main__":
    main()

"""Slices laid on lanes so that those of one lane never overlap: viewers nest or lose what crosses."""

import heapq
from collections.abc import Iterable, Iterator

from edgewatt.reports.traces.events import Slice


def on_lanes(slices: Iterable[Slice]) -> Iterator[tuple[str, int, Slice]]:
    """Each slice with its track and lane, track by track in the order of time.

    One that ends before it begins takes no time.
    """
    tracks: dict[str, list[Slice]] = {}
    for one in slices:
        tracks.setdefault(one.track, []).append(one)
    for track, of in tracks.items():
        free: list[tuple[int, int]] = []
        for one in sorted(of, key=lambda one: (one.t0_ns, one.t1_ns)):
            lane = heapq.heappop(free)[1] if free and free[0][0] <= one.t0_ns else len(free)
            heapq.heappush(free, (max(one.t1_ns, one.t0_ns), lane))
            yield track, lane, one

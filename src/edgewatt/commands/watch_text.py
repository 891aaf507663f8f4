"""`edgewatt watch --plain` and `--json`: a line, or an object, a second."""

import argparse
import json
from collections.abc import Callable, Iterator
from typing import Final

from edgewatt.profiler.clock import NS_PER_S, HostClock
from edgewatt.profiler.watching.view import View
from edgewatt.profiler.watching.watch import Watch
from edgewatt.reports.live.as_json import view_json
from edgewatt.reports.live.text_line import text_lines

PERIOD_S: Final = 1.0
_NAP_S: Final = 0.2


def run(args: argparse.Namespace, watch: Watch) -> None:
    """Print what is seen until the time is over or everything ended."""
    for view in views(watch, args.seconds):
        say(view, as_json=args.json)


def say(view: View, *, as_json: bool) -> None:
    """Print one view."""
    if as_json:
        print(json.dumps(view_json(view), allow_nan=False), flush=True)
    else:
        print("\n".join(text_lines(view)), flush=True)


def views(
    watch: Watch,
    seconds: float | None,
    *,
    stay: bool = False,
    series: Callable[[], bool] = bool,
    pace: Callable[[], float] = lambda: PERIOD_S,
) -> Iterator[View]:
    """A view a second, until the time is over or, unless it is to `stay`, everything ended.

    `series` is asked each time whether anybody wants them, `pace` after how many seconds
    the next one is due. Raises what makes watching a device pointless.
    """
    clock = HostClock()
    began_ns = due_ns = clock.now_ns()
    end_ns = None if seconds is None else began_ns + round(seconds * NS_PER_S)
    while end_ns is None or clock.now_ns() < end_ns:
        # What was missed while a terminal was stopped is not made up for.
        due_ns = max(due_ns + round(pace() * NS_PER_S), clock.now_ns())
        until_ns = due_ns if end_ns is None else min(due_ns, end_ns)
        while (left_ns := until_ns - clock.now_ns()) > 0 and (stay or not watch.ended):
            clock.sleep(min(left_ns / NS_PER_S, _NAP_S))
        watch.raise_failure()
        yield watch.look(series=series())
        if watch.ended and not stay:
            return

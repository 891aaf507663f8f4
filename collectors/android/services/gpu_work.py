"""`dumpsys gpu` (Android 13 and later): the share of time in which the GPU worked, where no file tells it.

The section "GPU work information" has, per GPU and user, `total_active_duration_ns` and `total_inactive_duration_ns`.
The latter are only short pauses within work (gpuWork.c in AOSP's gpuservice), so that active / (active + inactive) is
high however long the GPU rests; the share here is the growth of active time over the phone's uptime between two looks.
Drivers report work up to a second late, and users may overlap: what exceeds the time elapsed counts as 1. The
service forgets all sums once an hour or when statsd asks: a sum that fell, or a user who vanished, gives null.
"""

import re
from collections.abc import Mapping
from itertools import dropwhile
from typing import Final

from edgewatt.collectors.android.files.nodes import Service, Values
from edgewatt.collectors.android.services.asking import Candidate, Offer, lines, shown
from edgewatt.profiler.channel import Channel
from edgewatt.profiler.units import Quantity

# The time of the answer goes with it: of two commands the first is the one that may hang.
COMMAND: Final = 'dumpsys gpu; read -r u _ </proc/uptime; echo "uptime $u"'
# Assumed: as often as drivers report.
PERIOD_S: Final = 1.0
NAME: Final = "gpu_work"
# Uptime has steps of 10 ms: two looks that are closer tell too little.
SHORTEST_S: Final = 0.1
GPU_LIMIT: Final = 8

_SECTION: Final = "GPU work information."
_COLUMNS: Final = re.compile(r"gpu_id +uid +total_active_duration_ns +total_inactive_duration_ns")
_ROW: Final = re.compile(r"(?:\[errors:[0-9]{1,20}\])?([0-9]{1,10}) +([0-9]{1,10}) +([0-9]{1,19}) +([0-9]{1,19})")
_UPTIME: Final = re.compile(r"uptime ([0-9]{1,9}\.[0-9]{2})")

# Nanoseconds of active time, by GPU and user.
Sums = Mapping[tuple[int, int], int]


def sums(text: str) -> Sums | None:
    """The active time per (GPU, user) in ns; None if the section is not there."""
    after = dropwhile(lambda line: not _COLUMNS.fullmatch(line), lines(text))
    if _SECTION not in text or next(after, None) is None:
        return None
    rows = (found.groups() for line in after if (found := _ROW.fullmatch(line)))
    return {(int(gpu), int(uid)): int(active) for gpu, uid, active, _ in rows}


def uptime_s(text: str) -> float | None:
    """When the phone answered, in seconds since it booted."""
    last = _UPTIME.fullmatch(text[-100:].strip().rpartition("\n")[2].strip())
    return float(last[1]) if last else None


def busy(gpu: int, before: Sums, now: Sums, elapsed_s: float) -> float | None:
    """The share of `elapsed_s` in which this GPU worked, at most 1; None if its sums do not tell."""
    mine = {key: value for key, value in before.items() if key[0] == gpu}
    if elapsed_s <= 0 or any(now.get(key, -1) < value for key, value in mine.items()):
        return None
    grown_ns = sum(value - mine.get(key, 0) for key, value in now.items() if key[0] == gpu)
    return min(grown_ns * 1e-9 / elapsed_s, 1.0)


def offer(command: str, text: str) -> Offer | str:
    """A share per GPU that has worked since the service last forgot; GPU 0 if none has."""
    first, first_s = sums(text), uptime_s(text)
    if first is None:
        said = shown(text.rpartition("uptime ")[0]) if first_s is not None else shown(text)
        return f"no GPU work information in it, as its driver reports no work periods to Android; it reads {said}"
    gpus = sorted({gpu for gpu, _ in first})[:GPU_LIMIT] or [0]
    source = command.partition(";")[0]
    channels = tuple(
        Channel(NAME if at == 0 else f"{NAME}_{gpu}", Quantity.LOAD, source=source, window_s=PERIOD_S)
        for at, gpu in enumerate(gpus)
    )
    last: tuple[Sums, float] | None = None if first_s is None else (first, first_s)

    def parse(answer: str) -> Values:
        nonlocal last
        now, now_s, before = sums(answer), uptime_s(answer), last
        if now is None or now_s is None or (before is not None and now_s - before[1] < SHORTEST_S):
            return [None] * len(gpus)
        last = (now, now_s)
        return [None if before is None else busy(gpu, before[0], now, now_s - before[1]) for gpu in gpus]

    return Offer(Service(command, channels, parse, PERIOD_S, "gpu"))


GPU_WORK: Final = Candidate("gpu_work.load_ratio", (COMMAND,), offer)

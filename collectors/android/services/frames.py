"""When frames were shown, as SurfaceFlinger and gfxinfo print it, and the frame rate that follows.

`dumpsys SurfaceFlinger --latency LAYER`: the refresh period in ns, then 127 rows of three times in ns (confirmed in
AOSP's FrameTracker): when a frame was wanted, when it was shown, when it was ready. 0 is an unused row, 2^63 - 1 is a
frame that is pending. `dumpsys gfxinfo PACKAGE framestats`: blocks of CSV with a header, the last 120 frames of a
window each; a frame whose Flags are not 0 is to be ignored (Android's documentation). Times are of CLOCK_MONOTONIC
(remembered).
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from edgewatt.collectors.android.services.asking import lines, shown

# Screens refresh 1 (always-on) to 240 times a second; 500 leaves room (assumed).
_PERIOD_NS: Final = (2_000_000, 1_100_000_000)
PENDING: Final = 2**63 - 1
ROWS_LIMIT: Final = 4096
# Android's vitals call a frame of more than 700 ms frozen. Here nobody knows whether anything was to be drawn: a longer
# distance is a pause, and no jank.
PAUSE_S: Final = 0.7
# A frame is late that came more than so many refreshes, and so many usual distances, after the one before (assumed).
LATE: Final = 1.5
_BLOCK: Final = "---PROFILEDATA---"
_INTERVAL: Final = "FrameInterval"
_DONE: Final = "FrameCompleted"


@dataclass(frozen=True, slots=True)
class Frames:
    """What one answer tells: the instants at which frames were shown, ascending; `period_ns` None where not told."""

    shown_ns: tuple[int, ...]
    period_ns: int | None = None


@dataclass(frozen=True, slots=True)
class FrameRate:
    """`rate_hz` over `duration_s`, from the first to the last frame, pauses included; None from fewer than two frames.

    `is_whole` False: between two looks more frames came than the phone keeps, so that it is a lower bound.
    """

    frames_n: int
    duration_s: float
    rate_hz: float | None
    refresh_hz: float | None
    janks_n: int
    pauses_n: int
    is_whole: bool = True

    @property
    def janks_ratio(self) -> float | None:
        """Late frames of all that have one before them and no pause between."""
        intervals = self.frames_n - 1 - self.pauses_n
        return self.janks_n / intervals if intervals > 0 else None


def parse_latency(raw: bytes) -> Frames | str:
    """What `--latency` printed, or why it tells nothing; any bytes are accepted."""
    text = raw.decode(errors="replace")
    rows = [numbers for line in lines(text) if (numbers := _numbers(line.split())) is not None][:ROWS_LIMIT]
    if not rows or len(rows[0]) != 1:
        return f"it begins with no refresh period; it reads {shown(text)}"
    times = sorted({row[1] for row in rows[1:] if len(row) == 3 and 0 < row[1] < PENDING})
    if not times:
        return "no frame of that layer was shown lately: the screen is off, or it draws nothing, or has another name"
    return Frames(tuple(times), _period_ns(rows[0][0]))


def parse_framestats(raw: bytes) -> Frames | str:
    """What `gfxinfo PACKAGE framestats` printed of the window with most frames; instants are when drawing was done."""
    text = raw.decode(errors="replace")
    blocks = [(sorted(set(times)), period) for times, period in _blocks(text)]
    times, period_ns = max(blocks, key=lambda block: len(block[0]), default=([], None))
    if not times:
        return f"no frames of a window in it; it reads {shown(text)}"
    return Frames(tuple(times), period_ns)


def frame_rate(answers: Iterable[Frames], since_ns: int = -1) -> FrameRate:
    """The rate of all frames after `since_ns` in answers that follow each other."""
    times: list[int] = []
    period_ns, is_whole = None, True
    for answer in answers:
        period_ns = answer.period_ns or period_ns
        last_ns = times[-1] if times else since_ns
        fresh = [at for at in answer.shown_ns if at > last_ns]
        # The frame that was last before is gone from the answer: nobody knows how many came in between.
        is_whole = is_whole and (last_ns < 0 or last_ns >= answer.shown_ns[0])
        times += fresh
    intervals = [after - before for before, after in pairwise(times)]
    moving = [interval for interval in intervals if interval <= PAUSE_S * 1e9]
    usual = sorted(moving)[len(moving) // 2] if moving else 0
    late = sum(interval > LATE * max(usual, period_ns or 0) for interval in moving)
    duration_s = (times[-1] - times[0]) / 1e9 if times else 0.0
    return FrameRate(
        len(times),
        duration_s,
        len(intervals) / duration_s if duration_s > 0 else None,
        None if period_ns is None else 1e9 / period_ns,
        late,
        len(intervals) - len(moving),
        is_whole,
    )


def _blocks(text: str) -> Iterator[tuple[list[int], int | None]]:
    """Per window: when each frame was done, and the last interval of refreshes that is told."""
    header: list[str] | None = None
    times: list[int] = []
    period_ns = None
    for line in lines(text):
        if line == _BLOCK:
            if times:
                yield times, period_ns
            header, times, period_ns = None, [], None
        elif line.startswith("Flags,"):
            header = line.split(",")
        elif header is not None and _DONE in header and len(times) < ROWS_LIMIT:
            cells = _numbers(line.rstrip(",").split(","))
            if cells is None or len(cells) != len([name for name in header if name]) or cells[0] != 0:
                continue
            told = dict(zip(header, cells, strict=False))
            if 0 < told[_DONE] < PENDING:
                times.append(told[_DONE])
                period_ns = _period_ns(told.get(_INTERVAL, 0)) or period_ns
    if times:
        yield times, period_ns


def _period_ns(ns: int) -> int | None:
    """It, if a screen may refresh so often."""
    return ns if _PERIOD_NS[0] <= ns <= _PERIOD_NS[1] else None


_WHOLE: Final = re.compile(r"-?[0-9]{1,19}")


def _numbers(words: list[str]) -> list[int] | None:
    """The words as numbers; None if one is none, or there is none."""
    return [int(word) for word in words] if words and all(_WHOLE.fullmatch(word) for word in words) else None

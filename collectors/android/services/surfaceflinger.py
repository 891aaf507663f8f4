"""The frame rate of an application on the screen: SurfaceFlinger's layers, and gfxinfo where they tell nothing.

The phone keeps 127 frames of a layer, a second at 120 Hz: who wants a longer stretch looks twice a second. Nothing is
reset on the phone (`--latency-clear` is not used); frames from before the first look are left out.
The names of layers are chosen by applications: they are checked, and reach a shell quoted.
"""

import re
import shlex
from collections.abc import Iterator
from typing import Final

from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.android.services.asking import ANSWER_LIMIT_B, lines, refusal, shown
from edgewatt.collectors.android.services.frames import (
    FrameRate,
    Frames,
    frame_rate,
    parse_framestats,
    parse_latency,
)
from edgewatt.profiler.errors import UsageError

LIST: Final = "dumpsys SurfaceFlinger --list"
TOP: Final = "dumpsys activity activities | grep -E 'topResumedActivity|mResumedActivity'"
TIMEOUT_S: Final = 10.0
# How often to look, at most: 127 frames at 240 Hz.
PERIOD_S: Final = 0.5
# An application has a handful of layers; the frames of most are tried.
LAYERS_LIMIT: Final = 16
NAME_LIMIT: Final = 512

_PACKAGE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,100}(?:\.[A-Za-z0-9_]{1,100}){1,20}")
_RESUMED: Final = re.compile(r"ResumedActivity[=:][ \t]{0,8}ActivityRecord\{[0-9a-f]{1,16} u[0-9]{1,4} ([\w.]{1,256})/")
# Since Android 13 or so the list wraps a name into this, with facts behind it (public recordings of Android 16).
_WRAPPED: Final = re.compile(r"RequestedLayerState\{(.{1,512}?#[0-9]{1,9})(?: .{0,2000})?\}")
# Layers that hold no frames of an application: containers, shades, places that take touches (public recordings).
_NO_FRAMES: Final = re.compile(r"ActivityRecord|InputSink|animation-leash|^Dim|Splash|Background for|BackdropBlur")


def layers(text: str, package: str) -> list[str]:
    """The layers of the package in what `--list` printed that may show frames, the likely ones first."""
    found: dict[str, None] = {}
    for line in lines(text):
        wrapped = _WRAPPED.fullmatch(line)
        name = wrapped[1] if wrapped else line
        if package in name and len(name) <= NAME_LIMIT and name.isprintable() and not _NO_FRAMES.search(name):
            found[name] = None
    return sorted(found, key=lambda name: ("(BLAST)" not in name, "SurfaceView" not in name))[:LAYERS_LIMIT]


def foreground(phone: Phone) -> str | None:
    """The package that the screen shows; None where the phone does not tell. Raises LinkLost."""
    answer = phone.sh(TOP, timeout_s=TIMEOUT_S, limit_b=ANSWER_LIMIT_B)
    found = _RESUMED.search(answer.stdout[:65536].decode(errors="replace"))
    return found[1] if found and _PACKAGE.fullmatch(found[1]) else None


class FrameWatch:
    """Looks at the frames of one application; `look` again every PERIOD_S, then `found`.

    Raises UsageError for what is no name of a package.
    """

    def __init__(self, phone: Phone, package: str) -> None:
        if not _PACKAGE.fullmatch(package):
            raise UsageError(f"{shown(package)} is no name of an Android package; expected one like org.example.game")
        self._phone, self.package = phone, package
        self.source: str | None = None
        self.reasons: tuple[str, ...] = ()
        self._answers: list[Frames] = []
        self._since_ns = -1

    def look(self) -> bool:
        """Ask once; False, with `reasons`, if no frames were told: another layer is then looked for the next time.

        The first answer says from when on frames count.
        """
        found = self._asked(self.source) if self.source is not None else self._chosen()
        if isinstance(found, str):
            self.source, self.reasons = None, (found,)
            return False
        if not self._answers:
            self._since_ns = found.shown_ns[-1]
        self._answers.append(found)
        return True

    def watch(self, seconds: float) -> FrameRate:
        """Look every PERIOD_S for so long; what was found. Raises LinkLost where the phone is gone for good."""
        end_s = self._phone.monotonic_s() + seconds
        self.look()
        while (left_s := end_s - self._phone.monotonic_s()) > 0:
            self._phone.sleep(min(PERIOD_S, left_s))
            self.look()
        return self.found()

    def found(self) -> FrameRate:
        """The rate of the frames since the first look."""
        return frame_rate(self._answers, self._since_ns)

    def _chosen(self) -> Frames | str:
        """The frames of the layer that was drawn last, by SurfaceFlinger, else those of gfxinfo."""
        reasons = []
        best: tuple[str, Frames] | None = None
        for source in self._sources():
            found = self._asked(source)
            if isinstance(found, str):
                reasons.append(found)
            elif best is None or (found.shown_ns[-1], len(found.shown_ns)) > (
                best[1].shown_ns[-1],
                len(best[1].shown_ns),
            ):
                best = (source, found)
        if best is None:
            gfxinfo = f"dumpsys gfxinfo {shlex.quote(self.package)} framestats"
            told = self._asked(gfxinfo)
            if isinstance(told, str):
                return "; ".join(dict.fromkeys([*reasons[:4], told]))
            best = (gfxinfo, told)
        self.source = best[0]
        return best[1]

    def _sources(self) -> Iterator[str]:
        answer = self._phone.sh(LIST, timeout_s=TIMEOUT_S, limit_b=ANSWER_LIMIT_B)
        if refusal(answer) is None:
            for name in layers(answer.stdout.decode(errors="replace"), self.package):
                yield f"dumpsys SurfaceFlinger --latency {shlex.quote(name)}"

    def _asked(self, command: str) -> Frames | str:
        answer = self._phone.sh(command, timeout_s=TIMEOUT_S, limit_b=ANSWER_LIMIT_B)
        if why := refusal(answer):
            return f"{_short(command)}: {why}"
        parse = parse_framestats if command.endswith(" framestats") else parse_latency
        found = parse(answer.stdout)
        return f"{_short(command)}: {found}" if isinstance(found, str) else found


def _short(command: str) -> str:
    return " ".join(command.split()[:3])

"""What a runner prints, as it comes from the phone: stamped lines, bounded in number, length and time."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from edgewatt.collectors.android.stamps import PhoneStamps
from edgewatt.collectors.runtimes.benchmark_model.lines import StampedLine
from edgewatt.collectors.runtimes.benchmark_model.runner_script import OUTPUT_LIMIT_B, OVER
from edgewatt.collectors.transports.link import Stream

# What is kept of it in the run; parsing goes on.
RAW_LIMIT_B: Final = 1 << 20
# A longer line is cut: no line of a tool's output that means anything is.
LINE_LIMIT_B: Final = 64 << 10
_CUT: Final = b"\n[edgewatt kept the first MiB]\n"
_LOOK_S: Final = 1.0

_LINE: Final = re.compile(rb"([0-9.,]{0,24}) ([0-9.]{1,16}) (.*)", re.DOTALL)


@dataclass(slots=True)
class Printed:
    """Takes what `attached` or `detached` of runner_script.py print, and gives the runner's own lines.

    `raw` is the beginning of what the runner printed. `returncode` is its exit code once that came, `over` that it was
    stopped for printing too much.
    """

    token: str
    stamps: PhoneStamps
    raw: bytearray = field(default_factory=bytearray)
    returncode: int | None = None
    over: bool = False
    last_ns: int | None = None

    def lines(self, chunks: Iterable[bytes]) -> Iterator[StampedLine]:
        """The lines up to the one with the exit code, or to the end."""
        held_back: StampedLine | None = None  # an empty line is the script's own if the exit code follows
        for line in _split(chunks):
            stamped = _LINE.fullmatch(line)
            t_ns = None if stamped is None else self.stamps.to_ns(stamped[1], stamped[2])
            text = line if stamped is None else stamped[3]
            if self._is_last(text):
                return
            if held_back is not None:
                yield self._kept(held_back)
            self.last_ns = t_ns or self.last_ns
            found = StampedLine(t_ns, text.decode(errors="backslashreplace"))
            held_back = None if text else found
            if text:
                yield self._kept(found, text)
        if held_back is not None:
            yield self._kept(held_back)

    def _is_last(self, text: bytes) -> bool:
        token, _, code = text.partition(b" ")
        if token.decode(errors="replace") != self.token:
            return False
        self.over = code.decode(errors="replace") == OVER
        self.returncode = int(code) if code.isdigit() and len(code) < 6 else None
        return True

    def _kept(self, line: StampedLine, text: bytes = b"") -> StampedLine:
        left_b = RAW_LIMIT_B - len(self.raw)
        if left_b > 0:
            self.raw += (text + b"\n")[:left_b]
            if len(self.raw) == RAW_LIMIT_B:
                self.raw += _CUT
        return line


@dataclass(slots=True)
class Listening:
    """Chunks of a stream until it ends; `silent` if nothing came for too long, `late` if it took too long in all."""

    stream: Stream
    silence_limit_s: float
    limit_s: float
    monotonic_s: Callable[[], float]
    silent: bool = False
    late: bool = False

    def chunks(self) -> Iterator[bytes]:
        """Raises LinkLost."""
        began_s = heard_s = self.monotonic_s()
        left_b = 2 * OUTPUT_LIMIT_B  # the phone's script stops far before that
        while left_b > 0:
            chunk = self.stream.read(_LOOK_S)
            now_s = self.monotonic_s()
            if chunk is None:
                return
            if chunk:
                heard_s = now_s
                left_b -= len(chunk)
                yield chunk
            self.silent = now_s - heard_s > self.silence_limit_s
            self.late = now_s - began_s > self.limit_s
            if self.silent or self.late:
                return


def _split(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Lines without their ends; one that is too long is cut."""
    held = bytearray()
    for chunk in chunks:
        *whole, rest = chunk.split(b"\n")
        for piece in whole:
            held += piece[: LINE_LIMIT_B - len(held)]
            yield bytes(held)
            held.clear()
        held += rest[: LINE_LIMIT_B - len(held)]
    if held:
        yield bytes(held)

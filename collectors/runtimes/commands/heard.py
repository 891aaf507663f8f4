"""What a command printed, cut into lines with bounds: its marks, what a known tool sums up, and what is kept of it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from edgewatt.collectors.runtimes.commands.running import Chunk
from edgewatt.collectors.runtimes.text import one_line
from edgewatt.profiler.windowing.spans import LINE_LIMIT_B, PREFIX, Printed

# What is kept of a repeat's output in the run; reading goes on.
RAW_LIMIT_B: Final = 1 << 20
CUT: Final = b"\n[edgewatt kept the first MiB]\n"
TAIL_B: Final = 4096
LAST_LINES: Final = 3
HELD_BACK: Final = "marks_held_back"
# One window in ten may by chance begin and end within one look at the output (assumed).
_TOGETHER: Final = 0.1

HearLine = Callable[[bytes, int], None]


@dataclass(slots=True)
class _Lines:
    """Bytes of one pipe: the beginning of the line that has not ended. As progress bars have it, CR ends one too."""

    held: bytearray = field(default_factory=bytearray)

    def feed(self, data: bytes, *, all_lines: bool) -> Iterator[bytes]:
        """Each line that ended, cut to LINE_LIMIT_B; unless `all_lines`, only where a mark may be in it."""
        if not all_lines and PREFIX not in self.held[-len(PREFIX) :] + data and not self.held.startswith(PREFIX):
            end = max(data.rfind(b"\n"), data.rfind(b"\r"))
            if end >= 0:
                self.held.clear()
            self.held += data[end + 1 :][: LINE_LIMIT_B - len(self.held)]
            return
        *whole, rest = data.replace(b"\r", b"\n").split(b"\n")
        for piece in whole:
            self.held += piece[: LINE_LIMIT_B - len(self.held)]
            yield bytes(self.held)
            self.held.clear()
        self.held += rest[: LINE_LIMIT_B - len(self.held)]


class Heard:
    """Takes the chunks of one run. `also` hears every line, for a tool whose output is understood."""

    def __init__(self, printed: Printed, also: HearLine | None = None) -> None:
        self.printed = printed
        self._also = also
        self._lines = {False: _Lines(), True: _Lines()}
        self._tail = {False: b"", True: b""}
        self.raw = bytearray()

    def take(self, chunks: Sequence[Chunk]) -> None:
        """Take what came."""
        for chunk in chunks:
            self._keep(chunk)
            for line in self._lines[chunk.is_error].feed(chunk.data, all_lines=self._also is not None):
                self._hear(line, chunk.t_ns)

    def end(self, t_ns: int) -> None:
        """The command ended; a last line without its end counts."""
        for lines in self._lines.values():
            if lines.held:
                self._hear(bytes(lines.held), t_ns)
                lines.held.clear()
        self.printed.end()

    @property
    def reasons(self) -> tuple[str, ...]:
        """Reason codes: those of the marks, and that they came in bursts, so that their arrival means nothing."""
        lengths = [span.t1_ns - span.t0_ns for span in self.printed.spans if not span.is_own]
        late = lengths and lengths.count(0) > _TOGETHER * len(lengths)
        return (*self.printed.reasons, *([HELD_BACK] if late else []))

    @property
    def last_words(self) -> str:
        """The last lines of its error output, else of its output, for a message of one line."""
        for tail in (self._tail[True], self._tail[False]):
            lines = [line for line in tail.decode(errors="replace").splitlines() if line.strip()]
            if lines:
                return one_line(" | ".join(lines[-LAST_LINES:]), 400)
        return ""

    def _keep(self, chunk: Chunk) -> None:
        self._tail[chunk.is_error] = (self._tail[chunk.is_error] + chunk.data)[-TAIL_B:]
        left_b = RAW_LIMIT_B - len(self.raw)
        if left_b > 0:
            self.raw += chunk.data[:left_b]
            if len(self.raw) == RAW_LIMIT_B:
                self.raw += CUT

    def _hear(self, line: bytes, t_ns: int) -> None:
        if not self.printed.hear(line, t_ns) and self._also is not None:
            self._also(line, t_ns)

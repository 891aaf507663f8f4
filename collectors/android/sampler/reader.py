"""What a sampler's script printed, made into batches and gaps: from a connection, or from the log of a detached one."""

from collections.abc import Sequence
from typing import Final

from edgewatt.collectors.android.sampler.lines import Ended, Header, Lines, parse_line
from edgewatt.collectors.android.sampler.own_load import STREAM, OwnLoad
from edgewatt.collectors.android.sampler.rows import StreamRows
from edgewatt.collectors.android.sampler.script import Group
from edgewatt.collectors.android.stamps import PhoneStamps, uptime_ns
from edgewatt.profiler.batch import Batch, Gap
from edgewatt.profiler.clock import NS_PER_S
from edgewatt.profiler.protocols import Learnt

# Uptime has steps of 10 ms, and lines of one phone come in order; less than before means that it was restarted.
_RESTARTED_NS: Final = NS_PER_S
_TOO_LONG: Final = "a line longer than any file"


class Reader:
    """One run of one set of groups, over as many scripts as it takes. `rows` counts the lines that were good.

    What comes before a script's header is not its own and is passed over. `ended` is why the last script said it ended.
    """

    def __init__(self, groups: Sequence[Group], stamps: PhoneStamps) -> None:
        self._groups, self._stamps = groups, stamps
        self._streams = [StreamRows(group, stamps, OwnLoad() if group.stream == STREAM else None) for group in groups]
        self._widths = [len(group.nodes) for group in groups]
        self._token = ""
        self._lines = Lines()
        self._up_ns = -1
        self.header: Header | None = None
        self.ended: Ended | None = None
        self.rebooted = False
        self.rows = 0

    def begin(self, token: str) -> None:
        """A new script is started, whose first line carries `token`."""
        self._token, self._lines, self.header, self.ended = token, Lines(), None, None
        for stream in self._streams:
            stream.begin()

    def feed(self, chunk: bytes) -> None:
        """What the script printed next."""
        too_long = self._lines.too_long
        for line in self._lines.feed(chunk):
            self._line(line)
        if self._lines.too_long > too_long and self._streams:
            self._streams[0].spoiled(_TOO_LONG)

    def broken(self, cause: str, until_ns: int | None = None) -> list[Gap]:
        """Nothing more comes for now: a gap in each stream that had begun, of no length if its end is not known yet."""
        return [gap for stream in self._streams if (gap := stream.broken(cause, until_ns)) is not None]

    def cut(self, cause: str, until_ns: int, least_ns: int) -> list[Gap]:
        """A script that ended as it was told to, until when: a gap in each stream that had ended long before."""
        return [gap for stream in self._streams if (gap := stream.cut(cause, until_ns, least_ns)) is not None]

    def take(self) -> list[Batch | Gap]:
        """What has come since the last call: each stream's in order."""
        return [item for stream in self._streams for item in stream.take()]

    def learnt(self) -> Learnt:
        """How many ticks of each stream had no row."""
        missed = {g.stream: of.missed for g, of in zip(self._groups, self._streams, strict=True) if of.missed}
        return Learnt(facts={"ticks_missed": missed})

    def _line(self, line: bytes) -> None:
        parsed = parse_line(line, self._token, self._widths)
        match parsed:
            case Header():
                self._begun(parsed)
            case _ if self.header is None:
                pass
            case Ended():
                self.ended = parsed
            case str():
                number = line[:8].partition(b"\x1f")[0]
                known = number.isdigit() and int(number) < len(self._streams)
                self._streams[int(number) if known else 0].spoiled(parsed)
            case _:
                self.rows += 1
                self._up_ns = uptime_ns(parsed[2]) or self._up_ns
                self._streams[int(parsed[0])].add(parsed)

    def _begun(self, header: Header) -> None:
        up_ns = uptime_ns(header.uptime)
        self.rebooted |= up_ns is not None and up_ns < self._up_ns - _RESTARTED_NS
        self.header = header

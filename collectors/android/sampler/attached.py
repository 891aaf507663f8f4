"""The sampler: one long-lived script on the phone, on a connection of its own, and the collector that reads it."""

import hashlib
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from edgewatt.collectors.android.again import Again, Running
from edgewatt.collectors.android.files.look import Found
from edgewatt.collectors.android.sampler import own_load
from edgewatt.collectors.android.sampler.reader import Reader
from edgewatt.collectors.android.sampler.script import Group, fitting, grouped, killing, script
from edgewatt.collectors.android.stamps import PHONE_CLOCK
from edgewatt.collectors.transports.link import Link, LinkLost
from edgewatt.collectors.transports.reached import RECONNECT_S, Reached
from edgewatt.profiler.batch import Batch, End, Gap
from edgewatt.profiler.channel import Channel, Opened, Unavailable
from edgewatt.profiler.clock import Clock, HostClock
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.protocols import Learnt

NAME: Final = "phone"
# A forgotten script is gone by then; one that is still read is started again.
DEADLINE_S: Final = 3600.0
# A phone answers within milliseconds; one that was just unlocked or is busy takes longer.
HEADER_S: Final = 15.0
# The script says something every second. A frozen adbd comes back within that; a Wi-Fi that is gone does not say so.
SILENCE_S: Final = 20.0
# So many scripts that end or fall silent without a row: a file that hangs, a phone that kills them.
FRUITLESS_LIMIT: Final = 3
# A call of `read` returns when so many bytes came, so that a fast sampler does not wait for its timeout.
ENOUGH_B: Final = 256 << 10

Look = Callable[[], Found]


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be read: the streams, and what is said about them."""

    groups: tuple[Group, ...]
    unavailable: tuple[Unavailable, ...]
    found: Found

    @property
    def channels(self) -> Mapping[str, tuple[Channel, ...]]:
        """By the suffix of the stream."""
        return {group.stream: tuple(c for node in group.nodes for c in node.channels) for group in self.groups}

    def opened(self, name: str, facts: Mapping[str, Any], clock: str = PHONE_CLOCK) -> Opened:
        """The collector's answer, its stamps of `clock`."""
        periods_s = {group.stream: group.period_s for group in self.groups}
        digest = hashlib.sha256(script(self.groups, "token", 1.0).encode()).hexdigest() if self.groups else None
        return Opened(
            name,
            self.channels,
            self.unavailable,
            self.found.sources if self.groups else (),
            clock,
            facts={**self.found.facts, "periods_s": periods_s, "script_sha256": digest, **facts},
        )


def plan(found: Found) -> Plan:
    """The streams of what was found, and the sampler's own load beside them."""
    fits, left = fitting(found.nodes)
    reason = "the sampler's script has no room for more files"
    late = [Unavailable(channel.column, reason) for node in left for channel in node.channels]
    groups = grouped([*fits, own_load.NODE]) if fits else ()
    return Plan(groups, (*found.unavailable, *late), found)


class Sampler:
    """Reads every node of `look` (or of what it finds when it is opened) at its own rate, stamped by the phone.

    A connection that is lost is made again for up to `away_s` seconds, and what is missing is a Gap. `load_ratio` of
    the stream `sampler` is what the script costs the phone.
    """

    def __init__(
        self,
        phone: Reached,
        look: Look | Found,
        *,
        name: str = NAME,
        deadline_s: float = DEADLINE_S,
        away_s: float = RECONNECT_S,
        silence_s: float = SILENCE_S,
    ) -> None:
        self._phone, self._look, self._name = phone, look, name
        self._deadline_s, self._away_s, self._silence_s = deadline_s, away_s, silence_s
        self._clock: Clock = HostClock()
        self._plan = plan(Found())
        self._reader = Reader((), phone.stamps)
        self._running: Running | None = None
        self._again: Again | None = None
        self._waiting: deque[Batch | Gap] = deque()
        self._end: End | None = None
        self._heard_s = 0.0
        self._fruitless = 0

    def open(self, clock: Clock) -> Opened:
        """Survey, connect, start. Raises DeviceError if the phone cannot be reached or its shell does not answer."""
        self.close()
        self._clock, self._end, self._fruitless = clock, None, 0
        self._plan = plan(self._look if isinstance(self._look, Found) else self._look())
        self._reader = Reader(self._plan.groups, self._phone.stamps)
        if not self._plan.groups:
            return self._plan.opened(self._name, {}, self._phone.clock)
        self._begun(self._start())
        self._await_header()
        header = self._reader.header
        shell, waits = ("", "") if header is None else (header.shell, header.waits)
        fine = header is not None and bool(header.epoch)
        said = {"shell": shell, "waits": waits, "epochrealtime": fine}
        return self._plan.opened(self._name, said, self._phone.clock)

    def read(self, timeout_s: float) -> Batch | Gap | End:
        """Rows of one stream, a Gap, or an empty Batch; an End once the phone stayed away, or was restarted."""
        if self._waiting:
            return self._waiting.popleft()
        if self._end is not None or (self._running is None and self._again is None):
            self._clock.sleep(timeout_s)
            return self._end or Batch.empty()
        if self._again is not None:
            self._come_back(timeout_s)
        else:
            self._gather(timeout_s)
        if self._waiting:
            return self._waiting.popleft()
        return self._end or Batch.empty()

    def learnt(self) -> Learnt:
        """What the lines that came say of those that did not."""
        return self._reader.learnt()

    def close(self) -> None:
        """End the script and hang up."""
        again, self._again = self._again, None
        running, self._running = self._running, None
        if again is not None:
            again.close()
        if running is not None:
            running.close()
        self._waiting.clear()

    def _start(self, link: Link | None = None, *, before: str = "") -> Running:
        """A new script, on a new connection unless one is given, which is closed if that fails."""
        link = self._phone.connect() if link is None else link
        token = secrets.token_hex(8)
        try:
            stream = link.stream(
                script(self._plan.groups, token, self._deadline_s, before=before, proc=self._phone.proc)
            )
        except BaseException:
            link.close()
            raise
        return Running(link, stream, token)

    def _begun(self, running: Running) -> None:
        self._running = running
        self._reader.begin(running.token)
        self._heard_s = self._phone.monotonic_s()

    def _await_header(self) -> None:
        end_s = self._phone.monotonic_s() + HEADER_S
        running = self._running
        while running is not None and self._reader.header is None:
            try:
                chunk = running.stream.read(max(end_s - self._phone.monotonic_s(), 0.0))
            except LinkLost:
                self.close()
                raise
            if chunk is None or self._phone.monotonic_s() >= end_s:
                said = running.stream.stderr[:200].decode("utf-8", "replace").strip()
                self.close()
                raise DeviceError(
                    f"{self._phone.uri}: its shell did not start the sampler within {HEADER_S:g} s"
                    f"{': ' + said if said else ''}; expected a POSIX shell and a readable /proc/uptime"
                )
            self._reader.feed(chunk)

    def _gather(self, timeout_s: float) -> None:
        """What comes within the timeout, or until it is enough."""
        running, end_s, came_b = self._running, self._phone.monotonic_s() + timeout_s, 0
        while running is not None and came_b < ENOUGH_B:
            try:
                chunk = running.stream.read(max(end_s - self._phone.monotonic_s(), 0.0))
            except LinkLost as error:
                self._lost(running, str(error))
                return
            if chunk is None:
                self._script_ended(running)
                return
            came_b += len(chunk)
            self._take(chunk)
            now_s = self._phone.monotonic_s()
            if now_s - self._heard_s > self._silence_s:
                self._lost(running, f"no line came for {self._silence_s:g} s")
                return
            if now_s >= end_s:
                break
        self._waiting.extend(self._reader.take())

    def _take(self, chunk: bytes) -> None:
        rows = self._reader.rows
        self._reader.feed(chunk)
        if self._reader.rows > rows:
            self._heard_s, self._fruitless = self._phone.monotonic_s(), 0
        if self._reader.rebooted:
            self._give_up("it was restarted")

    def _script_ended(self, running: Running) -> None:
        """At its deadline it is started again over the same connection, and nothing is missing."""
        if self._reader.ended is None or self._reader.ended.cause != "deadline":
            said = running.stream.stderr[:200].decode("utf-8", "replace").strip()
            self._lost(running, f"the sampler ended on the phone{': ' + said if said else ''}")
            return
        self._waiting.extend(self._reader.take())
        old = [running]

        def start() -> Running:
            return self._start(old.pop().link if old else None)

        self._restart(start)

    def _lost(self, running: Running, cause: str) -> None:
        """Mark the gap at once, and start again over a new connection; a script that is stuck is ended then."""
        running.close()
        self._waiting.extend(self._reader.take())
        self._waiting.extend(self._reader.broken(cause))
        if self._end is None and self._fruitless >= FRUITLESS_LIMIT:
            self._give_up(f"{cause}, {FRUITLESS_LIMIT} times without a row between")
        header = self._reader.header
        before = "" if header is None else killing(header.pid, running.token)
        self._restart(lambda: self._start(before=before))

    def _restart(self, start: Callable[[], Running]) -> None:
        self._running = None
        if self._end is None:
            self._fruitless += 1
            self._again = Again(start, self._away_s, self._phone.monotonic_s)

    def _come_back(self, timeout_s: float) -> None:
        try:
            running = None if self._again is None else self._again.wait(timeout_s)
        except LinkLost as error:
            self._again = None
            self._give_up(str(error))
            return
        if running is not None:
            self._again = None
            self._begun(running)

    def _give_up(self, cause: str) -> None:
        """No more is read; what came before is still given."""
        running, self._running = self._running, None
        if running is not None:
            running.close()
        self._end = End(cause)

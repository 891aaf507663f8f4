"""A device reached over a Link: its connection for commands, how further ones are made, and where it is read."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from edgewatt.collectors.android.stamps import PHONE_CLOCK, UPTIME_STEP_NS, PhoneStamps
from edgewatt.collectors.transports.link import OUTPUT_LIMIT_B, Connect, Link, LinkLost
from edgewatt.profiler.clockfit import Echo
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.protocols import Completed

COMMAND_TIMEOUT_S: Final = 10.0
# How long a device may be away (a restarted adbd, a replugged cable, a network) before a run gives it up.
RECONNECT_S: Final = 30.0
RETRY_S: Final = 0.5


@dataclass
class Reached:
    """`connect` makes a further connection, for a sampler or a guard; `link` is the one for commands.

    `sysfs` and `proc` are where its kernel's files are seen, no slash at the end, and `root` what lies before its other
    files ("" on itself); `tmp` is where its user may write.
    `clock` names the clock that `stamps` are of. Used by one thread at a time, but for `connect` and `stamps`.
    """

    uri: str
    connect: Connect
    sysfs: str = "/sys"
    proc: str = "/proc"
    tmp: str = "/tmp"  # noqa: S108  (of the device; who writes there makes names of its own)
    stamps: PhoneStamps = field(default_factory=PhoneStamps)
    monotonic_s: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    clock: str = PHONE_CLOCK
    root: str = ""
    _link: Link | None = None
    _is_away: bool = False

    @property
    def link(self) -> Link:
        """The connection for commands, made when it is first needed. Raises DeviceError."""
        if self._link is None:
            self._link = self.connect()
        return self._link

    def sh(self, command: str, *, timeout_s: float = COMMAND_TIMEOUT_S, limit_b: int = OUTPUT_LIMIT_B) -> Completed:
        """What a command printed that may safely be executed twice: tried again on a new connection if it is lost.

        Raises DeviceError as Link.run does; LinkLost if there never was a connection, or the device stays away.
        """
        link = self.link
        try:
            return link.run(command, timeout_s=timeout_s, limit_b=limit_b)
        except LinkLost:
            self.reconnect()
            return self.link.run(command, timeout_s=timeout_s, limit_b=limit_b)

    def echo(self, asked_ns: int, said: bytes, answered_ns: int) -> Echo:
        """What it said of its time, `$EPOCHREALTIME` where its shell has that and /proc/uptime, between two looks.

        As wide as its clock is coarse. Raises DeviceError where it told none.
        """
        words = said.split()
        epoch, uptime = (words[0], words[1]) if len(words) == 2 else (b"", b" ".join(words[:1]))
        device_ns = self.stamps.to_ns(epoch, uptime)
        if device_ns is None:
            raise DeviceError(
                f"{self.uri} does not tell the time: asked for $EPOCHREALTIME and {self.proc}/uptime, it printed "
                f"{said[:80]!r}; without a clock its samples cannot be placed"
            )
        if epoch:
            return Echo(asked_ns, device_ns, answered_ns)
        half_ns = UPTIME_STEP_NS // 2
        return Echo(asked_ns - half_ns, device_ns + half_ns, answered_ns + half_ns)

    def reconnect(self, within_s: float = RECONNECT_S) -> None:
        """A new connection for commands. Raises LinkLost with the last reason if there is none in time.

        A device that was waited for in vain is tried once more each time, and not waited for again.
        """
        self.hang_up()
        if self._is_away:
            within_s = 0.0
        self._is_away = True
        self._link = reconnected(self.connect, within_s, monotonic_s=self.monotonic_s, sleep=self.sleep)
        self._is_away = False

    def hang_up(self) -> None:
        """Close the connection for commands; it is made again when needed."""
        if self._link is not None:
            self._link.close()
            self._link = None


def reconnected(
    connect: Connect,
    within_s: float,
    *,
    monotonic_s: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Link:
    """A connection, tried again every RETRY_S seconds. Raises LinkLost with the last reason after `within_s`."""
    end_s = monotonic_s() + within_s
    while True:
        try:
            return connect()
        except LinkLost as error:
            if monotonic_s() >= end_s:
                raise LinkLost(f"{error} (tried again for {within_s:g} s)") from None
        sleep(RETRY_S)

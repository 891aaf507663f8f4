"""A phone as a place to execute: commands, files, its clock, its conditions."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Event
from typing import Any, Final

from edgewatt.collectors.android.conditions import Conditions
from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.android.stamps import STAMP_SH
from edgewatt.collectors.android.state.facts import AWAKE, SUSPENDED, phone_facts
from edgewatt.collectors.android.state.sleep import State, look
from edgewatt.collectors.transports.link import Stream
from edgewatt.device_profiles.loader import DeviceProfile
from edgewatt.profiler.clock import Clock
from edgewatt.profiler.clockfit import Echo
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.protocols import Completed
from edgewatt.profiler.undo import Note


class PhoneTarget:
    """The Target of a phone; everything goes over the phone's connection for commands."""

    def __init__(self, phone: Phone, profile: DeviceProfile, device_id: str | None = None) -> None:
        self._phone, self._profile = phone, profile
        self._conditions = Conditions(phone, profile, device_id)
        self._time_sh: Final = f'read -r u _ <{shlex.quote(phone.proc)}/uptime; echo "{STAMP_SH}"'

    def run(self, argv: Sequence[str], *, timeout_s: float) -> Completed:
        """Execute without anything being expanded by the phone's shell. Raises DeviceError."""
        if not argv or any("\0" in part for part in argv):
            raise UsageError(f"cannot run {list(argv)!r}: expected a program and its arguments, without NUL")
        return self._phone.link.run(shlex.join(argv), timeout_s=timeout_s)

    def stream(self, argv: Sequence[str]) -> Stream:
        """Start a command likewise and read it as it goes; hanging up ends it. Raises LinkLost."""
        return self._phone.link.stream(f"exec {shlex.join(argv)}")

    def push(self, local: Path, remote: str) -> None:
        """Copy a file there. Raises DeviceError."""
        self._phone.link.push(local, remote)

    def pull(self, remote: str, local: Path) -> None:
        """Copy a file back. Raises DeviceError."""
        self._phone.link.pull(remote, local)

    def probe_clock(self, clock: Clock) -> Echo:
        """The time of `phone.boottime` between two looks at `clock`; as wide as the phone's clock is coarse."""
        asked_ns = clock.now_ns()
        said = self._phone.sh(self._time_sh).stdout
        answered_ns = clock.now_ns()
        return self._phone.echo(asked_ns, said, answered_ns)

    def facts(self) -> Mapping[str, Any]:
        """The conditions of the phone, as plain JSON."""
        facts = phone_facts(self._phone, self._profile)
        if self._conditions.keeps_awake and facts["idle_state"] == SUSPENDED:
            facts["idle_state"] = AWAKE
        pinned_hz = self._conditions.pinned_hz
        return {**facts, "pinned_hz": pinned_hz} if pinned_hz else facts

    def apply(self, condition: str, value: str) -> None:
        """Set a condition and verify it. Raises DeviceError, and UsageError for a value that is none."""
        self._conditions.apply(condition, value)

    def undo(self, condition: str) -> None:
        """Put back what `apply` found, verified. Raises DeviceError."""
        self._conditions.undo(condition)

    @property
    def condition_names(self) -> Sequence[str]:
        """What can be set by name."""
        return self._conditions.names

    @property
    def pinned_hz(self) -> Mapping[str, float]:
        """The frequency that was set of each cluster that is pinned now, by its channel's name."""
        return self._conditions.pinned_hz

    def left(self) -> Sequence[Note]:
        """What runs that were killed left changed. Raises DeviceError."""
        return self._conditions.left()

    def awake(self) -> State:
        """What shows, between two looks, whether the phone slept. Raises DeviceError."""
        return look(self._phone)

    def watched(self, ended: Event) -> Mapping[str, Any]:
        """What its services say of its use until `ended` is set. Raises DeviceError."""
        from edgewatt.collectors.android.watching import watched  # noqa: PLC0415  (only when it is asked)

        return watched(self._phone, ended)

    def put_back(self, note: Note) -> None:
        """What a run that was killed changed, from its note, verified. Raises DeviceError."""
        self._conditions.put_back(note)

"""This machine as the target of a run: what can be set of it, beside what is executed on it."""

from collections.abc import Mapping, Sequence
from typing import Any

from edgewatt.collectors.host.conditions import Conditions
from edgewatt.collectors.host.places import Places
from edgewatt.collectors.transports.local import LocalTarget
from edgewatt.profiler.undo import Note


class HostTarget(LocalTarget):
    """The host below `places`, with its `conditions`."""

    def __init__(self, places: Places, conditions: Conditions) -> None:
        super().__init__(places)
        self._conditions = conditions

    def facts(self) -> Mapping[str, Any]:
        """The conditions of this host, as plain JSON; `pinned_hz` where clusters were pinned."""
        return with_pins(super().facts(), self._conditions)

    def apply(self, condition: str, value: str) -> None:
        """Set a condition and verify it. Raises DeviceError, and UsageError for a name or value that is none."""
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


def with_pins(facts: Mapping[str, Any], conditions: Conditions) -> dict[str, Any]:
    """The facts, with the clusters that are held at one frequency in hertz, by their channels' names."""
    pinned_hz = conditions.pinned_hz
    return {**facts, "pinned_hz": pinned_hz} if pinned_hz else dict(facts)

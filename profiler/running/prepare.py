"""The conditions of a run: set before it, put back after it, in every way it can end."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from edgewatt.profiler.channel import Unavailable
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.protocols import Target

NOT_SET, NOT_RESTORED = "not_set", "not_restored"
# As a value: leave it as it is, although the device would be prepared so by default.
LEAVE: Final = "leave"


class Prepared:
    """What was set on a target.

    `reasons` has `not_set:<condition>` for a default that could not be set, which `unavailable` explains, and
    `not_restored:<condition>: <why>`.
    """

    def __init__(self, target: Target | None) -> None:
        self._target = target
        self._done: list[str] = []
        self.reasons: list[str] = []
        self.unavailable: list[Unavailable] = []

    def set(self, condition: str, value: str, *, asked: bool) -> None:
        """Set one. Raises DeviceError if it was asked for by name and cannot be; else that is a reason."""
        if self._target is None:
            raise UsageError(f"{condition}={value}: there is no device whose conditions could be set")
        try:
            self._target.apply(condition, value)
        except DeviceError as error:
            if asked:
                raise
            self.reasons.append(f"{NOT_SET}:{condition}")
            self.unavailable.append(Unavailable(f"{NOT_SET}:{condition}", str(error)))
        else:
            self._done.append(condition)

    def restore(self) -> None:
        """Put everything back, the last first. Idempotent; what cannot be put back is a reason."""
        while self._done and self._target is not None:
            condition = self._done.pop()
            try:
                self._target.undo(condition)
            except DeviceError as error:
                self.reasons.append(f"{NOT_RESTORED}:{condition}: {error}")


@contextmanager
def prepared(device: Device, asked: Mapping[str, str]) -> Iterator[Prepared]:
    """The device with its default conditions and those `asked` for by name; put back at the end at the latest.

    Raises DeviceError for a condition asked for by name that cannot be set, UsageError where nothing can be.
    """
    conditions = Prepared(device.target)
    try:
        defaults = {condition: value for condition, value in device.prepare.items() if condition not in asked}
        for condition, value in {**asked, **defaults}.items():
            if value != LEAVE:
                conditions.set(condition, value, asked=condition in asked)
        yield conditions
    finally:
        conditions.restore()

"""The conditions of a run: set before it, put back after it, in every way it can end."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, Protocol, runtime_checkable

from edgewatt.profiler.channel import Unavailable
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.protocols import Target
from edgewatt.profiler.undo import Note

NOT_SET, NOT_RESTORED, LEFT_CHANGED = "not_set", "not_restored", "left_changed"
# As a value: leave it as it is, although the device would be prepared so by default.
LEAVE: Final = "leave"
PUT_BACK: Final = "edgewatt doctor --fix"


@runtime_checkable
class Remembering(Protocol):
    """A target that knows what runs which were killed left changed on it (profiler/undo.py)."""

    def left(self) -> Sequence[Note]:
        """What is still changed. Raises DeviceError if the device does not answer."""
        ...


@runtime_checkable
class Pinning(Protocol):
    """A target whose clusters can be held at one frequency."""

    @property
    def pinned_hz(self) -> Mapping[str, float]:
        """The frequency that was set of each cluster that is pinned now, by its channel's name."""
        ...


def left_changed(device: Device, but: Sequence[str] = ()) -> list[str]:
    """A reason code for each condition that a killed run left changed, which is told with the command that helps.

    Those in `but` are this run's own, which puts back what there was before. Nothing is put back unasked: a user may
    have come to want it since, another run may measure there, and a run that sets nothing is to write nothing.
    """
    target: object = device.target
    if not isinstance(target, Remembering):
        return []
    try:
        left = [note for note in target.left() if note.what not in but]
    except DeviceError as error:
        logging.getLogger("edgewatt").warning("cannot look for what killed runs left changed: %s", error)
        return []
    for note in left:
        logging.getLogger("edgewatt").warning(
            "%s of %s is still as a run that was killed left it (%s); it was %s. Put it back with: %s",
            *(note.what, device.name, note.created, note.original, PUT_BACK),
        )
    return [f"{LEFT_CHANGED}:{note.what}" for note in left]


@runtime_checkable
class Conditioned(Protocol):
    """A target that knows which conditions there are."""

    @property
    def condition_names(self) -> Sequence[str]:
        """What can be set by name."""
        ...


class Prepared:
    """What was set on a target.

    `reasons` has `not_set:<condition>` for a default that could not be set, which `unavailable` explains, and
    `not_restored:<condition>: <why>`, and `left_changed:<condition>` for what a run that was killed left.
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

    @property
    def pinned_hz(self) -> dict[str, float]:
        """The frequency of each cluster that is pinned now, by its channel's name; none where nothing can be."""
        return dict(self._target.pinned_hz) if isinstance(self._target, Pinning) else {}

    def put_back(self, condition: str) -> None:
        """Put one back, if it was set; a reason where that cannot be done."""
        if condition in self._done:
            self._done = [other for other in self._done if other != condition]
            self._undo(condition)

    def restore(self) -> None:
        """Put everything back, the last first. Idempotent; what cannot be put back is a reason."""
        while self._done:
            self._undo(self._done.pop())

    def _undo(self, condition: str) -> None:
        if self._target is None:
            return
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
        conditions.reasons.extend(left_changed(device, but=tuple(asked)))
        yield conditions
    finally:
        conditions.restore()

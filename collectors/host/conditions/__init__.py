"""Conditions of a Linux host or board: looked up first, noted, set, verified by reading back, and put back.

How to put one back is on this machine's disk (profiler/undo.py) before it is changed. What puts it back, at the end of
a run or after a kill -9, is made from that note alone, and checked as what a user asks for is.
"""

import os
from collections.abc import Mapping

from edgewatt.collectors.host.conditions.change import POLL_S, Change, Condition, by_hand
from edgewatt.collectors.host.conditions.system import System
from edgewatt.profiler import undo
from edgewatt.profiler.errors import DeviceError, EdgewattError, UsageError
from edgewatt.profiler.undo import Note


class Conditions:
    """What was set on one system, whose `known` conditions are by name; `family`, `device_id`, `uri`: see undo.Note."""

    def __init__(
        self, system: System, known: Mapping[str, Condition], *, family: str, device_id: str, uri: str
    ) -> None:
        self._system, self._known = system, known
        self._family, self._device_id, self._uri = family, device_id, uri
        self._notes: dict[str, Note] = {}
        self._now: dict[str, Change] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """What can be set."""
        return tuple(self._known)

    @property
    def pinned_hz(self) -> dict[str, float]:
        """The clusters that are held at one frequency, by their channels' names; what was set, not what was seen."""
        return {name: hz for change in self._now.values() for name, hz in change.pins.items()}

    def apply(self, name: str, value: str) -> None:
        """Set a condition and verify it; a second value of one name leaves what `undo` puts back as it was.

        Raises UsageError for a name or value that is none, and DeviceError where it cannot be set or verified: then
        what there was has been put back, or the message says that it was not.
        """
        if name not in self._known:
            raise UsageError(
                f"condition {name!r} is not known on {self._system.where}; known are {', '.join(self.names)}"
            )
        asked = f"{name}={value}"
        change = self._known[name].asked(self._system, value)
        left = self._notes.get(name) or undo.find(self._family, self._device_id, name)
        if change.is_needed or left is not None:
            if left is not None:
                self._back(left)  # what is taken over has to be fit to be put back
            self._check_allowed(asked, change)
            self._notes[name] = undo.keep(Note(self._family, self._device_id, name, change.before, self._uri))
        self._now[name] = change
        trouble = _reached(self._system, change)
        if trouble is None:
            return
        message = f"{self._system.where}: {asked} was not taken: {trouble}. {change.hint}"
        try:
            self.undo(name)
        except DeviceError as error:
            raise DeviceError(f"{message}. And {error}") from None
        raise DeviceError(message)

    def undo(self, name: str) -> None:
        """Put back what `apply` found, and verify it; nothing if nothing was set.

        Raises DeviceError with what to do by hand if it cannot be; its note then stays.
        """
        self._now.pop(name, None)
        note = self._notes.get(name)
        if note is None:
            return
        self.put_back(note)
        undo.forget(note)
        del self._notes[name]

    def put_back(self, note: Note) -> None:
        """What a note says, verified. Raises DeviceError if it is of something else, or the system does not follow."""
        change = self._back(note)
        trouble = _reached(self._system, change)
        if trouble is not None:
            raise DeviceError(
                f"{self._system.where}: {note.what} could not be put back: {trouble}. By hand: "
                f"{by_hand(self._system, change.steps)}"
            )

    def left(self) -> list[Note]:
        """What runs that are gone have changed and nobody put back; what was put back meanwhile is forgotten.

        Raises DeviceError if the system does not answer.
        """
        found = []
        for note in undo.notes(self._family):
            if note.device_id != self._device_id or note.pid == os.getpid() or note.is_in_use:
                continue
            try:
                is_back = not self._back(note).is_needed
            except EdgewattError:
                is_back = False
            if is_back:
                undo.forget(note)
            else:
                found.append(note)
        return found

    def _back(self, note: Note) -> Change:
        if (note.family, note.device_id) != (self._family, self._device_id) or note.what not in self._known:
            raise DeviceError(f"{self._system.where}: a note is of {note.what} of {note.device_id}, which is not here")
        return self._known[note.what].noted(self._system, note.original)

    def _check_allowed(self, asked: str, change: Change) -> None:
        why = self._system.lacking(change.steps)
        if why is not None:
            raise DeviceError(
                f"{self._system.where}: cannot set {asked}: {why}. Set it before the run with: "
                f"{by_hand(self._system, change.steps)}"
            )


def _reached(system: System, change: Change) -> str | None:
    """Take the steps of a change, and say what is there instead of what is wanted; None if that is there."""
    if not change.is_needed:
        return None
    complaint = system.take(change.steps)
    end_s = system.monotonic_s() + (0.0 if complaint else change.settle_s)
    while (seen := change.look(system)) != change.wanted:
        if system.monotonic_s() >= end_s:
            return f"{seen}, expected {change.wanted}{f' ({complaint})' if complaint else ''}"
        system.sleep(POLL_S)
    return None

"""USB passthrough: saved, set, verified, and put back in every way a run can end."""

import time
from typing import Final

from edgewatt.collectors.monsoon.meter import PASSTHROUGH, Meter, Status
from edgewatt.profiler import undo
from edgewatt.profiler.errors import DeviceError

FAMILY: Final = "monsoon"
WHAT: Final = "usb_passthrough"
# What can be asked for; the vendor's other two modes are for its own tools.
MODES: Final = PASSTHROUGH[:3]
# ACTS asks again for up to a minute; a meter that has not followed by then will not.
_VERIFY_S: Final = 5.0
_AGAIN_S: Final = 0.1


class Passthrough:
    """The passthrough of one meter, whose note survives this process. `original` is what `restore` puts back.

    A note that an earlier process left is taken over: its original is put back at the end of this one.
    """

    def __init__(self, meter: Meter, status: Status, uri: str) -> None:
        self._meter, self._status, self._uri = meter, status, uri
        self._note = undo.find(FAMILY, status.device_id, WHAT)
        if self._note is not None and self._note.original not in MODES:
            self._note = None
        self.taken_over = self._note is not None

    @property
    def original(self) -> str:
        """What it was before any process of ours changed it."""
        return self._status.passthrough if self._note is None else self._note.original

    def set(self, mode: str) -> None:
        """Set it and read it back. Raises DeviceError, UsageError if that cannot be noted."""
        if self._status.passthrough == mode and self._note is None:
            return
        if self._note is None:
            if self._status.passthrough not in MODES:
                raise DeviceError(
                    f"{self._meter.where}: its USB passthrough is in {self._status.passthrough}, which could not be "
                    "put back; set it to off, on or auto first"
                )
            note = undo.Note(FAMILY, self._status.device_id, WHAT, self._status.passthrough, self._uri)
            self._note = undo.keep(note)
        _set(self._meter, mode)

    @property
    def is_pending(self) -> bool:
        """True while there is something to put back."""
        return self._note is not None

    def again(self, meter: Meter, mode: str) -> None:
        """The same on the meter, opened again. Raises DeviceError."""
        if self._note is not None:
            _set(meter, mode)

    def restore(self, meter: Meter) -> None:
        """Put the original back and read it back; the note goes. Idempotent. Raises DeviceError, the note stays."""
        if self._note is not None:
            _set(meter, self._note.original)
            undo.forget(self._note)
            self._note = None


def put_back(meter: Meter, note: undo.Note) -> None:
    """What a note says, on the meter that it is of. Raises DeviceError if it is another meter, or does not follow."""
    status = meter.status()
    if note.device_id != status.device_id or note.what != WHAT or note.original not in MODES:
        raise DeviceError(f"{meter.where}: is {status.device_id}; the note says {note.what} of {note.device_id}")
    _set(meter, note.original)


def _set(meter: Meter, mode: str) -> None:
    deadline_s = time.monotonic() + _VERIFY_S
    while True:
        meter.set_passthrough(mode)
        seen = meter.status().passthrough
        if seen == mode:
            return
        if time.monotonic() >= deadline_s:
            raise DeviceError(f"{meter.where}: USB passthrough was set to {mode} and reads {seen}")
        time.sleep(_AGAIN_S)

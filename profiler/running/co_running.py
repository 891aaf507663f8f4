"""A load beside what is measured, as a condition of its own: set for repeats, put back in every way a run can end."""

import copy
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from edgewatt.profiler.collecting.load import Load
from edgewatt.profiler.collecting.offers import LoadStopped, Offering
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import DeviceError, EdgewattError, UsageError
from edgewatt.profiler.protocols import Target

CO_RUNNER: Final = "co_runner"
ON: Final = "on"
# By then its loops are busy: a connection, and the lead of its script (assumed).
BEGIN_S: Final = 1.5
_END_S: Final = 30.0


class CoRunner:
    """A load that goes on from `start` until `stop`, in a thread of its own."""

    def __init__(self, loads: Offering, load: Load) -> None:
        self._loads, self._load = loads, load
        self._thread: threading.Thread | None = None
        self._stopping, self._ended = threading.Event(), threading.Event()
        self._failure: EdgewattError | None = None

    def start(self) -> None:
        """Begin. Raises DeviceError where the device does not execute it."""
        if self._thread is not None:
            return
        self._stopping.clear()
        self._ended.clear()
        self._failure = None
        self._thread = threading.Thread(target=self._go, name="edgewatt-co-runner", daemon=True)
        self._thread.start()
        if self._ended.wait(BEGIN_S):
            self.stop()

    def stop(self) -> None:
        """End. Raises DeviceError if it had ended before."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._stopping.set()
        for _ in range(round(_END_S / 0.2)):
            self._loads.stop()
            thread.join(0.2)
            if not thread.is_alive():
                break
        if self._failure is not None:
            raise DeviceError(f"what was to run beside ({self._load.kind}) ended early: {self._failure}")

    def _go(self) -> None:
        try:
            while not self._stopping.is_set():
                self._loads(self._load)
        except LoadStopped:
            pass
        except EdgewattError as error:
            self._failure = error
        finally:
            self._ended.set()


def beside(device: Device, load: Load) -> Device:
    """The device with the condition `co_runner`, which executes `load` while it is set.

    Raises UsageError for a device whose loads cannot be stopped.
    """
    if not isinstance(device.loads, Offering) or device.target is None:
        raise UsageError(f"{device.uri} executes no loads beside something else")
    target = _with_condition(device.target, CoRunner(device.loads, load))
    quiet = device.quiet
    found = replace(device, target=target)
    return found if quiet is None else replace(found, quiet=lambda: replace(quiet(), target=target))


def _with_condition(target: Target, runner: CoRunner) -> Target:
    """The same target, of the same kind, with one condition more."""
    apply, undo = target.apply, target.undo

    def applied(condition: str, value: str) -> None:
        _chosen(condition, runner.start, lambda: apply(condition, value))

    def undone(condition: str) -> None:
        _chosen(condition, runner.stop, lambda: undo(condition))

    found = copy.copy(target)
    vars(found).update(apply=applied, undo=undone)
    return found


def _chosen(condition: str, ours: Callable[[], None], others: Callable[[], None]) -> None:
    (ours if condition == CO_RUNNER else others)()

"""The run's side of a capture: started, listened to, ended; in a process, or in a thread for a meter of ours."""

import os
import selectors
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from edgewatt.collectors.monsoon.capture import Capture, Request
from edgewatt.collectors.monsoon.messages import Inbox, Message
from edgewatt.collectors.monsoon.meter import Meter
from edgewatt.collectors.runtimes.worker_process import python_flags
from edgewatt.profiler.errors import DeviceError

READ_B: Final = 1 << 20
# Stopping, draining and putting the passthrough back, each verified, takes a second or two.
END_S: Final = 10.0


class Running:
    """A capture that runs. `close_control` tells it to end, `reap` waits for that and says how it ended ("": well)."""

    def __init__(self, data: int, close_control: Callable[[], None], reap: Callable[[float], str]) -> None:
        self._data, self._close_control, self._reap = data, close_control, reap
        self._inbox = Inbox()
        self._ready = selectors.DefaultSelector()
        self._ready.register(data, selectors.EVENT_READ)
        self.over = False
        self.how = ""

    def messages(self, timeout_s: float) -> list[Message]:
        """What it said, waiting for the first of it; none after the timeout, or once it is `over`."""
        if self.over or not self._ready.select(max(timeout_s, 0.0)):
            return []
        data = os.read(self._data, READ_B)
        if not data:
            self.over = True
            return []
        try:
            return list(self._inbox.feed(data))
        except ValueError as error:
            raise DeviceError(f"the capture process says what cannot be read: {error}") from None

    def end(self) -> list[Message]:
        """Tell it to end, and what it still said; `how` is then what went wrong with it, if anything. Idempotent."""
        self._close_control()
        rest: list[Message] = []
        while not self.over and self._ready.select(END_S):
            with suppress(DeviceError):
                rest += self.messages(0.0)
        self.how = self.how or self._reap(END_S if self.over else 0.0)
        self.over = True
        return rest

    def close(self) -> None:
        """Give back what it took; after `end`. Idempotent."""
        with suppress(KeyError, OSError):
            self._ready.unregister(self._data)
            os.close(self._data)
        self._ready.close()


def in_process(request: Request, keep: tuple[int, ...] = ()) -> Running:
    """A capture in a process of its own, which inherits the descriptors in `keep`. Raises DeviceError."""
    try:
        process = subprocess.Popen(
            [sys.executable, *python_flags(), "-m", "edgewatt.collectors.monsoon.capture"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=[fd for fd in keep if fd >= 0],
            process_group=0,  # the terminal's Ctrl-C reaches only us
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )
    except OSError as error:
        raise DeviceError(f"cannot start {sys.executable} for the capture: {error}") from None
    assert process.stdin is not None  # noqa: S101  (pipes were asked for)
    assert process.stdout is not None  # noqa: S101
    control, data = os.dup(process.stdin.fileno()), os.dup(process.stdout.fileno())
    process.stdin.close()
    process.stdout.close()
    os.write(control, request.to_json().encode() + b"\n")

    def reap(timeout_s: float) -> str:
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return f"the capture process did not end within {timeout_s:g} s and was killed"
        return "" if code == 0 else f"the capture process ended with {code}"

    return Running(data, _once(control), reap)


def in_thread(request: Request, open_meter: Callable[[], Meter]) -> Running:
    """A capture in a thread of ours: of a meter that no other process can open, such as pyusb's `backend` in a test."""
    (heard, control), (data, said) = os.pipe(), os.pipe()

    def run() -> None:
        try:
            Capture(request, open_meter, heard, said).run()
        finally:
            os.close(said)
            os.close(heard)

    thread = threading.Thread(target=run, name="edgewatt-monsoon", daemon=True)
    thread.start()

    def reap(timeout_s: float) -> str:
        thread.join(timeout_s)
        return "the capture thread did not end" if thread.is_alive() else ""

    return Running(data, _once(control), reap)


def _once(fd: int) -> Callable[[], None]:
    open_fds = [fd]

    def close() -> None:
        while open_fds:
            os.close(open_fds.pop())

    return close

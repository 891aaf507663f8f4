"""The capture: reads a meter while it samples and hands on what comes, in a process of its own.

Nothing is decoded here, so that neither a garbage collection nor a busy run costs a sample. The run asks by its request
and ends it by closing the other end of `control`; that happens too when the run is killed, so that in any case the
meter is stopped and its USB passthrough put back. What it says on `data` is in messages.py.
"""

import gc
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

from edgewatt.collectors.monsoon.addresses import Address
from edgewatt.collectors.monsoon.messages import Outbox
from edgewatt.collectors.monsoon.meter import Meter, Unplugged
from edgewatt.collectors.monsoon.passthrough import Passthrough
from edgewatt.profiler.errors import EdgewattError

# A meter that samples sends something every 1.4 ms or less.
SILENT_S: Final = 1.0
AGAIN_S: Final = 0.5
# A phone that boots draws its power meanwhile; a cable that is put back is back by then (assumed).
GIVE_UP_S: Final = 30.0
# What is handed on at once: 250 samples. Between looks at whether to end, too.
TOGETHER_NS: Final = 50_000_000
READ_S: Final = 0.05
# Over USB the meter keeps 3.2 ms of samples (second-hand: API.DOCX, a queue of 16). Most users are refused; no harm.
NICE: Final = -10
# The last words wait this long for a run that does not read.
_LAST_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Request:
    """What the run asks of a capture: `passthrough` None leaves it; `uri` is noted with what has to be undone."""

    address: Address
    uri: str
    passthrough: str | None = None
    silent_s: float = SILENT_S
    give_up_s: float = GIVE_UP_S

    def to_json(self) -> str:
        """The request as JSON."""
        return json.dumps({**asdict(self), "address": self.address.to_json()})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The request that `to_json` made."""
        data: Mapping[str, Any] = json.loads(text)
        return cls(**{**data, "address": Address.from_json(data["address"])})


class Stopped(Exception):  # noqa: N818  (no error: the run has ended)
    """Whoever reads the samples is gone."""


class Capture:
    """One capture, from opening the meter to giving it back."""

    def __init__(self, request: Request, open_meter: Callable[[], Meter], control: int, data: int) -> None:
        self._request, self._open, self._control = request, open_meter, control
        self._out = Outbox(data)
        self._meter: Meter | None = None
        self._passthrough: Passthrough | None = None

    def run(self) -> None:
        """Sample until told to stop, or until the meter has been away for too long; then put everything back."""
        try:
            self._begin()
            self._sample()
        except (Stopped, BrokenPipeError):
            pass
        except EdgewattError as error:
            self._say("failed", why=str(error))
        finally:
            self._end()

    def _begin(self) -> None:
        meter = self._meter = self._open()
        meter.stop()
        status = meter.status()
        self._passthrough = Passthrough(meter, status, self._request.uri)
        if self._request.passthrough is not None:
            self._passthrough.set(self._request.passthrough)
        meter.start()
        noted = self._passthrough.original if self._passthrough.taken_over else None
        self._say("sampling", status=status.to_json(), noted=noted)

    def _sample(self) -> None:
        while True:
            try:
                cause = self._until_silent()
            except Unplugged as error:
                cause = str(error)
            self._say("silent", why=cause)
            if not self._begin_again(cause):
                return
            self._say("again", why=cause)

    def _until_silent(self) -> str:
        """Hand on what comes; why nothing does any more. Raises Unplugged, Stopped."""
        assert self._meter is not None  # noqa: S101  (begun)
        pieces: list[bytes] = []
        began_ns = heard_ns = time.monotonic_ns()
        while True:
            data = self._meter.read(READ_S)
            now_ns = time.monotonic_ns()
            if data:
                pieces.append(data)
                heard_ns = now_ns
            elif now_ns - heard_ns > self._request.silent_s * 1e9:
                return f"{self._meter.where}: no samples for {self._request.silent_s:g} s"
            if now_ns - began_ns >= TOGETHER_NS:
                if pieces:
                    self._out.samples(heard_ns, b"".join(pieces))
                    pieces = []
                self._out.pump()
                self._look()
                began_ns = now_ns

    def _begin_again(self, cause: str) -> bool:
        """Open the meter anew and start it; False, once said, if that took too long."""
        deadline_s = time.monotonic() + self._request.give_up_s
        while True:
            self._give_back()
            try:
                self._meter = self._open()
                self._meter.stop()
                self._meter.status()
                if self._passthrough is not None and self._request.passthrough is not None:
                    self._passthrough.again(self._meter, self._request.passthrough)
                self._meter.start()
            except EdgewattError as error:
                cause = str(error)
            else:
                return True
            if time.monotonic() >= deadline_s:
                self._say("gave_up", why=cause)
                return False
            self._look(AGAIN_S)

    def _look(self, timeout_s: float = 0.0) -> None:
        """Raise Stopped if the run closed its end, within the timeout."""
        ready, _, _ = select.select([self._control], [], [], timeout_s)
        if ready and not os.read(self._control, 4096):
            raise Stopped

    def _end(self) -> None:
        last: dict[str, Any] = {"status": None, "not_restored": None, "dropped": self._out.dropped}
        pending = self._passthrough is not None and self._passthrough.is_pending
        try:
            if self._meter is None and pending:
                self._meter = self._open()
            if self._meter is not None:
                self._meter.stop()
                if self._passthrough is not None:
                    self._passthrough.restore(self._meter)
                last["status"] = self._meter.status().to_json()
        except EdgewattError as error:
            last["not_restored"] = str(error) if self._passthrough and self._passthrough.is_pending else None
        finally:
            self._give_back()
        self._say("ended", **last)
        deadline_s = time.monotonic() + _LAST_S
        with suppress(BrokenPipeError):
            while not self._out.pump() and time.monotonic() < deadline_s:
                time.sleep(0.01)

    def _give_back(self) -> None:
        if self._meter is not None:
            self._meter.close()
            self._meter = None

    def _say(self, says: str, **content: Any) -> None:
        with suppress(BrokenPipeError):
            self._out.say(says, **content)


def main() -> None:
    """The capture of the request on the first line of standard input, saying what it has to on standard output."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the run decides when this ends: it closes standard input
    gc.disable()
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, NICE)
    request = Request.from_json(_first_line(sys.stdin.fileno()))
    data = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a print corrupts no message
    Capture(request, request.address.open, sys.stdin.fileno(), data).run()


def _first_line(fd: int) -> str:
    line = b""
    while not line.endswith(b"\n") and (byte := os.read(fd, 1)):
        line += byte
    return line.decode()


if __name__ == "__main__":
    main()

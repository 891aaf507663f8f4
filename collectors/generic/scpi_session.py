"""One conversation with an instrument over PyVISA: bounded answers, and every failure an OSError.

PyVISA is the extra `scpi`; it is imported when an instrument is opened. After a failure the session is closed, so that
a late answer to one question is not taken for that to the next, and opened again when a second has passed.
"""

import contextlib
import fnmatch
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any, Final, TypeVar

from edgewatt.collectors.generic.polling import RETRY_S
from edgewatt.profiler.clock import NS_PER_S, Clock
from edgewatt.profiler.errors import DeviceError, UsageError
from edgewatt.profiler.storage.checked import shown

ANSWER_LIMIT: Final = 4096
TIMEOUT_S: Final = 2.0
IDENTIFY: Final = "*IDN?"  # IEEE 488.2, 10.14: maker, model, serial number, firmware
_CAUSE_LIMIT: Final = 200
_T = TypeVar("_T")


def visa() -> ModuleType:
    """PyVISA. Raises UsageError with what installs it."""
    try:
        import pyvisa  # noqa: PLC0415  (an extra)
    except ImportError:
        raise UsageError(
            "scpi: needs PyVISA, which is not installed: pip install 'edgewatt[scpi]' (for a USB instrument also pyusb)"
        ) from None
    module: ModuleType = pyvisa
    return module


class ScpiSession:
    """A VISA resource such as `TCPIP::10.0.0.7::INSTR`; `start` is sent whenever it is opened, `stop` at its end.

    `identity` is what it answers to *IDN?; an instrument that does not fit the pattern `identify` is not opened.
    """

    def __init__(self, resource: str, settings: Mapping[str, Any], library: str = "") -> None:
        """`settings` are those of a meter's table [scpi]."""
        self._resource, self._library = resource, library
        self._pattern: str = settings.get("identify", "*")
        self._start: Sequence[str] = settings.get("start", ())
        self._stop: Sequence[str] = settings.get("stop", ())
        ends = settings.get("termination", "\n")
        self._settings: dict[str, Any] = {
            "timeout": round(settings.get("timeout_s", TIMEOUT_S) * 1000),
            "read_termination": ends,
            "write_termination": ends,
        }
        if "baud" in settings:
            self._settings["baud_rate"] = settings["baud"]
        self._visa = visa()
        self._open_resource: Any = None
        self._failed_ns: int | None = None
        self._cause = ""
        self.identity = ""
        self.returns = 0

    def open(self) -> None:
        """Open it, see what it is and send what starts it; nothing if it is open. Raises OSError."""
        if self._open_resource is None:
            self._within(self._connect)

    def ask(self, query: str, clock: Clock) -> str:
        """The answer to a query, without its end. Raises OSError; while it is gone at once, and once a second tries."""
        if self._open_resource is None:
            if self._failed_ns is not None and clock.now_ns() - self._failed_ns < RETRY_S * NS_PER_S:
                raise OSError(self._cause)
            self._failed_ns = clock.now_ns()
            self.open()
            self.returns += 1
        try:
            return self._within(lambda: self._exchange(query))
        except OSError as error:
            self._failed_ns, self._cause = clock.now_ns(), str(error)
            self._drop()
            raise

    def close(self) -> None:
        """Send what stops it, and hang up; idempotent."""
        if self._open_resource is not None:
            with contextlib.suppress(OSError):  # it is gone
                self._within(lambda: self._send(self._stop))
            self._drop()

    def _connect(self) -> None:
        manager = self._visa.ResourceManager(self._library)
        self._open_resource = manager.open_resource(self._resource, **self._settings)
        try:
            self._check(self._exchange(IDENTIFY))
            self._send(self._start)
        except BaseException:
            self._drop()
            raise

    def _check(self, said: str) -> None:
        if not fnmatch.fnmatchcase(said.lower(), self._pattern.lower()):
            raise OSError(f"says that it is {shown(said)}, expected {self._pattern}")
        self.identity = "".join(c if c.isprintable() else " " for c in said[:_CAUSE_LIMIT])

    def _send(self, commands: Sequence[str]) -> None:
        for command in commands:
            self._open_resource.write(command)

    def _exchange(self, query: str) -> str:
        self._open_resource.write(query)
        raw: bytes
        # PyVISA's own reads go on until an answer ends, for ever if a library returns nothing.
        raw, status = self._open_resource.visalib.read(self._open_resource.session, ANSWER_LIMIT)
        if not raw:
            raise OSError(f"no answer to {query}: {getattr(status, 'name', status)}")
        if len(raw) >= ANSWER_LIMIT:
            raise OSError(f"the answer to {query} does not end within {ANSWER_LIMIT} bytes")
        return raw.decode(errors="replace").strip()

    def _drop(self) -> None:
        resource, self._open_resource = self._open_resource, None
        if resource is not None:
            with contextlib.suppress(OSError):  # it was pulled out
                self._within(resource.close)

    def _within(self, act: Callable[[], _T]) -> _T:
        """What `act` returns; whatever VISA raises as an OSError of one line."""
        try:
            return act()
        except OSError:
            raise
        except (self._visa.errors.Error, ValueError, AttributeError) as error:
            text = str(error).partition("\n")[0][:_CAUSE_LIMIT] or type(error).__name__
            raise OSError(text) from None


def unanswered(resource: str, error: OSError) -> DeviceError:
    """What is said of an instrument that does not answer, or not as it should."""
    return DeviceError(f"instrument {resource}: {error}")

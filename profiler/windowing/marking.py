"""Windows around steps of the running program: `with edgewatt.window("step"):`.

They reach the run through a file that EDGEWATT_MARKS names, which `edgewatt profile --command` makes: a line for each
window that ended, appended in one write, so that threads and processes share it and nobody waits for a reader.
Without EDGEWATT_MARKS a window costs next to nothing and does not synchronise anything.

    w <t0_ns> <t1_ns> <depth> <pid>.<thread> <synchronised by> <name> [<key>=<value> ...]

Stamps are CLOCK_MONOTONIC of this machine, int64 nanoseconds; names, keys and values are percent-encoded UTF-8. This
module imports nothing that a program has not loaded anyway.
"""

import os
import sys
from collections.abc import Callable
from contextvars import ContextVar
from functools import lru_cache
from threading import get_ident
from time import monotonic_ns
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

VARIABLE: Final = "EDGEWATT_MARKS"
NAME_LIMIT: Final = 100
ATTRIBUTES_LIMIT: Final = 16
# Windows of one process: a day of 10 ms steps would fill a disk unnoticed. The line `cut` says that there were more.
WINDOWS_LIMIT: Final = 1_000_000
CUT: Final = b"cut\n"
RAISED: Final = "raised"

_depth: ContextVar[int] = ContextVar("edgewatt_depth", default=0)


class _Marks:
    """The file of marks, opened when it is first needed, or None where nobody listens."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._file: int | None = None
        self._left = WINDOWS_LIMIT
        self.open()

    def open(self) -> None:
        """Look at EDGEWATT_MARKS anew."""
        self.close()
        path = os.environ.get(VARIABLE)
        if path:
            try:
                self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
            except OSError as error:
                self._give_up(error)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
        self._file, self._left = None, WINDOWS_LIMIT

    @property
    def is_heard(self) -> bool:
        """True if somebody reads."""
        return self._file is not None

    def write(self, line: bytes) -> None:
        """Append a line; a failing disk ends the marking, never the program."""
        if self._file is None or self._left < 0:
            return
        self._left -= 1
        try:
            os.write(self._file, line if self._left >= 0 else CUT)
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """Say so, but not by a warning: where those are errors, it would end the program."""
        self._file = None
        print(f"edgewatt.window: cannot write to {VARIABLE}: {error}; no windows are kept", file=sys.stderr)


_marks: _Marks | None = None


def reopen() -> None:
    """Look at EDGEWATT_MARKS again; it is otherwise read once in every process."""
    global _marks  # noqa: PLW0603  (one file per process)
    if _marks is not None:
        _marks.close()
    _marks = _Marks()


def _reopen_in_child() -> None:
    if _marks is not None:
        reopen()


os.register_at_fork(after_in_child=_reopen_in_child)


def window(name: str, *, sync: Any = None, **attributes: object) -> "Window":
    """A named stretch of time of this program, as a context manager; they nest, and may be many and short.

    Before either edge the work given to a device is waited for: on torch's current CUDA device where torch has
    initialised CUDA; else `sync` is called, or waited for by `jax.block_until_ready` where it is an array (or a tree of
    them). JAX has no call that waits for everything: give what the step returned to `wait_for`.

    `attributes` (at most 16) are kept as text of at most 100 characters. A name that every step has in common makes
    each an iteration of the run; `warmup` and `measure` mean what they say (docs/commands.md).
    """
    return Window(name, sync, attributes)


def mark(name: str, t0_ns: int, t1_ns: int, **attributes: object) -> None:
    """A window that is over: its stamps are of CLOCK_MONOTONIC, and taken when the device had done its work."""
    if _marks is None:
        reopen()
    if _marks is not None and _marks.is_heard:
        _marks.write(_line(_marks.pid, (t0_ns, t1_ns), _depth.get(), "-", name, attributes))


class Window:
    """What `window` gives."""

    __slots__ = ("_attributes", "_awaited", "_depth", "_name", "_sync", "_t0_ns")

    def __init__(self, name: str, sync: Any, attributes: dict[str, object]) -> None:
        self._name, self._sync, self._attributes = name, sync, attributes
        self._awaited: Any = None
        self._depth = self._t0_ns = 0

    def wait_for(self, what: Any) -> None:
        """Let the window end only when these results (an array, or a tree of them) are there."""
        self._awaited = what

    def __enter__(self) -> Self:
        if _marks is None:
            reopen()
        if _marks is not None and _marks.is_heard:
            synchronise(self._sync)
            self._depth = _depth.get()
            _depth.set(self._depth + 1)
            self._t0_ns = monotonic_ns()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        marks, t0_ns = _marks, self._t0_ns
        if not t0_ns or marks is None:
            return
        attributes = self._attributes
        _depth.set(self._depth)
        self._t0_ns = 0
        if kind is None:
            by = synchronise(self._sync, self._awaited)
        else:  # waiting for a device that just failed would hide why
            by, attributes = "-", {**attributes, RAISED: 1}
        marks.write(_line(marks.pid, (t0_ns, monotonic_ns()), self._depth, by, self._name, attributes))


def synchronise(sync: Any = None, awaited: Any = None) -> str:
    """Wait for the devices of this program; by what: torch, call, jax, effects (of jax: not its arrays), or "-"."""
    by = "-"
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.synchronize()
        by = "torch"
    if sync is not None:
        by = _wait(sync, by)
    if awaited is not None:
        by = _wait(awaited, by)
    if by == "-" and (barrier := _effects_barrier()) is not None:
        barrier()
        by = "effects"
    return by


def _wait(what: Any, by: str) -> str:
    """Wait for one thing that the user named. Raises TypeError if that cannot be waited for."""
    ready = getattr(what, "block_until_ready", None)
    if ready is not None:
        ready()
        return "jax"
    if callable(what):
        what()
        return "call"
    jax = sys.modules.get("jax")
    if jax is not None:
        jax.block_until_ready(what)
        return "jax"
    if by == "-":
        raise TypeError(f"edgewatt.window cannot wait for {type(what).__name__}: expected a function or a jax array")
    return by


def _effects_barrier() -> Callable[[], object] | None:
    return getattr(sys.modules.get("jax"), "effects_barrier", None)


def _line(pid: int, at_ns: tuple[int, int], depth: int, by: str, name: str, attributes: dict[str, object]) -> bytes:
    more = _encoded(attributes) if attributes else ""
    return f"w {at_ns[0]} {at_ns[1]} {depth} {pid}.{get_ident()} {by} {_escaped(name)}{more}\n".encode()


@lru_cache(maxsize=1024)
def _escaped(name: str) -> str:
    return quote(str(name)[:NAME_LIMIT].encode(errors="replace"), safe="/:@+,") or "%20"


def _encoded(attributes: dict[str, object]) -> str:
    pairs = list(attributes.items())[:ATTRIBUTES_LIMIT]
    return "".join(f" {_escaped(key)}={_escaped(str(value))}" for key, value in pairs)

"""What puts things back on a phone: also when edgewatt is killed, the cable is pulled, or adbd is restarted.

A tiny process on the phone whose standard input is a connection of its own. When that ends, for whatever reason, it
waits a grace, in which a run that reconnects can take over; else it executes every undo that is still registered, the
last one first, and removes its folder.
"""

import secrets
import shlex
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from edgewatt.collectors.android.guarding.script import FAILED, KEPT, MADE, READY, guard_script
from edgewatt.collectors.transports.link import Link, LinkLost, LinkTimeout, Stream
from edgewatt.profiler.errors import DeviceError

if TYPE_CHECKING:
    from edgewatt.collectors.android.phone import Phone

GRACE_S: Final = 15
# No run is longer; after that the guard does as if the connection had ended.
DEADLINE_S: Final = 24 * 3600
# It first puts back what a guard before it could not, and may wait for one that is at it.
START_TIMEOUT_S: Final = 60.0
# How soon a guard sees that it was relieved: it looks once a second.
END_TIMEOUT_S: Final = 5.0
_LOOK_S: Final = 0.2
RETRY_S: Final = 0.5
_SAID_LIMIT_B: Final = 4096


@dataclass(frozen=True, slots=True)
class _Post:
    """One guard's process: its connection, which only the thread that watches it may use, and how to end that."""

    link: Link
    stream: Stream
    over: threading.Event = field(default_factory=threading.Event)

    def watch(self) -> bool:
        """True once the connection is lost; False when it was told that its watch is over. Hangs up either way."""
        try:
            while not self.over.is_set():
                if self.stream.read(_LOOK_S) is None:
                    break
        except DeviceError:
            pass
        finally:
            self.stream.close()
            self.link.close()
        return not self.over.is_set()


class Guard:
    """The undos of one phone, and the folder for its files. The process is started when either is first needed.

    A thread watches its connection and takes over again when it is lost. `undone` are the keys that a guard executed by
    itself because nobody came in time.
    """

    def __init__(self, phone: "Phone", *, grace_s: int = GRACE_S) -> None:
        self._phone = phone
        self._folder = f"{phone.tmp}/edgewatt-{secrets.token_hex(8)}"
        self._grace_s = grace_s
        self._numbers: dict[str, int] = {}
        self._next = 0
        self._pids: list[int] = []
        self._post: _Post | None = None
        self._watcher: threading.Thread | None = None
        self._lock = threading.RLock()
        self.undone: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """`<tmp>/edgewatt-<16 hex>` on the phone, mode 0700, there from now on. Raises DeviceError if it cannot be."""
        with self._lock:
            if self._post is None:
                self._start()
        return self._folder

    def add(self, key: str, command: str) -> None:
        """Have `command` executed by the phone's shell if nobody comes back; a second one of that key replaces it.

        Raises DeviceError if it cannot be noted, in which case nothing must be done that would need it.
        """
        with self._lock:
            number = self._numbers.get(key, self._next)
            if not self._note(number, command):
                self.renew()
                number = self._next
                if not self._note(number, command):
                    raise DeviceError(f"{self._phone.uri}: cannot note how to undo {key!r} in {self._folder}")
            self._next = max(self._next, number + 1)
            self._numbers[key] = number

    def remove(self, key: str) -> None:
        """Forget the undo of that key, if there is one: what it is for has been put back."""
        with self._lock:
            number = self._numbers.pop(key, None)
        if number is not None:
            self._phone.sh(f"rm -f {self._undo(number)}")

    def wait_longer(self, seconds: int = GRACE_S) -> None:
        """How long the phone may be away from now on before its guard acts: as when its cable is cut on purpose."""
        folder = self.folder
        done = self._phone.sh(f"echo {seconds:d} >{shlex.quote(folder)}/grace")
        if done.returncode != 0:
            raise DeviceError(f"{self._phone.uri}: cannot tell the guard to wait: {_text(done.stderr)}")

    def renew(self) -> bool:
        """Start a new guard that takes over; False if the old one had put everything back, and the folder is empty.

        Raises LinkLost if the phone stays away, DeviceError if the guard cannot be started.
        """
        with self._lock:
            return self._start()

    def close(self) -> None:
        """Remove the folder and end the process, both verified; no undo is executed. Idempotent.

        Raises DeviceError with what could not be removed; once the phone is away, its guard does it.
        """
        with self._lock:
            post, self._post = self._post, None
            watcher, self._watcher = self._watcher, None
            pids, self._pids = self._pids, []
            self._numbers.clear()
        if not pids:
            return
        if post is not None:
            post.over.set()
        try:
            self._remove(pids)
        finally:
            if watcher is not None:
                watcher.join()

    def _remove(self, pids: list[int]) -> None:
        folder, proc = shlex.quote(self._folder), shlex.quote(self._phone.proc)
        name = self._folder.rpartition("/")[2]
        done = self._phone.sh(f"rm -rf {folder}; [ ! -e {folder} ]", timeout_s=60.0)
        if done.returncode != 0:
            raise DeviceError(f"{self._phone.uri}: {self._folder} stays on the phone: {_text(done.stderr)}")
        alive = " || ".join(f"grep -q {name} {proc}/{pid}/cmdline 2>/dev/null" for pid in pids)
        end_s = self._phone.monotonic_s() + END_TIMEOUT_S
        while self._phone.sh(alive).returncode == 0:
            if self._phone.monotonic_s() >= end_s:
                raise DeviceError(f"{self._phone.uri}: the guard's process ({pids[-1]}) stays on the phone")
            self._phone.sleep(_LOOK_S)

    def _undo(self, number: int) -> str:
        return f"{shlex.quote(self._folder)}/undo/{number:06d}"

    def _note(self, number: int, command: str) -> bool:
        new, noted = f"{shlex.quote(self.folder)}/undo/new", self._undo(number)
        text = shlex.quote(command)
        done = self._phone.sh(f"printf '%s\\n' {text} >{new} && mv -f {new} {noted} && [ -s {noted} ]")
        return done.returncode == 0

    def _start(self) -> bool:
        """Relieve the guard that is there, or make the folder. Holds the lock."""
        relieved, first = self._post, not self._pids
        script = guard_script(
            self._folder,
            secrets.token_hex(8),
            proc=self._phone.proc,
            grace_s=self._grace_s,
            deadline_s=DEADLINE_S,
        )
        link = self._phone.connect()
        try:
            stream = link.stream(script)
            how, pid = self._wait_until_ready(stream)
        except BaseException:
            link.close()
            raise
        if relieved is not None:
            relieved.over.set()
        self._pids.append(pid)
        self._post = _Post(link, stream)
        self._watcher = threading.Thread(target=self._watch, args=(self._post,), name="edgewatt-guard", daemon=True)
        self._watcher.start()
        if how == MADE and not first:
            self.undone = (*self.undone, *self._numbers)
            self._numbers.clear()
        return how == KEPT

    def _wait_until_ready(self, stream: Stream) -> tuple[str, int]:
        said = b""
        end_s = self._phone.monotonic_s() + START_TIMEOUT_S
        while b"\n" not in said and len(said) < _SAID_LIMIT_B:
            left_s = end_s - self._phone.monotonic_s()
            if left_s <= 0:
                raise LinkTimeout(f"{self._phone.uri}: the guard did not start within {START_TIMEOUT_S:g} s")
            chunk = stream.read(left_s)
            if chunk is None:
                break
            said += chunk
        words = said.decode(errors="replace").split()
        if len(words) == 4 and words[0] == READY and words[1] in (MADE, KEPT) and words[2].isdecimal():
            return words[1], int(words[2])
        raise self._not_started(_text(said).removeprefix(FAILED).strip() or _text(stream.stderr))

    def _not_started(self, why: str) -> DeviceError:
        if "space" in why.lower():
            return DeviceError(
                f"{self._phone.uri}: no space left for {self._folder}: free some on the phone ({why or 'it is full'})"
            )
        return DeviceError(
            f"{self._phone.uri}: cannot make {self._folder}, from which everything is put back: {why or 'no answer'}"
        )

    def _watch(self, post: _Post) -> None:
        """In a thread of its own: when the connection is lost, be back before the grace is over."""
        if not post.watch():
            return
        end_s = self._phone.monotonic_s() + self._grace_s
        while not post.over.is_set() and self._phone.monotonic_s() < end_s:
            with self._lock:
                if self._post is not post:
                    return
                try:
                    self._start()
                except LinkLost:
                    pass
                except DeviceError:
                    break
                else:
                    return
            post.over.wait(RETRY_S)
        with self._lock:
            if self._post is post:
                self._post = None


def _text(said: bytes) -> str:
    return " ".join(said[:300].decode(errors="replace").split())

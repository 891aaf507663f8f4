"""A phone that is this machine's own shell: hangs up as adbd does (on the shell that it started, and on nothing else),

and can be unplugged at any moment. For tests of what is executed on a phone and of what stays there.
"""

import os
import select
import shutil
import signal
import subprocess
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.transports.link import OUTPUT_LIMIT_B, LinkLost, LinkTimeout, Sent
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.protocols import Completed

CHUNK_B = 1 << 16


class PhoneStream:
    """A shell in a session of its own; closing it ends its input and hangs up on it."""

    def __init__(self, command: str, env: dict[str, str]) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (closed in close)
        self.process = subprocess.Popen(
            ["sh", "-c", command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=env,
            start_new_session=True,
        )
        # A shell that was hung up on ends a moment later; whenever it does, it is reaped.
        threading.Thread(target=self.process.wait, daemon=True).start()
        self.returncode: int | None = None
        self.lost = False
        self._said: bytes | None = None
        self._ending = threading.RLock()  # a test and the thread of what it tests may close one stream at once

    @property
    def stderr(self) -> bytes:
        with self._ending:
            if self._said is not None:
                return self._said
            self._errors.seek(0)
            return self._errors.read(CHUNK_B)

    def read(self, timeout_s: float) -> bytes | None:
        assert self.process.stdout is not None
        if self.lost or self._said is not None:
            raise LinkLost("shell: unplugged")
        try:
            ready, _, _ = select.select([self.process.stdout], [], [], timeout_s)
            if not ready:
                return b""
            chunk = os.read(self.process.stdout.fileno(), CHUNK_B)
        except ValueError:
            raise LinkLost("shell: the connection was closed") from None
        if self.lost:
            raise LinkLost("shell: unplugged")
        if chunk:
            return chunk
        self.returncode = self.process.wait()
        return None

    def close(self) -> None:
        with self._ending:
            if self._said is not None:
                return
            self._said = self.stderr
            self._errors.close()
            self.hang_up()
            assert self.process.stdout is not None
            self.process.stdout.close()

    def hang_up(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGHUP)


class PhoneLink:
    name = "shell"
    features = frozenset({"shell_v2"})

    def __init__(self, plug: "ShellPhone") -> None:
        self._plug = plug
        self._streams: list[PhoneStream] = []
        self.lost = False

    def run(self, command: str, *, timeout_s: float, limit_b: int = OUTPUT_LIMIT_B) -> Completed:
        self._check()
        self._plug.commands.append(command)
        try:
            done = subprocess.run(
                ["sh", "-c", command], capture_output=True, timeout=timeout_s, env=self._plug.env, check=False
            )
        except subprocess.TimeoutExpired:
            raise LinkTimeout(f"shell: no answer within {timeout_s:g} s") from None
        if len(done.stdout) > limit_b:
            raise DeviceError("shell: printed too much")
        return Completed(done.returncode, done.stdout, done.stderr)

    def stream(self, command: str) -> PhoneStream:
        self._check()
        stream = PhoneStream(command, self._plug.env)
        self._streams.append(stream)
        self._plug.streams.append(stream)
        return stream

    def push(self, content: Path | bytes, remote: str, *, mode: int = 0o644, sent: Sent | None = None) -> None:
        self._check()
        self._plug.pushed.append(remote)
        data = content if isinstance(content, bytes) else content.read_bytes()
        try:
            Path(remote).write_bytes(data)
            Path(remote).chmod(mode)
        except OSError as error:
            raise DeviceError(f"shell: cannot push {remote!r}: {error.strerror}") from None
        if sent is not None:
            sent(len(data), len(data))

    def pull(self, remote: str, local: Path, *, limit_b: int | None = None) -> None:
        self._check()
        del limit_b
        shutil.copy(remote, local)

    def close(self) -> None:
        for stream in self._streams:
            stream.close()

    def unplug(self) -> None:
        self.lost = True
        for stream in self._streams:
            stream.lost = True
            stream.hang_up()

    def _check(self) -> None:
        if self.lost or not self._plug.plugged:
            raise LinkLost("shell: unplugged")


class ShellPhone:
    """Makes connections as long as it is plugged in, and remembers what went over them."""

    def __init__(self, tmp: Path) -> None:
        self.tmp = tmp
        self.plugged = True
        self.env = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
        self.links: list[PhoneLink] = []
        self.streams: list[PhoneStream] = []
        self.commands: list[str] = []
        self.pushed: list[str] = []

    def connect(self) -> PhoneLink:
        if not self.plugged:
            raise LinkLost("shell: unplugged")
        self.links.append(PhoneLink(self))
        return self.links[-1]

    def phone(self) -> Phone:
        return Phone("shell:", self.connect, tmp=str(self.tmp))

    def unplug(self, *, stay_away: bool = False) -> None:
        """Every connection ends, as when the cable is pulled or adbd is restarted."""
        self.plugged = not stay_away
        for link in list(self.links):
            link.unplug()

    def end(self) -> None:
        """Hang up on all, and wait for what that ends."""
        for link in self.links:
            link.close()
        for stream in self.streams:
            with suppress(subprocess.TimeoutExpired):
                stream.process.wait(20)

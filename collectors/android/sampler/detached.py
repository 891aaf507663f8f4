"""The sampler beside an external meter: it logs on the phone while adb is silent, and its log is fetched at the end."""

import secrets
import shlex
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from edgewatt.collectors.android.files.look import Found
from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.android.sampler.attached import DEADLINE_S, HEADER_S, NAME, Look, plan
from edgewatt.collectors.android.sampler.lines import LINE_LIMIT_B, Ended
from edgewatt.collectors.android.sampler.reader import Reader
from edgewatt.collectors.android.sampler.script import Log, killing, script
from edgewatt.collectors.transports.link import LinkLost
from edgewatt.profiler.batch import Batch, Gap
from edgewatt.profiler.channel import Opened
from edgewatt.profiler.clock import NS_PER_S, Clock, HostClock
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.protocols import Learnt

# Two hours of 12 nodes at 200 Hz, and little of a phone's memory.
LOG_LIMIT_B: Final = 256 << 20
GUARD_KEY: Final = "sampler"
_LOOK_S: Final = 0.05
_STOP_TIMEOUT_S: Final = 15.0
_CHUNK_B: Final = 1 << 20
_CAUSES: Final = {
    "deadline": "the sampler's deadline came before the end of the run",
    "full": "the sampler's log was full",
}
_EARLIER: Final = "what the sampler wrote last was not readable, or it was stopped before"
# Stopping it takes that long on a busy phone.
_LATE_NS: Final = 10 * NS_PER_S
_ENDED: Final = "the sampler ended on the phone before it was stopped"

# `setsid` and `mkfifo` are toybox's. Without a FIFO the script waits by `sleep`, which forks.
_BEGIN: Final = """\
cd {folder}||exit 1
mkfifo wake 2>/dev/null
s=
if command -v setsid >/dev/null 2>&1;then s=setsid;fi
if [ -p wake ];then $s sh {folder}/run.sh <>wake >log 2>/dev/null &
else $s sh {folder}/run.sh </dev/null >log 2>/dev/null &
fi
"""
# Asks the script to end, waits for that, and ends it.
_STOP: Final = """\
cd {folder}||exit 1
rm -f run.sh
if [ -p wake ];then echo 1<>wake;fi
alive(){{ read -r v </proc/{pid}/cmdline||[ -n "$v" ];}} 2>/dev/null
n=0
while v=;alive&&[ $n -lt 20 ];do case $v in *edgewatt-{token}*) sleep 0.1||sleep 1;;*) break;;esac;n=$((n+1));done
{kill}read -r u <{uptime}
echo "$u"
"""


class DetachedSampler:
    """Samples as Sampler does, into a file on the phone: `read` gives nothing, `drain` everything.

    It ends by itself after `deadline_s` seconds or `log_limit_b` bytes. Its folder is `<tmp>/edgewatt-<16 hex>`, mode
    0700, and the phone's guard knows how to end it and remove that.
    """

    def __init__(
        self,
        phone: Phone,
        look: Look | Found,
        *,
        name: str = NAME,
        deadline_s: float = DEADLINE_S,
        log_limit_b: int = LOG_LIMIT_B,
    ) -> None:
        self._phone, self._look, self._name = phone, look, name
        self._deadline_s, self._log_limit_b = deadline_s, log_limit_b
        self._clock: Clock = HostClock()
        self._reader = Reader((), phone.stamps)
        self._token: str | None = None

    def open(self, clock: Clock) -> Opened:
        """Survey, start the script and see that it runs. Raises DeviceError if it does not."""
        self.close()
        self._clock = clock
        planned = plan(self._look if isinstance(self._look, Found) else self._look())
        self._reader = Reader(planned.groups, self._phone.stamps)
        if planned.groups:
            token = secrets.token_hex(8)
            log = Log(f"{self._folder(token)}/run.sh", self._log_limit_b)
            text = script(planned.groups, token, self._deadline_s, log, proc=self._phone.proc)
            self._begin(token, text)
        return planned.opened(self._name, {"detached": True})

    def read(self, timeout_s: float) -> Batch:
        """Nothing: adb is silent."""
        self._clock.sleep(timeout_s)
        return Batch.empty()

    def drain(self) -> Iterator[Batch | Gap]:
        """Stop the script, fetch its log, remove it, and give what it says. Raises DeviceError."""
        token = self._token
        if token is None:
            return
        with tempfile.TemporaryDirectory(prefix="edgewatt-") as kept:
            log = Path(kept) / "log"
            try:
                up_ns = self._stop(token)
                self._pull(f"{self._folder(token)}/log", log)
                self._remove(token)
            except LinkLost:
                # The guard removes it; `close` must not wait for the phone again.
                self._token = None
                raise
            self._reader.begin(token)
            with log.open("rb") as file:
                while chunk := file.read(_CHUNK_B):
                    self._reader.feed(chunk)
                    yield from self._reader.take()
        ended = self._reader.ended or Ended("")
        if ended.cause != "stopped":
            yield from self._reader.broken(_CAUSES.get(ended.cause, _ENDED), up_ns)
        elif up_ns is not None:
            yield from self._reader.cut(_EARLIER, up_ns, _LATE_NS)

    def learnt(self) -> Learnt:
        """What the lines that came say of those that did not."""
        return self._reader.learnt()

    def close(self) -> None:
        """End the script and remove its folder, if `drain` did not. Raises DeviceError if that cannot be done."""
        if self._token is not None:
            self._stop(self._token)
            self._remove(self._token)

    def _folder(self, token: str) -> str:
        return f"{self._phone.tmp}/edgewatt-{token}"

    def _begin(self, token: str, text: str) -> None:
        phone, folder = self._phone, shlex.quote(self._folder(token))
        self._token = token
        # The script ends when it is gone.
        phone.guard.add(GUARD_KEY, f"rm -rf {folder}")
        made = phone.sh(f"umask 077;mkdir -p {folder}")
        if made.returncode != 0:
            raise DeviceError(f"{phone.uri}: cannot make a folder in {phone.tmp}: {_said(made.stderr)}")
        phone.link.push(text.encode(), f"{self._folder(token)}/run.sh", mode=0o600)
        phone.link.run(_BEGIN.format(folder=folder), timeout_s=HEADER_S)
        self._reader.begin(token)
        end_s = phone.monotonic_s() + HEADER_S
        while self._reader.header is None:
            self._reader.feed(phone.sh(f"head -n 1 {folder}/log").stdout)
            if phone.monotonic_s() > end_s:
                raise DeviceError(f"{phone.uri}: its shell did not start the sampler within {HEADER_S:g} s")
            if self._reader.header is None:
                phone.sleep(_LOOK_S)

    def _stop(self, token: str) -> int | None:
        """The phone's uptime in ns once the script is gone for certain; None if it does not tell."""
        header, folder = self._reader.header, shlex.quote(self._folder(token))
        if header is None:
            return None
        kill, uptime = killing(header.pid, token), shlex.quote(f"{self._phone.proc}/uptime")
        command = _STOP.format(folder=folder, pid=header.pid, token=token, kill=kill, uptime=uptime)
        done = self._phone.sh(command, timeout_s=_STOP_TIMEOUT_S, limit_b=LINE_LIMIT_B)
        return self._phone.stamps.to_ns(b"", done.stdout.strip().rpartition(b"\n")[2].partition(b" ")[0])

    def _pull(self, remote: str, local: Path) -> None:
        limit_b = self._log_limit_b + LINE_LIMIT_B
        try:
            self._phone.link.pull(remote, local, limit_b=limit_b)
        except LinkLost:
            self._phone.reconnect()
            self._phone.link.pull(remote, local, limit_b=limit_b)

    def _remove(self, token: str) -> None:
        folder = shlex.quote(self._folder(token))
        done = self._phone.sh(f"rm -rf {folder};[ ! -e {folder} ]")
        if done.returncode != 0:
            raise DeviceError(f"{self._phone.uri}: cannot remove {folder}: {_said(done.stderr)}")
        self._phone.guard.remove(GUARD_KEY)
        self._token = None


def _said(text: bytes) -> str:
    return text[:200].decode("utf-8", "replace").strip()

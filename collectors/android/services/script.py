"""The script that asks a phone's services again and again, in POSIX sh for mksh and dash, and its lines.

Each answer stands between two lines that begin with a random token, each with both of the phone's clocks:

    <token> B <number of the service> <EPOCHREALTIME or -> <uptime>
    <what the service printed>
    <token> E <number of the service> <EPOCHREALTIME or -> <uptime> <exit code>

It asks one service after the other. A question that is late is left out, not made up for. It ends at its deadline,
when its standard input ends (dash, which cannot wait for that, learns it from its output), and on SIGHUP. mksh's
integers have 32 bits, so time is counted in tenths of a second.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from edgewatt.collectors.android.files.nodes import Service
from edgewatt.collectors.android.services.asking import ANSWER_LIMIT_B, ASK_TIMEOUT_S

# Longer than any run; a collector whose script ends starts another.
DEADLINE_S: Final = 24 * 3600.0
# A line of ours; what does not fit is none.
_FRAME_LIMIT_B: Final = 200

# Sets $T to what bounds one command: nothing where a phone has no `timeout` (before Android 8, remembered). It is not
# tried out: toybox 0.8.9 sometimes returns 127 for a command that ended well within a millisecond or two (observed).
BOUND: Final = f"""\
T=
command -v timeout >/dev/null 2>&1 && T='timeout {ASK_TIMEOUT_S}'
"""

_HEAD: Final = """\
exec 2>/dev/null
now() { u=; read -r u _ </proc/uptime; f=${u#*.}; w=$((${u%%.*}*10+${f%?})); }
ask() {
now; echo "$t B $1 ${EPOCHREALTIME:--} $u" || exit 0
"s$1" </dev/null; r=$?
now; echo; echo "$t E $1 ${EPOCHREALTIME:--} $u $r" || exit 0
}
read -r -t 0.001 v; case $? in 1|2) nap=sleep;; *) nap=read;; esac
"""

_WAIT: Final = """\
now; d=$((b-w))
if [ $d -gt 0 ]; then
d=$((d/10)).$((d%10))
if [ $nap = read ]; then
read -r -t $d v; case $? in 0|1|2) exit 0;; esac
else
sleep $d || sleep 1
fi
fi
done
"""


def one(command: str) -> str:
    """`command` for the phone's shell, asked once and within ASK_TIMEOUT_S; its first part is what the bound holds."""
    return f"{BOUND}$T {command}"


def script(services: Sequence[Service], token: str, deadline_s: float = DEADLINE_S) -> str:
    """What the phone's shell executes; `token` (letters and digits) marks the lines that are its own."""
    asked = "".join(f"s{at}() {{ $T {service.command}; }}\n" for at, service in enumerate(services))
    begin = "".join(f"n{at}=$w\n" for at in range(len(services)))
    ticks = "".join(_tick(at, max(round(service.period_s * 10), 1)) for at, service in enumerate(services))
    end = "[ $w -lt $e ] || exit 0\nb=$((w+10))\n"
    return (
        f"t={token}\n{BOUND}{_HEAD}{asked}now\ne=$((w+{round(deadline_s * 10)}))\n{begin}"
        f"while :; do\nnow\n{end}{ticks}{_WAIT}"
    )


def _tick(at: int, period: int) -> str:
    return (
        f"if [ $w -ge $n{at} ]; then n{at}=$((n{at}+((w-n{at})/{period}+1)*{period})); ask {at}; fi\n"
        f"[ $n{at} -ge $b ] || b=$n{at}\n"
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """What service number `at` printed, None if it was more than ANSWER_LIMIT_B, and the clocks before and after."""

    at: int
    text: str | None
    before: tuple[bytes, bytes]
    after: tuple[bytes, bytes]
    returncode: int


@dataclass
class Answers:
    """Cuts what a script prints into answers; holds at most one answer and one line, whatever comes."""

    token: str
    _rest: bytearray = field(default_factory=bytearray)
    _open: tuple[int, tuple[bytes, bytes]] | None = None
    _lines: list[bytes | bytearray] = field(default_factory=list)
    _size: int = 0

    def __post_init__(self) -> None:
        stamps = rb" ([0-9]{1,3}) ([0-9.,-]{1,20}) ([0-9.]{1,20})"
        self._frame = re.compile(
            re.escape(self.token.encode()) + rb" (?:B" + stamps + rb"|E" + stamps + rb" ([0-9]{1,3}))"
        )

    def feed(self, chunk: bytes) -> list[Answer]:
        """The answers that are complete now."""
        self._rest += chunk
        answers = []
        if b"\n" in chunk:
            *lines, self._rest = self._rest.split(b"\n")
            answers = [answer for line in lines if (answer := self._line(line)) is not None]
        # A line too long to be one of ours is put away in pieces.
        if len(self._rest) > ANSWER_LIMIT_B:
            self._keep(self._rest)
            self._rest = bytearray()
        return answers

    def _line(self, line: bytes | bytearray) -> Answer | None:
        frame = self._frame.fullmatch(line.strip()) if len(line) <= _FRAME_LIMIT_B else None
        if frame is None:
            self._keep(line)
            return None
        begin_at, begin_epoch, begin_up, end_at, end_epoch, end_up, code = frame.groups()
        if begin_at is not None:
            self._open, self._lines, self._size = (int(begin_at), (begin_epoch, begin_up)), [], 0
            return None
        opened, self._open = self._open, None
        kept, self._lines = self._lines, []
        if opened is None or opened[0] != int(end_at):
            return None
        text = None if self._size > ANSWER_LIMIT_B else b"\n".join(kept).decode(errors="replace")
        return Answer(opened[0], text, opened[1], (end_epoch, end_up), int(code))

    def _keep(self, line: bytes | bytearray) -> None:
        if self._open is None:
            return
        self._size += len(line) + 1
        if self._size <= ANSWER_LIMIT_B:
            self._lines.append(line)
        else:
            self._lines = []

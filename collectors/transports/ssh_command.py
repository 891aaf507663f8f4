"""What is handed to a board's login shell: one line that any shell takes, which executes a command by bash or sh.

Before the command's output and after it the line prints a mark, on standard output and on standard error, that nothing
else can know: what comes before the first is the login shell's or ssh's, and the second has the exit code, so that a
command that ended is told from a connection that did. When its standard input ends, what was started is hung up on, as
a terminal does: sshd sends no signal to a command without one.
"""

import re
import secrets
from dataclasses import dataclass
from typing import Final, Literal

from edgewatt.profiler.errors import UsageError

# Linux takes 128 KiB as one argument (MAX_ARG_STRLEN).
COMMAND_LIMIT_B: Final = 120 << 10
# What a line holds of it: dropbear takes lines of 9000 bytes (2022.83 refuses more). A longer command is sent.
LINE_LIMIT_B: Final = 6000
# What is kept of what comes before the first mark, of a shell that greets.
NOISE_LIMIT_B: Final = 64 << 10

Input = Literal["open", "none", "ours"]

# POSIX, as one line without what is special to some shell in single quotes (fish: the backslash; csh: `!`, a newline).
# Its arguments: itself; the command, "" if it is the first line of what is sent; the mark; and what the command reads:
# "open" is what is sent, and hangs up at its end, "none" has ended, "ours" is a file that is sent.
# Only a leader of its own group hangs up on its group. OpenSSH makes one for every command; under another server it
# makes itself one, if there is a setsid. Under sshd Debian's bash would read ~/.bashrc, a second time.
_WRAP: Final = (
    'leads(){ read -r x </proc/$$/stat;x=${x##*)};set -- $x;[ "$3" = $$ ]; };'
    'if leads||[ -n "$EDGEWATT_LEADS" ];then :;elif command -v setsid >/dev/null 2>&1;then '
    'EDGEWATT_LEADS=1;export EDGEWATT_LEADS;exec setsid sh -c "$0" "$0" "$@";fi;'
    'unset EDGEWATT_LEADS;c=$2;[ -n "$c" ]||IFS= read -r c;c=$(printf %b. "$c");c=${c%.};'
    's=sh;command -v bash >/dev/null 2>&1&&s="bash --norc";m=$3;'
    'mark(){ printf %s "$m$1;";printf %s "$m$1;" >&2; };'
    'hang(){ exec </dev/null >/dev/null 2>&1;leads||return;trap "" HUP;kill -HUP 0;sleep 1;kill -KILL 0; };'
    'mark b;case $4 in ours) $s -c "$c";mark $?;;'
    'none) { cat;hang; }|{ $s -c "$c" </dev/null;mark $?; };;'
    '*) { cat;hang; }|{ $s -c "$c";mark $?; };;esac'
)
_EVAL: Final = "'eval \"$1\"'"
_ESCAPED: Final = {ord(c): f"\\0{ord(c):03o}" for c in "\\'\n\r\t!"}
_CODE: Final = re.compile(rb"([0-9]{1,3});")
_MAYBE_CODE: Final = re.compile(rb"[0-9]{0,3}")


@dataclass(frozen=True, slots=True)
class Line:
    """A line for the login shell, the mark that it prints, and what has to be sent to it first."""

    text: str
    mark: bytes
    first: bytes = b""


def line(command: str, reads: Input = "open") -> Line:
    """The line that executes `command`. Raises UsageError for a NUL, or over COMMAND_LIMIT_B bytes of it."""
    if "\0" in command:
        raise UsageError("cannot execute a command with a NUL on a board")
    length = len(command.encode("utf-8", "surrogateescape"))
    if length > COMMAND_LIMIT_B:
        raise UsageError(f"cannot execute a command of {length} bytes over ssh: at most {COMMAND_LIMIT_B}; push a file")
    mark = f"edgewatt:{secrets.token_hex(8)}:"
    escaped = (command or ":").translate(_ESCAPED)
    sent = escaped.encode("utf-8", "surrogateescape")
    is_short = len(sent) <= LINE_LIMIT_B
    text = f"exec sh -c {_EVAL} {_EVAL} '{_WRAP}' '{escaped if is_short else ''}' {mark} {reads}"
    return Line(text, mark.encode(), b"" if is_short else sent + b"\n")


class Framed:
    """Cuts what the line prints on one of its outputs into what the command printed. Takes any bytes."""

    def __init__(self, mark: bytes) -> None:
        self._mark, self._held = mark, bytearray()
        self.begun = False
        self.returncode: int | None = None

    @property
    def noise(self) -> bytes:
        """What came while the command had not begun."""
        return b"" if self.begun else bytes(self._held)

    def feed(self, data: bytes) -> bytes:
        """What the command printed of it, and of what was held back before it; nothing after its end."""
        if self.returncode is not None:
            return b""
        self._held += data
        if not self.begun and not self._begin():
            return b""
        printed = bytearray()
        while (at := self._held.find(self._mark)) >= 0:
            printed += self._release(at)
            rest = self._held[len(self._mark) :]
            if code := _CODE.match(rest):
                self.returncode = int(code[1]) & 0xFF
                self._held.clear()
                break
            if _MAYBE_CODE.fullmatch(rest):
                return bytes(printed)
            printed += self._release(len(self._mark))  # it ends nothing
        return bytes(printed + self._release(len(self._held) - self._maybe()))

    def _begin(self) -> bool:
        _, mark, rest = self._held.partition(self._mark + b"b;")
        if mark:
            self.begun, self._held = True, rest
        else:
            del self._held[: max(len(self._held) - NOISE_LIMIT_B, 0)]
        return self.begun

    def _release(self, count: int) -> bytearray:
        released = self._held[:count]
        del self._held[:count]
        return released

    def _maybe(self) -> int:
        """How many of the last bytes may be the beginning of a mark."""
        longest = min(len(self._mark) - 1, len(self._held))
        return next((n for n in range(longest, 0, -1) if self._held.endswith(self._mark[:n])), 0)

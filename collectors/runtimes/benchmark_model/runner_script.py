"""The shell scripts that execute a runner on the phone, stamp each line it prints, and end it.

In POSIX sh, for mksh and dash. A pipeline gives the exit code of its last command only, so the code travels through it
as a last line, marked by a token. The runner is a session of its own, so that it can be ended with what it started.
What it prints without a newline, or as zeros, is bounded before the shell has to hold it: by toybox's head, which hands
on at once what it reads (GNU's does not). Where the output ends without that last line, the runner printed too much, or
whoever was to write the line was killed: then nothing says that the runner is done.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from edgewatt.collectors.android.stamps import STAMP_SH

# With the stamps. Op profiling of a thousand operators prints 0.3 MB; a phone's shell reads about 1 MB/s.
OUTPUT_LIMIT_B: Final = 4 << 20
# What stands for the exit code where the runner was stopped for printing more than that.
OVER: Final = "over"
ENDED, RUNS, GONE = "ended", "runs", "gone"

_EXECUTE: Final = """\
put='printf %s\\n' own=
[ -n "$KSH_VERSION" ] && put='print -r --'
command -v setsid >/dev/null && own=setsid
finish() {
  read -r p 2>/dev/null <"$dir/runner.pid" || return
  case $p in ''|*[!0-9]*) return ;; esac
  [ "$proc/$p/cwd" -ef "$work" ] || return
  kill -9 "-$p" 2>/dev/null || kill -9 "$p" 2>/dev/null
}
"""
_RUN: Final = """\
rm -f "$dir/runner.pid" "$dir/done"
cd "$work" || exit 1
bounded=cat
case $(readlink "$(command -v head)" 2>/dev/null) in
  *toybox) [ "$(echo ab | head -c 1 2>/dev/null)" = a ] && bounded="head -c $((limit+1024))" ;;
esac
{ (start); rc=$?; : >"$dir/done"; $put ""; $put "$token $rc"; } | $bounded | {
  n=0 l=
  while IFS= read -r l || [ -n "$l" ]; do
    read -r u _ <"$proc/uptime"
    $put "STAMP $l" || { finish; exit; }
    case $l in "$token "*) exit ;; esac
    n=$((n+${#l}+32))
    [ $n -le $limit ] || break
  done
  finish
  i=0
  until [ -e "$dir/done" ] || [ $n -gt $limit ]; do
    [ -d "$dir" ] && [ $i -lt 20 ] || exit
    sleep 0.1
    i=$((i+1))
  done
  read -r u _ <"$proc/uptime"
  $put "STAMP $token OVER"
} &
trap 'finish; exit 129' HUP
wait $!
"""
_END: Final = """\
finish
n=0
while [ -n "$p" ] && [ "$proc/$p/cwd" -ef "$work" ] && [ $n -lt 50 ]; do sleep 0.1; n=$((n+1)); done
[ $n -lt 50 ]
"""
_LOOK: Final = """\
[ -e "$dir/ended" ] && { echo ENDED; exit; }
read -r p 2>/dev/null <"$dir/script.pid"
[ -n "$p" ] && [ -d "$proc/$p" ] && echo RUNS || echo GONE
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where on the phone: `control` for our files, `work` for those of the runner, which starts there."""

    control: str
    work: str
    proc: str = "/proc"

    @property
    def log(self) -> str:
        """What a detached runner printed, stamped."""
        return f"{self.control}/log"


@dataclass(frozen=True, slots=True)
class Execution:
    """What is started: a program and its arguments, never seen by a shell unquoted, and variables for it."""

    argv: Sequence[str]
    env: Mapping[str, str]
    token: str


def attached(place: Place, execution: Execution) -> str:
    """Run it and print what it prints, each line after its stamp; a last line is `<token> <exit code>`.

    When adbd hangs up on the script, the runner is ended.
    """
    return _header(place, token=execution.token, limit=OUTPUT_LIMIT_B) + _EXECUTE + _start(execution) + _run()


def detached(place: Place, execution: Execution) -> str:
    """Run it without a connection, the same into `place.log`; returns at once. `look` tells when it has ended."""
    header = _header(place, token=execution.token, limit=OUTPUT_LIMIT_B)
    body = _run().replace("trap 'finish; exit 129' HUP", "trap '' HUP")
    whole = f'{header}trap \'\' HUP\necho $$ >"$dir/script.pid"\n{_EXECUTE}{_start(execution)}{body}: >"$dir/ended"\n'
    log = shlex.quote(place.log)
    return (
        f'{_header(place)}rm -f {log} "$dir/ended" "$dir/script.pid"\ncd / \n'
        f"own=; command -v setsid >/dev/null && own=setsid\n"
        f"$own sh -c {shlex.quote(whole)} </dev/null >{log} 2>/dev/null &\n"
        'n=0; until [ -s "$dir/script.pid" ] || [ $n -ge 100 ]; do sleep 0.05; n=$((n+1)); done\n'
    )


def look(place: Place) -> str:
    """Print whether a detached runner ENDED or RUNS, or is GONE without having ended."""
    return _header(place) + _LOOK.replace("ENDED", ENDED).replace("RUNS", RUNS).replace("GONE", GONE)


def end(place: Place) -> str:
    """End the runner and what it started, if it is there; fails if it is still there after 5 s."""
    return _header(place) + _EXECUTE + _END


def _header(place: Place, **more: object) -> str:
    words = {"dir": place.control, "work": place.work, "proc": place.proc, **more}
    return "".join(f"{name}={shlex.quote(str(value))}\n" for name, value in words.items())


def _start(execution: Execution) -> str:
    exports = "".join(f"  export {name}={shlex.quote(value)}\n" for name, value in execution.env.items())
    argv = shlex.join(execution.argv)
    inner = '\'echo $$ >"$0"; exec "$@"\''
    return f'start() {{\n{exports}  exec $own sh -c {inner} "$dir/runner.pid" {argv} </dev/null 2>&1\n}}\n'


def _run() -> str:
    return _RUN.replace("STAMP", STAMP_SH).replace("OVER", OVER)

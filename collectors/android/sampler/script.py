"""The script that samples a phone: POSIX and mksh built-ins, made from the nodes to read.

It forks nothing per file; in mksh one expression reads a whole stream. Ticks are due at multiples of each stream's
period; late ones are dropped, not made up for. It ends at its deadline, when its standard input ends, on SIGHUP, and
when nobody takes its output. Its lines are told in `sampler_lines`. mksh's integers have 32 bits, so time is counted in
tenths of a millisecond since the start.
"""

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from edgewatt.collectors.android.files.nodes import Node
from edgewatt.collectors.android.sampler.survey import FIELD, LINE, PATH
from edgewatt.profiler.errors import UsageError

VERSION: Final = 1
UNITS_PER_S: Final = 10_000
# 32 bits of tenths of a millisecond are 59 hours.
DEADLINE_LIMIT_S: Final = 48 * 3600.0
# A link takes commands of nearly 64 KiB; quoting, where a phone has no shell_v2, makes them longer.
NODES_LIMIT_B: Final = 48 << 10
# How long it may sleep before it looks at its deadline again.
_LONGEST: Final = 1 * UNITS_PER_S
# What one line of the script takes beyond the path.
_CALL_B: Final = 8

_HEAD: Final = """\
: edgewatt-{token}
exec 2>/dev/null
IFS=
set -f
{before}trap '{hangup}' HUP
trap 'exit 0' TERM PIPE
N='
' U='{field}' R='{line}' b=0 g=
if [ -n "$KSH_VERSION" ];then
eval 'one(){{ g="$g\\$U\\$(<\\"$1\\")";}}
group(){{ eval "read_$1(){{ l=\\"$g\\";l=\\${{l//\\$N/\\$R}};}}";g=;}}'
all(){{ one "$1";}}
up(){{ u=$(<{uptime});u=${{u%% *}};}}
say(){{ print -r -- "$1"||exit 0;}}
else
up(){{ u=;read -r u <{uptime};u=${{u%% *}};}}
one(){{ g="$g first \\"$1\\";";}}
all(){{ g="$g every \\"$1\\";";}}
group(){{ eval "read_$1(){{ l=;$g}}";g=;}}
first(){{ v=;read -r v <"$1";l=$l$U$v;}}
every(){{ v= x=;while read -r x||[ -n "$x" ];do v=$v$R$x x=;done <"$1";l=$l$U${{v#$R}};}}
say(){{ printf '%s\\n' "$1"||exit 0;}}
fi
out(){{ say "$1";{bound}}}
bye(){{ say "E${{U}}{token}$U$1";exit 0;}}
up
u0=${{u%%.*}}
if [ -z "$u" ];then bye no_uptime;fi
if [ -n "$EPOCHREALTIME" ];then
e=$EPOCHREALTIME s0=${{e%%[.,]*}}
wall(){{ e=$EPOCHREALTIME;w=$(((${{e%%[.,]*}}-s0)*10000+(1${{e#*[.,]}}-1000000)/100));}}
else
e=
wall(){{ up;w=$(((${{u%%.*}}-u0)*10000+(1${{u#*.}}-100)*100));}}
fi
now(){{ up;wall;}}
f=$e
read -r -t 0.001 v;case $? in 1|2) nap=sleep;;*) nap=read;;esac
say "H${{U}}{version}${{U}}{token}$U$$$U$nap$U$u$U$e$U${{KSH_VERSION:-}}"
"""

_WAIT: Final = """\
wall;d=$((b0-w))
if [ $d -gt {longest} ];then d={longest};fi
if [ $d -gt 0 ];then
t=$((10000+d%10000));t=$((d/10000)).${t#1}
if [ $nap = read ];then
read -r -t $t v;case $? in 0) bye stopped;;1|2) exit 0;;esac
else
sleep $t||sleep 1
fi
fi
done
"""


@dataclass(frozen=True, slots=True)
class Group:
    """The nodes of one stream, read together every `period_s` seconds."""

    stream: str
    period_s: float
    nodes: tuple[Node, ...]

    @property
    def units(self) -> int:
        """The period in the script's units, at least one."""
        return min(max(round(self.period_s * UNITS_PER_S), 1), round(DEADLINE_LIMIT_S) * UNITS_PER_S)


@dataclass(frozen=True, slots=True)
class Log:
    """A script that is the file at `path` on the phone, ends when that is removed, and prints so much at most."""

    path: str
    limit_b: int


def grouped(nodes: Iterable[Node]) -> tuple[Group, ...]:
    """The nodes by stream, the fastest first; a stream's period is the shortest that one of its nodes asks for."""
    streams: dict[str, list[Node]] = {}
    for node in nodes:
        streams.setdefault(node.stream, []).append(node)
    groups = [Group(stream, min(n.period_s for n in of), tuple(of)) for stream, of in streams.items()]
    return tuple(sorted(groups, key=lambda group: group.period_s))


def fitting(nodes: Sequence[Node]) -> tuple[list[Node], list[Node]]:
    """The first nodes that one script can name, and those that are left."""
    used_b = 0
    for at, node in enumerate(nodes):
        used_b += len(shlex.quote(node.path).encode()) + _CALL_B
        if used_b > NODES_LIMIT_B:
            return list(nodes[:at]), list(nodes[at:])
    return list(nodes), []


def script(
    groups: Sequence[Group],
    token: str,
    deadline_s: float,
    log: Log | None = None,
    *,
    before: str = "",
    proc: str = "/proc",
) -> str:
    """What the phone's shell executes, lines `before` first; its time is that of `proc`.

    `token` (letters, digits) marks its first and last line. Raises UsageError for a path or a deadline that it
    cannot have.
    """
    if not 0 < deadline_s <= DEADLINE_LIMIT_S:
        raise UsageError(f"a sampler cannot run for {deadline_s:g} s: expected more than 0 and at most 48 hours")
    bound = f"b=$((b+${{#1}}+1));if [ $b -gt {log.limit_b} ];then bye full;fi;" if log else ""
    head = _HEAD.format(
        field=FIELD,
        line=LINE,
        token=token,
        version=VERSION,
        bound=bound,
        before=before,
        hangup="" if log else "exit 0",
        uptime=shlex.quote(f"{proc}/uptime"),
    )
    begin = "".join(_group(at, group) for at, group in enumerate(groups))
    stop = f"if [ ! -e {shlex.quote(log.path)} ];then bye stopped;fi\n" if log else ""
    end = f"if [ ${{u%%.*}} -ge $((u0+{max(round(deadline_s), 1)})) ];then bye deadline;fi\n"
    ticks = "".join(_tick(at, group) for at, group in enumerate(groups))
    return f"{head}now\n{begin}while :;do\nnow\n{end}{stop}b0=$((w+{_LONGEST}))\n{ticks}{_WAIT_TEXT}"


_WAIT_TEXT: Final = _WAIT.replace("{longest}", str(_LONGEST))


def killing(pid: int, token: str) -> str:
    """A line that ends the script of that token, if that process still is one: a number may be another's by now."""
    return f"v=;read -r v </proc/{pid}/cmdline;case $v in *edgewatt-{token}*) kill -9 {pid};;esac\n"


def _group(at: int, group: Group) -> str:
    """Defines the function that reads one stream into `l`: in mksh one expression, elsewhere a built-in per file."""
    reads = "".join(f"{'all' if node.whole else 'one'} {_quoted(node.path)}\n" for node in group.nodes)
    return f"{reads}group {at}\nn{at}=$w q{at}=0\n"


def _tick(at: int, group: Group) -> str:
    """Reads one stream if it is due. A clock that was set back makes it due at once."""
    again = "now\n" if at else ""
    return (
        f"d=$((n{at}-w));if [ $d -gt {group.units} ];then n{at}=$w d=0;fi\n"
        f"if [ $d -le 0 ];then\n"
        f"k=$((-d/{group.units}+1)) q{at}=$((q{at}+k)) n{at}=$((n{at}+k*{group.units}))\n"
        f"{again}read_{at}\n"
        f'f=$EPOCHREALTIME;out "{at}$U$q{at}$U$u$U$e$U$f$l"\nfi\n'
        f"if [ $((n{at}-b0)) -lt 0 ];then b0=$n{at};fi\n"
    )


def _quoted(path: str) -> str:
    if not PATH.fullmatch(path):
        raise UsageError(f"{path!r} cannot be read on a phone: expected an absolute path of plain characters")
    return shlex.quote(path)

"""Pulses of load on one core of a phone: a script in the phone's own shell, and what it says of itself.

POSIX and mksh built-ins; between its first pulse and its last it forks nothing where the shell can wait by `read`, and
prints nothing: adb is silent. It ends after its train, when its standard input ends, and on SIGHUP; a wall clock that
is set back ends a pulse early. mksh's integers have 32 bits, so time is counted in tenths of a millisecond since the
start.

    H <token> <core> <waits by>      the core it was pinned to, "-" if it could not be
    B <stamp>   F <stamp>            a pulse began, a pulse ended; stamps as in stamps.py
    E <token>
"""

import re
import secrets
import shlex
from collections.abc import Sequence
from typing import Final

from edgewatt.collectors.android.stamps import UPTIME_STEP_NS, PhoneStamps
from edgewatt.collectors.transports.link import LinkTimeout
from edgewatt.collectors.transports.reached import Reached
from edgewatt.profiler.errors import DeviceError
from edgewatt.profiler.synchronising.train import Edges, Train, length_s

UNITS_PER_S: Final = 10_000
# Between a stamp and the load that it stands for lies one turn of the shell's loop; assumed, some 10 us in mksh.
BOUND_NS: Final = 200_000
# What the shell may take to begin and to print.
_BESIDE_S: Final = 20.0
_READ_S: Final = 1.0
LIMIT_B: Final = 64 << 10

# The core of the highest top frequency (cpufreq: cpuinfo_max_freq in kHz), else the last one that is online.
_SCRIPT: Final = """\
: edgewatt-{token}
exec 2>/dev/null
trap 'exit 0' HUP TERM PIPE
top=0 c=
for f in {cpus}/cpu[0-9]*/cpufreq/cpuinfo_max_freq;do
v=;read -r v _ <"$f"
case $v in ''|*[!0-9]*) continue;;esac
if [ "$v" -gt $top ];then top=$v;c=${{f#{cpus}/cpu}};c=${{c%%/*}};fi
done
if [ -z "$c" ];then read -r v _ <{cpus}/online;c=${{v##*[-,]}};fi
case $c in ''|*[!0-9]*|????*) c=-;;
*) m=$((1<<(c%4)));n=$((c/4))
while [ $n -gt 0 ];do m=${{m}}0;n=$((n-1));done
taskset -p $m $$ >/dev/null 2>&1||c=-;;esac
up(){{ u=;read -r u _ <{uptime};}}
up
if [ -z "$u" ];then echo no uptime;exit 0;fi
if [ -n "$EPOCHREALTIME" ];then
e=$EPOCHREALTIME s=${{e%%[.,]*}}
wall(){{ e=$EPOCHREALTIME;w=$(((${{e%%[.,]*}}-s)*10000+(1${{e#*[.,]}}-1000000)/100));}}
else
e= s=${{u%%.*}}
wall(){{ up;w=$(((${{u%%.*}}-s)*10000+(1${{u#*.}}-100)*100));}}
fi
read -r -t 0.001 v;case $? in 1|2) by=sleep;;*) by=read;;esac
if [ $by = read ];then
nap(){{ read -r -t $1 v;case $? in 0|1|2) exit 0;;esac;}}
else
nap(){{ sleep $1||sleep 1;}}
fi
echo "H {token} $c $by"||exit 0
nap 0.5
o=
for p in {train};do
wall;b=$e
up;o="$o
B $b $u";k=$w n=$((w+${{p%%:*}}))
while :;do wall;if [ $w -ge $n ]||[ $w -lt $k ];then break;fi;done
b=$e
up;o="$o
F $b $u"
nap ${{p#*:}}
done
echo "$o
E {token}"
"""

_EDGE: Final = re.compile(rb"([BF]) (\S*) ?(\S+)")


def pulses(phone: Reached, train: Train) -> Edges:
    """Execute a train on the phone and say when, on the clock of its stamps. Raises DeviceError if the phone cannot."""
    token = secrets.token_hex(8)
    said = _executed(phone, script(train, token, sysfs=phone.sysfs, proc=phone.proc), train, f"E {token}".encode())
    found = parse_pulses(said, token, len(train), phone.stamps)
    if isinstance(found, str):
        raise DeviceError(f"{phone.uri}: its shell did not execute the pulses of load: {found}")
    return found


def script(train: Train, token: str, *, sysfs: str = "/sys", proc: str = "/proc") -> str:
    """What the phone's shell executes; `token` (letters, digits) marks its first and last line."""
    words = [f"{round(busy_s * UNITS_PER_S)}:{pause_s:.4f}" for busy_s, pause_s in train]
    return _SCRIPT.format(
        token=token,
        cpus=shlex.quote(f"{sysfs}/devices/system/cpu"),
        uptime=shlex.quote(f"{proc}/uptime"),
        train=" ".join(words),
    )


def parse_pulses(said: bytes, token: str, asked: int, stamps: PhoneStamps) -> Edges | str:
    """The edges that the script printed, whatever came, or what is wrong with it."""
    begin, end = f"H {token} ".encode(), f"E {token}".encode()
    lines = [line.strip() for line in said[:LIMIT_B].split(b"\n")]
    places = [at for at, line in enumerate(lines) if line.startswith(begin)]
    if not places or end not in lines[places[0] :]:
        return f"it printed {said[:80]!r}"
    edges = [line for line in lines[places[0] + 1 : lines.index(end, places[0])] if line]
    found = [_EDGE.fullmatch(line) for line in edges]
    if [match and match[1] for match in found] != [b"B", b"F"] * asked:
        return f"{asked} pulses were asked for, and it printed {b' / '.join(edges)[:80]!r}"
    words = [(match[2], match[3]) for match in found if match is not None]
    return _edges([stamps.to_ns(epoch, uptime) for epoch, uptime in words], is_fine=all(epoch for epoch, _ in words))


def _edges(stamped_ns: Sequence[int | None], *, is_fine: bool) -> Edges | str:
    known = [stamp for stamp in stamped_ns if stamp is not None]
    if len(known) != len(stamped_ns):
        return "a stamp has no uptime"
    try:
        return Edges.of(list(zip(known[::2], known[1::2], strict=True)), BOUND_NS if is_fine else UPTIME_STEP_NS)
    except (ValueError, OverflowError):
        return "its clock did not go forward"


def _executed(phone: Reached, text: str, train: Train, last: bytes) -> bytes:
    """What the script printed up to its last line. Its input stays open meanwhile."""
    end_s = phone.monotonic_s() + length_s(train) + _BESIDE_S
    stream = phone.link.stream(text)
    said = b""
    try:
        while last not in said and len(said) < LIMIT_B:
            if phone.monotonic_s() >= end_s:
                raise LinkTimeout(f"{phone.uri}: pulses of load have not ended {_BESIDE_S:g} s after they should have")
            chunk = stream.read(_READ_S)
            if chunk is None:
                break
            said += chunk
        return said or stream.stderr
    finally:
        stream.close()

"""What a device's shell executes for one load: a script for mksh, bash or any POSIX shell, and the words it prints.

Each asked processor gets a loop of its own, pinned by `taskset`. All wait for one instant, and each stamps its own
beginning and end. Nothing is printed in between. Everything ends by itself when the time is over, at once when the
script's standard input ends or it is hung up on, and within a period when the script's first process is gone.
mksh's integers have 32 bits: time is counted in tenths of a millisecond since the start.

    H <token> <waits by>                 it begins
    U <cpu>                              this loop could not be pinned
    L <cpu> <loops> <stamp> <stamp>      a loop began, ended; stamps as in stamps.py ("-": bound to no processor)
    T <words>                            what the server, or wc, said of a transfer
    X <a> <b> <c> <words>                an exchange: microseconds when it began, was answered, was whole; the server
    N <words>                            why it cannot
    E <token>
"""

import shlex
from typing import Final

from edgewatt.profiler.collecting.checking import server_of
from edgewatt.profiler.collecting.load import Load

UNITS_PER_S: Final = 10_000
# From the first process to the instant at which all loops begin: a phone of 2016 forks a shell in some 10 ms (assumed).
LEAD_S: Final = 0.5
# The period of a duty ratio.
PERIOD_S: Final = 0.1
# So many bytes of one dd: much longer than starting it takes (512 MiB are 50 ms at 10 GB/s, 0.5 s at 1 GB/s).
BURST_B: Final = 512 << 20
# More exchanges of one load are counted and not listed.
LISTED: Final = 1000

_SCRIPT: Final = """\
: edgewatt-{token}
exec 3<&0 2>/dev/null
p=
trap 'kill $p;exit 0' HUP TERM PIPE
up(){{ u=;read -r u _ <{uptime};}}
up
if [ -z "$u" ];then echo "N its {uptime} cannot be read";exit 0;fi
if [ -n "$EPOCHREALTIME" ];then
e=$EPOCHREALTIME s=${{e%%[.,]*}}
wall(){{ e=$EPOCHREALTIME;w=$(((${{e%%[.,]*}}-s)*10000+(1${{e#*[.,]}}-1000000)/100));}}
micro(){{ wall;m=$(((${{e%%[.,]*}}-s)*1000000+1${{e#*[.,]}}-1000000));}}
else
e= s=${{u%%.*}}
wall(){{ up;w=$(((${{u%%.*}}-s)*10000+(1${{u#*.}}-100)*100));}}
micro(){{ wall;m=$((w*100));}}
fi
read -r -t 0.001 v <&3;case $? in 1|2) by=sleep;;*) by=read;;esac
if [ $by = read ];then
nap(){{ read -r -t $1 v <&3;case $? in 0|1|2) exit 0;;esac;}}
else
nap(){{ sleep $1||sleep 1;}}
fi
rest(){{ if [ $1 -gt 0 ];then f=$((10000+$1%10000));nap $(($1/10000)).${{f#1}};fi;wall;}}
begin(){{ wall;while [ $w -lt $go ];do rest $((go-w));done;b=$e;up;o="$b $u";n=0 k=$w;}}
over(){{ [ $w -ge $end ]||[ $w -lt $k ]||{{ k=$w;kill -0 $$||exit 0;false;}};}}
ended(){{ wall;b=$e;up;echo "L $1 $n $o $b $u";}}
{tool}
echo "H {token} $by"||exit 0
wall
go=$((w+{lead})) end=$((w+{lead}+{length}))
( while read -r v;do :;done <&3;kill -TERM $$ ) >/dev/null &
p=$!
{work}
for c in {loops};do
one $c &
q="$q $!" p="$p $!"
case $c in -) ;;*) m=$((1<<(c%4)));n=$((c/4))
while [ $n -gt 0 ];do m=${{m}}0;n=$((n-1));done
taskset -p $m $! >/dev/null 2>&1||echo "U $c";;esac
done
wait $q
kill $p
echo "E {token}"
"""

_IDLE: Final = "one(){ begin;rest $((end-w));ended $1;}"

_SPIN: Final = """\
one(){{ begin;t=$go
until over;do
t=$((t+{on}));if [ $t -gt $end ];then t=$end;fi
while wall;n=$((n+1));[ $w -lt $t ]&&[ $w -ge $k ];do :;done
if [ {off} -gt 0 ];then t=$((t+{off}));if [ $t -gt $end ];then t=$end;fi;rest $((t-w));fi
done
ended $1;}}"""

# Each loop takes a burst, then rests for its share.
_COPY: Final = """\
one(){{ begin
until over;do
a=$w
dd if=/dev/zero of=/dev/null bs={size} count={count}||{{ echo "N its dd failed";exit 0;}}
n=$((n+1))
wall
if [ {off} -gt 0 ];then d=$(((w-a)*{off}/{on}));if [ $d -gt $((end-w)) ];then d=$((end-w));fi;rest $d;fi
done
ended $1;}}"""

# The connection is made before the instant; what the server says ends the window, not what was under way behind it.
_SEND: Final = """\
one(){{ {{ wall;rest $((go-w));echo "S {ms}";exec cat /dev/zero;}}|$nc {host} {port}|{{
begin;read -r r;echo "T $r";ended $1;}};}}"""

_RECEIVE: Final = """\
one(){{ {{ wall;rest $((go-w));echo "R {ms}";}}|$nc {host} {port}|{{
begin;r=$(wc -c);echo "T $r";ended $1;}};}}"""

# A coprocess keeps one connection for all of them: mksh's and bash's ways to say it, which other shells cannot parse.
_EXCHANGE: Final = """\
one(){{ x=
if [ -n "$BASH_VERSION" ];then
eval 'coproc $nc {host} {port}'
eval 'exec 4>&${{COPROC[1]}} 5<&${{COPROC[0]}}'
else
eval '$nc {host} {port} |&'
eval 'exec 4>&p 5<&p'
fi
j=$!
echo "X 0 0 0" >&4
read -r -t 10 r <&5
begin
end=$((w+{length}))
until over;do
micro;a=$m
echo "X {sent} {received} {remote}" >&4||break
if [ {sent} -gt 0 ];then head -c {sent} /dev/zero >&4;fi
read -r -t 10 r <&5||break
micro;i=$m
if [ {received} -gt 0 ];then head -c {received} <&5 >/dev/null;fi
micro
n=$((n+1))
if [ $n -le {listed} ];then x="$x
X $a $i $m $r";fi
done
ended $1
kill $j
echo "$x";}}"""

# What a device needs to reach a server, in the order of trying.
NO_DD: Final = "it has no dd"
NO_NC: Final = "it has no nc, nor one of toybox or busybox"
NO_COPROCESS: Final = "its shell is neither mksh nor bash, and keeps no connection open for exchanges"
_DD: Final = f'if ! command -v dd >/dev/null;then echo "N {NO_DD}";exit 0;fi'
_NC: Final = """\
nc=
for c in toybox busybox;do if $c nc --help >/dev/null 2>&1;then nc="$c nc";fi;done
if command -v nc >/dev/null;then nc=nc;fi
if [ -z "$nc" ];then echo "N {no_nc}";exit 0;fi"""
_NC_ASKED: Final = _NC.format(no_nc=NO_NC)
_SHELL_ASKED: Final = f'{_NC_ASKED}\nif [ -z "$KSH_VERSION$BASH_VERSION" ];then echo "N {NO_COPROCESS}";exit 0;fi'

# What a device's shell has, in one line: taskset, nc, a coprocess, and its clock.
ASK: Final = (
    "command -v taskset >/dev/null&&echo taskset;command -v dd >/dev/null&&echo dd;"
    "for c in toybox busybox;do if $c nc --help >/dev/null 2>&1;then echo nc;fi;done;"
    "command -v nc >/dev/null&&echo nc;"
    'if [ -n "$KSH_VERSION$BASH_VERSION" ];then echo coprocess;fi;echo asked'
)


def script(load: Load, token: str, *, proc: str = "/proc") -> str:
    """What the shell executes; `token` (letters, digits) marks its first and last line. Raises UsageError."""
    work, tool = _work(load)
    loops = [str(cpu) for cpu in load.cpus] if load.kind in ("cpu", "memory") and _is_busy(load) else []
    return _SCRIPT.format(
        token=token,
        uptime=shlex.quote(f"{proc}/uptime"),
        lead=round(LEAD_S * UNITS_PER_S),
        length=round(load.seconds * UNITS_PER_S),
        tool=tool,
        work=work,
        loops=" ".join(loops or ["-"]),
    )


def _is_busy(load: Load) -> bool:
    return load.duty_ratio > 0 and bool(load.cpus)


def _work(load: Load) -> tuple[str, str]:
    """The loop of a load, and what it needs found first."""
    on = round(load.duty_ratio * PERIOD_S * UNITS_PER_S)
    off = round(PERIOD_S * UNITS_PER_S) - on
    if load.kind == "idle" or (load.kind in ("cpu", "memory") and not _is_busy(load)):
        return _IDLE, ""
    if load.kind == "cpu":
        return _SPIN.format(on=on, off=off), ""
    if load.kind == "memory":
        return _COPY.format(size=load.memory_b, count=burst(load.memory_b), on=max(on, 1), off=off), _DD
    host, port = server_of(load.address)
    words = {"host": shlex.quote(host), "port": port, "ms": round(load.seconds * 1000)}
    if load.kind == "send":
        return _SEND.format(**words), _NC_ASKED
    if load.kind == "receive":
        return _RECEIVE.format(**words), _NC_ASKED
    remote = round(load.remote_s * 1e6)
    sizes = {"sent": load.sent_b, "received": load.received_b, "remote": remote, "listed": LISTED}
    sizes |= {"length": round(load.seconds * UNITS_PER_S)}
    return _EXCHANGE.format(**words, **sizes), _SHELL_ASKED


def burst(memory_b: int) -> int:
    """How many blocks of `memory_b` bytes one dd moves."""
    return max(1, BURST_B // memory_b)

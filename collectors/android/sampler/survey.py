"""A first look at a phone's files: one command that expands patterns, tries to read each file, and says why not."""

import re
import shlex
from collections.abc import Iterable
from typing import Final

from edgewatt.collectors.android.files.nodes import Seen
from edgewatt.collectors.transports.link import LinkLost, LinkTimeout
from edgewatt.collectors.transports.reached import Reached
from edgewatt.profiler.errors import DeviceError

# Assumed, generously: a file of sysfs has at most a page, /proc/stat of 16 cores some kilobytes.
FILE_LIMIT_B: Final = 64 << 10
FILES_LIMIT: Final = 4000
OUTPUT_LIMIT_B: Final = 32 << 20
# Some drivers wake a chip to answer, which takes a while; one that is gone never does.
HANGS_S: Final = 3.0
HANGING_LIMIT: Final = 8
# A phone that takes so long for a command that does nothing is not fit to tell whether a file hangs.
SLOW_S: Final = 2.0

MISSING: Final = "not there"
DENIED: Final = "permission denied"
FAILS: Final = "it fails to read"
HANGS: Final = "it did not answer"
EMPTY: Final = "it is empty"
TOO_LONG: Final = f"it is longer than {FILE_LIMIT_B >> 10} KiB"
NO_TEXT: Final = "it has control characters, so that it is no text"
STRANGE: Final = "a file's name has characters that no kernel gives it, and is not touched"
TOO_MANY: Final = f"more than {FILES_LIMIT} files match; this one was not looked at"
_REASONS: Final = {
    b"missing": MISSING,
    b"denied": DENIED,
    b"fails": FAILS,
    b"empty": EMPTY,
    b"long": TOO_LONG,
    b"strange": STRANGE,
    b"many": TOO_MANY,
    b"hangs": HANGS,
}

FIELD: Final = "\x1f"
LINE: Final = "\x1e"
PATH: Final = re.compile(r"/[A-Za-z0-9_./:@+,=%~ -]+")
_PATTERN: Final = re.compile(r"\{(sysfs|proc|root)\}(/[A-Za-z0-9_./:@+,=%~*?\[\]-]+)")
_BEGUN: Final = re.compile(rb"[^!]{0,4096}!([0-9]{1,10})\r?\n")
_GLOB: Final = re.compile(r"[*?\[]")

# Not `ls`: it may fail where an open works. mksh's `read` tells an error (2) from an end (1), dash's does not.
_SCRIPT: Final = f"""\
exec 2>/dev/null
IFS=
U='{FIELD}' R='{LINE}' c=0
if [ -n "$KSH_VERSION" ];then eval 'out(){{ print -r -- "$1"||exit 1;}}';else out(){{ printf '%s\\n' "$1"||exit 1;}};fi
out "!$$"
why(){{
k=denied d=${{1%/*}}
if [ -e "$1" ];then return;fi
while [ -n "$d" ]&&[ ! -d "$d" ];do d=${{d%/*}};done
if [ -x "$d/." ];then k=missing;fi
}}
look(){{
if [ $c -ge {FILES_LIMIT} ];then out "$2${{U}}many";return;fi
{{skip}}c=$((c+1)) k=0 n=0 v= w=
if [ "$1" != "$2" ];then case ${{1#"$3"}} in *[!A-Za-z0-9_./:@+,=%~-]*) out "$2${{U}}strange";return;;esac;fi
out "?$1"
{{ k=1;while read -r w||{{ k=$?;[ -n "$w" ];}};do v=$v$R$w n=$((n+${{#w}}+1)) w=
if [ $n -gt {FILE_LIMIT_B} ];then k=3;break;fi
done;}} <"$1"
case $k in 3) out "$1${{U}}long";return;;0) why "$1";;2) k=fails;;*) k=empty;;esac
if [ -n "${{v#$R}}" ];then out "$1${{U}}ok$U${{v#$R}}";else out "$1$U$k";fi
}}
"""


def survey(phone: Reached, patterns: Iterable[str]) -> dict[str, Seen]:
    """What each file that matches a pattern says, by path; a pattern that matches nothing is there under its own name.

    Patterns begin with `{sysfs}`, `{proc}` or `{root}`, which stand for the phone's own. A text has its lines joined by
    one newline each and none at the end. A file that never answers is left out of a second look. Raises DeviceError if
    the phone does not answer, ValueError for a pattern that is none.
    """
    asked, hanging = tuple(patterns), list[str]()
    for _ in range(2 * HANGING_LIMIT):
        output, pid = _said(phone, survey_script(phone, asked, hanging))
        if pid is None:
            return parse_survey(output, asked=f"a look at the files of {phone.uri}")
        began_s = phone.monotonic_s()
        phone.sh(f"kill -9 {pid}")
        path = _last_begun(output)
        if path is None or path in hanging or len(hanging) >= HANGING_LIMIT:
            break
        # It was not the file but the phone that did not answer: then the file is tried again.
        if phone.monotonic_s() - began_s < SLOW_S:
            hanging.append(path)
    raise DeviceError(f"{phone.uri}: a look at its files did not come to its end; it left out {hanging or 'nothing'}")


def survey_script(phone: Reached, patterns: Iterable[str], hanging: Iterable[str] = ()) -> str:
    """The command for `survey`, which does not touch the paths in `hanging`."""
    left_out = "|".join(map(shlex.quote, hanging))
    skip = f'case $1 in {left_out}) out "$1${{U}}hangs";return;;esac\n' if left_out else ""
    asking = "".join(_asking(phone, pattern) for pattern in patterns)
    return _SCRIPT.replace("{skip}", skip) + asking + 'out ".$U$c"\n'


def _said(phone: Reached, command: str) -> tuple[bytes, int | None]:
    """What the script printed; and, if it stopped in the middle of it, its process."""
    link = phone.link
    try:
        stream = link.stream(command)
    except LinkLost:
        phone.reconnect()
        stream = phone.link.stream(command)
    output = bytearray()
    try:
        while (chunk := stream.read(HANGS_S)) is not None:
            output += chunk
            if len(output) > OUTPUT_LIMIT_B:
                raise DeviceError(f"{phone.uri}: a look at its files printed more than {OUTPUT_LIMIT_B >> 20} MiB")
            if not chunk:
                begun = _BEGUN.match(output)
                if begun is None:
                    raise LinkTimeout(f"{phone.uri}: its shell did not begin within {HANGS_S:g} s")
                return bytes(output), int(begun[1])
    finally:
        stream.close()
    return bytes(output), None


def _last_begun(output: bytes) -> str | None:
    """The path that was announced last, if it is one."""
    names = [line[1:].rstrip(b"\r") for line in output.split(b"\n") if line.startswith(b"?")]
    path = names[-1].decode("utf-8", "replace") if names else ""
    return path if PATH.fullmatch(path) else None


def parse_survey(output: bytes, *, asked: str = "a look at the phone's files") -> dict[str, Seen]:
    """What `survey_script` printed. Raises DeviceError if its end is missing."""
    seen: dict[str, Seen] = {}
    for line in output.split(b"\n"):
        path, *rest = line.rstrip(b"\r").split(FIELD.encode())
        if path == b"." and len(rest) == 1 and rest[0].isdigit():
            return seen
        name = path.decode("utf-8", "replace")
        if len(rest) == 2 and rest[0] == b"ok" and PATH.fullmatch(name):
            text = rest[1][: FILE_LIMIT_B + 1].decode("utf-8", "replace").replace(LINE, "\n")
            seen[name] = Seen(name, text)
        elif len(rest) > 2 and rest[0] == b"ok" and PATH.fullmatch(name):
            seen[name] = Seen(name, None, NO_TEXT)
        elif len(rest) == 1 and rest[0] in _REASONS:
            seen.setdefault(name, Seen(name, None, _REASONS[rest[0]]))
    raise DeviceError(f"{asked} did not come to its end ({len(output)} bytes, {len(seen)} files)")


def _asking(phone: Reached, pattern: str) -> str:
    parts = _PATTERN.fullmatch(pattern)
    if parts is None:
        begins = "{sysfs}, {proc} or {root}"
        raise ValueError(f"{pattern!r} is no pattern: expected {begins} and a path of plain characters")
    root = {"sysfs": phone.sysfs, "proc": phone.proc, "root": phone.root}[parts[1]]
    if not (root == "" or PATH.fullmatch(root)):
        raise ValueError(f"{root!r} is no folder of a phone: expected a path of plain characters")
    whole = shlex.quote(root + parts[2])
    if not _GLOB.search(parts[2]):
        return f"look {whole} {whole}\n"
    return f'for p in {shlex.quote(root)}{parts[2]};do look "$p" {whole} {shlex.quote(root)};done\n'

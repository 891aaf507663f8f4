"""What the guard's process executes on the phone: make its folder or take it over, wait, put things back.

In POSIX sh, for mksh and dash, with toybox's tools. adbd hangs up (SIGHUP) on the shell that it started and on nothing
that this one started (observed with adbd 34), so that one has to ignore it to outlive its connection.
"""

import shlex
from typing import Final

# What a guard prints once it watches, before how it came by its folder, its process, and how many it swept away.
READY: Final = "guard"
MADE, KEPT = "made", "kept"
FAILED: Final = "failed:"

# How long one undo may take before the next one has its turn; assumed: `svc` and `settings` take a second or two.
UNDO_LIMIT_S: Final = 20
# How often, once a second, it tries to get the folder's lock from a guard that is just taking over or putting back.
LOCK_TRIES: Final = 30

# A folder whose guard is gone (a phone may end all that its adbd had started) is put back by the next guard.
_SCRIPT: Final = """\
trap '' HUP INT TERM PIPE
umask 077
how=kept n=0 swept=0 within=
command -v timeout >/dev/null && within="timeout $limit"
putback() {
  for f in $(ls -r "$1/undo" 2>/dev/null); do
    case $f in *[!0-9]*) ;; *) $within sh "$1/undo/$f" </dev/null >/dev/null 2>&1 ;; esac
  done
  rm -rf "$1"
}
fail() { [ $how = kept ] || rm -rf "$dir"; echo "failed: $1"; exit 1; }
mine() { read -r x _ 2>/dev/null <"$dir/guard" && [ "$x" = "$id" ]; }
for d in "${dir%-*}"-????????????????; do
  [ "$d" != "$dir" ] && read -r _ p 2>/dev/null <"$d/guard" || continue
  case $p in ''|*[!0-9]*) continue ;; esac
  grep -q "${d##*/}" "$proc/$p/cmdline" 2>/dev/null || { putback "$d"; swept=$((swept+1)); }
done
until said=$(mkdir "$dir/lock" 2>&1); do
  if [ ! -d "$dir" ]; then
    said=$(mkdir "$dir" 2>&1) || fail "$said"
    how=made
    said=$(mkdir "$dir/undo" 2>&1) || fail "$said"
  else
    n=$((n+1))
    [ $n -le $tries ] || fail "$said"
    sleep 1
  fi
done
said=$({ echo "$id $$" >"$dir/new"; } 2>&1)
read -r x _ 2>/dev/null <"$dir/new"
[ "$x" = "$id" ] && said=$(mv -f "$dir/new" "$dir/guard" 2>&1) || { rmdir "$dir/lock"; fail "$said"; }
rmdir "$dir/lock"
echo "guard $how $$ $swept"
if [ -n "$within" ] && [ ! -t 0 ]; then timeout $deadline cat >/dev/null 2>&1; else read -r _; fi
mine && read -r g 2>/dev/null <"$dir/grace" && grace=$g
n=0
while [ $n -lt "$grace" ]; do mine || exit 0; sleep 1; n=$((n+1)); done
n=0
until mkdir "$dir/lock" 2>/dev/null; do
  mine && [ $n -lt $tries ] || break
  sleep 1
  n=$((n+1))
done
mine || { rmdir "$dir/lock" 2>/dev/null; exit 0; }
putback "$dir"
"""


def guard_script(folder: str, identity: str, *, proc: str, grace_s: int, deadline_s: int) -> str:
    """Make `folder` or take it over, say so, wait for the end of standard input and for the grace; then put back.

    Nothing is put back if another guard took over meanwhile, or the folder is gone. `folder` ends in `-<16 hex>`.
    """
    words = {"dir": folder, "id": identity, "proc": proc, "grace": grace_s, "deadline": deadline_s}
    values = {**words, "limit": UNDO_LIMIT_S, "tries": LOCK_TRIES}
    return "\n".join(f"{name}={shlex.quote(str(value))}" for name, value in values.items()) + f"\n{_SCRIPT}"

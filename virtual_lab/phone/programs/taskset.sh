#!/bin/sh
# taskset MASK PROGRAM..., taskset -p [MASK] PROCESS (toybox's; its words are remembered): takes no processor of this
# machine, which may not have that many; but what a pinned process does is a load of those of the phone's.
name=taskset
known=$EDGEWATT_LAB/run/affinity
online=$(cat "$EDGEWATT_LAB/state/online_mask")
case ${1-} in
-p | -ap | -pa) shift; if [ $# -gt 1 ]; then mask=${1#0x}; pid=$2; else mask=; pid=${1-}; fi; set -- ;;
-*) echo "$name: unknown option ${1#-}" >&2; exit 1 ;;
*) mask=${1#0x}; pid=$$; [ $# -gt 1 ] || { echo "$name: needs 2 arguments" >&2; exit 1; }; shift ;;
esac
case $pid in '' | *[!0-9]*) echo "$name: not a number: $pid" >&2; exit 1 ;; esac
case $mask in *[!0-9a-fA-F]* | ?????????????????*) echo "$name: bad mask '$mask'" >&2; exit 1 ;; esac
if [ $# -eq 0 ]; then
  [ -d "/proc/$pid" ] || { echo "$name: failed to get pid $pid's affinity: No such process" >&2; exit 1; }
  now=$online
  [ -e "$known/$pid" ] && read -r now <"$known/$pid"
  echo "pid $pid's current affinity mask: $now"
  [ -n "$mask" ] || exit 0
fi
mask=$(printf %x $((0x${mask:-0} & 0x$online)))
[ "$mask" != 0 ] || { echo "$name: failed to set pid $pid's affinity: Invalid argument" >&2; exit 1; }
echo "$mask" >"$known/$pid"
echo "$pid $mask" >>"$EDGEWATT_LAB/run/pins"
if [ $# -eq 0 ]; then echo "pid $pid's new affinity mask: $mask"; exit 0; fi
exec "$@"

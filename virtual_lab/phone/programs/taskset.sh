#!/bin/sh
# taskset [-p] MASK PROCESS|PROGRAM...: takes no processor, which the machine's are not; but the loops of a shell that is
# pinned are a load of the phone's.
watch() { $EDGEWATT_SPINNING "$1"; }
case $1 in
-p|-ap|-pa)
    if [ -n "$3" ]; then watch "$3"; else echo "pid $2's current affinity mask: ff"; fi
    exit 0
    ;;
esac
shift
case $1 in sh|*/sh) watch $$ ;; esac
exec "$@"

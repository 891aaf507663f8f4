#!/bin/sh
# sh ...: a shell of the machine's own, seen in the phone's /proc as it would be there.
[ -e "$EDGEWATT_LAB/../proc/$$" ] || ln -s "/proc/$$" "$EDGEWATT_LAB/../proc/$$" 2>/dev/null
exec ${EDGEWATT_SH:-/bin/sh} "$@"

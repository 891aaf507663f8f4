#!/bin/sh
# setprop NAME VALUE: read-only properties stay as they are.
case ${1-} in
'' | *[!A-Za-z0-9_.-]*) echo "usage: setprop NAME VALUE" >&2; exit 1 ;;
ro.*) echo "Failed to set property '$1' to '${2-}'. See dmesg for error reason." >&2; exit 1 ;;
esac
printf '%s\n' "${2-}" >"$EDGEWATT_LAB/props/$1"

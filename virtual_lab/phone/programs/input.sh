#!/bin/sh
# input keyevent 223|224|26: sleep, wake up, power (android.view.KeyEvent)
screen=$EDGEWATT_LAB/state/screen
[ "${1-}" = keyevent ] || { echo "Error: Unknown command: ${1-}" >&2; exit 255; }
case ${2-} in
223 | KEYCODE_SLEEP) to=off ;;
224 | KEYCODE_WAKEUP) to=on ;;
26 | KEYCODE_POWER) read -r to <"$screen"; case $to in on) to=off ;; *) to=on ;; esac ;;
*) exit 0 ;;
esac
echo $to >"$screen"
echo "now $$ set screen $to" >>"$EDGEWATT_LAB/run/events"

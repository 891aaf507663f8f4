#!/bin/sh
# cmd SERVICE ...: those of the services' commands that a measurement asks for.
service=${1-}
on() { settings get global "$1"; }
case "$*" in
"wifi status")
  [ -e "$EDGEWATT_LAB/run/wifi" ] || { echo "Unknown command: status"; exit 255; }
  if [ "$(on wifi_on)" = 0 ]; then echo "Wifi is disabled"; else cat "$EDGEWATT_LAB/run/wifi"; fi ;;
"wifi set-wifi-enabled enabled") settings put global wifi_on 1 ;;
"wifi set-wifi-enabled disabled") settings put global wifi_on 0 ;;
"connectivity airplane-mode") if [ "$(on airplane_mode_on)" = 1 ]; then echo enabled; else echo disabled; fi ;;
"connectivity airplane-mode enable")
  settings put global airplane_mode_on 1
  case $(on airplane_mode_radios) in *wifi*) settings put global wifi_on 3 ;; esac
  case $(on airplane_mode_radios) in *bluetooth*) settings put global bluetooth_on 0 ;; esac ;;
"connectivity airplane-mode disable") settings put global airplane_mode_on 0 ;;
"battery unplug" | "battery reset" | "battery set "*) shift; exec dumpsys battery "$@" ;;
"battery get level") dumpsys battery | while read -r key value; do [ "$key" = level: ] && echo "$value"; done ;;
*)
  case $service in
  wifi | connectivity | battery | power) echo "Unknown command: ${2-}"; exit 255 ;;
  *) echo "cmd: Can't find service: $service" >&2; exit 20 ;;
  esac ;;
esac

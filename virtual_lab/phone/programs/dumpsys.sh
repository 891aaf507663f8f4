#!/bin/sh
# dumpsys SERVICE ...: what a service of this phone says now; the kernel keeps the texts current.
run=$EDGEWATT_LAB/run
faked=$EDGEWATT_LAB/state/battery_faked
case "$*" in
"battery unplug") echo unplug >"$faked"; exit 0 ;;
"battery set "*) echo set >"$faked"; exit 0 ;;
"battery reset") rm -f "$faked"; exit 0 ;;
esac
case ${1-} in
battery)
  if [ -e "$faked" ]; then
    echo "Current Battery Service state:"
    echo "  (UPDATES STOPPED -- use 'reset' to restart)"
    while read -r line; do
      case $line in
      Current*) ;;
      *powered:*) printf '  %s\n' "${line%%:*}: false" ;;
      *) printf '  %s\n' "$line" ;;
      esac
    done <"$run/battery"
  else
    cat "$run/battery"
  fi ;;
power)
  # Times are of CLOCK_MONOTONIC in ms, which stops while the phone sleeps.
  read -r now <"$run/monotonic"
  read -r screen <"$EDGEWATT_LAB/state/screen"
  read -r powered <"$EDGEWATT_LAB/state/powered"
  stay=$(settings get global stay_on_while_plugged_in)
  lock=false
  [ "$powered" = true ] && [ "${stay:-0}" != 0 ] && [ "$stay" != null ] && lock=true
  case $screen in on) awake=Awake display=ON ;; *) awake=Asleep display=OFF ;; esac
  echo "POWER MANAGER (dumpsys power)"
  echo
  echo "Power Manager State:"
  echo "  mWakefulness=$awake"
  echo "  mIsPowered=$powered"
  echo "  mStayOn=$lock"
  echo "  mLowPowerModeEnabled=false"
  echo "  mLastWakeTime=$((now-2500)) (2500 ms ago)"
  echo "  mLastUserActivityTime=$((now-1200)) (1200 ms ago)"
  echo
  echo "Wake Locks: size=0"
  echo
  echo "Display Power: state=$display" ;;
batterystats)
  case " $* " in
  *" --checkin "* | *" -c "*) cat "$run/batterystats_checkin" ;;
  *" --history "*) cat "$run/batterystats_history" ;;
  *) cat "$run/batterystats_history"; echo; echo "Statistics since last charge:"; echo "  (a virtual phone keeps none)" ;;
  esac ;;
SurfaceFlinger)
  case ${2-} in
  --list) cat "$EDGEWATT_LAB/state/layers" ;;
  --latency-clear) ;;
  --latency)
    case ${3-} in
    *Game*) cat "$run/surfaceflinger_latency" ;;
    *) read -r period <"$run/surfaceflinger_latency"; echo "$period" ;;
    esac ;;
  *) echo "Build configuration:"; echo " [a virtual phone says no more]" ;;
  esac ;;
wifi)
  if [ "$(settings get global wifi_on)" = 0 ]; then echo "Wi-Fi is disabled"; else cat "$run/dumpsys_wifi"; fi ;;
thermalservice | gpu | bluetooth_manager | android.hardware.power.stats.IPowerStats/default)
  file=$run/$(printf %s "$1" | tr / _)
  if [ -e "$file" ]; then cat "$file"; else echo "Can't find service: $1" >&2; exit 0; fi ;;
-l) echo "Currently running services:"; echo "  battery"; echo "  power" ;;
'') echo "Currently running services:" ;;
*) echo "Can't find service: $1" >&2; exit 0 ;;
esac

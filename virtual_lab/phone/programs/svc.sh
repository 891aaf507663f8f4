#!/bin/sh
# svc power stayon true|false|usb|ac|wireless; svc wifi|bluetooth|data enable|disable
case "$*" in
"power stayon true") settings put global stay_on_while_plugged_in 15; input keyevent 224 ;;
"power stayon false") settings put global stay_on_while_plugged_in 0 ;;
"power stayon usb") settings put global stay_on_while_plugged_in 2; input keyevent 224 ;;
"power stayon ac") settings put global stay_on_while_plugged_in 1; input keyevent 224 ;;
"power stayon wireless") settings put global stay_on_while_plugged_in 4; input keyevent 224 ;;
"wifi enable") settings put global wifi_on 1 ;;
"wifi disable") settings put global wifi_on 0 ;;
"bluetooth enable") settings put global bluetooth_on 1 ;;
"bluetooth disable") settings put global bluetooth_on 0 ;;
"data enable" | "data disable") ;;
*) echo "usage: svc [power|wifi|bluetooth|data] ..."; exit 1 ;;
esac

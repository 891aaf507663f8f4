#!/bin/sh
# settings get|put|delete|list NAMESPACE [KEY [VALUE]]
case "${1-} ${2-}" in
"get system" | "put system" | "delete system" | "list system") ;;
"get global" | "put global" | "delete global" | "list global") ;;
"get secure" | "put secure" | "delete secure" | "list secure") ;;
*) echo "Invalid command: settings $*" >&2; exit 255 ;;
esac
folder=$EDGEWATT_LAB/settings/$2
if [ "$1" = list ]; then
  for file in "$folder"/*; do
    [ -e "$file" ] && read -r value <"$file" && printf '%s=%s\n' "${file##*/}" "$value"
  done
  exit 0
fi
case ${3-} in '' | *[!A-Za-z0-9_.-]*) echo "Bad arguments" >&2; exit 255 ;; esac
case $1 in
get) if read -r value 2>/dev/null <"$folder/$3"; then printf '%s\n' "$value"; else echo null; fi ;;
put) printf '%s\n' "${4-}" >"$folder/$3" && echo "now $$ set $3 ${4-}" >>"$EDGEWATT_LAB/run/events" ;;
delete)
  if [ -e "$folder/$3" ]; then rm -f "$folder/$3"; echo "Deleted 1 rows"; else echo "Deleted 0 rows"; fi ;;
esac

#!/bin/sh
# getprop [NAME [DEFAULT]]: a system property, "" where there is none; without a name all of them.
props=$EDGEWATT_LAB/props
case ${1-} in
'')
  for file in "$props"/*; do
    read -r value <"$file" || value=
    printf '[%s]: [%s]\n' "${file##*/}" "$value"
  done ;;
*[!A-Za-z0-9_.-]*) echo ;;
*) if read -r value 2>/dev/null <"$props/$1"; then printf '%s\n' "$value"; else printf '%s\n' "${2-}"; fi ;;
esac

#!/bin/sh
# id [-u]: the shell user of a phone, or root on one that is rooted.
read -r uid <"$EDGEWATT_LAB/state/uid"
case "$uid ${1-}" in
*" -u") echo "$uid" ;;
0*) echo "uid=0(root) gid=0(root) groups=0(root) context=u:r:su:s0" ;;
*) echo "uid=2000(shell) gid=2000(shell) groups=2000(shell),1004(input),1007(log) context=u:r:shell:s0" ;;
esac

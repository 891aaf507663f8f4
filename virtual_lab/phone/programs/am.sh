#!/bin/sh
# am start|broadcast|force-stop ...: accepted, and nothing comes of it.
case ${1-} in
start) shift; echo "Starting: Intent { $* }" ;;
broadcast) echo "Broadcasting: Intent { }"; echo "Broadcast completed: result=0" ;;
force-stop | kill | set-inactive) ;;
*) echo "Error: unknown command '${1-}'" >&2; exit 255 ;;
esac

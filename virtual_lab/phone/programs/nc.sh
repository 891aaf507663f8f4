#!/bin/sh
# nc HOST PORT: TCP through the phone's radio.
exec "$EDGEWATT_PYTHON" -m edgewatt.virtual_lab.phone.netcat "$@"

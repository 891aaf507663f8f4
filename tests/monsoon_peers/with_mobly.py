"""MonsoonProxy of mobly 1.10.1 on a serial port: `with_mobly.py PORT VOLTS PASSTHROUGH SAMPLES`."""

import json
import sys

from mobly.controllers import monsoon

port, volts, passthrough, samples = sys.argv[1], float(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
meter = monsoon.MonsoonProxy(device=port)
before = meter.GetStatus()
meter.SetVoltage(volts)
meter.SetMaxCurrent(5)
meter.SetMaxPowerUpCurrent(6)
meter.SetUsbPassthrough(passthrough)
after = meter.GetStatus()
meter.StartDataCollection()
found: list[float] = []
while len(found) < samples:
    found += meter.CollectData()
meter.StopDataCollection()
meter._FlushInput()
answer = {"before": before, "after": after, "samples": len(found), "main_a": sum(found) / len(found)}
print(json.dumps({**answer, "passthrough": meter.GetUsbPassthrough(), "voltage_v": meter.GetVoltage()}))

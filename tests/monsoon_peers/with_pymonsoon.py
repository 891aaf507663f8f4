"""PyMonsoon 0.1.88 on the lab's USB: `with_pymonsoon.py SOCKET MODEL VOLTS SAMPLES`.

It asks pyusb for a device without naming a backend, so the lab's takes the place of libusb's; nothing of it is changed.
"""

import json
import sys

import numpy as np
import usb.backend.libusb1

from edgewatt.virtual_lab.monsoon.usb import backend_at

path, model, volts, samples = sys.argv[1], sys.argv[2], float(sys.argv[3]), int(sys.argv[4])
lab = backend_at(path)
usb.backend.libusb1.get_backend = lambda find_library=None: lab  # noqa: ARG005

from Monsoon import HVPM, LVPM, sampleEngine  # noqa: E402

meter = (HVPM if model == "hvpm" else LVPM).Monsoon()
(serial,) = meter.enumerateDevices()
meter.setup_usb(serial)
meter.setVout(volts)
meter.setUSBPassthroughMode(1)
if model == "hvpm":  # LVPM's setters of limits raise AttributeError
    meter.setRunTimeCurrentLimit(7)
    meter.setPowerUpCurrentLimit(9)
meter.fillStatusPacket()
status = {name: value for name, value in vars(meter.statusPacket).items() if isinstance(value, int | float)}
engine = sampleEngine.SampleEngine(meter)
engine.ConsoleOutput(False)
for channel in (sampleEngine.channels.USBCurrent, sampleEngine.channels.USBVoltage):
    engine.enableChannel(channel)
engine.setStartTrigger(sampleEngine.triggers.GREATER_THAN, 0)
engine.setStopTrigger(sampleEngine.triggers.GREATER_THAN, 1e9)
engine.setTriggerChannel(sampleEngine.channels.timeStamp)
engine.startSampling(samples)
_, main_ma, usb_ma, _, main_v, usb_v = (np.array(column, float) for column in engine.getSamples())
meter.setUSBPassthroughMode(0)
meter.closeDevice()
answer = {
    "serial": serial,
    "status": status,
    "samples": len(main_ma),
    "main_a": main_ma.mean() / 1e3,
    "usb_a": usb_ma.mean() / 1e3,
    "main_v": main_v.mean(),
    "usb_v": usb_v.mean(),
}
print(json.dumps(answer))

"""PyMonsoon 0.1.88's sample engine on packets in memory: `monsoon_decode_pymonsoon.py FILE TURNS`, in its environment.

Nothing of it is changed, and it decodes what it does by default: main current and voltage. An object that hands over
one packet after the other, as its driver does, stands for USB. FILE has packets, each behind a byte with its length. A
line of JSON: samples, and seconds of processor time of each turn.
"""

import json
import sys
import time
from array import array
from pathlib import Path

from Monsoon import HVPM, sampleEngine
from Monsoon import Operations as op  # noqa: N813

# What an HVPM says of itself; all others as 0.
VALUES = {
    op.OpCodes.setMainFineScale: 36500,
    op.OpCodes.setMainCoarseScale: 6400,
    op.OpCodes.SetMainFineZeroOffset: 15,
    op.OpCodes.SetMainCoarseZeroOffset: 15,
    op.OpCodes.setUSBFineScale: 14000,
    op.OpCodes.setUSBCoarseScale: 600,
    op.OpCodes.setAuxFineScale: 3100,
    op.OpCodes.setAuxCoarseScale: 250,
}


class Prepared:
    """Stands for its USB_protocol."""

    def __init__(self, packets: list["array[int]"]) -> None:
        self.packets = iter(packets)

    def Connect(self, *_: object) -> None:  # noqa: N802
        """There is nothing to connect."""

    def getValue(self, operation: int, *_: object) -> int:  # noqa: N802
        """What the meter says."""
        return VALUES.get(operation, 0)

    def startSampling(self, *_: object) -> None:  # noqa: N802
        """The packets are there already."""

    def stopSampling(self) -> None:  # noqa: N802
        """Nothing to stop."""

    def BulkRead(self) -> "array[int]":  # noqa: N802
        """The next packet."""
        return next(self.packets)


def split(data: bytes) -> list["array[int]"]:
    """The packets of a file."""
    packets, at = [], 0
    while at < len(data):
        packets.append(array("B", data[at + 1 : at + 1 + data[at]]))
        at += 1 + data[at]
    return packets


def decode(packets: list["array[int]"], samples: int) -> int:
    """The samples it finds, asked for so many."""
    meter = HVPM.Monsoon()
    meter.setup_usb("1", Prepared(packets))
    engine = sampleEngine.SampleEngine(meter)
    engine.ConsoleOutput(False)
    engine.setStartTrigger(sampleEngine.triggers.GREATER_THAN, 0)
    engine.setStopTrigger(sampleEngine.triggers.GREATER_THAN, 1e9)
    engine.setTriggerChannel(sampleEngine.channels.timeStamp)
    engine.startSampling(samples)
    return len(engine.getSamples()[1])


prepared, seconds, found = split(Path(sys.argv[1]).read_bytes()), [], 0
asked = int(2.9 * len(prepared))  # its packets have three samples, some of which calibrate
for _ in range(int(sys.argv[2])):
    began_s = time.process_time()
    found = decode(prepared, asked)
    seconds.append(time.process_time() - began_s)
print(json.dumps({"samples": found, "seconds": seconds}))

"""Streams of bytes made in advance, for benchmarks and tests of decoders."""

from typing import Final, Unpack

from edgewatt.virtual_lab.monsoon import usb_wire
from edgewatt.virtual_lab.monsoon.feeds import Constant, Feed
from edgewatt.virtual_lab.monsoon.lvpm import Lvpm
from edgewatt.virtual_lab.monsoon.lvpm_wire import frame
from edgewatt.virtual_lab.monsoon.meter import SLOT_NS
from edgewatt.virtual_lab.monsoon.setup import How, assembled, on_usb
from edgewatt.virtual_lab.monsoon.usb_meter import UsbMeter

# What hangs on a meter if nothing else is said.
DRAWN: Final = Constant(0.75)
_START: Final = frame(bytes.fromhex("02ffffffff03e8"))
_CALIBRATION_MS: Final = 1250
# Slots beyond the samples: calibrations take 0.1 % of them, and the clock may be slow.
_MARGIN: Final = 1.01


def lvpm_bytes(samples: int, feed: Feed | None = None, **how: Unpack[How]) -> bytes:
    """What the serial LVPM sends from its start on: at least `samples` data entries, calibrations first and between."""
    lvpm = Lvpm(assembled("lvpm", feed or DRAWN, **how))
    lvpm.take(_START, 0)
    return lvpm.until(_enough_ns(samples))


def usb_packets(samples: int, model: str = "hvpm", feed: Feed | None = None, **how: Unpack[How]) -> list[bytes]:
    """The bulk packets of a USB meter, `hvpm` or `lvpm`, from its start on: at least `samples` measurements."""
    usb = UsbMeter(assembled(on_usb(model), feed or DRAWN, **how))
    usb.put(usb_wire.TO_METER, usb_wire.START, _CALIBRATION_MS, 0, b"\xff" * 4, 0)
    return usb.prompt(_enough_ns(samples))


def _enough_ns(samples: int) -> int:
    return round(SLOT_NS * (_MARGIN * samples + 100))

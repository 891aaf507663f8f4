"""What the words mean by which a number says where on the power path its joules were taken."""

from typing import Final

from edgewatt.profiler.channel import Boundary

# The same table is in docs/meters.md, with what to mind of each.
MEANING: Final[dict[Boundary, str]] = {
    "battery_bypass": "a meter in place of the battery: all that the device draws, the cell's losses outside",
    "battery_series": "a meter between battery and device: all that the device draws, at the cell's own voltage",
    "usb_inline": "a meter in the USB cable: the device, its charging and its charger's losses",
    "gauge": "the device's own battery gauge: what flows through its sense resistor, into or out of the cell",
    "rail": "the output of one regulator: that part of the board and nothing else",
    "board": "the supply of a board or card: everything on it, its regulators too, but not the supply's own losses",
    "wall": "the mains: everything, the supply's losses too",
}
UNKNOWN: Final = "a place of the power path that this version of edgewatt has no word for"


def meaning(boundary: str) -> str:
    """What a boundary takes in, in words."""
    return next((text for word, text in MEANING.items() if word == boundary), UNKNOWN)

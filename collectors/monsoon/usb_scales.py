"""What an LVPM or HVPM keeps of its own scales, read over USB, and its current limits.

Second-hand: PyMonsoon, HVPM.py and LVPM.py. The fine scales are in uA and the coarse ones in mA between zero and
reference. An HVPM stores them; an LVPM stores how far its resistors are off (0.1 milliohm a step, signed).
"""

from typing import Final, Protocol, runtime_checkable

from edgewatt.collectors.monsoon.calibration import CHANNELS, Scales
from edgewatt.collectors.monsoon.meter import Model

UA, MA = 1e-6, 1e-3
# By channel: fine, coarse.
_SCALES: Final = ((0x1A, 0x1B), (0x1C, 0x1D), (0x1E, 0x1F))
_ZEROS: Final = ((0x25, 0x26), (0x27, 0x28))
_RESISTORS: Final = ((0x02, 0x11), (0x0D, 0x12), (0x0E, 0x13))
# Fine and coarse in ampere at these ohms. PyMonsoon has those of aux as 0.05049 and 1.289 without a unit: as ampere
# they are like the others, as the uA and mA of the others they would be next to nothing (assumed).
_LVPM: Final = ((35946.0 * UA, 3103.4 * MA), (35946.0 * UA, 3103.4 * MA), (0.05049, 1.289))
_OHMS, _OHM_A_STEP = (0.05, 0.05, 0.1), 1e-4
AUX_ASSUMED: Final = " (the unit of its scale, ampere, is assumed)"

LIMIT_A: Final[dict[Model, float]] = {"lvpm": 8.0, "hvpm": 15.625}
# PyMonsoon's code, which reads back what it wrote; the vendor's document has another formula.
_HVPM_ZERO, _HVPM_FULL, _LVPM_FULL = 3840, 65535, 1023


@runtime_checkable
class Numbers(Protocol):
    """Something that can be asked for the number behind an operation."""

    model: Model

    def get(self, operation: int, size: int) -> int:
        """The unsigned number of `size` bytes. Raises DeviceError."""
        ...


def read_scales(meter: Numbers) -> tuple[Scales, tuple[str, ...]]:
    """The scales of a meter and the channels they are known for. Raises DeviceError.

    Those of an LVPM's aux channel are in a unit that nobody states: AUX_ASSUMED.
    """
    if meter.model == "hvpm":
        between_a = [meter.get(op, 2) * unit for ops in _SCALES for op, unit in zip(ops, (UA, MA), strict=True)]
        zeros = [float(_signed(meter.get(op, 2), 16)) for ops in _ZEROS for op in ops]
        return Scales(tuple(between_a), (*zeros, 0.0, 0.0)), CHANNELS
    between_a = [
        ampere * nominal / (nominal + _OHM_A_STEP * _signed(meter.get(operation, 1), 8))
        for operations, both, nominal in zip(_RESISTORS, _LVPM, _OHMS, strict=True)
        for operation, ampere in zip(operations, both, strict=True)
    ]
    return Scales(tuple(between_a)), CHANNELS


def current_counts(model: Model, ampere: float) -> int:
    """The number that sets a current limit."""
    share = ampere / LIMIT_A[model]
    if model == "hvpm":
        return round((_HVPM_FULL - _HVPM_ZERO) * share + _HVPM_ZERO)
    return round(_LVPM_FULL * (1 - share))


def limit_ampere(model: Model, counts: int) -> float:
    """The current limit behind a number."""
    if model == "hvpm":
        return round(LIMIT_A[model] * (counts - _HVPM_ZERO) / (_HVPM_FULL - _HVPM_ZERO), 3)
    return round(LIMIT_A[model] * (1 - min(counts, _LVPM_FULL) / _LVPM_FULL), 3)


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value

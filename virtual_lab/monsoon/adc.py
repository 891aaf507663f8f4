"""From what a meter sees to the counts that it sends."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from edgewatt.virtual_lab.monsoon.build import AUX_FINE_TO, AUX_HIGH, Build, Channel, Range
from edgewatt.virtual_lab.monsoon.feeds import Floats, Seen

Counts = NDArray[np.int64]
What = Literal["zero", "reference"]

_S_PER_H: Final = 3600.0
# A calibration is taken to be the mean of some conversions (assumed).
_CALMER: Final = 0.5


@dataclass(frozen=True, slots=True)
class _Input:
    """One current channel; what its converter adds is common to both of its ranges (assumed)."""

    channel: Channel
    rng: np.random.Generator
    high: int
    fine_to: int


class Adc:
    """The converters of one meter. The noise is the same however the samples are asked for, in their order.

    `step` rounds to multiples of itself: the serial LVPM keeps the lowest bit for something else.
    """

    def __init__(self, build: Build, seed: int) -> None:
        self._build = build
        model, rngs = build.model, np.random.default_rng([seed, 1]).spawn(5)
        self._inputs = (
            _Input(build.main, rngs[0], model.high, model.fine_to),
            _Input(build.usb, rngs[1], model.high, model.fine_to),
            _Input(build.aux, rngs[2], AUX_HIGH, AUX_FINE_TO),
        )
        self._volts = rngs[3:]

    def ranged(self, seen: Seen, elapsed_s: float) -> Counts:
        """As the serial LVPM sends it: shape (n, 4), main, usb, aux and the main voltage.

        A current's lowest bit tells its range, 1 for coarse; a voltage's lowest two are markers, which nobody sets.
        """
        counts = np.empty((len(seen.main_a), 4), np.int64)
        for i, (fine, coarse) in enumerate(self._currents(seen, elapsed_s, 2)):
            counts[:, i] = np.where(np.abs(fine) < self._inputs[i].fine_to, fine, coarse.astype(np.int64) | 1)
        counts[:, 3] = self.volts(seen.main_v, self._build.model.main_v, 0) & ~3
        return counts

    def both(self, seen: Seen, main_v: Floats, elapsed_s: float) -> Counts:
        """As USB meters send it: shape (n, 8), coarse and fine of main, usb and aux, the main and the USB voltage."""
        counts = np.empty((len(seen.main_a), 8), np.int64)
        for i, (fine, coarse) in enumerate(self._currents(seen, elapsed_s, 1)):
            counts[:, 2 * i], counts[:, 2 * i + 1] = coarse, fine
        counts[:, 6] = self.volts(main_v, self._build.model.main_v, 0)
        counts[:, 7] = self.volts(seen.usb_v, self._build.model.usb_v, 1)
        return counts

    def calibration(self, what: What, elapsed_s: float, step: int = 1) -> Counts:
        """While the meter looks at its own zero or reference: shape (2, 3), fine and coarse of main, usb and aux."""
        counts = np.zeros((2, 3))
        for i, one in enumerate(self._inputs):
            for j, part in enumerate((one.channel.fine, one.channel.coarse)):
                counts[j, i] = part.zero + self._wandered(elapsed_s)
                counts[j, i] += _CALMER * self._build.noise * one.rng.standard_normal()
                if what == "reference":
                    counts[j, i] += part.zero_offset + part.span
        return (np.rint(counts / step) * step).astype(np.int64)

    def status(self, seen: Seen) -> tuple[list[int], list[int]]:
        """Fine and coarse counts of main, usb and aux of one interval."""
        pairs = self._currents(seen, 0.0, 1)
        return [int(fine[0]) for fine, _ in pairs], [int(coarse[0]) for _, coarse in pairs]

    def volts(self, volts: Floats, per_count: float, which: int) -> Counts:
        """Counts of a voltage, as found by this meter; `which` is 0 for the main and 1 for the USB voltage."""
        counts = volts * (self._build.voltage_gain / per_count)
        counts += 0.5 * self._build.noise * self._volts[which].standard_normal(len(volts))
        return _clipped(np.rint(counts), 0, 65535).astype(np.int64)

    def _currents(self, seen: Seen, elapsed_s: float, step: int) -> list[tuple[Floats, Floats]]:
        """Fine and coarse of main, usb and aux, whole numbers."""
        found = []
        for one, current_a in zip(self._inputs, (seen.main_a, seen.usb_a, seen.aux_a), strict=True):
            noise = self._build.noise * one.rng.standard_normal(len(current_a)) + self._wandered(elapsed_s)
            fine, coarse = (
                self._counts(part, one, current_a, noise, step) for part in (one.channel.fine, one.channel.coarse)
            )
            found.append((fine, coarse))
        return found

    def _counts(self, part: Range, one: _Input, current_a: Floats, noise: Floats, step: int) -> Floats:
        per_a = part.span / part.scale_a
        zero = part.zero + part.zero_offset + part.offset_a * per_a
        counts = current_a * (one.channel.gain * per_a / step)
        counts += zero / step
        counts += noise if step == 1 else noise * (1 / step)
        np.rint(counts, out=counts)
        counts *= step
        return _clipped(counts, self._build.model.low, one.high - step + 1)

    def _wandered(self, elapsed_s: float) -> float:
        return self._build.wander_per_h * elapsed_s / _S_PER_H


def _clipped(values: Floats, low: float, high: float) -> Floats:
    """In place; np.clip takes longer."""
    np.maximum(values, low, out=values)
    return np.minimum(values, high, out=values)

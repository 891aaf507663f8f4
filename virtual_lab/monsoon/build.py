"""What a meter is: its model's constants, and what was drawn for this one.

A current is digitised in a fine and a coarse range. `counts = zero + amperes * span / scale_a`: in each range a meter
knows its `scale_a`, and measures its zero and `zero + span` itself, in calibrations. The scales are the protocols'
(meters.md 1.5 and 2.3: reverse engineered, factory defaults); zeros and spans are assumed, such that the
ranges reach as far as the models do, with the LVPM's steps near 3 uA and 0.3 mA (remembered from its data sheet).
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

Name = Literal["lvpm", "hvpm"]


@dataclass(frozen=True, slots=True)
class Scale:
    """One range: the reference of its calibration in ampere, and what that is in counts above zero."""

    scale_a: float
    span: float


@dataclass(frozen=True, slots=True)
class Model:
    """A kind of meter on one kind of wire. Counts are clipped at `low` and `high`; fine counts as good below `fine_to`.

    `main`, `usb`, `aux` are (fine, coarse). Volts per count are of the main and of the USB voltage. With
    `resistors` the scales hold for the nominal resistors and the meter says how much its own differ.
    """

    name: Name
    hardware: int
    firmware: int
    protocol: int
    lowest_v: float
    highest_v: float
    highest_a: float
    main: tuple[Scale, Scale]
    usb: tuple[Scale, Scale]
    aux: tuple[Scale, Scale]
    low: int
    high: int
    fine_to: int
    zero: float
    zero_offset: tuple[int, int]
    main_v: float
    usb_v: float
    resistors: bool = False


_SERIAL: Final = (Scale(0.0332, 23_000), Scale(2.88, 20_000))
_LVPM: Final = (Scale(0.035946, 24_000), Scale(3.1034, 20_000))
SERIAL_LVPM: Final = Model(
    "lvpm", 1, 20, 16, 2.01, 4.55, 8.0, _SERIAL, _SERIAL, _SERIAL, -32768, 32767, 30_000, 300.0, (0, 0), 125e-6, 125e-6
)
# The scales of the LVPM's aux channel are in an unclear unit (meters.md 6); here they are ampere (assumed).
USB_LVPM: Final = Model(
    "lvpm", 1, 32, 17, 2.01, 4.55, 8.0, _LVPM, _LVPM, (Scale(0.05049, 20_000), Scale(1.289, 20_000)),
    -32768, 32767, 30_000, 300.0, (0, 0), 125e-6, 125e-6, resistors=True,
)  # fmt: skip
HVPM: Final = Model(
    "hvpm", 2, 32, 18, 0.8, 13.5, 15.0, (Scale(0.0365, 40_000), Scale(6.4, 26_000)),
    (Scale(0.014, 40_000), Scale(0.6, 24_000)), (Scale(0.0031, 20_000), Scale(0.25, 20_000)),
    0, 65535, 64_000, 1500.0, (15, 15), 250e-6, 125e-6,
)  # fmt: skip
AUX_FINE_TO: Final = 30_000
AUX_HIGH: Final = 32767
_AUX: Final = 4


@dataclass(frozen=True, slots=True)
class Spread:
    """From what a meter's errors are drawn, standard deviations; all of it assumed.

    No data sheet of the accuracy was found (meters.md 6); 0.5 % is about what a limit of 1 %, remembered of the
    LVPM's, means if all gains within it are as likely. The meter's crystal is taken to be good for some 20 ppm.
    """

    gain: float = 0.005
    offset_fine_a: float = 5e-6
    offset_coarse_a: float = 2e-4
    voltage_gain: float = 0.001
    output_v: float = 0.003
    drift_ppm: float = 20.0
    noise: float = 2.0
    wander_per_h: float = 10.0


SPREAD: Final = Spread()
# Gains and offsets are as stated on the label; noise and drift are not.
EXACT: Final = Spread(gain=0.0, offset_fine_a=0.0, offset_coarse_a=0.0, voltage_gain=0.0, output_v=0.0)


@dataclass(frozen=True, slots=True)
class Range:
    """One range of one channel of one meter; `zero` and `span` as its calibration finds them on average."""

    scale_a: float
    zero: float
    span: float
    zero_offset: int
    offset_a: float


@dataclass(frozen=True, slots=True)
class Channel:
    """One current channel of one meter: it takes `gain` times the current for the current."""

    fine: Range
    coarse: Range
    gain: float


@dataclass(frozen=True, slots=True)
class Build:
    """One meter. Its clock runs `drift_ppm` fast; its output is `output_v` above what is set.

    `noise` is in counts; its zeros wander by `wander_per_h` counts. `resistor_offsets` are those of main, usb and aux,
    fine and coarse, in 0.1 milliohm.
    """

    model: Model
    serial: int
    main: Channel
    usb: Channel
    aux: Channel
    voltage_gain: float
    output_v: float
    drift_ppm: float
    noise: float
    wander_per_h: float
    resistor_offsets: tuple[int, ...]
    dac_low: int
    dac_high: int

    def drawn(self) -> dict[str, float]:
        """What an estimator is not told, for who compares it with the truth."""
        return {
            "gain_main": self.main.gain,
            "gain_usb": self.usb.gain,
            "gain_aux": self.aux.gain,
            "offset_fine_a": self.main.fine.offset_a,
            "offset_coarse_a": self.main.coarse.offset_a,
            "voltage_gain": self.voltage_gain,
            "output_error_v": self.output_v,
            "drift_ppm": self.drift_ppm,
        }


def drawn_build(model: Model, seed: int = 0, spread: Spread = SPREAD) -> Build:
    """The meter of this seed."""
    rng = np.random.default_rng([seed, model.hardware])
    # The first numbers are the serial number's, whatever the spread.
    serial = int(rng.integers(10_000, 60_000))

    def normal(sd: float) -> float:
        return float(sd * rng.standard_normal())

    offsets = tuple(int(n) for n in rng.integers(-5, 6, 6)) if spread.gain else (0,) * 6

    def one(number: int, scale: Scale, offset_a: float, zero_offset: int) -> Range:
        # A meter's ADC differs from the next one's by a percent or so (assumed); calibration takes that out.
        zero = model.zero * (1 + 0.2 * float(rng.uniform(-1, 1)))
        ohm = 0.05 if number < _AUX else 0.1
        resistor = ohm / (ohm + 1e-4 * offsets[number]) if model.resistors else 1.0
        span = scale.span * (1 + normal(0.01))
        return Range(scale.scale_a * resistor, zero, span, zero_offset, normal(offset_a))

    def channel(number: int, scales: tuple[Scale, Scale], zero_offset: tuple[int, int]) -> Channel:
        fine = one(number, scales[0], spread.offset_fine_a, zero_offset[0])
        coarse = one(number + 1, scales[1], spread.offset_coarse_a, zero_offset[1])
        return Channel(fine, coarse, 1 + normal(spread.gain))

    main = channel(0, model.main, model.zero_offset)
    usb, aux = channel(2, model.usb, (0, 0)), channel(_AUX, model.aux, (0, 0))
    return Build(
        model,
        serial,
        main,
        usb,
        aux,
        voltage_gain=1 + normal(spread.voltage_gain),
        output_v=normal(spread.output_v),
        drift_ppm=normal(spread.drift_ppm),
        noise=spread.noise,
        wander_per_h=normal(spread.wander_per_h),
        resistor_offsets=offsets,
        dac_low=int(rng.integers(0xD800, 0xE800)),
        dac_high=int(rng.integers(0xC400, 0xCC00)),
    )

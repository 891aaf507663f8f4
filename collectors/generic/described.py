"""A meter that a TOML file describes, at an address that a URI names: what every way of reading it shares.

`<way>:ADDRESS?as=METER&boundary=WHERE[&name=NAME&supply_v=V]`: METER is one that edgewatt ships or a .toml file, WHERE
the place on the power path where it is wired in, NAME what its stream is called where two of a kind are in one run, V
the voltage of a meter that measures only the current.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from edgewatt.collectors.generic.options import boundary_of, name_of, number_of
from edgewatt.device_profiles.meter import Column, Meter, load_meter, meter_names
from edgewatt.profiler.channel import Boundary, Channel, EnergySource
from edgewatt.profiler.device import DeviceUri
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.storage.checked import shown
from edgewatt.profiler.units import Quantity

OPTIONS: Final = ("as", "boundary", "name", "supply_v")
# SCPI-99, 7.2.1.4 and .5: how an instrument writes infinity and not-a-number.
_SCPI_INFINITE: Final = 9.9e37
_ABSENT: Final = frozenset({"", "nan", "null", "none", "-", "--", "---", "----"})


@dataclass(frozen=True, slots=True)
class Described:
    """A meter, what its stream is called, and where its joules are taken (None: it measures no power)."""

    meter: Meter
    name: str
    boundary: Boundary | None
    supply_v: float | None = None

    @property
    def facts(self) -> dict[str, object]:
        """What a run keeps of the description."""
        stated = {} if self.supply_v is None else {"supply_v_stated": self.supply_v}
        return {"described_by": self.meter.name, "boundary": self.boundary, **stated}

    def channels(self, columns: Sequence[Column] | None = None) -> tuple[Channel, ...]:
        """The channels of these columns, of all of them by default; each is called after the meter."""
        return tuple(self._channel(column) for column in (self.meter.columns if columns is None else columns))

    def column_name(self, column: Column) -> str:
        """The column of the stream in which it is stored."""
        return self._channel(column).column

    def sources(self) -> tuple[EnergySource, ...]:
        """The joules of each channel that has a power, or a voltage and a current."""
        found = []
        for channel in dict.fromkeys(column.channel for column in self.meter.columns):
            of = {c.quantity: self.column_name(c) for c in self.meter.columns if c.channel == channel}
            term = _product(of)
            if term and self.boundary is not None:
                found.append(EnergySource(f"{self.name}/{channel}", (term,), self.boundary))
        return tuple(found)

    def _channel(self, column: Column) -> Channel:
        of_power = column.quantity is not Quantity.TEMPERATURE
        return Channel(
            f"{self.name}_{column.channel}",
            column.quantity,
            source=self.meter.title,
            period_s=self.meter.period_s,
            window_s=self.meter.window_s,
            resolution=column.resolution,
            accuracy=column.accuracy,
            boundary=self.boundary if of_power else None,
        )


def describe(uri: DeviceUri, way: str) -> Described:
    """What the options of `uri` say of a meter that is read in this way. Raises UsageError."""
    if "as" not in uri.options:
        known = ", ".join(meter_names(way))
        raise UsageError(f"device {uri.text!r}: as= is missing, expected a .toml file or one of {known}")
    meter = load_meter(uri.options["as"])
    if meter.way != way:
        raise UsageError(f"device {uri.text!r}: {meter.name} is read as {meter.way}:..., not as {way}:...")
    return described(uri, meter)


def described(uri: DeviceUri, meter: Meter) -> Described:
    """`meter` under the name and with the boundary that `uri` gives it. Raises UsageError."""
    name = name_of(uri, meter.name)
    supply_v = number_of(uri, "supply_v", "volts", 0.1, 1000.0)
    if supply_v is not None:
        meter = replace(meter, columns=tuple(_at_supply(meter, column, supply_v) for column in meter.columns))
    has_power = any(_product({c.quantity: c.channel for c in meter.columns if c.channel == k}) for k in _names(meter))
    boundary = boundary_of(uri, meter.boundary) if has_power else None
    return Described(meter, name, boundary, supply_v)


def _at_supply(meter: Meter, column: Column, volts: float) -> Column:
    """A current without a voltage becomes the power at the stated one; how wrong that is, nobody knows."""
    others = {c.quantity for c in meter.columns if c.channel == column.channel}
    if column.quantity is not Quantity.CURRENT or others & {Quantity.VOLTAGE, Quantity.POWER}:
        return column
    return replace(
        column,
        quantity=Quantity.POWER,
        factor=column.factor * volts,
        low=column.low * volts,
        high=column.high * volts,
        resolution=None,
        accuracy=None,
    )


def si_value(column: Column, text: str) -> float | str:
    """The value of a field in SI, NaN where the meter says that it measured nothing; else why it is none."""
    word = text.strip()
    if word in column.invalid or word.lower() in _ABSENT:
        return math.nan
    try:
        number = float(word) if len(word) <= 64 and word.isascii() and "_" not in word else None
    except ValueError:
        number = None
    if number is None:
        return f"{shown(word[:80])} is no number"
    if math.isnan(number) or abs(number) >= _SCPI_INFINITE or any(number == _number(mark) for mark in column.invalid):
        return math.nan
    value = number * column.factor
    if not column.low <= value <= column.high:
        unit = column.quantity.unit
        return f"{value:.6g} {unit} is not between {column.low:g} and {column.high:g}"
    return value


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _names(meter: Meter) -> list[str]:
    return list(dict.fromkeys(column.channel for column in meter.columns))


def _product(of: Mapping[Quantity, str]) -> tuple[str, ...]:
    """The columns whose product is watts."""
    if Quantity.POWER in of:
        return (of[Quantity.POWER],)
    if Quantity.VOLTAGE in of and Quantity.CURRENT in of:
        return (of[Quantity.VOLTAGE], of[Quantity.CURRENT])
    return ()

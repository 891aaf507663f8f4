"""What hangs on a meter: currents and voltages at its channels, as functions of the true clock (host monotonic, ns)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from edgewatt.virtual_lab.power.timeline import Timeline

Instants = NDArray[np.int64]
Floats = NDArray[np.float64]

# What a USB port gives (documented: USB 2.0, 500 mA at 5 V).
USB_PORT_V: Final = 5.0
USB_PORT_W: Final = 2.5
AHEAD_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class Outlet:
    """What a meter gives: volts at its main output, 0 if that is off, and whether it passes USB through."""

    voltage_v: float
    usb: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """Means over each of n intervals, float64 of shape (n,), in ampere and volt."""

    main_a: Floats
    usb_a: Floats
    aux_a: Floats
    main_v: Floats
    usb_v: Floats
    aux_v: Floats


class Feed(Protocol):
    """What hangs on a meter."""

    @property
    def delay_s(self) -> float:
        """How far behind the clock it can be asked about; a meter in real time is late by so much."""
        ...

    @property
    def ahead_s(self) -> float:
        """How far ahead of that it can be asked; a meter that measures in lots costs less."""
        ...

    def seen(self, edge_ns: Instants, outlet: Outlet) -> Seen:
        """Over the n intervals between n + 1 ascending instants. No earlier instant is asked about later."""
        ...

    def to_json(self) -> dict[str, Any] | None:
        """What makes it again in another process (`feed_of`); None if it can live only in this one."""
        ...


@dataclass(frozen=True, slots=True)
class Constant:
    """Draws constant currents: from the main output while it is on, from USB while it is passed through."""

    main_a: float = 0.0
    usb_a: float = 0.0
    aux_a: float = 0.0
    aux_v: float = 0.0
    delay_s: float = 0.0
    ahead_s: float = AHEAD_S

    def seen(self, edge_ns: Instants, outlet: Outlet) -> Seen:
        """The same over every interval."""
        main_a, usb_a = self.main_a if outlet.voltage_v else 0.0, self.usb_a if outlet.usb else 0.0
        values = (main_a, usb_a, self.aux_a, outlet.voltage_v, USB_PORT_V, self.aux_v)
        return Seen(*(np.full(len(edge_ns) - 1, value) for value in values))

    def to_json(self) -> dict[str, Any]:
        """Its currents."""
        return {"constant": asdict(self)}


@dataclass(frozen=True, slots=True)
class Resistor:
    """A resistor at the main output, as for a check of the meter."""

    ohm: float
    delay_s: float = 0.0
    ahead_s: float = AHEAD_S

    def seen(self, edge_ns: Instants, outlet: Outlet) -> Seen:
        """Ohm's law."""
        return Constant(outlet.voltage_v / self.ohm).seen(edge_ns, outlet)

    def to_json(self) -> dict[str, Any]:
        """Its resistance."""
        return {"resistor": asdict(self)}


@dataclass(frozen=True, slots=True)
class Supplied:
    """A device on a timeline that takes the power of one of its boundaries from the meter instead of a battery.

    The meter's leads have `lead_ohm`. It lives in this process. In real time, with changes that are recorded after
    they happened, `delay_s` has to be longer than that takes.
    """

    timeline: Timeline
    source: str
    lead_ohm: float = 0.0
    delay_s: float = 0.0
    ahead_s: float = 0.0

    def seen(self, edge_ns: Instants, outlet: Outlet) -> Seen:
        """From the exact joules of each interval."""
        power_w = np.diff(self.timeline.total_j(edge_ns, self.source)) / (np.diff(edge_ns) * 1e-9)
        return drawn(power_w, outlet, self.lead_ohm)

    def to_json(self) -> None:
        """There is no way to send a timeline."""
        return


def drawn(power_w: Floats, outlet: Outlet, lead_ohm: float = 0.0) -> Seen:
    """What a device that takes `power_w` draws from a meter: I = P / V, V being behind the leads.

    Where USB is passed through, the device takes what it can from there, up to `USB_PORT_W`, and the rest from the
    main output (assumed: so does a charger's power path). With the output off the main current is 0 and the device has
    no power; that it goes on all the same is the simulation's, not a phone's.
    """
    usb_w = np.minimum(power_w, USB_PORT_W) if outlet.usb else np.zeros_like(power_w)
    supply_v = outlet.voltage_v
    if supply_v > 0:
        rest_w = power_w - usb_w
        left = np.maximum(supply_v * supply_v - 4 * lead_ohm * rest_w, 0.0)
        main_a = rest_w / ((supply_v + np.sqrt(left)) / 2)
    else:
        main_a = np.zeros_like(power_w)
    nothing = np.zeros_like(power_w)
    return Seen(main_a, usb_w / USB_PORT_V, nothing, nothing + supply_v, nothing + USB_PORT_V, nothing)


def feed_of(words: Mapping[str, Any]) -> Feed:
    """The feed that `to_json` described. Raises ValueError."""
    from edgewatt.virtual_lab.monsoon.phone import OfPhone  # noqa: PLC0415  (a meter without a phone needs none of it)

    kinds: dict[str, Any] = {"constant": Constant, "resistor": Resistor, "phone": OfPhone}
    for kind, values in words.items():
        if kind in kinds:
            made: Feed = kinds[kind](**values)
            return made
    raise ValueError(f"{words!r} describes no feed")

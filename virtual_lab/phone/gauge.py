"""The battery's fuel gauge.

Gains, noise and steps are assumed: gauges count a current in steps of 1/16 mA to 1 mA, a voltage in 1 mV or less, and
are off by some per cent (second-hand: nobody states it).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from edgewatt.virtual_lab.phone.anatomy import BATTERY, CELL
from edgewatt.virtual_lab.phone.body import Body
from edgewatt.virtual_lab.sensors.battery import Battery
from edgewatt.virtual_lab.sensors.counters import ChargeCounter, ChargeCounterModel
from edgewatt.virtual_lab.sensors.gauges import Gauge, GaugeModel
from edgewatt.virtual_lab.sensors.updates import Instants, Schedule, Updates

CHARGER_A: Final = 0.9
_CURRENT_STEP_A: Final = {"uA": 156e-6, "mA": 1e-3}
_VOLTAGE_STEP_V: Final = 1.25e-3
_COULOMB_PER_UAH: Final = 3.6e-3
_STATUS: Final = {True: ("Charging", 2), False: ("Discharging", 3)}


@dataclass(frozen=True, slots=True)
class Seen:
    """What the gauge holds. `current_a` is positive out of the cell; None where a reading dropped out."""

    voltage_v: float | None
    current_a: float | None
    charge_uah: int | None
    level: float
    temperature_c: float
    charging: bool

    @property
    def status(self) -> str:
        """As sysfs says it."""
        return _STATUS[self.charging][0]

    @property
    def status_code(self) -> int:
        """As BatteryManager counts."""
        return _STATUS[self.charging][1]


class FuelGauge:
    """The gauge of one phone's battery. Its period is the phone's `gauge_period_s`, or `period_s`."""

    def __init__(self, body: Body, rng: np.random.Generator, period_s: float | None = None) -> None:
        phone, timeline = body.phone, body.timeline
        updates = Updates(period_s or phone.gauge_period_s, period_sd_rel=0.002, drop_out=phone.gauge_drop_out)
        self._body, self._battery = body, Battery(level=0.72)
        current = GaugeModel(
            "current_a",
            BATTERY,
            updates,
            window_s=phone.gauge_window_s,
            gain_sd=phone.gauge_gain_rel,
            offset_sd=phone.gauge_offset_a,
            noise_sd=8e-4,
            lsb=_CURRENT_STEP_A[phone.gauge_unit],
        )
        voltage = GaugeModel("voltage_v", BATTERY, updates, gain_sd=2e-3, noise_sd=5e-4, lsb=_VOLTAGE_STEP_V)
        charge = ChargeCounterModel(BATTERY, updates, gain_sd=phone.gauge_gain_rel)
        self._level = self._battery.level
        chip, *own = rng.spawn(4)
        # One chip, which updates all of its registers together.
        self._chip = Schedule(updates, timeline.origin_ns, chip)
        self._current = Gauge(current, timeline, own[0], self._battery, self._chip)
        self._voltage = Gauge(voltage, timeline, own[1], self._battery, self._chip)
        self._charge = ChargeCounter(charge, timeline, own[2], self._battery, self._chip)

    @property
    def gain(self) -> float:
        """By what its power, current times voltage, is wrong."""
        return self._current.gain * self._voltage.gain

    @property
    def offset_a(self) -> float:
        """What its current shows too much."""
        return self._current.offset

    @property
    def charge_gain(self) -> float:
        """By what the charge that it counts is wrong."""
        return self._charge.gain

    def see(self, t_ns: Instants) -> list[Seen]:
        """What it holds at each instant."""
        index = self._chip.index(t_ns)
        # It holds the same until the next update, over as many instants as there are in between.
        begins = np.flatnonzero(np.diff(index, prepend=-1))
        held = self._held(t_ns[begins])
        return [
            seen
            for seen, count in zip(held, np.diff(begins, append=len(index)).tolist(), strict=True)
            for _ in range(count)
        ]

    def _held(self, t_ns: Instants) -> list[Seen]:
        measured_ns = np.maximum(self._current.measured_ns(t_ns), self._body.origin_ns)
        rows = zip(
            self._voltage.read(t_ns).tolist(),
            (self._current.read(t_ns) - (CHARGER_A if self._body.phone.plugged else 0.0)).tolist(),
            self._charge.read(t_ns).tolist(),
            self._body.timeline.temperature_c(measured_ns, CELL).tolist(),
            strict=True,
        )
        return [self._seen(*row) for row in rows]

    def _seen(self, voltage_v: float, current_a: float, charge_uah: float, temperature_c: float) -> Seen:
        if not math.isnan(charge_uah):
            self._level = charge_uah * _COULOMB_PER_UAH / self._battery.capacity_c
        return Seen(
            voltage_v=None if math.isnan(voltage_v) else voltage_v,
            current_a=None if math.isnan(current_a) else current_a,
            charge_uah=None if math.isnan(charge_uah) else int(charge_uah),
            level=min(max(self._level, 0.01), 1.0),
            temperature_c=temperature_c,
            charging=self._body.phone.plugged,
        )

    def properties(self) -> dict[str, Callable[[Seen], str | None]]:
        """What the files of its folder say, in its own unit and sign; None for what dropped out."""
        phone = self._body.phone
        scale = phone.gauge_sign * {"uA": 1e6, "mA": 1e3}[phone.gauge_unit]
        per_v = {"uV": 1e6, "mV": 1e3, "V": 1.0}[phone.gauge_voltage_unit]
        said: dict[str, Callable[[Seen], str | None]] = {
            "capacity": lambda seen: f"{100 * seen.level:.0f}",
            "status": lambda seen: seen.status,
            "temp": lambda seen: f"{10 * seen.temperature_c:.0f}",
            "current_now": lambda seen: None if seen.current_a is None else f"{seen.current_a * scale:.0f}",
            "voltage_now": lambda seen: None if seen.voltage_v is None else f"{seen.voltage_v * per_v:.0f}",
        }
        if phone.gauge_counts_charge:
            said["charge_counter"] = lambda seen: None if seen.charge_uah is None else f"{seen.charge_uah}"
        return said

    def uevent(self, properties: Mapping[str, Callable[[Seen], str | None]], seen: Seen) -> str:
        """All of them in one file, without what dropped out."""
        values = {name: say(seen) for name, say in properties.items()}
        rows = "".join(f"POWER_SUPPLY_{name.upper()}={text}\n" for name, text in values.items() if text is not None)
        return f"POWER_SUPPLY_NAME={self._body.phone.gauge_node}\nPOWER_SUPPLY_TYPE=Battery\n{rows}"

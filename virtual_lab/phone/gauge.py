"""What measures inside the phone: its battery's fuel gauge and the counters of its rails.

Gains, noise and steps are assumed: gauges count a current in steps of 1/16 mA to 1 mA, a voltage in 1 mV or less, and
are off by some per cent; ODPM is off by one (second-hand: nobody states either).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from edgewatt.virtual_lab.phone.anatomy import BATTERY
from edgewatt.virtual_lab.phone.body import Body, Draw
from edgewatt.virtual_lab.sensors.battery import Battery
from edgewatt.virtual_lab.sensors.counters import ChargeCounter, ChargeCounterModel, EnergyCounter, EnergyCounterModel
from edgewatt.virtual_lab.sensors.gauges import Gauge, GaugeModel
from edgewatt.virtual_lab.sensors.updates import Updates

CHARGER_A: Final = 0.9
_CURRENT_STEP_A: Final = {"uA": 156e-6, "mA": 1e-3}
_VOLTAGE_STEP_V: Final = 1.25e-3
_COULOMB_PER_UAH: Final = 3.6e-3
_RAIL_GAIN_SD: Final = 0.01
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

    def __init__(self, body: Body, draw: Draw, period_s: float | None = None) -> None:
        phone, timeline = body.phone, body.timeline
        updates = Updates(period_s or phone.gauge_period_s, period_sd_rel=0.002, drop_out=phone.gauge_drop_out)
        self._body, self._battery = body, Battery(level=0.72)
        current = GaugeModel(
            "current_a",
            BATTERY,
            updates,
            window_s=phone.gauge_window_s,
            gain_sd=phone.gauge_gain_rel,
            noise_sd=8e-4,
            lsb=_CURRENT_STEP_A[phone.gauge_unit],
        )
        voltage = GaugeModel("voltage_v", BATTERY, updates, gain_sd=2e-3, noise_sd=5e-4, lsb=_VOLTAGE_STEP_V)
        charge = ChargeCounterModel(BATTERY, updates, gain_sd=phone.gauge_gain_rel)
        self._level = self._battery.level
        seed = draw.seed()
        # The same seed for all of them: one chip, which updates all of its registers together.
        self._current = Gauge(current, timeline, np.random.default_rng(seed), self._battery)
        self._voltage = Gauge(voltage, timeline, np.random.default_rng(seed), self._battery)
        self._charge = ChargeCounter(charge, timeline, np.random.default_rng(draw.seed()), self._battery)

    @property
    def gain(self) -> float:
        """By what its current is wrong."""
        return self._current.gain

    def see(self, t_ns: int) -> Seen:
        """What it holds at an instant."""
        body = self._body
        current_a, voltage_v = float(self._current.read(t_ns)), float(self._voltage.read(t_ns))
        charge = float(self._charge.read(t_ns))
        if not np.isnan(charge):
            self._level = charge * _COULOMB_PER_UAH / self._battery.capacity_c
        return Seen(
            voltage_v=None if np.isnan(voltage_v) else voltage_v,
            current_a=None if np.isnan(current_a) else current_a - (CHARGER_A if body.phone.plugged else 0.0),
            charge_uah=None if np.isnan(charge) else int(charge),
            level=min(max(self._level, 0.01), 1.0),
            temperature_c=self._temperature_c(t_ns),
            charging=body.phone.plugged,
        )

    def _temperature_c(self, t_ns: int) -> float:
        """Of the cell, as of the current's last update."""
        measured_ns = max(int(self._current.measured_ns(t_ns)), self._body.origin_ns)
        return self._body.temperature_c("battery", measured_ns)

    def files(self, seen: Seen) -> dict[str, str]:
        """The files of the gauge's folder that change, in its own unit and sign, without what dropped out."""
        phone = self._body.phone
        scale = {"uA": 1e6, "mA": 1e3}[phone.gauge_unit]
        per_v = {"uV": 1e6, "mV": 1e3, "V": 1.0}[phone.gauge_voltage_unit]
        said = {
            "capacity": f"{100 * seen.level:.0f}",
            "status": seen.status,
            "temp": f"{10 * seen.temperature_c:.0f}",
        }
        if seen.current_a is not None:
            said["current_now"] = f"{phone.gauge_sign * seen.current_a * scale:.0f}"
        if seen.voltage_v is not None:
            said["voltage_now"] = f"{seen.voltage_v * per_v:.0f}"
        if phone.gauge_counts_charge and seen.charge_uah is not None:
            said["charge_counter"] = f"{seen.charge_uah}"
        uevent = "".join(f"POWER_SUPPLY_{name.upper()}={value}\n" for name, value in said.items())
        head = f"POWER_SUPPLY_NAME={phone.gauge_node}\nPOWER_SUPPLY_TYPE=Battery\n"
        return {**{name: f"{value}\n" for name, value in said.items()}, "uevent": f"{head}{uevent}"}


@dataclass(frozen=True, slots=True)
class Counted:
    """One rail's counter in uWs, and when its PMIC took it, in ms of its own time."""

    uws: int
    stamp_ms: int


class RailCounters:
    """ODPM: a counter per rail. Those of one PMIC update together and share a time base."""

    def __init__(self, body: Body, draw: Draw) -> None:
        self._body = body
        seeds = {pmic: draw.seed() for pmic in (0, 1)}
        self._counters = {
            rail.label: EnergyCounter(
                EnergyCounterModel(
                    rail.label,
                    Updates(body.phone.odpm_period_s),
                    gain=draw.gain(_RAIL_GAIN_SD),
                    start=draw.whole(10**8, 10**11),
                ),
                body.timeline,
                np.random.default_rng(seeds[rail.pmic]),
                base=lambda t_ns, pmic=rail.pmic: body.clocks.base_ms(pmic, t_ns),  # type: ignore[misc]
            )
            for rail in body.phone.rails
        }
        self._of = {pmic: [rail.label for rail in body.phone.rails if rail.pmic == pmic] for pmic in (0, 1)}
        self._first = {pmic: labels[0] for pmic, labels in self._of.items() if labels}
        self._measured_ns: dict[int, int] = {}
        self._counted: dict[str, Counted] = {}

    def read(self, t_ns: int) -> dict[str, Counted]:
        """Every rail at an instant, in the order of the channels."""
        for pmic, first in self._first.items():
            measured_ns = int(self._counters[first].measured_ns(t_ns))
            if measured_ns != self._measured_ns.get(pmic):
                self._measured_ns[pmic] = measured_ns
                self._counted |= {label: self._look(label, t_ns) for label in self._of[pmic]}
        return self._counted

    def _look(self, label: str, t_ns: int) -> Counted:
        count = self._counters[label].read(t_ns)
        return Counted(int(count.raw), int(count.stamp))

"""One phone of a kind, drawn from a seed: what a calibration of it should find.

All spreads are assumed: wide enough that a fit which leans on the kind instead of the measurement is found out.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from edgewatt.virtual_lab.phone.anatomy import BATTERY, RADIO, RADIO_W, device_of
from edgewatt.virtual_lab.phone.personalities import personality
from edgewatt.virtual_lab.phone.personality import Personality
from edgewatt.virtual_lab.phone.radio_law import POWER_PER_DB, RATE_PER_DB, rate_b_per_s, receive_w, send_w
from edgewatt.virtual_lab.phone.virtual_time.telling import SUITE
from edgewatt.virtual_lab.power.domains import Device
from edgewatt.virtual_lab.power.reference import Spread, drawn
from edgewatt.virtual_lab.power.terms import Terms

_SPREAD: Final = Spread(power_rel=0.15, leakage_rel=0.3, ramp_rel=0.2, cooling_rel=0.15)
_ON_SHARE: Final = (0.1, 0.35)
_TRIP_C: Final = (54.0, 62.0)
_RADIO_REL, _SLOPE_REL = 0.15, 0.2
_TAIL_S: Final = (0.1, 0.4)
_RTT_S: Final = (0.002, 0.02)
# How much longer an iteration takes beside a co-runner that takes all of the processors, and all of the memory.
_SLOWED_BY_CPU, _SLOWED_BY_MEMORY = (0.2, 0.9), (0.3, 1.2)


@dataclass(frozen=True, slots=True)
class OnePhone:
    """Its kind with its own radio, what it is made of, and its laws. Watts of the radio are at the battery."""

    phone: Personality
    device: Device
    power_per_db: float
    rate_per_db: float
    slowed_by_cpu: float
    slowed_by_memory: float

    def domain_of(self, unit: str | None) -> str:
        """The domain of a unit that its channels call by its first processor. Raises KeyError."""
        return {f"cpu{cluster.cpus[0]}": f"cpu{n}" for n, cluster in enumerate(self.phone.clusters)}[unit or ""]

    @property
    def at_battery(self) -> Terms:
        """The terms of its power at its cell."""
        return Terms(self.device, BATTERY)

    def send_w(self, dbm: float) -> float:
        """What sending adds."""
        return self._radio_w(send_w(self.phone, dbm, self.power_per_db))

    def receive_w(self, dbm: float) -> float:
        """What receiving adds."""
        return self._radio_w(receive_w(self.phone, dbm, self.power_per_db))

    @property
    def tail_w(self) -> float:
        """What the radio draws on for `radio_tail_s` after a transfer."""
        return self._radio_w(self.phone.radio_tail_w)

    def rate_b_per_s(self, dbm: float, *, down: bool = False) -> float:
        """Bytes a second."""
        return rate_b_per_s(self.phone, dbm, self.rate_per_db, down=down)

    def slowdown(self, co_cpu_ratio: float, co_memory_ratio: float) -> float:
        """How many times as long an iteration takes beside a co-runner (assumed: two linear factors)."""
        return (1 + self.slowed_by_cpu * co_cpu_ratio) * (1 + self.slowed_by_memory * co_memory_ratio)

    def _radio_w(self, told_w: float) -> float:
        """From what the loads are told to what is drawn: this phone's radio is not quite its kind's."""
        return min(told_w / RADIO_W, 1.0) * self.at_battery.busy_w(RADIO)


def one_phone(name: str, seed: int, quirks: Sequence[str] = ()) -> OnePhone:
    """The phone of a seed. Raises UsageError."""
    rng = np.random.default_rng((seed, SUITE))

    def times(rel: float) -> float:
        return float(np.exp(rel * rng.standard_normal()))

    kind = personality(name, quirks)
    phone = replace(
        kind,
        radio_send_w=kind.radio_send_w * times(_RADIO_REL),
        radio_receive_w=kind.radio_receive_w * times(_RADIO_REL),
        radio_tail_w=kind.radio_tail_w * times(_RADIO_REL),
        radio_tail_s=float(rng.uniform(*_TAIL_S)),
        link_mbit_per_s=kind.link_mbit_per_s * times(_RADIO_REL),
        rtt_s=math.exp(rng.uniform(*np.log(_RTT_S))),
        trip_c=float(rng.uniform(*_TRIP_C)),
    )
    device = drawn(device_of(phone), rng, _SPREAD)
    domains = tuple(
        replace(one, on_share=float(rng.uniform(*_ON_SHARE))) if one.cores > 1 else one for one in device.domains
    )
    return OnePhone(
        phone,
        replace(device, domains=domains),
        POWER_PER_DB * times(_SLOPE_REL),
        RATE_PER_DB * times(_SLOPE_REL),
        float(rng.uniform(*_SLOWED_BY_CPU)),
        float(rng.uniform(*_SLOWED_BY_MEMORY)),
    )

"""The true terms of a power model that an instrument at one boundary can see (docs/decisions/0011-calibration.md).

    base(T) + sum over clusters (on_w(f) if any core is busy + cores busy x busy_w(f))

in which leakage, that grows with temperature, is a part of `base`. They follow from what the device was made of: no
timeline is asked. All in watt at the `source`: a boundary, whose factors hold the regulators' losses, or a domain.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from edgewatt.virtual_lab.power.domains import LEAKAGE_LIMIT_C, LEAKAGE_REFERENCE_C, Device, Domain


@dataclass(frozen=True, slots=True)
class Terms:
    """The truth of one device at one source. Raises KeyError for names that it has not."""

    device: Device
    source: str

    def busy_w(self, name: str, frequency_hz: float = 0.0) -> float:
        """What each busy core of a domain adds at a frequency; of one without cores, it at full use."""
        domain = self.device.domain(name)
        share = (1 - domain.on_share) / domain.cores if domain.cores > 1 else 1.0
        return self._factor(name) * float(domain.use_w(frequency_hz)) * share

    def on_w(self, name: str, frequency_hz: float = 0.0) -> float:
        """What the first busy core of a domain adds for all of them."""
        domain = self.device.domain(name)
        return self._factor(name) * float(domain.use_w(frequency_hz)) * (domain.on_share if domain.cores > 1 else 0.0)

    def base_w(self, temperature_c: Mapping[str, float]) -> float:
        """Awake, with nothing executed, at these temperatures of the zones."""
        source = self.device.sources[self.source]
        idle_w = sum(self._factor(domain.name) * domain.idle_w for domain in self.device.domains)
        return source.constant_w + idle_w + self.leakage_w(temperature_c)

    def leakage_w(self, temperature_c: Mapping[str, float]) -> float:
        """The part of `base_w` that grows with temperature."""
        return sum(self._leak_w(domain, temperature_c.get(domain.zone)) for domain in self.device.domains)

    def leakage_w_per_k(self, temperature_c: Mapping[str, float], zone: str) -> float:
        """By how much more there is of it per kelvin of one zone; the rate at these temperatures."""
        warmer = {**temperature_c, zone: temperature_c[zone] + 0.5}
        colder = {**temperature_c, zone: temperature_c[zone] - 0.5}
        return self.leakage_w(warmer) - self.leakage_w(colder)

    def power_w(self, name: str, frequency_hz: float, cores: int, temperature_c: Mapping[str, float]) -> float:
        """The whole source with so many busy cores of one domain."""
        busy_w = self.on_w(name, frequency_hz) + cores * self.busy_w(name, frequency_hz) if cores else 0.0
        return self.base_w(temperature_c) + busy_w

    def _factor(self, name: str) -> float:
        return self.device.sources[self.source].factors.get(name, 0.0)

    def _leak_w(self, domain: Domain, temperature_c: float | None) -> float:
        at_c = LEAKAGE_REFERENCE_C if temperature_c is None else min(temperature_c, LEAKAGE_LIMIT_C)
        grown: float = 2.0 ** ((at_c - LEAKAGE_REFERENCE_C) / domain.leakage_doubling_k)
        return self._factor(domain.name) * domain.leakage_w * grown

"""What is read of one phone while a run goes on: its files by the sampler, its services where no file tells."""

from dataclasses import replace
from typing import Final

from edgewatt.collectors.android.files.catalogue import CANDIDATES, find_nodes
from edgewatt.collectors.android.files.look import Found
from edgewatt.collectors.android.phone import Phone
from edgewatt.collectors.android.sampler.attached import Sampler
from edgewatt.collectors.android.sampler.detached import DetachedSampler
from edgewatt.collectors.android.sampler.survey import survey
from edgewatt.collectors.android.services import BATTERY, GPU_WORK, THERMAL, WIFI, Candidate, Services, power_stats
from edgewatt.device_profiles.loader import DeviceProfile
from edgewatt.profiler.protocols import Collector

# Two looks so far apart show which of two batteries moves (assumed: gauges of phones update every 0.25 to 1 s).
BETWEEN_LOOKS_S: Final = 0.3


class Reading:
    """The instruments of `phone`; `period_s` (None: each its own) is how often its files are read."""

    def __init__(self, phone: Phone, profile: DeviceProfile, period_s: float | None = None) -> None:
        self._phone, self.profile, self._period_s = phone, profile, period_s
        self._found = Found()

    def attached(self, *, services: bool) -> tuple[Collector, ...]:
        """Samplers that stream while the run goes on."""
        sampler = Sampler(self._phone, self._look)
        return (sampler, Services(self._phone, self._missing)) if services else (sampler,)

    def detached(self) -> tuple[Collector, ...]:
        """One that logs on the phone; adb is silent."""
        return (DetachedSampler(self._phone, self._look),)

    def nothing(self) -> tuple[Collector, ...]:
        """Nothing is read."""
        return ()

    def _look(self) -> Found:
        """What the phone's files give now."""
        phone = self._phone
        earlier = survey(phone, CANDIDATES)
        phone.sleep(BETWEEN_LOOKS_S)
        seen = survey(phone, CANDIDATES)
        self._found = find_nodes(
            seen, self.profile, sysfs=phone.sysfs, proc=phone.proc, period_s=self._period_s, earlier=earlier
        )
        return replace(self._found, facts={**self._found.facts, "sysfs": phone.sysfs})

    def _missing(self) -> list[Candidate]:
        """The services that tell what no file of the last look does; they cost the phone more than a file."""
        columns = {channel.column for node in self._found.nodes for channel in node.channels}
        wanted = [THERMAL, WIFI]
        if "battery.current_a" not in columns:
            wanted.append(BATTERY)
        if not columns & {"gpu.load_ratio"}:
            wanted.append(GPU_WORK)
        if not any(node.stream.startswith("odpm") for node in self._found.nodes):
            wanted.append(power_stats(self.profile))
        return wanted

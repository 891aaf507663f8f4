"""The truth of a load on a virtual phone, told with what was seen of it.

`seen["truth"]` of each Ran: `t0_ns` and `t1_ns`, its window on the host's clock, and `energy_j` in it, exact joules by
the names that keeping_truth.py has.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from edgewatt.profiler.channel import channel_name
from edgewatt.profiler.collecting.load import Load, Ran
from edgewatt.profiler.collecting.offers import Offering, Offers
from edgewatt.virtual_lab.keeping_truth import settled
from edgewatt.virtual_lab.phone.truth import read_truth

# Behind so much of the log a mark is looked for: it is written within milliseconds.
_TAIL_B: Final = 1 << 16
TRUTH: Final = "truth"


@dataclass
class TruthfulLoads:
    """Loads of a virtual phone. `log` is what its kernel writes; `also` are further names, by what hangs on them."""

    inner: Offering
    log: Path
    also: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, load: Load) -> Ran:
        """As the loads themselves. Raises DeviceError if the phone's kernel is gone."""
        ran = self.inner(load)
        settled(self.log.parent, self._tail)
        truth = read_truth(self.log)
        t0_ns, t1_ns = truth.clocks.when_boottime([ran.t0_ns, ran.t1_ns]).tolist()
        energy_j = {channel_name(s): truth.energy_j(t0_ns, t1_ns, s) for s in truth.sources}
        energy_j |= {name: energy_j[source] for name, source in self.also.items()}
        return replace(ran, seen={**ran.seen, TRUTH: {"t0_ns": t0_ns, "t1_ns": t1_ns, "energy_j": energy_j}})

    def offers(self) -> Offers:
        """As the loads themselves."""
        return self.inner.offers()

    def stop(self) -> None:
        """As the loads themselves."""
        self.inner.stop()

    def _tail(self) -> bytes:
        with self.log.open("rb") as log:
            log.seek(max(self.log.stat().st_size - _TAIL_B, 0))
            return log.read()

"""A fleet on which a small training stands for a large one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from edgewatt.models.federated.round import Choice, Conditions, Costs, Fleet, Floats, Ints, Job, Kind


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """The devices of `fleet`, on which computing takes `times` as many seconds and joules; sending is as it is."""

    fleet: Fleet
    times: float

    @property
    def kinds(self) -> Sequence[Kind]:
        """As the fleet's."""
        return self.fleet.kinds

    @property
    def kind_of(self) -> Ints:
        """As the fleet's."""
        return self.fleet.kind_of

    def conditions(self, number: int) -> Conditions:
        """As the fleet's."""
        return self.fleet.conditions(number)

    def costs(self, job: Job, choice: Choice, samples_n: Ints, conditions: Conditions) -> Costs:
        """Those of the fleet, with computing multiplied."""
        of = self.fleet.costs(job, choice, samples_n, conditions)
        return replace(of, compute_s=of.compute_s * self.times, compute_j=of.compute_j * self.times)

    def idle_w(self) -> Floats:
        """As the fleet's."""
        return self.fleet.idle_w()

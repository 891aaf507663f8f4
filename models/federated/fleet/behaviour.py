"""When the clients of FedScale's trace are active: intervals as arrays, so that 100,000 clients are asked at once."""

from dataclasses import dataclass

import numpy as np

from edgewatt.models.federated.round import Flags, Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)
class Behaviour:
    """M clients, (M,): `finish_s`, after which a client's trace begins again. I intervals, (I,): whose, from, until."""

    finish_s: Floats
    client: Ints
    start_s: Floats
    stop_s: Floats

    @property
    def clients_n(self) -> int:
        """M."""
        return len(self.finish_s)

    def active(self, time_s: float) -> Flags:
        """Who is active at this time, (M,); both ends of an interval belong to it, as in FedScale."""
        now = np.mod(time_s, self.finish_s)[self.client]
        inside = (self.start_s <= now) & (now <= self.stop_s)
        return np.bincount(self.client[inside], minlength=self.clients_n) > 0

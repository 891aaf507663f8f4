"""What drives a sensor's readings: a load that is on or off, or the power that a meter saw, as an integral."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from edgewatt.profiler.gauging.found import Floats


@dataclass(frozen=True, slots=True, eq=False)
class Drive:
    """The integral of a load from the beginning up to each of n ascending instants, a straight line between them."""

    t_s: Floats
    area: Floats

    @classmethod
    def of_pulses(cls, begin_s: Floats, end_s: Floats) -> Self:
        """A load of 1 in each pulse, of 0 elsewhere; shape [p] each, in order."""
        t_s = np.stack([begin_s, end_s], 1).ravel()
        done = np.cumsum(end_s - begin_s)
        area = np.stack([done - (end_s - begin_s), done], 1).ravel()
        return cls(t_s, area)

    @classmethod
    def of_samples(cls, t_s: Floats, values: Floats) -> Self:
        """Points joined by straight lines, shape [n] each."""
        area = np.concatenate([[0.0], np.cumsum(np.diff(t_s) * (values[1:] + values[:-1]) / 2)])
        return cls(t_s, area)

    def followed(self, t_s: Floats, tau_s: float) -> Floats:
        """What follows the load with a time constant, as heat does, at ascending instants."""
        every_s = tau_s / 200
        grid_s = np.arange(min(float(self.t_s[0]), float(t_s[0])), max(float(self.t_s[-1]), float(t_s[-1])), every_s)
        kept = np.exp(-every_s / tau_s)
        state, states = 0.0, [0.0]
        for load in self.mean(grid_s[:-1], grid_s[1:]).tolist():
            state = load + (state - load) * kept
            states.append(state)
        return np.asarray(np.interp(t_s, grid_s, states))

    def mean(self, begin_s: Floats, end_s: Floats) -> Floats:
        """The mean between two instants, of any shape; outside of what is known the load is that of its end."""
        return np.asarray((self._to(end_s) - self._to(begin_s)) / (end_s - begin_s))

    def _to(self, t_s: Floats) -> Floats:
        return np.asarray(np.interp(t_s, self.t_s, self.area))

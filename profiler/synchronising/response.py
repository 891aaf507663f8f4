"""What the power of a device does at the edges of pulses: a level that jumps, and a power that follows it.

Between two edges the level is a straight line `a + s u` (u: seconds since the edge; a governor or heat may go on
raising it), and the power follows with a time constant of its own for rising and for falling, x' = (level - x) / tau:

    x(u)             = a (1 - E) + s (u - tau (1 - E)) + x(0) E                                  E = exp(-u / tau)
    integral to u    = a (u - tau (1 - E)) + s (u^2 / 2 - tau u + tau^2 (1 - E)) + x(0) tau (1 - E)

Given the time constants and where the edges lie, that is linear in all the a and s.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Means:
    """n readings of power: each is the mean between two of the ascending `bounds_s`, or all are points at them."""

    bounds_s: Floats
    begin: NDArray[np.intp]
    end: NDArray[np.intp]

    @classmethod
    def of(cls, begin_s: Floats, end_s: Floats) -> "Means":
        """Readings from each begin to its end, shapes [n]; points where the two are the same arrays."""
        bounds_s, place = np.unique(np.concatenate([begin_s, end_s]), return_inverse=True)
        return cls(bounds_s, place[: len(begin_s)], place[len(begin_s) :])

    @property
    def are_points(self) -> bool:
        """True if none of them lasts."""
        return bool((self.begin == self.end).all())

    @property
    def lasted_s(self) -> Floats:
        """Length of each."""
        return np.asarray(self.bounds_s[self.end] - self.bounds_s[self.begin])

    @property
    def middle_s(self) -> Floats:
        """Half way through each."""
        return np.asarray((self.bounds_s[self.end] + self.bounds_s[self.begin]) / 2)


@dataclass(frozen=True, slots=True, eq=False)
class Levels:
    """Level and slope from each of m edges on, and before them: each of shape [m + 1, c], for c cases side by side."""

    level: Floats
    slope: Floats

    def times(self, factors: Floats) -> "Levels":
        """The one case that is the sum of these, each times its factor."""
        return Levels((self.level @ factors)[:, None], (self.slope @ factors)[:, None])


def response(means: Means, edge_s: Floats, tau_s: Floats, levels: Levels) -> Floats:
    """The readings in each case, shape [n, c], for m edges with a time constant each; before them the level is met."""
    first_s = min(float(means.bounds_s[0]), float(edge_s[0]))
    path = _Path.of(np.concatenate([[first_s], edge_s]), np.concatenate([[0.0], tau_s]), levels)
    if means.are_points:
        return path.at(means.bounds_s)[means.end]
    energy = path.energy(means.bounds_s)
    return (energy[means.end] - energy[means.begin]) / means.lasted_s[:, None]


@dataclass(frozen=True, slots=True, eq=False)
class _Path:
    """Where the power stands at each start, and the energy up to it, both of shape [m + 1, c]."""

    start_s: Floats
    tau_s: Floats
    levels: Levels
    power: Floats
    done: Floats

    @classmethod
    def of(cls, start_s: Floats, tau_s: Floats, levels: Levels) -> "_Path":
        kept, of_level, of_slope = _followed(np.diff(start_s), tau_s[:-1])
        power, done = np.zeros_like(levels.level), np.zeros_like(levels.level)
        power[0] = levels.level[0]
        for k in range(len(kept)):
            level, slope, before = levels.level[k], levels.slope[k], power[k]
            power[k + 1] = level * (1 - kept[k]) + slope * of_level[k] + before * kept[k]
            done[k + 1] = done[k] + level * of_level[k] + slope * of_slope[k] + before * (tau_s[k] * (1 - kept[k]))
        return cls(start_s, tau_s, levels, power, done)

    def at(self, t_s: Floats) -> Floats:
        """At ascending instants, shape [n, c]."""
        _, kept, of_level, _ = self._since(t_s)
        return self._sum(t_s, np.stack([1 - kept, of_level, kept], 1))

    def energy(self, t_s: Floats) -> Floats:
        """Up to ascending instants, shape [n, c]."""
        k, kept, of_level, of_slope = self._since(t_s)
        found = self._sum(t_s, np.stack([of_level, of_slope, self.tau_s[k] * (1 - kept)], 1))
        found += self.done[k]
        return found

    def _since(self, t_s: Floats) -> tuple[NDArray[np.intp], Floats, Floats, Floats]:
        """The stretch of each instant, and what was followed since it began."""
        k = np.maximum(np.searchsorted(self.start_s, t_s, "right") - 1, 0)
        return k, *_followed(t_s - self.start_s[k], self.tau_s[k])

    def _sum(self, t_s: Floats, weights: Floats) -> Floats:
        """Level, slope and power at the start of each instant's stretch, times the weights, stretch by stretch."""
        found = np.empty((len(t_s), self.power.shape[1]))
        cuts = [0, *np.searchsorted(t_s, self.start_s[1:]).tolist(), len(t_s)]
        for k, (first, last) in enumerate(pairwise(cuts)):
            of_stretch = np.stack([self.levels.level[k], self.levels.slope[k], self.power[k]])
            np.matmul(weights[first:last], of_stretch, out=found[first:last])
        return found


def _followed(u_s: Floats, tau_s: Floats) -> tuple[Floats, Floats, Floats]:
    """E, and the integrals of a unit level and of a unit slope that are followed from 0."""
    kept = np.where(tau_s > 0, np.exp(-u_s / np.where(tau_s > 0, tau_s, 1.0)), 0.0)
    of_level = u_s - tau_s * (1 - kept)
    return kept, of_level, u_s * u_s / 2 - tau_s * of_level

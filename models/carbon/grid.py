"""The carbon intensity of electricity by zone and time: steps, each with its time, under one label for all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgewatt.models.carbon.nearest import unknown
from edgewatt.profiler.errors import UsageError

Array = NDArray[np.float64]

# Average: of all that generates. Marginal: of what answers one more kWh. The two are never in one grid.
KINDS: Final = ("average", "marginal")
# Direct: what leaves the chimney. Lifecycle: what building and fuel emit, too.
SCOPES: Final = ("direct", "lifecycle")


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What the numbers of a grid are. `spread_ratio`: how far the truth of a time may be from the value given for it.

    `spread_source` says where that is from. `notes` are what a reader should know.
    """

    kind: str
    scope: str
    source: str
    licence: str
    spread_ratio: float
    spread_source: str
    is_synthetic: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Steps:
    """Intensities in kg/J, each from `t0_s` until before `t1_s` (s since 1970, UTC), of shape [n], in order.

    `note` is of the zone: the year of an average, its name.
    """

    t0_s: Array
    t1_s: Array
    kg_per_j: Array
    note: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Intensities of zones. `names` are other names of zones, for somebody who asks by them (`KOR`, `South Korea`)."""

    label: Label
    by_zone: Mapping[str, Steps]
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def zones(self) -> tuple[str, ...]:
        """The zones, as they are called here."""
        return tuple(self.by_zone)

    def zone(self, name: str) -> str:
        """The zone of a name, in any case. Raises UsageError with what may have been meant; no near one is taken."""
        known = {**{zone.casefold(): zone for zone in self.by_zone}, **self.names}
        found = known.get(name.strip().casefold())
        if found is None:
            raise unknown("zone", name, self.by_zone, self.names)
        return found

    def steps(self, zone: str) -> Steps:
        """The steps of a zone. Raises UsageError."""
        return self.by_zone[self.zone(zone)]

    def intensity(self, zone: str, t_s: ArrayLike) -> Array:
        """kg/J at each time, shaped as `t_s`. Raises UsageError for an unknown zone, a gap, or a time outside."""
        steps, t = self.steps(zone), np.asarray(t_s, np.float64)
        place = np.searchsorted(steps.t0_s, t, side="right") - 1
        is_known = (place >= 0) & (t < steps.t1_s[np.maximum(place, 0)])
        if not np.all(is_known):
            raise _absent(zone, steps, float(np.atleast_1d(t)[~np.atleast_1d(is_known)][0]))
        return np.asarray(steps.kg_per_j[place], np.float64)

    def mean(self, zone: str, t0_s: ArrayLike, t1_s: ArrayLike) -> Array:
        """The mean in kg/J over each stretch of time, by time. Raises UsageError as `intensity` does, or if empty."""
        steps = self.steps(zone)
        start, end = np.broadcast_arrays(np.asarray(t0_s, np.float64), np.asarray(t1_s, np.float64))
        if not np.all(start < end):
            raise UsageError("a mean of the intensity over a stretch that ends before it begins")
        if np.isinf(steps.t1_s[0]):
            return np.full(start.shape, steps.kg_per_j[0])
        covered = _until(steps, end, np.ones(len(steps.t0_s))) - _until(steps, start, np.ones(len(steps.t0_s)))
        is_whole = np.abs(covered - (end - start)) <= 1e-6 * (end - start)
        if not np.all(is_whole):
            place = int(np.argmin(np.ravel(is_whole)))
            raise _not_covered(zone, steps, float(np.ravel(start)[place]), float(np.ravel(end)[place]))
        emitted = _until(steps, end, steps.kg_per_j) - _until(steps, start, steps.kg_per_j)
        return np.asarray(emitted / (end - start), np.float64)

    def as_json(self) -> dict[str, Any]:
        """The label, for `--json`."""
        of = self.label
        return {
            "kind": of.kind,
            "scope": of.scope,
            "source": of.source,
            "licence": of.licence,
            "synthetic": of.is_synthetic,
            "spread_ratio": of.spread_ratio,
            "spread_source": of.spread_source,
            "notes": list(of.notes),
        }


def utc(t_s: float) -> str:
    """A time as people write it, `2024-03-01 07:00 UTC`; its number where no calendar has it."""
    try:
        return datetime.fromtimestamp(t_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (OverflowError, ValueError, OSError):
        return f"{t_s:g} s since 1970"


def constant_steps(kg_per_j: float, note: str = "") -> Steps:
    """One intensity for all times."""
    return Steps(np.array([-np.inf]), np.array([np.inf]), np.array([kg_per_j]), note)


def span(steps: Steps) -> str:
    """From when until when."""
    return f"{utc(float(steps.t0_s[0]))} to {utc(float(steps.t1_s[-1]))}"


def gaps(steps: Steps) -> Sequence[tuple[float, float]]:
    """The stretches between the first and the last step that no step covers."""
    at = np.flatnonzero(steps.t0_s[1:] > steps.t1_s[:-1])
    return [(float(steps.t1_s[k]), float(steps.t0_s[k + 1])) for k in at]


def _until(steps: Steps, t: Array, height: Array) -> Array:
    """The integral of the steps of a height from the first of them to `t`; gaps add nothing."""
    before = np.concatenate([[0.0], np.cumsum(height * (steps.t1_s - steps.t0_s))])
    place = np.searchsorted(steps.t0_s, t, side="right") - 1
    at = np.maximum(place, 0)
    inside = np.minimum(t, steps.t1_s[at]) - steps.t0_s[at]
    return np.asarray(np.where(place < 0, 0.0, before[at] + height[at] * inside), np.float64)


def _absent(zone: str, steps: Steps, t_s: float) -> UsageError:
    outside = not steps.t0_s[0] <= t_s < steps.t1_s[-1]
    why = f"it covers {span(steps)}" if outside else "it has a gap there, and nothing is put into a gap"
    return UsageError(f"zone {zone}: no intensity at {utc(t_s)}; {why}")


def _not_covered(zone: str, steps: Steps, t0_s: float, t1_s: float) -> UsageError:
    inside = [(a, b) for a, b in gaps(steps) if a < t1_s and b > t0_s]
    hole = f"a gap from {utc(inside[0][0])} to {utc(inside[0][1])}" if inside else f"it covers {span(steps)}"
    return UsageError(f"zone {zone}: no intensity for all of {utc(t0_s)} to {utc(t1_s)}; {hole}")

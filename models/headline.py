"""A number of a simulation beside a paper's: its interval over seeds, its range over constants, and why they differ."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from edgewatt.profiler.statistics import interval_of_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """`values`: one per seed; `varied`: the same as all unconfirmed constants vary, one per draw.

    `headline` only beside a confirmed value of the paper. Without values there is no number, and `gap` says why.
    `geometric`: of ratios, whose mean and interval are those of their logarithms, so that a seed in which one side did
    badly does not speak for all.
    """

    name: str
    unit: str
    better: Literal["higher", "lower"]
    basis: str
    gap: str
    values: Sequence[float] = ()
    varied: Sequence[float] = ()
    published: float | None = None
    headline: bool = False
    geometric: bool = False

    @property
    def ours(self) -> float | None:
        """The mean over seeds."""
        return self._over_seeds()[0]

    def _over_seeds(self) -> tuple[float | None, float | None, float | None]:
        """Mean and interval."""
        of = interval_of_mean(np.log(self.values) if self.geometric else self.values)
        if of is None:
            return None, None, None

        def plain(value: float | None) -> float | None:
            return float(np.exp(value)) if self.geometric and value is not None else value

        return plain(of.mean), plain(of.low), plain(of.high)

    @property
    def span(self) -> tuple[float, float] | None:
        """The least and the most of all values, as stated and varied; None where nothing was varied."""
        every = [*self.values, *self.varied]
        return (min(every), max(every)) if self.varied else None

    def as_json(self) -> dict[str, Any]:
        """The row that `simulate --json` gives of every system's numbers."""
        ours, low, high = self._over_seeds()
        span = self.span
        return {
            "name": self.name,
            "unit": self.unit,
            "better": self.better,
            "headline": self.headline,
            "published": self.published,
            "ours": ours,
            "ci_low": low,
            "ci_high": high,
            "range_low": None if span is None else span[0],
            "range_high": None if span is None else span[1],
            "seeds": len(self.values),
            "basis": self.basis,
            "gap": self.gap,
        }

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

    @property
    def ours(self) -> float | None:
        """The mean over seeds."""
        return float(np.mean(self.values)) if len(self.values) else None

    @property
    def span(self) -> tuple[float, float] | None:
        """The least and the most of all values, as stated and varied; None where nothing was varied."""
        every = [*self.values, *self.varied]
        return (min(every), max(every)) if self.varied else None

    def as_json(self) -> dict[str, Any]:
        """The row that `simulate --json` gives of every system's numbers."""
        interval = interval_of_mean(self.values)
        span = self.span
        return {
            "name": self.name,
            "unit": self.unit,
            "better": self.better,
            "headline": self.headline,
            "published": self.published,
            "ours": self.ours,
            "ci_low": None if interval is None else interval.low,
            "ci_high": None if interval is None else interval.high,
            "range_low": None if span is None else span[0],
            "range_high": None if span is None else span[1],
            "seeds": len(self.values),
            "basis": self.basis,
            "gap": self.gap,
        }

"""The cost of the steps of one training, as arrays: what a model's memory is made of, and totals of a run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edgewatt.profiler.errors import UsageError

Floats = NDArray[np.float64]
# Of float32, which everything here is trained in.
VALUE_B: Final = 4
COLUMNS: Final = (
    "step_s", "forward_flop", "backward_flop", "saved_b", "memory_peak_b", "memory_mean_b", "optimizer_b",
    "trainable_n", "frozen_n", "frozen_layers_n", "frozen_prefix_n", "layers_n",
)  # fmt: skip


@dataclass(frozen=True)
class Steps:
    """Columns of the meter by step, (steps,) each, NaN where it does not know.

    `processor_s`: seconds of processor time of a step, which other programs hardly change; `cached_b`: bytes of what a
    method keeps of its features. `is_counted`: steps in which FLOPs were counted, which is slow; their time is taken as
    the mean of the others in which the same trained.
    """

    columns: Mapping[str, Floats]
    is_counted: NDArray[np.bool_]
    processor_s: Floats
    cached_b: Floats

    @cached_property
    def seconds(self) -> Floats:
        """Of processor time of each step, those that counted as those beside them."""
        frozen, trained = self.columns["frozen_layers_n"], self.columns["trainable_n"]
        found = self.processor_s.copy()
        for k in np.flatnonzero(self.is_counted):
            alike = ~self.is_counted & (frozen == frozen[k]) & (trained == trained[k])
            timed = alike if alike.any() else ~self.is_counted
            found[k] = np.mean(self.processor_s[timed]) if timed.any() else found[k]
        return found

    @property
    def flop(self) -> Floats:
        """Both passes."""
        return self.columns["forward_flop"] + self.columns["backward_flop"]

    @property
    def fixed_b(self) -> Floats:
        """Bytes of weights, of gradients of what trains, and of the optimizer's state."""
        weights = VALUE_B * (self.columns["trainable_n"] + self.columns["frozen_n"])
        return weights + VALUE_B * self.columns["trainable_n"] + self.columns["optimizer_b"]

    @property
    def memory_b(self) -> Floats:
        """Bytes that a step needs at its worst: the fixed ones, what is kept for the backward pass, and the cache."""
        return self.fixed_b + self.columns["saved_b"] + self.cached_b

    @property
    def prefix(self) -> Floats:
        """Layers frozen from the input on."""
        return self.columns["frozen_prefix_n"]

    def rows(self) -> list[dict[str, Any]]:
        """A flat row for each step; what is not known is None."""
        every: dict[str, Floats] = {
            **self.columns, "processor_s": self.processor_s, "cached_b": self.cached_b, "memory_b": self.memory_b,
        }  # fmt: skip
        return [
            {
                "step": k,
                "is_counted": bool(self.is_counted[k]),
                **{name: None if np.isnan(of[k]) else float(of[k]) for name, of in every.items()},
            }
            for k in range(len(self.is_counted))
        ]


def steps_of(rows: Sequence[Mapping[str, Any]], processor_s: Sequence[float], cached_b: Sequence[int] = ()) -> Steps:
    """The meter's rows as arrays. Raises UsageError where it saw another number of steps than were made."""
    if len(rows) != len(processor_s):
        raise UsageError(f"the meter saw {len(rows)} steps of {len(processor_s)}: something else stepped, or nothing")
    columns = {name: np.array([_number(row[name]) for row in rows]) for name in COLUMNS}
    counted = np.array([bool(row["is_counted"]) for row in rows])
    return Steps(columns, counted, np.array(processor_s), np.array(cached_b or [0] * len(rows), np.float64))


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)

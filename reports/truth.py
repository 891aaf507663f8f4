"""The truth of a simulated run beside what was estimated: only a virtual device knows what was really drawn.

It lies in the windows `truth/<repeat>`, as joules by the name of what was drawn. An energy source is a sum of products
of columns; each product is about what its first column's channel is called.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.window import truth_window
from edgewatt.reports.wording import Row

_TRUTH: Final = truth_window(0).removesuffix("0")
# A rail that was read from a service of the phone has its label behind this.
_OF_SERVICE: Final = "power_stats_"


@dataclass(frozen=True, slots=True)
class Truth:
    """What one run knows: joules per inference by window and by name of what was drawn, and the names of each source.

    `repeats` are the rows of that table, which say what an estimate was made of.
    """

    per_iteration_j: Mapping[tuple[str | None, str], Mapping[str, float]] = field(default_factory=dict)
    drawn: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    repeats: Sequence[Row] = ()

    def __bool__(self) -> bool:
        """True for a run with any truth in it."""
        return bool(self.per_iteration_j)

    def energy_j(self, row: Row) -> float | None:
        """Exact joules per inference of a row of either table; None where nobody knows.

        Of a row of results it is the mean of those repeats that gave an estimate, or of all if none did.
        """
        if not self:
            return None
        if "repeat" in row:
            return self._of_repeat(row)
        mine = [of for of in self.repeats if all(of[name] == row[name] for name in ("config_id", "energy_source"))]
        exact_j = [self._of_repeat(of) for of in mine if of["energy_gross_j"] is not None] or [
            self._of_repeat(of) for of in mine
        ]
        known_j = [energy_j for energy_j in exact_j if energy_j is not None]
        return float(np.mean(known_j)) if known_j and len(known_j) == len(exact_j) else None

    def _of_repeat(self, row: Row) -> float | None:
        known_j = self.per_iteration_j.get((row["config_id"], truth_window(row["repeat"])), {})
        parts_j = [known_j.get(name) for name in self.drawn.get(row["energy_source"], ())]
        found_j = [part_j for part_j in parts_j if part_j is not None]
        return sum(found_j) if found_j and len(found_j) == len(parts_j) else None


def truth_of(trace: Trace) -> Truth:
    """What a run knows; nothing for a measured one."""
    repeats, columns = trace.repeats(), trace.columns
    drawn = {
        source.name: tuple(columns[term[0]].channel.name.removeprefix(_OF_SERVICE) for term in source.terms)
        for source in trace.sources
    }
    known = {(window.config_id, window.name): _per_iteration_j(window.attributes) for window in trace.windows(_TRUTH)}
    return Truth(known, drawn, [] if repeats is None else repeats.to_pylist())


def off_rel(row: Row, truth_j: float | None) -> float | None:
    """By which share of the truth an estimate is off; None without one of them, or if nothing was drawn."""
    estimate_j = row["energy_gross_j" if "repeat" in row else "energy_gross_j_mean"]
    share = estimate_j / truth_j - 1 if estimate_j is not None and truth_j else math.nan
    return share if math.isfinite(share) else None


def off_by(row: Row, truth_j: float | None) -> str:
    """The same in words, `off by +4.3 %`; "" for None."""
    share = off_rel(row, truth_j)
    return "" if share is None else f"off by {round(100 * share, 1) + 0.0:+,.1f} %"


def truth_rows(results: Sequence[Row], truth: Truth) -> list[dict[str, Any]]:
    """For a program: what is true of each row of the results."""
    return [
        {
            "config_id": row["config_id"],
            "energy_source": row["energy_source"],
            "energy_gross_j": (truth_j := truth.energy_j(row)),
            "off_rel": off_rel(row, truth_j),
        }
        for row in results
    ]


def _per_iteration_j(attributes: Mapping[str, Any]) -> dict[str, float]:
    """Joules per inference by name, of those that are numbers."""
    iterations, energies_j = attributes.get("iterations"), attributes.get("energy_j")
    if not isinstance(iterations, int) or iterations < 1 or not isinstance(energies_j, Mapping):
        return {}
    return {
        name: energy_j / iterations
        for name, energy_j in energies_j.items()
        if isinstance(energy_j, int | float) and math.isfinite(energy_j)
    }

"""Which operators are told on their own, and which only together.

The rule: a value stands alone if its 95 % interval reaches no further than half of it (measurement.md, as for every
energy), which no negative value fulfils. Of those that do not, the one whose interval is widest beside its value joins
that neighbour, in order of execution, with which the interval becomes narrowest beside the sum; then again, until all
stand. If not even the sum of all does, there is no value.
"""

import math
from collections.abc import Sequence

from edgewatt.profiler.operator_energy.solving import Part, Solution


def decided(solution: Solution) -> list[Part]:
    """The network in parts that can be told, in order of execution; a single part, perhaps undecided, at the least."""
    parts = [solution.part(columns) for columns in solution.designs.groups]
    while len(parts) > 1 and not all(part.is_decided for part in parts):
        at = max((k for k in range(len(parts)) if not parts[k].is_decided), key=lambda k: _width(parts[k]))
        parts = min(
            (_joined(solution, parts, first) for first in (at - 1, at) if 0 <= first < len(parts) - 1), key=_at
        )[1]
    return parts


def _joined(solution: Solution, parts: Sequence[Part], first: int) -> tuple[float, list[Part]]:
    """The parts with the one at `first` and the next one as one, after its relative width."""
    both = solution.part(tuple(sorted((*parts[first].columns, *parts[first + 1].columns))))
    return _width(both), [*parts[:first], both, *parts[first + 2 :]]


def _at(joined: tuple[float, list[Part]]) -> float:
    return joined[0]


def _width(part: Part) -> float:
    """The interval beside the value; below nothing is wider than anything."""
    return part.half_width / part.value if part.value > 0 else math.inf

"""What a model has to show, as plain data; a command hands it to reports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Line:
    """One named series. `low` and `high` bound `y` where there is an interval; all have the length of `x`."""

    name: str
    x: Sequence[float | str]
    y: Sequence[float]
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart without a look: what is on the axes (with units), the series, and where the numbers come from.

    `basis` is one of measured, published, assumed, simulated.
    """

    title: str
    kind: Literal["line", "bars", "points", "heat"]
    x_label: str
    y_label: str
    lines: Sequence[Line]
    basis: Literal["measured", "published", "assumed", "simulated"]
    notes: Mapping[str, Any] = field(default_factory=dict)

"""What a figure is asked to be."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

Kind = Literal["timeline", "cdf", "bars", "pareto", "dvfs"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
FIGURE_FORMATS: Final = ("pdf", "svg", "png")

# One column of a page with two, as IEEE's and ACM's styles have it (3.33 to 3.5 in); remembered, not looked up.
COLUMN_IN: Final = 3.35
WIDTH_LIMITS_IN: Final = (1.5, 40.0)


@dataclass(frozen=True, slots=True)
class Asked:
    """The kind of a figure (None: of a format that is none), and its width in inches."""

    kind: Kind | None = None
    width_in: float = COLUMN_IN

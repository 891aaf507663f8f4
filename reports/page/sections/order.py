"""The sections of a page of runs, in their order; the timeline stands between FIRST and REST."""

from typing import Final

from edgewatt.reports.page.section import SectionOf
from edgewatt.reports.page.sections import (
    answer,
    compared,
    conditions,
    distribution,
    ledger,
    operators,
    pareto,
    provenance,
    uncertainty,
)

FIRST: Final[tuple[SectionOf, ...]] = (answer.section, compared.section, pareto.section)
REST: Final[tuple[SectionOf, ...]] = (
    distribution.section,
    ledger.section,
    operators.section,
    conditions.section,
    uncertainty.section,
    provenance.section,
)

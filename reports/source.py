"""What an exporter is given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import pyarrow as pa

from edgewatt.profiler.calibration.calibration import Calibration
from edgewatt.profiler.comparing.tables import table_of_run
from edgewatt.profiler.storage.trace import Trace
from edgewatt.profiler.tables import BUDGET, REPEATS, RESULTS
from edgewatt.reports.figures.asked import Asked
from edgewatt.reports.formats.chosen import Chosen

Table = Literal["results", "repeats", "budget"]
TABLES: Final[Mapping[Table, pa.Schema]] = {"results": RESULTS, "repeats": REPEATS, "budget": BUDGET}


@dataclass(frozen=True, slots=True)
class Source:
    """The runs to export, and which of their tables; for formats of other programs (reports/formats) calibrations too.

    `asked` is of a figure. An exporter adds to `notices` what it left out.
    """

    runs: Sequence[Trace]
    table: Table = "results"
    calibrations: Sequence[Calibration] = ()
    chosen: Chosen = field(default_factory=Chosen)
    asked: Asked = field(default_factory=Asked)
    notices: list[str] = field(default_factory=list)

    def rows(self) -> pa.Table:
        """That table of all runs, one below the other, with exactly its columns and storage types.

        Raises UsageError for a run that does not hold it.
        """
        schema = TABLES[self.table]
        return pa.concat_tables([table_of_run(run, self.table).select(schema.names).cast(schema) for run in self.runs])

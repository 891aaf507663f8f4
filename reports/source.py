"""What an exporter is given."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from edgewatt.profiler.comparing.columns import EXPORTED
from edgewatt.profiler.comparing.tables import table_of_run
from edgewatt.profiler.storage.trace import Trace

Table = Literal["results", "repeats"]


@dataclass(frozen=True, slots=True)
class Source:
    """The runs to export, and which of their tables."""

    runs: Sequence[Trace]
    table: Table = "results"

    def rows(self) -> pa.Table:
        """That table of all runs, one below the other, with exactly its columns and storage types.

        Raises UsageError for a run that does not hold it.
        """
        schema = EXPORTED[self.table]
        return pa.concat_tables([table_of_run(run, self.table).select(schema.names).cast(schema) for run in self.runs])

"""What a calibration holds and lacks: rows by basis, and per system the columns that nothing fills yet."""

from collections import Counter
from dataclasses import dataclass

from edgewatt.profiler.calibration.calibration import Calibration
from edgewatt.profiler.calibration.needs import NEEDS, origins_of
from edgewatt.profiler.calibration.tables import BASES, TABLES


@dataclass(frozen=True, slots=True)
class Missing:
    """A column that a system reads and that has no value in any row, and what would produce it."""

    column: str
    origins: tuple[str, ...]


def rows_by_basis(calibration: Calibration) -> dict[str, dict[str, int]]:
    """Table -> basis -> rows, for the tables that have any."""
    counts = {name: Counter(calibration.table(name)["basis"].to_pylist()) for name in TABLES}
    return {name: {basis: of[basis] for basis in BASES if of[basis]} for name, of in counts.items() if of}


def missing(calibration: Calibration) -> dict[str, list[Missing]]:
    """System -> the columns that it reads and that are blank throughout, in the order of its needs."""
    filled = {
        f"{name}.{column}"
        for name, table in calibration.tables.items()
        for column in table.column_names
        if table[column].null_count < table.num_rows
    }
    return {
        system: [
            Missing(column, origins_of(column))
            for column in dict.fromkeys(need.column for need in needs if need.column is not None)
            if column not in filled
        ]
        for system, needs in NEEDS.items()
    }

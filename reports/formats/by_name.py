"""Networks that were executed as a whole, by the name that the consumer knows them by."""

from collections.abc import Callable, Sequence

from edgewatt.reports.formats.made import Given
from edgewatt.reports.formats.measured import INFERENCE, Measured


def named_rows(
    given: Given, is_name: Callable[[str], bool], expected: str
) -> tuple[dict[str, list[Measured]], list[str]]:
    """Inferences with a time by name, and what is left out because its name is none, in the order of the rows."""
    named: dict[str, list[Measured]] = {}
    left_out: dict[str, None] = {}
    for row in given.rows:
        if row.table != INFERENCE or row.model is None:
            continue
        name = given.chosen.name_of(row.model)
        if not is_name(name):
            left_out[f"{row.model} is left out: its name is {expected}"] = None
        elif row.time_s is None:
            left_out[f"{row} is left out: no latency was measured"] = None
        else:
            named.setdefault(name, []).append(row)
    return named, list(left_out)


def any_simulated(rows: Sequence[Sequence[Measured]]) -> bool:
    """Whether any row is."""
    return any(row.simulated for of in rows for row in of)

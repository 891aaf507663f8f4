"""What somebody who reads a comparison has to know of its two sides."""

from collections.abc import Iterator

import numpy as np

from edgewatt.profiler.comparing.comparability import HASH
from edgewatt.profiler.comparing.side import VOID, Side, reasons_of

MARKED = "marked"


def notices_of(old: Side, new: Side) -> list[str]:
    """One sentence each: what was left out, what is marked, what a table does not say of conditions and sessions."""
    return [*_of_each(old), *_of_each(new), *_of_sessions(old, new)]


def _of_each(side: Side) -> Iterator[str]:
    name, table = side.repeats.name, side.repeats.table
    yield from side.repeats.notices
    quality, repeats = side.coded["quality"], np.flatnonzero(side.once)
    for word, told in ((VOID, "are void and left out"), (MARKED, "are marked")):
        of_word = quality.among(repeats, word)
        if len(of_word):
            yield f"{name}: {len(of_word)} of {len(repeats)} repeats {told}{reasons_of(side, of_word)}"
    if table[HASH].null_count == table.num_rows:
        yield f"{name} does not say under which conditions it was measured: compared as if under the same"


def _of_sessions(old: Side, new: Side) -> Iterator[str]:
    unknown = [side.repeats.name for side in (old, new) if None in side.coded["session"].values]
    if len(unknown) == 2:
        yield (
            "neither table says in which session it was measured: both are taken as one common session, so spread from "
            "day to day is not in the intervals (a column session names the sittings)"
        )
    elif unknown:
        yield f"{unknown[0]} does not say in which session it was measured: taken as another than the other side's"

"""Which rows of two sides are the same configuration and the same quantity."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from edgewatt.profiler.comparing.columns import listed
from edgewatt.profiler.comparing.plain_table import ALIASES, QUANTITIES
from edgewatt.profiler.comparing.side import ENERGY, Key, Side, has_energy
from edgewatt.profiler.comparing.tables import Repeats
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.identity import CONFIG_KEYS
from edgewatt.profiler.storage.checked import shown

# What may tell configurations apart where there is no config_id: what was asked for, never what came of it.
CONFIG_COLUMNS: Final = (*CONFIG_KEYS, "device")


@dataclass(frozen=True, slots=True)
class Cell:
    """A quantity of a configuration, energy from one source: on both sides, or only on one."""

    key: Key
    quantity: str
    where: Literal["both", "old", "new"]
    old_source: str | None = None
    new_source: str | None = None


def match_columns(old: Repeats, new: Repeats, match: Sequence[str] | None) -> tuple[tuple[str, ...], list[str]]:
    """The columns that rows are matched on, and what to tell of it: `match`, else config_id, else what both have.

    Raises UsageError for a column of `match` that a side lacks.
    """
    if match:
        columns = tuple(dict.fromkeys(ALIASES.get(name, name) for name in match))
        for side in (old, new):
            _require(side, columns)
        return columns, []
    if all("config_id" in side.known and not side.table["config_id"].null_count for side in (old, new)):
        return ("config_id",), []
    columns = tuple(name for name in CONFIG_COLUMNS if name in old.known and name in new.known)
    if columns:
        return columns, [f"rows are matched on {', '.join(columns)}: the columns that both tables have"]
    return (), ["no column that both tables have says what was measured: each is taken as one configuration"]


def cells_of(old: Side, new: Side, key: Key) -> Iterator[Cell]:
    """Every quantity that either side knows of the configuration: latency, energy by source, memory."""
    where: Literal["both", "old", "new"] = (
        "both" if key in old.rows and key in new.rows else "old" if key in old.rows else "new"
    )
    for quantity in QUANTITIES:
        if not any(quantity in side.repeats.known for side in (old, new)):
            continue
        if quantity != ENERGY:
            yield Cell(key, quantity, where)
        elif where == "both":
            yield from _by_source(old, new, key)
        else:
            sources = (old if where == "old" else new).sources(key)
            yield from (Cell(key, ENERGY, where, source, source) for source in sources)


def against(old: Any, new: Any) -> str:
    """What two sides say of one thing; nothing where one does not say it."""
    return " against ".join("nothing" if one is None else shown(one) for one in (old, new))


def nothing_in_common(old: Side, new: Side) -> str:
    """Why no configuration is on both sides, by the columns that differ where each side has but one."""
    what = f"no configuration is on both sides, matched on {', '.join(old.columns)}"
    if len(old.rows) > 1 or len(new.rows) > 1:
        counts = f"{len(old.rows)} on the old side, {len(new.rows)} on the new"
        return f"{what}: {counts}. --match KEYS matches on other columns"
    heads = [side.repeats.table.select(CONFIG_COLUMNS).slice(0, 1).to_pylist()[0] for side in (old, new)]
    differing = [name for name in CONFIG_COLUMNS if heads[0][name] != heads[1][name]]
    named = ", ".join(f"{name} ({against(heads[0][name], heads[1][name])})" for name in differing)
    same = ",".join(name for name in CONFIG_COLUMNS if name not in differing and heads[0][name] is not None)
    hint = f". To compare all the same: --match {same}" if same else ""
    return f"{what}: they differ in {named or 'config_id alone'}{hint}"


def _by_source(old: Side, new: Side, key: Key) -> Iterator[Cell]:
    """Sources of the same name; a side that names none meets the other's if it has no joules, or there is but one."""
    a, b = old.sources(key), new.sources(key)
    only_a, only_b = [s for s in a if s not in b], [s for s in b if s not in a]
    yield from (Cell(key, ENERGY, "both", source, source) for source in a if source in b)
    if only_b == [None] and (len(only_a) == 1 or not has_energy(new, key, None)):
        yield from (Cell(key, ENERGY, "both", source, None) for source in only_a)
    elif only_a == [None] and (len(only_b) == 1 or not has_energy(old, key, None)):
        yield from (Cell(key, ENERGY, "both", None, source) for source in only_b)
    else:
        yield from (Cell(key, ENERGY, "old", source, source) for source in only_a)
        yield from (Cell(key, ENERGY, "new", source, source) for source in only_b)


def _require(side: Repeats, columns: Sequence[str]) -> None:
    for name in columns:
        if name not in side.known:
            raise UsageError(f"--match {name}: {side.name} has no column {name!r}; it has {listed(sorted(side.known))}")

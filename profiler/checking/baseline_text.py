"""A baseline as the TOML file that people review: one value a line, so that a diff shows what changed."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from edgewatt import __version__
from edgewatt.profiler.analysis.conditions import comparability
from edgewatt.profiler.comparing.plain_table import QUANTITIES
from edgewatt.profiler.comparing.side import ENERGY, VOID
from edgewatt.profiler.comparing.tables import Repeats
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.quality.reason import MARKED
from edgewatt.profiler.quality.table import code_of, weight_of
from edgewatt.profiler.storage.checked import TEXT_LIMIT
from edgewatt.profiler.storage.toml_text import key_text, value_text

SCHEMA: Final = 1
_value: Final = partial(value_text, plain=True)
# What says which configuration it is, and what of it decides whether another run may be compared with it.
IDENTITY: Final = (
    "config_id", "device", "device_id", "soc", "model", "model_sha256", "runtime", "runtime_version", "target_asked",
    "target_used", "precision", "threads", "batch", "frequency_hz",
)  # fmt: skip
OF_SESSION: Final = ("session", "latency_stat", "quality")
OF_SOURCE: Final = ("energy_source", "energy_boundary", "conditions_sha256")
_HEAD: Final = """\
# Written by `edgewatt check --save`, to be reviewed and kept beside the code; each value is of one independent repeat.
# A configuration may have `tolerance = { energy_gross_j = 0.03 }` and a `note`; both stay when it is saved again.
"""
# So many significant digits: far below any spread, and short.
_DIGITS: Final = 7


def baseline_text(
    repeats: Repeats,
    tolerances: Mapping[str, float],
    kept: Mapping[str | None, Mapping[str, Any]],
) -> str:
    """The file's text. `kept` are what people wrote of a configuration, by its config_id: its tolerance, its note.

    Void repeats are left out. Raises UsageError where none is left.
    """
    rows = [row for row in repeats.table.to_pylist() if row["quality"] != VOID]
    if not rows:
        raise UsageError(f"{repeats.name}: every repeat is void, so that there is nothing to save as a baseline")
    simulated = bool(pc.any(pc.fill_null(repeats.table["simulated"].cast(pa.bool_()), fill_value=False)).as_py())
    lines = [_HEAD, f"schema = {SCHEMA}", f"edgewatt = {_value(__version__)}"]
    lines += [f"simulated = {_value(simulated)}", "", "[tolerance]"]
    lines += [f"{name} = {_value(share)}" for name, share in tolerances.items()]
    if repeats.conditions is not None:
        known = {k: v for k, v in comparability(repeats.conditions).items() if v is not None}
        lines += ["", "[conditions]", *(f"{key_text(k)} = {_condition(v)}" for k, v in known.items())]
    for of_one in _grouped(rows, IDENTITY):
        lines += ["", *_configuration(of_one, kept)]
    return "\n".join([*lines, ""])


def _configuration(rows: Sequence[Mapping[str, Any]], kept: Mapping[str | None, Mapping[str, Any]]) -> Iterator[str]:
    yield "[[configuration]]"
    yield from _said(rows[0], IDENTITY)
    by_hand = kept.get(rows[0]["config_id"], {})
    if tolerance := by_hand.get("tolerance"):
        inside = ", ".join(f"{name} = {_value(share)}" for name, share in tolerance.items())
        yield f"tolerance = {{ {inside} }}"
    if note := by_hand.get("note"):
        yield f"note = {_value(note)}"
    for of_session in _grouped(rows, ("session",)):
        yield from ("", "[[configuration.measured]]")
        yield from _said(of_session[0], OF_SESSION)
        told = (reason for row in of_session for reason in row["quality_reasons"] or ())
        reasons = dict.fromkeys(code_of(reason) for reason in told if weight_of(reason) == MARKED)
        if reasons:
            yield f"quality_reasons = {_value(list(reasons))}"
        of_sources = _grouped(of_session, OF_SOURCE)
        yield f"repeat = {_value([row['repeat'] for row in of_sources[0]])}"
        for quantity in QUANTITIES:
            if quantity != ENERGY:
                yield from _values(quantity, of_sources[0])
        for of_source in of_sources:
            yield from ("", "[[configuration.measured.energy]]")
            yield from _said(of_source[0], OF_SOURCE)
            yield from _values(ENERGY, of_source)


def _grouped(rows: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> list[list[Mapping[str, Any]]]:
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return list(groups.values())


def _said(row: Mapping[str, Any], keys: Sequence[str]) -> Iterator[str]:
    yield from (f"{key} = {_condition(row[key])}" for key in keys if row[key] is not None)


def _values(quantity: str, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """One value a line, nan for a repeat without one; nothing of a quantity that no repeat has."""
    values = [row[quantity] for row in rows]
    if any(value is not None for value in values):
        yield f"{quantity} = ["
        yield from (f"    {_number(value)}," for value in values)
        yield "]"


def _number(value: float | None) -> str:
    if value is None:
        return "nan"
    return str(value) if isinstance(value, int) else repr(float(f"{value:.{_DIGITS}g}"))


def _condition(value: Any) -> str:
    """A condition, with a list's nulls as empty texts."""
    if isinstance(value, list):
        return _value([_plain(one) for one in value])
    return _value(_plain(value))


def _plain(value: Any) -> Any:
    if isinstance(value, bool | int | float):
        return value
    return "" if value is None else str(value)[:TEXT_LIMIT]

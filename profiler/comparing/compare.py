"""What became faster, cheaper or smaller between two sets of repeats, as data. Verdicts are `check`'s."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

from edgewatt.profiler.comparing.comparability import WATCHED, differences, refuse_impossible
from edgewatt.profiler.comparing.matching import Cell, cells_of, match_columns, nothing_in_common
from edgewatt.profiler.comparing.ratio import ASSUMED, Ratio, Sample, SessionSpread, ratio_of
from edgewatt.profiler.comparing.side import NoSample, Side, sample_of, side_of
from edgewatt.profiler.comparing.side_notices import notices_of
from edgewatt.profiler.comparing.tables import Repeats, read_repeats
from edgewatt.profiler.errors import NotComparableError, UsageError
from edgewatt.profiler.storage.manifest import plain
from edgewatt.profiler.tables import SCHEMA_VERSION

Status = Literal["compared", "not_comparable", "not_measured", "invalid", "new", "gone"]
Direction = Literal["better", "worse", "unclear"]

# What edgewatt exits with when it cannot tell (architecture.md, "Command line").
CANNOT_TELL: Final = 4

# The columns by which a person recognises a configuration.
READABLE: Final = ("device", "model", "runtime", "target_asked", "precision", "threads", "batch", "frequency_hz")
UNITS: Final[Mapping[str, str]] = {"latency_s": "s", "energy_gross_j": "J", "memory_peak_b": "B"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One quantity of one configuration. Values are geometric means of the repeats, in `unit`; lower is better in all.

    `ratio` is new / old with its 95 % bounds, all None unless `status` is "compared"; then the bounds alone are None
    where a side has one repeat. `spread_old` and `spread_new` are the standard deviations of the repeats' logarithms,
    `u_repeats` and `u_sessions` the standard uncertainties of the ratio's by them and by sessions, with `dof` and
    `dof_sessions`. `sigma_session` is the standard deviation between sessions that is in the bounds, relative, and
    `session_basis` where it comes from. `reason` says what keeps a number away, `notes` what to know; `nowhere`: no
    repeat of either side tells the quantity.
    """

    key: Mapping[str, Any]
    config: Mapping[str, Any]
    quantity: str
    unit: str
    energy_source: str | None
    status: Status
    old: float | None = None
    new: float | None = None
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    spread_old: float | None = None
    spread_new: float | None = None
    n_old: int = 0
    n_new: int = 0
    sessions_old: int = 0
    sessions_new: int = 0
    sigma_session: float | None = None
    session_basis: str | None = None
    dof: float | None = None
    u_repeats: float | None = None
    u_sessions: float | None = None
    dof_sessions: float | None = None
    direction: Direction | None = None
    reason: str | None = None
    notes: tuple[str, ...] = ()
    nowhere: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """All rows, in the order in which the old side has them, then what only the new side has."""

    old: str
    new: str
    simulated: bool
    match: tuple[str, ...]
    rows: tuple[Row, ...]
    notices: tuple[str, ...]

    @property
    def exit_code(self) -> int:
        """3 if conditions differ or nothing could be compared, 4 if a ratio has no interval, else 0."""
        compared = [row for row in self.rows if row.status == "compared"]
        if not compared or any(row.status == "not_comparable" for row in self.rows):
            return NotComparableError.exit_code
        return CANNOT_TELL if any(row.low is None for row in compared) else 0

    def to_json(self) -> dict[str, Any]:
        """The comparison as plain JSON: null for what is absent or not finite."""
        whole = {"schema": SCHEMA_VERSION, **asdict(self), "exit_code": self.exit_code}
        return {name: plain(value, name) for name, value in whole.items()}


@dataclass(frozen=True, slots=True)
class _Rule:
    allow: frozenset[str]
    tolerance: float
    sessions: Mapping[str, SessionSpread]


def compare_paths(old: str | Path, new: str | Path, *, match: Sequence[str] | None = None, **rule: Any) -> Comparison:
    """`compare` of what lies at two paths: runs, exported repeats, or plain tables. Raises UsageError."""
    keep = tuple(match or ())
    return compare(read_repeats(old, keep), read_repeats(new, keep), match=match, **rule)


def compare(
    old: Repeats,
    new: Repeats,
    *,
    match: Sequence[str] | None = None,
    allow: Collection[str] = (),
    tolerance: float | None = None,
    sigma_session: float | None = None,
    sessions: Mapping[str, SessionSpread] | None = None,
) -> Comparison:
    """Ratios new / old of every quantity of every configuration, with 95 % intervals.

    Rows are the same configuration where `match` (config_id by default) agrees. Rows whose conditions differ are not
    compared unless `allow` names the condition. A direction is given only where the interval excludes 1 and the ratio
    is further than `tolerance` (0 by default) from it. `sessions` is the spread between sessions by
    quantity; `sigma_session` is one for all, relative; without either 2 % is assumed, and none of memory. Raises
    UsageError for a column that is missing, rows that stand there twice, or a boundary in `allow`.
    """
    refuse_impossible(allow)
    rule = _rule(allow, tolerance, sigma_session, sessions)
    columns, matching = match_columns(old, new, match)
    sides = side_of(old, columns, (*WATCHED, *READABLE)), side_of(new, columns, (*WATCHED, *READABLE))
    keys = dict.fromkeys([*sides[0].rows, *sides[1].rows])
    nothing = [] if set(sides[0].rows) & set(sides[1].rows) else [nothing_in_common(*sides)]
    return Comparison(
        old=old.name,
        new=new.name,
        simulated=any(True in side.coded["simulated"].values for side in sides),
        match=columns,
        rows=tuple(_row(*sides, cell, rule) for key in keys for cell in cells_of(*sides, key)),
        notices=(*matching, *nothing, *notices_of(*sides)),
    )


def _rule(
    allow: Collection[str],
    tolerance: float | None,
    sigma_session: float | None,
    sessions: Mapping[str, SessionSpread] | None,
) -> _Rule:
    for name, value in (("tolerance", tolerance), ("sigma_session", sigma_session)):
        if value is not None and not 0 <= value < math.inf:
            raise UsageError(f"{name} {value}: expected a share from 0 on, such as 0.05 for 5 %")
    if sigma_session is not None:
        sessions = dict.fromkeys(UNITS, SessionSpread(sigma_session, f"given {100 * sigma_session:g} %"))
    return _Rule(frozenset(allow), tolerance or 0.0, {**ASSUMED, **(sessions or {})})


def _row(old: Side, new: Side, cell: Cell, rule: _Rule) -> Row:
    samples = (
        None if cell.where == "new" else sample_of(old, cell.key, cell.quantity, cell.old_source, "old"),
        None if cell.where == "old" else sample_of(new, cell.key, cell.quantity, cell.new_source, "new"),
    )
    match samples:
        case (None, _) | (_, None):
            return _one_sided(old, new, cell, samples)
        case (Sample() as a, Sample() as b):
            return _compared(old, new, cell, a, b, rule)
    return _without_ratio(old, new, cell, samples)


def _one_sided(old: Side, new: Side, cell: Cell, samples: tuple[Sample | NoSample | None, ...]) -> Row:
    present, absent = (new, old) if cell.where == "new" else (old, new)
    source = f"the energy source {cell.old_source or cell.new_source or 'without a name'}"
    what = source if cell.key in absent.rows else "this configuration"
    reason = f"only in {present.repeats.name}: {absent.repeats.name} does not have {what}"
    return _base(old, new, cell, samples, "new" if cell.where == "new" else "gone", reason=reason)


def _without_ratio(old: Side, new: Side, cell: Cell, samples: tuple[Sample | NoSample | None, ...]) -> Row:
    missing = [sample for sample in samples if isinstance(sample, NoSample)]
    status: Status = "invalid" if any(m.status == "invalid" for m in missing) else "not_measured"
    nowhere = [m.status for m in missing] == ["not_measured", "not_measured"]
    return _base(old, new, cell, samples, status, reason="; ".join(m.reason for m in missing), nowhere=nowhere)


def _compared(old: Side, new: Side, cell: Cell, a: Sample, b: Sample, rule: _Rule) -> Row:
    found = differences(old, new, cell)
    refused = [d for d in found if d.key not in rule.allow]
    if refused:
        accept = " ".join(f"--allow {d.key}" for d in refused if d.can_be_allowed)
        reason = f"conditions differ: {', '.join(map(str, refused))}{accept and f'; to compare all the same: {accept}'}"
        return _base(old, new, cell, (a, b), "not_comparable", reason=reason)
    spread = rule.sessions[cell.quantity]
    ratio = ratio_of(a, b, spread)
    notes = [f"although conditions differ: {', '.join(map(str, found))}"] if found else []
    if cell.old_source != cell.new_source:
        notes.append(f"one side does not name its energy source; the other's is {cell.old_source or cell.new_source}")
    if ratio.low is not None and ratio.dof is None:
        notes.append("all repeats of both sides are equal, so their spread is not in the interval")
    return _base(
        old,
        new,
        cell,
        (a, b),
        "compared",
        ratio=ratio.ratio,
        low=ratio.low,
        high=ratio.high,
        dof=ratio.dof,
        sigma_session=ratio.sigma_session,
        session_basis=spread.basis if ratio.sessions_differ else _common_sessions(a, b),
        u_repeats=ratio.u_repeats,
        u_sessions=ratio.u_sessions,
        dof_sessions=ratio.dof_sessions,
        direction=_direction(ratio, rule.tolerance),
        reason=_no_interval(a, b) if ratio.low is None else None,
        notes=tuple(notes),
    )


def _common_sessions(a: Sample, b: Sample) -> str:
    return "one session" if len({*a.sessions, *b.sessions}) == 1 else "same sessions"


def _no_interval(a: Sample, b: Sample) -> str:
    single = [f"the {which} side" for which, sample in (("old", a), ("new", b)) if len(sample.values) == 1]
    return f"one repeat on {' and on '.join(single)}: its spread is unknown, so there is no interval"


def _direction(ratio: Ratio, tolerance: float) -> Direction:
    """Lower is better in every quantity that is compared."""
    if ratio.low is None or ratio.high is None:
        return "unclear"
    if ratio.low > 1 and ratio.ratio > 1 + tolerance:
        return "worse"
    return "better" if ratio.high < 1 and ratio.ratio < 1 / (1 + tolerance) else "unclear"


def _base(
    old: Side, new: Side, cell: Cell, samples: tuple[Sample | NoSample | None, ...], status: Status, **rest: Any
) -> Row:
    a, b = (sample if isinstance(sample, Sample) else None for sample in samples)
    side = new if cell.where != "old" else old
    rows = side.rows[cell.key]
    config = {name: side.coded[name].distinct(rows) for name in READABLE}
    return Row(
        key=dict(zip(old.columns, cell.key, strict=True)),
        config={name: values[0] for name, values in config.items() if len(values) == 1 and values[0] is not None},
        quantity=cell.quantity,
        unit=UNITS[cell.quantity],
        energy_source=cell.new_source or cell.old_source,
        status=status,
        old=None if a is None else a.middle,
        new=None if b is None else b.middle,
        spread_old=None if a is None else a.spread,
        spread_new=None if b is None else b.spread,
        n_old=0 if a is None else len(a.values),
        n_new=0 if b is None else len(b.values),
        sessions_old=0 if a is None else len(set(a.sessions)),
        sessions_new=0 if b is None else len(set(b.sessions)),
        **rest,
    )

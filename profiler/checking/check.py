"""The gate: a run against a baseline, as data."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args

from edgewatt.profiler.checking.baseline import Baseline, is_baseline, read_baseline
from edgewatt.profiler.checking.testing import ALPHA
from edgewatt.profiler.checking.tolerances import DEFAULTS, given
from edgewatt.profiler.checking.verdict import Levels, Verdict, Word, judge
from edgewatt.profiler.comparing.compare import CANNOT_TELL, Row, compare
from edgewatt.profiler.comparing.ratio import SessionSpread
from edgewatt.profiler.comparing.tables import Repeats, read_repeats
from edgewatt.profiler.errors import NotComparableError, NotMeasuredError, UsageError
from edgewatt.profiler.storage.manifest import plain
from edgewatt.profiler.tables import SCHEMA_VERSION

OnUnknown = Literal["tell", "pass", "fail"]
REGRESSION: Final = 1
# Of a mixed check the first of these that any row has (measurement.md).
_FIRST: Final[Sequence[Word]] = ("regression", "not_comparable", "not_measured", "cannot_tell")


@dataclass(frozen=True, slots=True)
class Check:
    """Every row judged. `word` is that of the whole check, "passed" if every row passes."""

    old: str
    new: str
    simulated: bool
    match: tuple[str, ...]
    verdicts: tuple[Verdict, ...]
    notices: tuple[str, ...]
    on_unknown: OnUnknown = "tell"

    @property
    def word(self) -> str:
        """The first of regression, not comparable, not measured, cannot tell that a row has; else passed."""
        words = {verdict.word for verdict in self.verdicts}
        return next((word for word in _FIRST if word in words), "passed" if words else "not_comparable")

    @property
    def exit_code(self) -> int:
        """0 passed, 1 regression, 3 not comparable, 5 not measured, 4 cannot tell or what `on_unknown` makes of it."""
        unknown = {"tell": CANNOT_TELL, "pass": 0, "fail": REGRESSION}[self.on_unknown]
        return {
            "passed": 0,
            "regression": REGRESSION,
            "not_comparable": NotComparableError.exit_code,
            "not_measured": NotMeasuredError.exit_code,
            "cannot_tell": unknown,
        }[self.word]

    def to_json(self) -> dict[str, Any]:
        """The check as plain JSON: null for what is absent or not finite."""
        rows = [{**_flat(one), "verdict": one.word, "passes": one.passes} for one in self.verdicts]
        whole = {
            "schema": SCHEMA_VERSION,
            "verdict": self.word,
            "exit_code": self.exit_code,
            "old": self.old,
            "new": self.new,
            "simulated": self.simulated,
            "match": self.match,
            "level": 1 - ALPHA,
            "on_unknown": self.on_unknown,
            "rows": rows,
            "notices": self.notices,
        }
        return {name: plain(value, name) for name, value in whole.items()}


def check(
    run: str | Path,
    baseline: str | Path,
    *,
    tolerance: Mapping[str, object] | float | None = None,
    match: Sequence[str] | None = None,
    allow: Collection[str] = (),
    sessions: Mapping[str, SessionSpread] | None = None,
    on_unknown: OnUnknown = "tell",
) -> Check:
    """Whether `run` became worse than `baseline`: a TOML that `--save` wrote, or any run or table.

    Per row, on the logarithms of independent repeats, a regression is a ratio above 1 + tolerance whose one-sided p is
    significant among all rows of the check; a row passes whose one-sided 95.5 % upper bound lies below 1 + tolerance.
    `tolerance` is one share for all quantities or by quantity (latency, energy, memory), in place of those of the
    baseline, whose own tolerances of single rows stay. `sessions` is the spread between sessions by quantity, without
    one 2 % is assumed. Raises UsageError for what cannot be read; what cannot be told is in the verdicts.
    """
    if on_unknown not in get_args(OnUnknown):
        raise UsageError(f"on_unknown {on_unknown!r}: expected one of {', '.join(get_args(OnUnknown))}")
    keep = tuple(match or ())
    old = baseline_of(Path(baseline), keep)
    return check_repeats(
        read_repeats(run, keep),
        old,
        tolerance=tolerance,
        match=match,
        allow=allow,
        sessions=sessions,
        on_unknown=on_unknown,
    )


def baseline_of(path: Path, keep: Collection[str] = ()) -> Baseline:
    """The baseline at a path: a TOML, or a run or table, of which the usual tolerances hold. Raises UsageError."""
    return read_baseline(path) if is_baseline(path) else Baseline(read_repeats(path, keep))


def check_repeats(  # noqa: PLR0913  (what `check` takes, and the levels of one look)
    new: Repeats,
    old: Baseline,
    *,
    tolerance: Mapping[str, object] | float | None = None,
    match: Sequence[str] | None = None,
    allow: Collection[str] = (),
    sessions: Mapping[str, SessionSpread] | None = None,
    on_unknown: OnUnknown = "tell",
    levels: Levels | None = None,
) -> Check:
    """`check` of repeats that are at hand, by other `levels` where it is one look of several. Raises as `compare`."""
    compared = compare(old.repeats, new, match=match, allow=allow, sessions=sessions)
    rows = [row for row in compared.rows if not row.nowhere]
    for_all = dict.fromkeys(DEFAULTS, tolerance) if isinstance(tolerance, int | float) else tolerance
    asked = given(for_all or {})
    verdicts = judge(rows, [_allowed(row, old, asked) for row in rows], levels)
    return Check(
        old=compared.old,
        new=compared.new,
        simulated=compared.simulated,
        match=compared.match,
        verdicts=tuple(verdicts),
        notices=(*compared.notices, *_not_gated(compared.rows)),
        on_unknown=on_unknown,
    )


def _not_gated(rows: Sequence[Row]) -> Iterator[str]:
    """What the baseline does not hold either is no row of the gate."""
    counts = Counter(row.quantity for row in rows if row.nowhere)
    for quantity, count in counts.items():
        yield f"{quantity} of {count} configurations was measured on neither side: it is not checked"


def _allowed(row: Row, old: Baseline, asked: Mapping[str, float]) -> float:
    """A row's own tolerance, else what was asked for, else the baseline's."""
    own = old.by_hand.get(row.key.get("config_id"), {}).get("tolerance", {})
    return float({**old.tolerances, **asked, **own}[row.quantity])


def _flat(verdict: Verdict) -> dict[str, Any]:
    data = asdict(verdict)
    row = data.pop("row")
    bounds = {"bound_low": data.pop("low"), "bound_high": data.pop("high")}
    del data["word"]
    return {**row, **bounds, **data}

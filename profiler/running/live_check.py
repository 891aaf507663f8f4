"""The live check: an old model and a new one, interleaved on one device in one sitting, until every row is decided."""

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from edgewatt.profiler.checking.baseline import Baseline
from edgewatt.profiler.checking.check import Check, check_repeats
from edgewatt.profiler.checking.sequential import Looks, rejected_at
from edgewatt.profiler.checking.testing import ALPHA
from edgewatt.profiler.checking.verdict import Levels, Verdict
from edgewatt.profiler.comparing.tables import Repeats, joined, read_repeats
from edgewatt.profiler.device import Device
from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.planning.ordering import Schedule, Turn, interleaved
from edgewatt.profiler.progress import Progress
from edgewatt.profiler.running.measuring import Planned, measure_many
from edgewatt.profiler.running.options import ProfileOptions

Key = tuple[Any, str, str | None]
_UNDECIDED: Final = "cannot_tell"


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """After how many repeats a live check looks, what each run is, how long it may take, and what `check` takes."""

    looks: Looks
    each: ProfileOptions = field(default_factory=ProfileOptions)
    budget_s: float | None = None
    seed: int = 0
    rule: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Live:
    """What came of it: the verdicts, repeats a side, looks that were taken, and the runs, one for each look."""

    check: Check
    repeats: int
    looks: int
    runs: tuple[Path, ...]


def live_check(
    device: Device,
    old: Sequence[Planned],
    new: Sequence[Planned],
    path: Path,
    *,
    meters: Sequence[Device] = (),
    live: LiveOptions,
    progress: Progress,
) -> Live:
    """Measure `old` and `new`, which differ in their model alone, until each row is decided or the budget is spent.

    Each look is a run of its own in the folder `path`, all of one sitting. A row that was decided stays so, and is not
    measured further. Raises UsageError where `path` is taken, else as `measure_many`.
    """
    if path.exists() and any(path.iterdir()):
        raise UsageError(f"{path} exists already; a live check is one sitting and is not continued: choose a new -o")
    began_s = time.monotonic()
    turns = interleaved([live.looks.repeats[-1]] * (len(old) + len(new)), live.seed)
    sitting = _Sitting(device, meters, [*old, *new], path, live.each, progress)
    check, look, repeats = None, 0, 0
    for look, repeats in enumerate(live.looks.repeats):
        done = live.looks.repeats[look - 1] if look else 0
        over = sitting.over(check)
        sitting.measure([turn for turn in turns if done <= turn.repeat < repeats and turn.place % len(old) not in over])
        check = _judged(sitting, live, look, check)
        if all(one.word != _UNDECIDED for one in check.verdicts) or _is_spent(began_s, look, live):
            break
    assert check is not None  # noqa: S101  (there is a first look)
    said = f"one sitting, looked at after {', '.join(map(str, live.looks.repeats[: look + 1]))} repeats a side"
    said += f" of at most {live.looks.repeats[-1]}; alpha spending (Lan and DeMets), so looking often costs no error"
    return Live(replace(check, notices=(*check.notices, said)), repeats, look + 1, tuple(sitting.runs))


@contextmanager
def told_apart(old: Path, new: Path) -> Iterator[Path]:
    """The old model's file, under another name where both have the same: rows are told apart by it."""
    if old.name != new.name:
        yield old
        return
    with tempfile.TemporaryDirectory(prefix="edgewatt-") as folder:
        link = Path(folder) / f"old-{old.name}"
        link.symlink_to(old.resolve())
        yield link


@dataclass(slots=True)
class _Sitting:
    """The runs so far of one sitting: of old configurations, then of as many new ones."""

    device: Device
    meters: Sequence[Device]
    planned: Sequence[Planned]
    path: Path
    options: ProfileOptions
    progress: Progress
    runs: list[Path] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    @property
    def pairs(self) -> dict[str, str]:
        """The config_id of each old configuration, and of the new one beside it."""
        half = len(self.ids) // 2
        return dict(zip(self.ids[:half], self.ids[half:], strict=True))

    def measure(self, turns: Sequence[Turn]) -> None:
        """One more run."""
        options = replace(self.options, schedule=Schedule(turns=turns))
        run = self.path / str(len(self.runs) + 1)
        trace = measure_many(
            self.device, self.planned, run, meters=self.meters, options=options, progress=self.progress
        )
        self.runs.append(run)
        self.ids = list(trace.manifest.configs)
        self.options = replace(self.options, session=str(trace.manifest.device["session"]))

    def over(self, check: Check | None) -> set[int]:
        """The places of configurations of which no row is left to decide."""
        if check is None:
            return set()
        left = {one.row.key.get("config_id") for one in check.verdicts if one.word == _UNDECIDED}
        return {place for place, new in enumerate(self.pairs.values()) if new not in left}

    def sides(self) -> tuple[Repeats, Repeats]:
        """The repeats of the old and of the new models; the old ones under the ids of the new."""
        whole, pairs = joined([read_repeats(run) for run in self.runs]), self.pairs
        ids = whole.table["config_id"].to_pylist()
        is_old = pa.array([config in pairs for config in ids])
        table = _with(whole.table, "config_id", [pairs.get(config, config) for config in ids])
        # One sitting, interleaved: what a repeat's hash differs by is how warm it began, which both sides share.
        table = _with(table, "conditions_sha256", ["one sitting"] * len(ids))
        old, new = table.filter(is_old), table.filter(pc.invert(is_old))
        return replace(whole, name="old", table=old), replace(whole, name="new", table=new)


def _with(table: pa.Table, name: str, values: Sequence[str]) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, pa.array(values, pa.string()))


def _judged(sitting: _Sitting, live: LiveOptions, look: int, earlier: Check | None) -> Check:
    """The check at one look; what an earlier one decided stays."""
    old, new = sitting.sides()
    levels = Levels(partial(rejected_at, looks=live.looks, look=look, alpha=ALPHA), live.looks.level(look, ALPHA))
    check = check_repeats(new, Baseline(old), levels=levels, **live.rule)
    decided = {_key(one): one for one in earlier.verdicts if one.word != _UNDECIDED} if earlier else {}
    return replace(check, verdicts=tuple(decided.get(_key(one), one) for one in check.verdicts))


def _key(verdict: Verdict) -> Key:
    return verdict.row.key.get("config_id"), verdict.row.quantity, verdict.row.energy_source


def _is_spent(began_s: float, look: int, live: LiveOptions) -> bool:
    """True if the time so far, at its pace, does not allow the next look."""
    if live.budget_s is None or look + 1 == len(live.looks.repeats):
        return False
    so_far_s = time.monotonic() - began_s
    return so_far_s * live.looks.repeats[look + 1] / live.looks.repeats[look] > live.budget_s

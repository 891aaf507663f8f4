"""The configurations that the page tells of, each with its rows and a name that no other has."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from edgewatt.reports.answer import one_per_repeat, widest_first
from edgewatt.reports.operator_table import parts_of
from edgewatt.reports.page.section import ToldRun
from edgewatt.reports.wording import Row, runs_on

# Configurations that the page tells of one by one, each under a heading of its own; tables have all.
BLOCKS_LIMIT: Final = 40


@dataclass(frozen=True, slots=True)
class Configuration:
    """What was executed in one run: its results, one row per energy source, the widest boundary first.

    `repeats` are one row per repeat, `every_repeat` one per repeat and energy source; `label` says what it is, with the
    run's name where there are several runs.
    """

    run: ToldRun
    config_id: str
    rows: Sequence[Row]
    repeats: Sequence[Row]
    every_repeat: Sequence[Row]
    label: str

    @property
    def is_simulated(self) -> bool:
        """True where any of its numbers is simulated."""
        return self.run.manifest.simulated or any(row["simulated"] for row in self.rows)


def configurations(runs: Sequence[ToldRun]) -> list[Configuration]:
    """Those of all runs in their order, without parts of networks that were measured for their operators alone."""
    found = [
        (run, config_id, widest_first(rows, config_id), repeats)
        for run in runs
        for config_id, rows, repeats in _grouped(run)
    ]
    labels = [_label(run, rows[0], is_alone=len(runs) == 1) for run, _, rows, _ in found]
    count = Counter(labels)
    return [
        Configuration(
            run,
            config_id,
            rows,
            one_per_repeat(repeats, config_id),
            repeats,
            label if count[label] == 1 else f"{label}, {config_id[:8]}",
        )
        for (run, config_id, rows, repeats), label in zip(found, labels, strict=True)
    ]


def _grouped(run: ToldRun) -> Iterator[tuple[str, list[Row], list[Row]]]:
    """Each configuration with its rows of both tables."""
    parts, results, repeats = parts_of(run.trace), _by_config(run.results), _by_config(run.repeats)
    yield from ((of, rows, repeats.get(of, [])) for of, rows in results.items() if of not in parts)


def _by_config(rows: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["config_id"], []).append(row)
    return found


def _label(run: ToldRun, row: Row, *, is_alone: bool) -> str:
    what = ", ".join(filter(None, (row["model"], runs_on(row)))) or row["config_id"]
    return what if is_alone else f"{run.label}: {what}"

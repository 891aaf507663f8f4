"""The rows of a plan: every combination of its axes, each a configuration that will be one row of the results."""

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from edgewatt.profiler.errors import UsageError
from edgewatt.profiler.identity import sha256_of_file, sha256_of_json
from edgewatt.profiler.planning.plan_file import AXES, Otherwise, PlanFile
from edgewatt.profiler.units import format_si

# So many configurations, and so many repeats of all of them, are one sitting at most.
ROWS_LIMIT: Final = 1000
REPEATS_LIMIT: Final = 20_000
REPEATS: Final = 5
# Options whose values are files of this machine.
_FILES: Final = ("runner", "push")


@dataclass(frozen=True, slots=True)
class Row:
    """One configuration of a plan. `model` is what the plan calls it, `path` its file; `frequency_hz` None: free."""

    model: str
    path: Path
    target: str
    threads: int
    batch: int
    frequency_hz: float | None
    repeats: int
    options: Mapping[str, Any] = field(default_factory=dict)
    conditions: Mapping[str, str] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """It in a few words, such as `net.tflite cpu, 2 threads at 1.2 GHz`."""
        batch = "" if self.batch == 1 else f", batch {self.batch}"
        pinned = "" if self.frequency_hz is None else f" at {format_si(self.frequency_hz, 'Hz')}"
        threads = f"{self.threads} thread{'' if self.threads == 1 else 's'}"
        return f"{self.path.name} {self.target}, {threads}{batch}{pinned}"


def rows_of(plan: PlanFile, find: Callable[[str], Path]) -> list[Row]:
    """The rows of a plan, in the order of its lists. `find` gives the file of a model.

    Raises UsageError for too many, for a model that is missing, for two that have one name, or a [[for]] that is of
    none of them.
    """
    wanted = math.prod(len(values) for values in plan.axes.values())
    if wanted > ROWS_LIMIT:
        raise UsageError(
            f"plan {plan.file}: {' x '.join(f'{len(v)} {key}' for key, v in plan.axes.items())} are {wanted:,} "
            f"configurations, expected at most {ROWS_LIMIT:,}; measure them in several plans"
        )
    paths = {model: _found(plan, model, find(model)) for model in plan.axes["models"]}
    _refuse_one_name(plan, paths)
    used: set[int] = set()
    rows = []
    for model, target, threads, batch, hertz in itertools.product(*(plan.axes[key] for key in AXES)):
        axes = {"model": model, "target": target, "threads": threads, "batch": batch, "frequency_hz": hertz}
        own = [one for one in plan.otherwise if all(axes[key] == value for key, value in one.where.items())]
        used |= {one.number for one in own}
        if not any(one.skip for one in own):
            rows.append(_row(plan, paths[model], axes, own))
    for one in plan.otherwise:
        if one.number not in used:
            said = ", ".join(f"{key} = {value!r}" for key, value in one.where.items())
            raise UsageError(f"plan {plan.file}: for {one.number}: no configuration has {said}; leave it out")
    _check_size(plan, rows)
    return rows


def _row(plan: PlanFile, path: Path, axes: Mapping[str, Any], own: Sequence[Otherwise]) -> Row:
    options: dict[str, Any] = dict(plan.options)
    conditions: dict[str, str] = {}
    repeats = plan.plain.get("repeats", REPEATS)
    for one in own:
        options |= one.options
        conditions |= one.conditions
        repeats = repeats if one.repeats is None else one.repeats
    files: dict[str, Any] = {}
    for key in _FILES:
        if key in options:
            files[key] = _files(plan, key, options[key])
    hertz = axes["frequency_hz"]
    return Row(
        axes["model"],
        path,
        axes["target"],
        axes["threads"],
        axes["batch"],
        float(hertz) if hertz else None,
        repeats,
        {**options, **files},
        conditions,
    )


def _files(plan: PlanFile, key: str, value: Any) -> Any:
    """The files that an option names, beside the plan."""
    if isinstance(value, list):
        return [_files(plan, key, one) for one in value]
    path = plan.file.parent / value
    if not path.is_file():
        raise UsageError(f"plan {plan.file}: {key} {value!r}: there is no file {path}")
    return path


def _found(plan: PlanFile, model: str, path: Path) -> Path:
    if not path.is_file():
        raise UsageError(f"plan {plan.file}: model {model!r}: there is no file {path}")
    return path


def _refuse_one_name(plan: PlanFile, paths: Mapping[str, Path]) -> None:
    names: dict[str, str] = {}
    for model, path in paths.items():
        if (other := names.setdefault(path.name, model)) != model:
            raise UsageError(
                f"plan {plan.file}: models {other!r} and {model!r} are both called {path.name}: rows are told apart by "
                "the name of the model; rename one of them"
            )


def _check_size(plan: PlanFile, rows: Sequence[Row]) -> None:
    if not rows:
        raise UsageError(f"plan {plan.file}: every configuration is skipped: there would be nothing to measure")
    repeats = sum(row.repeats for row in rows)
    if repeats > REPEATS_LIMIT:
        raise UsageError(
            f"plan {plan.file}: {len(rows)} configurations are {repeats:,} repeats in all, expected at most "
            f"{REPEATS_LIMIT:,}; measure them in several plans"
        )


def plan_sha256(plan: PlanFile, rows: Sequence[Row]) -> str:
    """What makes two plans the same measurement: rows with the content of their models, order, lengths, conditions.

    What is only reckoned with, and the session, may change between its parts. Raises UsageError if a file is gone.
    """
    try:
        models = {row.model: sha256_of_file(row.path) for row in rows}
    except OSError as error:
        raise UsageError(f"plan {plan.file}: a model cannot be read: {error}") from None
    said = [
        {
            "model": [row.model, models[row.model]],
            "asked": [row.target, row.threads, row.batch, row.frequency_hz, row.repeats],
            "options": _plain(row.options),
            "set": dict(row.conditions),
        }
        for row in rows
    ]
    plain = {key: value for key, value in plan.plain.items() if key not in {"session", "repeats"}}
    tables = {key: dict(value) for key, value in plan.tables.items() if key != "assume"}
    return sha256_of_json({"rows": said, "plain": plain, "set": dict(plan.conditions), **tables})


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    return {key: str(value) if key in _FILES else value for key, value in options.items()}
